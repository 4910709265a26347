import ArgumentParser
import Cadenza

/// `--temperature`, `--top-k`, `--top-p`, `--seed` and `--gain`.
struct SamplingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Divides the logits: lower is safer, 0 always takes the likeliest. 0 ... 100. (default: the model's)")
  var temperature: Float?

  @Option(parsing: .unconditional, help: "Draw among the K likeliest only; 0 is off. (default: the model's)")
  var topK: Int?

  @Option(
    parsing: .unconditional,
    help: "Draw among the likeliest that together reach this probability; 1 is off. (default: the model's)")
  var topP: Float?

  @Option(parsing: .unconditional, help: "The same seed gives the same samples: a whole number from 0, or 'random'.")
  var seed = Seed.fixed(0)

  @Option(parsing: .unconditional, help: "Multiplies the output, 0 ... 16.")
  var gain: Float = 1

  func validate() throws {
    try require(temperature, .temperature, "--temperature takes 0 ... 100")
    try require(topP, .topP, "--top-p takes 0 ... 1")
    try require(gain, .gain, "--gain takes 0 ... 16")
    if let topK, !(0...16_777_216).contains(topK) {
      throw ValidationError("--top-k takes a whole number 0 ... 16,777,216, not \(topK)")
    }
  }

  private func require(_ value: Float?, _ parameter: Parameter, _ sentence: String) throws {
    if let value, !parameter.accepts(value) { throw ValidationError("\(sentence), not \(Text.plain(value))") }
  }

  func streamOptions(for model: Model, seed: UInt64, block: Int) -> StreamOptions {
    var options = StreamOptions(for: model)
    options.maximumBlockFrames = block
    options.seed = seed
    options.gain = gain
    if let temperature { options.temperature = temperature }
    if let topK { options.topK = topK }
    if let topP { options.topP = topP }
    return options
  }
}

/// A seed as typed.
enum Seed: ExpressibleByArgument, CustomStringConvertible {
  case fixed(UInt64)
  case random

  init?(argument: String) {
    if argument == "random" {
      self = .random
    } else if let value = UInt64(argument) {
      self = .fixed(value)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .fixed(let value): String(value)
    case .random: "random"
    }
  }

  /// The number to use; another one each time for `random`.
  func draw() -> UInt64 {
    switch self {
    case .fixed(let value): value
    case .random: UInt64.random(in: 0...UInt64.max)
    }
  }
}
