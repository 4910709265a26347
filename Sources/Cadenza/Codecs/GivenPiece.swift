/// A piece that is given to a codec, as notes instead of events: each with its beginning and end, however the events were.
struct GivenPiece {
  struct Note {
    /// In ticks from the beginning of the piece; −1: it began before.
    var begin: Int
    /// Above `begin`; `GivenPiece.never`: it sounds beyond the piece.
    var end: Int
    var voice: Int
    var pitch: Int
    var velocity: Int
  }

  /// In the order of their beginnings, then of their pitches.
  private(set) var notes: [Note] = []
  let ticks: Int

  static let never = Int.max

  /// Events out of order are put in order; those of no voice or pitch that there is, and notes that begin at the piece's end or
  /// later, are left out. A note lasts a tick at least. An end without a beginning is taken for that of a note from before the
  /// piece.
  init(_ events: [TickEvent], ticks: UInt64) {
    let length = Int(min(ticks, NoteScript.maximumTick))
    self.ticks = length
    var order = Array(events.indices)
    order.sort { events[$0].tick < events[$1].tick || (events[$0].tick == events[$1].tick && $0 < $1) }
    // For each voice and pitch the note that sounds, and whether there has been one.
    var open = [Int?](repeating: nil, count: NoteScript.voiceCount * 128)
    var hasBegun = [Bool](repeating: false, count: open.count)
    for index in order {
      let event = events[index]
      guard event.voice >= 0, event.voice < NoteScript.voiceCount, event.pitch >= 0, event.pitch < 128 else { continue }
      let key = event.voice * 128 + event.pitch
      let tick = Int(min(event.tick, UInt64(length)))
      if let note = open[key] {
        notes[note].end = max(tick, notes[note].begin + 1)
        open[key] = nil
      } else if !(event.isOn && event.velocity > 0), !hasBegun[key] {
        notes.append(Note(begin: -1, end: tick, voice: event.voice, pitch: event.pitch, velocity: 1))
        hasBegun[key] = true
      }
      if event.isOn, event.velocity > 0, event.tick < UInt64(length) {
        open[key] = notes.count
        hasBegun[key] = true
        let velocity = min(event.velocity, 127)
        notes.append(
          Note(begin: tick, end: GivenPiece.never, voice: event.voice, pitch: event.pitch, velocity: velocity))
      }
    }
    sort()
  }

  private mutating func sort() {
    notes.sort { left, right in
      if left.begin != right.begin { return left.begin < right.begin }
      if left.pitch != right.pitch { return left.pitch < right.pitch }
      if left.voice != right.voice { return left.voice < right.voice }
      return left.end < right.end
    }
  }

  /// Takes each pitch to what `replacement` has for it, and leaves out the notes for which it has nothing.
  mutating func replacePitches(_ replacement: (Int) -> Int?) {
    var kept: [Note] = []
    for note in notes {
      guard let pitch = replacement(note.pitch) else { continue }
      kept.append(note)
      kept[kept.count - 1].pitch = pitch
    }
    notes = kept
    sort()
  }

  /// Puts all notes into voice 0. Where a pitch begins again while it sounds, what sounded ends; of two that begin at once, the
  /// one that lasts longer stays.
  mutating func mergeVoices() {
    var kept: [Note] = []
    var latest = [Int?](repeating: nil, count: 128)
    for note in notes {
      if let earlier = latest[note.pitch] {
        if kept[earlier].begin == note.begin {
          // The order of notes puts the longer one last within a voice, not across voices.
          kept[earlier].end = max(kept[earlier].end, note.end)
          kept[earlier].velocity = max(kept[earlier].velocity, note.velocity)
          continue
        }
        kept[earlier].end = min(kept[earlier].end, note.begin)
      }
      latest[note.pitch] = kept.count
      kept.append(note)
      kept[kept.count - 1].voice = 0
    }
    notes = kept
  }
}

extension PitchSet {
  /// The pitch of this set that comes closest to another: the same one, or one in another octave, the nearest, or else the
  /// nearest of all; the lower of two. nil where the set is empty.
  func closest(to pitch: Int) -> Int? {
    if contains(pitch) { return pitch }
    for distance in 1...10 {
      if contains(pitch - 12 * distance) { return pitch - 12 * distance }
      if contains(pitch + 12 * distance) { return pitch + 12 * distance }
    }
    for distance in 1...127 {
      if contains(pitch - distance) { return pitch - distance }
      if contains(pitch + distance) { return pitch + distance }
    }
    return nil
  }
}
