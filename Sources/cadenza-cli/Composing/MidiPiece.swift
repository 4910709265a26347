import Cadenza
import CadenzaMidi

/// A MIDI file's notes as a composer counts time: to prime it with, or to be scored.
struct MidiPiece {
  struct Note {
    /// Ticks of the composer's codec; `end` is beyond `start`.
    var start: Int
    var end: Int
    var voice: Int
    var pitch: Int
    var velocity: Int
  }

  /// Ten hours at tempo 120. A file of a few bytes can say that it lasts for ages, and each step of a grid takes memory.
  private static let longestBeats = 72_000.0

  let ticksPerBeat: Int
  /// In the order in which they begin.
  private(set) var notes: [Note] = []
  /// The piece's length.
  private(set) var ticks = 0

  var beats: Double { Double(ticks) / Double(ticksPerBeat) }

  /// Takes the first `bars` bars of `file`, all of it where that is nil. Where the composer's grid counts beats, those of the file are
  /// taken; where it counts milliseconds, time is that of the file's tempos.
  ///
  /// For a composer of several voices, the file's parts (tracks, and channels in a track) are the voices, in their order. For
  /// another all of them are one voice.
  init(_ file: MidiFile, for composer: ComposerModel, bars: Int? = nil, path: String) throws(CommandFailure) {
    ticksPerBeat = composer.codec.ticksPerBeat
    let times = TempoMap(file)
    let end = bars.map { min(BarLines(file).tick(ofBar: $0), file.endTick) } ?? file.endTick
    let taken = file.notes().filter { $0.start < end }
    func part(_ note: MidiNote) -> Int { note.track * 16 + Int(note.channel) }
    let parts = Set(taken.map(part)).sorted()
    let voiceCount = composer.voiceNames.count
    guard voiceCount == 1 || parts.count <= voiceCount else {
      throw CommandFailure(
        "\"\(path)\" has \(parts.count) parts; expected \(voiceCount) at most, the model's voices: "
          + Text.list(composer.voiceNames))
    }

    func beat(_ tick: Int) -> Double { composer.countsSeconds ? times.seconds(at: tick) * 2 : times.beat(at: tick) }
    guard beat(end) <= MidiPiece.longestBeats else {
      throw CommandFailure(
        "\"\(path)\" lasts \(Text.fixed(beat(end), 0)) beats; expected \(Text.grouped(Int(MidiPiece.longestBeats))) at most, ten hours"
      )
    }
    func position(_ tick: Int) -> Int { Int((beat(tick) * Double(ticksPerBeat)).rounded()) }
    ticks = position(end)
    for note in taken {
      let start = position(note.start)
      guard start < ticks else { continue }
      let voice = voiceCount == 1 ? 0 : parts.firstIndex(of: part(note)) ?? 0
      notes.append(
        Note(
          start: start, end: min(max(position(min(note.end, end)), start + 1), ticks), voice: voice,
          pitch: Int(note.pitch), velocity: Int(note.velocity)))
    }
  }

  /// As a stream takes it, whose output has `rate` frames a second and which plays at `tempo`: the events in their order, and the
  /// length.
  func events(rate: Int, tempo: Float) -> (events: [NoteEvent], frames: UInt64) {
    let framesPerTick = 60 * Double(rate) / (Double(tempo) * Double(ticksPerBeat))
    func frame(_ tick: Int) -> UInt64 { UInt64((Double(tick) * framesPerTick).rounded()) }
    var moments: [(tick: Int, isOn: Bool, note: Int)] = []
    moments.reserveCapacity(notes.count * 2)
    for (index, note) in notes.enumerated() {
      moments.append((note.start, true, index))
      moments.append((note.end, false, index))
    }
    // Of one moment, first what ends.
    moments.sort { ($0.tick, $0.isOn ? 1 : 0, $0.note) < ($1.tick, $1.isOn ? 1 : 0, $1.note) }
    let events = moments.map { moment in
      let note = notes[moment.note]
      return NoteEvent(
        frame: frame(moment.tick), kind: moment.isOn ? .noteOn : .noteOff, voice: UInt32(note.voice),
        pitch: UInt32(note.pitch), velocity: moment.isOn ? Float(note.velocity) / 127 : 0)
    }
    return (events, frame(ticks))
  }
}
