import Cadenza
import CadenzaMidi

/// A MIDI file's notes as a host plays them: told to a stream just before the block in which they fall.
struct NoteSchedule {
  private struct Moment {
    var frame: Int
    var isOn: Bool
    var voice: Int
    var pitch: Int
    var velocity: Float
  }

  private let moments: [Moment]
  private var next = 0
  /// When the last note ends.
  let frames: Int

  /// Ten hours: more is taken for a mistake.
  private static let longestSeconds = 36_000.0

  /// The notes' times are those of the file's tempos, their voices its channels; percussion (channel 10) has no pitch and is left out.
  init(_ file: MidiFile, path: String, rate: Int) throws(CommandFailure) {
    let times = TempoMap(file)
    func frame(_ tick: Int) -> Int { Int((times.seconds(at: tick) * Double(rate)).rounded()) }
    let notes = file.notes().filter { $0.channel != 9 }
    guard !notes.isEmpty else { throw CommandFailure("\"\(path)\" has no notes to play") }
    let seconds = times.seconds(at: notes.reduce(0) { max($0, $1.end) })
    guard seconds <= NoteSchedule.longestSeconds else {
      throw CommandFailure("\"\(path)\" lasts \(Text.fixed(seconds, 0)) s; expected \(Text.grouped(36_000)) at most, ten hours")
    }
    var moments: [(moment: Moment, order: Int)] = []
    for (order, note) in notes.enumerated() {
      let voice = Int(note.channel)
      let pitch = Int(note.pitch)
      let begin = Moment(
        frame: frame(note.start), isOn: true, voice: voice, pitch: pitch, velocity: Float(note.velocity) / 127)
      let end = Moment(
        frame: max(frame(note.end), begin.frame + 1), isOn: false, voice: voice, pitch: pitch, velocity: 0)
      moments.append((begin, order))
      moments.append((end, order))
    }
    // Of one moment, first what ends.
    moments.sort { ($0.moment.frame, $0.moment.isOn ? 1 : 0, $0.order) < ($1.moment.frame, $1.moment.isOn ? 1 : 0, $1.order) }
    self.moments = moments.map(\.moment)
    frames = self.moments.last?.frame ?? 0
  }

  /// Asks `stream` for the notes that fall into the `limit` frames from `position` on; returns for how many frames it has been asked:
  /// fewer, where more notes wait than it takes.
  mutating func ask(_ stream: Stream, from position: Int, limit: Int) throws(CommandFailure) -> Int {
    while next < moments.count, moments[next].frame < position + limit {
      let moment = moments[next]
      let frame = moment.frame - position
      let status =
        moment.isOn
        ? stream.noteOn(frame: frame, voice: moment.voice, pitch: moment.pitch, velocity: moment.velocity)
        : stream.noteOff(frame: frame, voice: moment.voice, pitch: moment.pitch)
      if status == .state, frame > 0 { return frame }
      // So many at one frame that the queue cannot hold them: what finds no room is not played.
      if status.rawValue < 0, status != .state { throw CommandFailure("a note could not be played: \(status.phrase)") }
      next += 1
    }
    return limit
  }
}
