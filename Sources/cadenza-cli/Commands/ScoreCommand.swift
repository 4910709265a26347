import ArgumentParser
import Cadenza

/// `cadenza score`: how well a model expects recordings, or pieces.
struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Tell how well a model predicts recordings, in nats and bits a sample, or pieces of music.",
    discussion: """
      Each file is scored from silence, under the conditions set, at temperature 1: the mean negative log-likelihood that the \
      model gives to every sample just before hearing it. Lower is better; guessing evenly among 256 levels costs 8 bits. \
      Files with several channels are averaged to one, and converted where their sample rate is not the model's: the samples \
      counted are the model's.

      For a composer the files are MIDI files, and the figures are nats for each of its choices (a token, a note) and for each \
      beat. Where it writes several voices, they are the file's tracks and channels, in their order.

      EXAMPLES:
        cadenza score notes.safetensors flute.wav --set instrument=flute --set pitch=60
        cadenza score notes.safetensors held-out/*.flac --json
        cadenza score chorales.safetensors held-out/*.mid
      """
  )

  @Argument(help: "A model file (.safetensors).")
  var model: String

  @Argument(help: "Sound files, or MIDI files for a composer; '-' is standard input.")
  var audio: [String]

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a condition; may be repeated. VALUE is a label, a class number, or numbers separated by commas.",
      valueName: "name=value"))
  var conditions: [ConditionArgument] = []

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress bar.")
  var quiet = false

  private struct Score {
    var path: String
    /// Samples of the model.
    var frames = 0
    var nats = 0.0
    var problem: String?

    var natsPerSample: Double { nats / Double(frames) }
    var bitsPerSample: Double { natsPerSample * 1.4426950408889634 }
  }

  func run() throws {
    let model = try ModelLoading.load(model)
    if case .notes = model.configuration.codec {
      try scorePieces(try ComposerModel(model, path: self.model))
      return
    }
    guard model.vocabularySize != nil else {
      throw CommandFailure(
        "\"\(self.model)\" predicts values, not probabilities, so nothing can be scored; expected a model with a softmax")
    }
    let schedule = try ConditionSchedule(conditions, model: model, rate: model.sampleRate)
    try schedule.requireStatic()

    var scores: [Score] = []
    var streams: [Int: Stream] = [:]
    for path in audio {
      do {
        scores.append(try score(path, model: model, streams: &streams, schedule: schedule))
      } catch let failure as CommandFailure {
        // One bad file must not lose the others' scores.
        StandardStreams.complain(failure.message)
        scores.append(Score(path: path, problem: failure.message))
      }
    }
    let good = scores.filter { $0.problem == nil }
    let all = Score(path: "all", frames: good.reduce(0) { $0 + $1.frames }, nats: good.reduce(0) { $0 + $1.nats })
    if json {
      try StandardStreams.print(document(scores.map { ($0.path, $0.problem, row($0)) }, all: row(all)).text)
    } else if !good.isEmpty {
      try StandardStreams.print(table(good, all: all))
    }
    if good.count < scores.count { throw ExitCode.failure }
  }

  private func scorePieces(_ composer: ComposerModel) throws {
    let schedule = try ConditionSchedule(conditions, model: composer.model, rate: composer.model.sampleRate)
    try schedule.requireStatic()
    let stream = try Stream(model: composer.model, options: StreamOptions(for: composer.model))
    let progress = ProgressBar("scoring", total: audio.count, isQuiet: quiet)
    defer { progress.clear() }
    var scores: [PieceScore] = []
    for path in audio {
      try Interruption.check()
      progress.update(scores.count, note: Text.printable(path))
      do {
        scores.append(try PieceScore.score(path, composer: composer, stream: stream, schedule: schedule))
      } catch let failure as CommandFailure where failure.kind == .failed {
        // One bad file must not lose the others' scores.
        progress.clear()
        StandardStreams.complain(failure.message)
        scores.append(PieceScore(path: path, problem: failure.message))
      }
    }
    progress.clear()
    let good = scores.filter { $0.problem == nil }
    let all = PieceScore.sum(good)
    if json {
      try StandardStreams.print(
        document(scores.map { ($0.path, $0.problem, $0.row) }, all: all.row).text)
    } else if !good.isEmpty {
      try StandardStreams.print(PieceScore.table(good.count > 1 ? good + [all] : good))
    }
    if good.count < scores.count { throw ExitCode.failure }
  }

  /// A stream of `model` that takes audio at `rate`; one for each rate, however many files there are.
  private func stream(of model: Model, at rate: Int, _ streams: inout [Int: Stream]) throws -> Stream {
    if let stream = streams[rate] { return stream }
    var options = StreamOptions(for: model)
    options.maximumBlockFrames = 4096
    options.inputSampleRate = rate
    let stream = try Stream(model: model, options: options)
    streams[rate] = stream
    return stream
  }

  private func score(
    _ path: String, model: Model, streams: inout [Int: Stream], schedule: ConditionSchedule
  ) throws -> Score {
    let file = try SoundFileReader(path: path)
    try file.requireUsableRate()
    let stream = try stream(of: model, at: file.sampleRate, &streams)
    var score = Score(path: path)
    var heard = 0
    var schedule = schedule
    let reset = stream.reset(seed: 0)
    if reset.rawValue < 0 { throw CommandFailure("cannot score \"\(path)\": \(reset.phrase)") }
    _ = try schedule.apply(to: stream, at: 0)
    let progress = ProgressBar("scoring", total: file.frames ?? 0, isQuiet: quiet)
    defer { progress.clear() }
    var samples: [Float] = []
    while true {
      try Interruption.check()
      try file.read(into: &samples, limit: 4096)
      if samples.isEmpty { break }
      var nats = 0.0
      let status = samples.withUnsafeBufferPointer { samples in
        samples.baseAddress.map { stream.score($0, frames: samples.count, nats: &nats) } ?? .ok
      }
      if status == .invalidArgument {
        throw CommandFailure("\"\(path)\" holds a sample that is not finite, after \(heard) frames")
      }
      if status.rawValue < 0 { throw CommandFailure("cannot score \"\(path)\": \(status.phrase)") }
      score.nats += nats
      heard += samples.count
      progress.update(heard, note: Text.printable(path))
    }
    var nats = 0.0
    let status = stream.endAudio(scoring: &nats)
    if status.rawValue < 0 { throw CommandFailure("cannot score \"\(path)\": \(status.phrase)") }
    score.nats += nats
    score.frames = (heard * model.sampleRate + file.sampleRate - 1) / file.sampleRate
    if score.frames == 0 { throw CommandFailure("\"\(path)\" holds no samples") }
    return score
  }

  private func table(_ scores: [Score], all: Score) -> String {
    var lines = ["nats/sample  bits/sample     samples  file"]
    for score in scores.count > 1 ? scores + [all] : scores {
      lines.append(
        Text.padded(Text.fixed(score.natsPerSample, 4), 11, right: true) + "  "
          + Text.padded(Text.fixed(score.bitsPerSample, 4), 11, right: true) + "  "
          + Text.padded(Text.grouped(score.frames), 10, right: true) + "  " + Text.printable(score.path))
    }
    return lines.joined(separator: "\n")
  }

  private func row(_ score: Score) -> [(key: String, value: JSON)] {
    [
      ("samples", .integer(score.frames)), ("nats", .number(score.nats)),
      ("nats_per_sample", .number(score.natsPerSample)), ("bits_per_sample", .number(score.bitsPerSample)),
    ]
  }

  private func document(
    _ files: [(path: String, problem: String?, row: [(key: String, value: JSON)])], all: [(key: String, value: JSON)]
  ) -> JSON {
    .object([
      ("model", .text(model)),
      (
        "files",
        .list(
          files.map { file in
            .object([("path", .text(file.path))] + (file.problem.map { [("error", .text($0))] } ?? file.row))
          })
      ),
      ("all", .object(all)),
    ])
  }
}
