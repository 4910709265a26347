import ArgumentParser
import Cadenza

/// `--instrument` and how it plays what a composer writes.
struct ComposerInstrumentOptions: ParsableArguments {
  @Option(name: .customLong("instrument"), help: ArgumentHelp("A model (.safetensors) to play the notes.", valueName: "model"))
  var path: String?

  @Option(
    name: .customLong("set-instrument"),
    help: ArgumentHelp(
      "Set one of its conditions, for all voices or for one; may be repeated.", valueName: "[voice:]name=value"))
  var settings: [InstrumentArgument] = []

  @Option(
    name: .customLong("instrument-temperature"), parsing: .unconditional,
    help: ArgumentHelp("Its sampler's temperature, 0 ... 100. (default: the model's)", valueName: "instrument-temperature"))
  var temperature: Float?

  @Option(
    name: .customLong("instrument-voices"), parsing: .unconditional,
    help: ArgumentHelp("Notes that it plays at once, 1 ... 64.", valueName: "n"))
  var voices = 8

  func validate() throws {
    if path == nil && !(settings.isEmpty && temperature == nil) {
      throw ValidationError("--set-instrument and --instrument-temperature need --instrument")
    }
    if let temperature, !Parameter.temperature.accepts(temperature) {
      throw ValidationError("--instrument-temperature takes 0 ... 100, not \(Text.plain(temperature))")
    }
    if !InstrumentOptions.voiceCounts.contains(voices) {
      throw ValidationError("--instrument-voices takes 1 ... 64, not \(voices)")
    }
  }

  /// The instrument, loaded; nil where none was asked for. `transpose` in semitones.
  func setup(for composer: ComposerModel, transpose: Int) throws -> InstrumentSetup? {
    try path.map { path in
      try InstrumentSetup(
        path: path,
        options: { options in
          options.voices = voices
          options.transpose = transpose
          if let temperature { options.temperature = temperature }
        }, arguments: settings, composer: composer)
    }
  }
}
