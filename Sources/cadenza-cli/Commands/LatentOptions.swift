import ArgumentParser
import Cadenza

/// `--latent` and the way between several.
struct LatentOptions: ParsableArguments {
  @Option(
    name: .customLong("latent"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The model's latent: numbers separated by commas, the name of a file that holds them ('cadenza encode' writes such), or "
        + "random:SEED. Repeated, the sound moves from one to the next, evenly over its length. (default: drawn from the seed)",
      valueName: "latent"))
  var latents: [LatentArgument] = []

  @Option(help: ArgumentHelp("The way from one to the next: linear or spherical.", valueName: "way"))
  var interpolation = InterpolationArgument.linear

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
