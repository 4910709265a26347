import ArgumentParser
import Cadenza

/// `--latent`, `--morph`, and the way between several.
struct LatentOptions: ParsableArguments {
  @Option(
    name: .customLong("latent"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The model's latent: numbers separated by commas, the name of a file that holds them ('cadenza encode' writes such), or "
        + "random:SEED. Repeated, the sound moves from one to the next, evenly over its length. (default: drawn from the seed)",
      valueName: "latent"))
  var latents: [LatentArgument] = []

  @Option(
    name: .customLong("morph"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "One or two recordings that the model's encoder turns into its latent. With two, the sound goes from the first to the second, "
        + "evenly over its length.", valueName: "file"))
  var recordings: [String] = []

  @Option(help: ArgumentHelp("The way from one to the next: linear or spherical.", valueName: "way"))
  var interpolation = InterpolationArgument.linear

  func validate() throws {
    if recordings.count > 2 { throw ValidationError("--morph takes one or two files, not \(recordings.count)") }
    if !recordings.isEmpty && !latents.isEmpty {
      throw ValidationError("--morph and --latent exclude each other: both say what the latent is")
    }
  }

  /// The recordings as `model` encodes them, under the conditions `values`; nil where there are none. `frames` is the length of the sound.
  func morph(for model: Model, values: [[Float]], frames: Int) throws -> Morph? {
    guard !recordings.isEmpty else { return nil }
    return Morph(try recordings.map { try EncodedInput(path: $0, model: model, values: values) }, frames: frames)
  }

  /// What to do with `model`; nil where nothing was asked for.
  func path(for model: Model, frames: Int) throws -> LatentPath? {
    guard !latents.isEmpty else { return nil }
    return try LatentPath(latents, interpolation.way, model: model, frames: frames)
  }
}

/// An interpolation as typed.
enum InterpolationArgument: String, ExpressibleByArgument, CaseIterable {
  case linear
  case spherical

  var way: Interpolation {
    switch self {
    case .linear: .linear
    case .spherical: .spherical
    }
  }
}
