import ArgumentParser
import Cadenza
import CadenzaMidi
import Glibc

/// `cadenza interpolate`: what lies between two recordings, two melodies, or two latents.
struct InterpolateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interpolate",
    abstract: "Play what lies between two recordings, melodies or latents, in steps.",
    discussion: """
      Both are encoded, where they are files of sound or MIDI files and the model has an encoder; a latent is a .json file as \
      'cadenza encode' writes it, or random:SEED. Each step is played from its beginning with the same seed. An output that ends in \
      .mid, or in one of the endings of sound files, holds all steps in a row; any other is the folder for a file of each, 01, 02, \
      and so on.

      EXAMPLES:
        cadenza interpolate melodies.safetensors a.mid b.mid --steps 7 -o between.mid
        cadenza interpolate melodies.safetensors random:1 random:2 -o melodies/
        cadenza interpolate guitar.safetensors a.wav b.wav --steps 5 --set pitch=60 -o row.wav
      """
  )

  @Argument(help: "A model file (.safetensors) with a latent.")
  var model: String

  @Argument(help: "Where it begins: a sound file, a MIDI file for a composer, a .json file, or random:SEED.")
  var first: String

  @Argument(help: "Where it ends.")
  var last: String

  @Option(parsing: .unconditional, help: ArgumentHelp("How many steps, both ends included, 2 ... 999.", valueName: "n"))
  var steps = 5

  @Option(name: .shortAndLong, help: "The file to write, or the folder for one of each step.")
  var output: String

  @Option(help: ArgumentHelp("The way from one to the other: linear or spherical.", valueName: "way"))
  var interpolation = InterpolationArgument.linear

  @Option(
    parsing: .unconditional,
    help: "How long each step is at most. (default: to its end; else as long as the recordings, or 4 seconds)")
  var seconds: Double?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a condition; may be repeated. VALUE is a label, a class number, or numbers separated by commas.",
      valueName: "name=value"))
  var conditions: [ConditionArgument] = []

  @OptionGroup(title: "Sampling")
  var sampling: SamplingOptions

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  func validate() throws {
    if !(2...999).contains(steps) { throw ValidationError("--steps takes 2 ... 999, not \(steps)") }
    if output.isEmpty { throw ValidationError("--output takes the name of a file or a folder, not an empty one") }
    if let seconds, !(seconds > 0 && seconds <= 1e6) {
      throw ValidationError("--seconds takes a number above 0 and up to 1,000,000, not \(Text.plain(Float(seconds)))")
    }
  }

  private static let block = 512
  private static let defaultSeconds = 4.0

  func run() throws {
    let model = try ModelLoading.load(model)
    let values = try model.conditionValues(conditions)
    guard let latent = model.latentIndex else {
      throw CommandFailure("\"\(self.model)\" has no latent: there is nothing between two of them")
    }
    let (a, b) = (try place(first, model, latent, values), try place(last, model, latent, values))
    let seed = sampling.seed.draw()
    let stream = try Stream(model: model, options: sampling.streamOptions(for: model, seed: seed, block: Self.block))
    for (index, condition) in model.configuration.conditions.enumerated() where index != latent && !condition.followsPosition {
      let status = values[index].withUnsafeBufferPointer { values in
        values.baseAddress.map { stream.setCondition(index, $0, count: values.count) } ?? .invalidArgument
      }
      if status.rawValue < 0 {
        throw CommandFailure("condition \"\(condition.name)\" could not be set: \(status.phrase)")
      }
    }
    var frames = Int(((seconds ?? Self.defaultSeconds) * Double(model.sampleRate)).rounded())
    if seconds == nil, a.framesPerRow > 0 { frames = max(a.rowCount, b.rowCount) * a.framesPerRow }

    let progress = ProgressBar("interpolating", total: steps, isQuiet: quiet)
    defer { progress.clear() }
    let composer: ComposerModel? = model.isComposer ? try ComposerModel(model, path: self.model) : nil
    let writer = try StepWriter(output, composer: composer, rate: model.sampleRate, steps: steps)
    for step in 0..<steps {
      try Interruption.check()
      let numbers = a.mixed(with: b, interpolation.way, fraction: Double(step) / Double(steps - 1))
      try set(numbers, of: stream, latent, isLocal: a.framesPerRow > 0)
      let reset = stream.reset(seed: seed)
      if reset.rawValue < 0 { throw CommandFailure("step \(step + 1) could not begin: \(reset.phrase)") }
      try play(stream, frames: frames, composer: composer, writer: writer, step: step)
      progress.update(step + 1)
    }
    try writer.finish()
    if !quiet {
      progress.clear()
      StandardStreams.remark("\(steps) steps to \(Text.printable(output)), seed \(seed)")
    }
  }

  /// One end of the way.
  private func place(_ name: String, _ model: Model, _ latent: Int, _ values: [[Float]]) throws -> EncodedInput {
    let condition = model.configuration.conditions[latent]
    guard name.hasSuffix(".json") || name.hasPrefix("random:") else {
      return try EncodedInput(path: name, model: model, values: values)
    }
    guard let framesPerRow = condition.framesPerValue else {
      guard let argument = LatentArgument(argument: name) else {
        throw CommandFailure(.wrongUsage, "\"\(name)\" is no latent: expected a .json file or random:SEED")
      }
      return EncodedInput(
        numbers: try argument.values(index: latent, size: condition.size), size: condition.size, framesPerRow: 0)
    }
    guard name.hasSuffix(".json") else {
      throw CommandFailure(.wrongUsage, "the model's latent comes of recordings and cannot be drawn: expected a sound file")
    }
    let numbers = LatentArgument.numbers(in: try TextFile.read(name, limit: 64 << 20))
    guard let numbers, numbers.count % condition.size == 0 else {
      throw CommandFailure("\"\(name)\" holds something else than rows of \(condition.size) numbers")
    }
    return EncodedInput(numbers: numbers, size: condition.size, framesPerRow: framesPerRow)
  }

  private func set(_ numbers: [Float], of stream: Stream, _ latent: Int, isLocal: Bool) throws {
    try numbers.withUnsafeBufferPointer { numbers in
      guard let base = numbers.baseAddress else { return }
      if isLocal {
        do throws(Failure) {
          try stream.setEncoded(slot: 0, numbers)
        } catch {
          throw CommandFailure("the latent could not be set: \(error.message)")
        }
      } else {
        let status = stream.setCondition(latent, base, count: numbers.count)
        if status.rawValue < 0 { throw CommandFailure("the latent could not be set: \(status.phrase)") }
      }
    }
  }

  private func play(
    _ stream: Stream, frames: Int, composer: ComposerModel?, writer: StepWriter, step: Int
  ) throws {
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.block)
    defer { buffer.deallocate() }
    let events = UnsafeMutableBufferPointer<NoteEvent>.allocate(capacity: 4_096)
    defer { events.deallocate() }
    guard let base = buffer.baseAddress, let eventBase = events.baseAddress else { return }
    let rate = Double(stream.sampleRate)
    // A piece that ends says so; one that does not is cut.
    let limit = composer?.endsItself == true && seconds == nil ? 600 * stream.sampleRate : frames
    try writer.begin(step)
    var position = 0
    while position < limit {
      try Interruption.check()
      let count = min(Self.block, limit - position)
      let status = stream.generate(into: base, frames: count)
      if status.rawValue < 0 {
        throw CommandFailure("step \(step + 1) stopped after \(Text.fixed(Double(position) / rate, 3)) s: \(status.phrase)")
      }
      position += count
      if composer != nil {
        var eventCount = 0
        _ = stream.readEvents(into: eventBase, capacity: events.count, count: &eventCount)
        writer.take(events[..<eventCount])
      } else {
        try writer.write(UnsafeBufferPointer(start: base, count: count))
      }
      if status == .end { break }
    }
    try writer.end(seconds: Double(position) / rate)
  }
}

extension Model {
  /// The latent that is meant where nobody says which: the encoder's, or else the first one.
  fileprivate var latentIndex: Int? {
    if let encoder = configuration.encoder { return encoder.latent }
    return configuration.conditions.firstIndex { condition in
      if case .latent = condition.kind { return true }
      return false
    }
  }
}

extension ComposerModel {
  /// Whether its pieces have an end: after so many steps, or where it says so.
  fileprivate var endsItself: Bool {
    if case .melodySteps(let vocabulary) = codec.kind, vocabulary.steps != nil { return true }
    return hasEnd
  }
}
