import Cadenza
import CadenzaMidi

/// The notes of a piece, by beats, on their way into a MIDI file or to a synthesizer.
struct Score {
  struct Note {
    /// Beats since the beginning of the piece.
    var start: Double
    /// nil while it sounds.
    var end: Double?
    var voice: Int
    /// MIDI.
    var pitch: Int
    var velocity: Int
  }

  /// Of the piece, and of its voices.
  let title: String
  let voiceNames: [String]
  /// Beats a minute.
  let tempo: Double
  /// Semitones that are added to each pitch.
  let transpose: Int
  let ticksPerBeat: Int
  var numerator: UInt8 = 4
  var denominatorPower: UInt8 = 2

  /// In the order in which they begin.
  private(set) var notes: [Note] = []
  private var sounding: [Int] = []

  init(_ composer: ComposerModel, tempo: Double, transpose: Int) {
    let name = composer.model.configuration.name
    title = name.isEmpty ? "cadenza" : name
    voiceNames = composer.voiceNames
    self.tempo = tempo
    self.transpose = transpose
    // All that the codec can say falls on a tick of the file: 480 to 979 of them make a beat.
    let codecTicks = composer.codec.ticksPerBeat
    ticksPerBeat = codecTicks * ((480 + codecTicks - 1) / codecTicks)
  }

  mutating func begin(voice: Int, pitch: Int, velocity: Int, beat: Double) {
    end(voice: voice, pitch: pitch, beat: beat)
    sounding.append(notes.count)
    notes.append(Note(start: beat, end: nil, voice: voice, pitch: pitch, velocity: velocity))
  }

  mutating func end(voice: Int, pitch: Int, beat: Double) {
    for position in sounding.indices.reversed() {
      let note = sounding[position]
      guard notes[note].voice == voice, notes[note].pitch == pitch else { continue }
      notes[note].end = beat
      sounding.remove(at: position)
    }
  }

  /// Takes a note whose end is known.
  mutating func add(_ note: Note) { notes.append(note) }

  /// Lets a note that ended at `beat` go on; false where there is none of this voice and pitch.
  mutating func resume(voice: Int, pitch: Int, beat: Double) -> Bool {
    guard
      let note = notes.lastIndex(where: { $0.voice == voice && $0.pitch == pitch && $0.end == beat && $0.start < beat })
    else { return false }
    notes[note].end = nil
    sounding.append(note)
    return true
  }

  /// When the last thing happened.
  var lastBeat: Double { notes.reduce(0) { max($0, $1.end ?? $1.start) } }

  /// The piece is over: so are its notes. Those of no length, which nobody heard, are left out.
  mutating func finish(beat: Double) {
    for note in sounding { notes[note].end = max(beat, notes[note].start) }
    sounding = []
    notes.removeAll { $0.end == $0.start }
  }

  /// What `pitch` is written and played as: what is beyond MIDI's pitches is moved by octaves.
  func sounding(_ pitch: Int) -> Int {
    var pitch = pitch + transpose
    while pitch < 0 { pitch += 12 }
    while pitch > 127 { pitch -= 12 }
    return pitch
  }

  /// The channel of a voice: the tenth, which is percussion's, is left out.
  static func channel(of voice: Int) -> Int {
    let channel = voice % 15
    return channel < 9 ? channel : channel + 1
  }

  /// A Standard MIDI File of type 1: a track of the tempo, and one for each voice. It ends at `beat`.
  func midiFile(endBeat: Double) -> MidiFile {
    func tick(_ beat: Double) -> Int { Int((beat * Double(ticksPerBeat)).rounded()) }
    let end = tick(endBeat)
    let microseconds = UInt32(min(max((60e6 / tempo).rounded(), 1), 16_777_215))
    var tracks = [
      MidiTrack(
        name: title,
        events: [
          MidiEvent(tick: 0, .tempo(microsecondsPerBeat: microseconds)),
          MidiEvent(tick: 0, .timeSignature(numerator: numerator, denominatorPower: denominatorPower)),
        ], endTick: end)
    ]
    for (voice, name) in voiceNames.enumerated() {
      let channel = UInt8(Score.channel(of: voice))
      // Of one moment, first what ends; a note of no length after its own beginning.
      var events: [(tick: Int, order: Int, message: MidiMessage)] = []
      for note in notes where note.voice == voice {
        let pitch = UInt8(sounding(note.pitch))
        let start = tick(note.start)
        let stop = max(start, tick(note.end ?? endBeat))
        events.append((start, 1, .noteOn(channel: channel, pitch: pitch, velocity: UInt8(min(max(note.velocity, 1), 127)))))
        events.append((stop, stop == start ? 2 : 0, .noteOff(channel: channel, pitch: pitch, velocity: 0)))
      }
      let order = events.indices.sorted { (events[$0].tick, events[$0].order, $0) < (events[$1].tick, events[$1].order, $1) }
      tracks.append(
        MidiTrack(
          name: name, events: order.map { MidiEvent(tick: events[$0].tick, events[$0].message) },
          endTick: max(end, events.map(\.tick).max() ?? 0)))
    }
    return MidiFile(division: .beats(ticksPerBeat: ticksPerBeat), tracks: tracks)
  }
}
