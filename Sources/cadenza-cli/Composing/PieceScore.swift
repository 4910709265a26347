import Cadenza
import CadenzaMidi

/// How well a composer expects pieces, for `cadenza score`.
struct PieceScore {
  var path: String
  /// Beats of the composer's.
  var beats = 0.0
  /// Tokens, or notes of several fields.
  var choices = 0
  /// The summed negative log-likelihood of all choices.
  var nats = 0.0
  var problem: String?

  private var natsPerChoice: Double { nats / Double(choices) }
  private var natsPerBeat: Double { nats / beats }

  /// Scores a MIDI file from the beginning of a piece.
  static func score(
    _ path: String, composer: ComposerModel, stream: Stream, schedule: ConditionSchedule
  ) throws -> PieceScore {
    let piece = try MidiPiece(try MidiInput.read(path), for: composer, path: path)
    var schedule = schedule
    var score = PieceScore(path: path)
    let reset = stream.reset(seed: 0)
    if reset.rawValue < 0 { throw CommandFailure("cannot score \"\(path)\": \(reset.phrase)") }
    _ = try schedule.apply(to: stream, at: 0)
    let (events, frames) = piece.events(rate: stream.sampleRate, tempo: Float(composer.codec.tempo))
    var choices: UInt64 = 0
    let status = events.withUnsafeBufferPointer { events in
      stream.scoreEvents(events.baseAddress, count: events.count, frames: frames, nats: &score.nats, choices: &choices)
    }
    if status == .unsupported {
      throw CommandFailure(
        "the model predicts values, not probabilities, so nothing can be scored; expected one with a softmax")
    }
    if status.rawValue < 0 { throw CommandFailure("cannot score \"\(path)\": \(status.phrase)") }
    guard choices > 0 else { throw CommandFailure("\"\(path)\" holds no time and no notes") }
    score.beats = piece.beats
    score.choices = Int(choices)
    return score
  }

  /// The sum of several.
  static func sum(_ scores: [PieceScore]) -> PieceScore {
    PieceScore(
      path: "all", beats: scores.reduce(0) { $0 + $1.beats }, choices: scores.reduce(0) { $0 + $1.choices },
      nats: scores.reduce(0) { $0 + $1.nats })
  }

  /// A line for each of `scores`.
  static func table(_ scores: [PieceScore]) -> String {
    var lines = ["nats/choice   nats/beat          nats     choices      beats  file"]
    for score in scores {
      let figures = [
        (Text.fixed(score.natsPerChoice, 4), 11), (Text.fixed(score.natsPerBeat, 4), 10), (Text.fixed(score.nats, 1), 12),
        (Text.grouped(score.choices), 10), (Text.significant(score.beats), 9),
      ]
      lines.append(
        figures.map { Text.padded($0.0, $0.1, right: true) }.joined(separator: "  ") + "  " + Text.printable(score.path))
    }
    return lines.joined(separator: "\n")
  }

  var row: [(key: String, value: JSON)] {
    [
      ("choices", .integer(choices)), ("beats", .number(beats)), ("nats", .number(nats)),
      ("nats_per_choice", .number(natsPerChoice)), ("nats_per_beat", .number(natsPerBeat)),
    ]
  }
}
