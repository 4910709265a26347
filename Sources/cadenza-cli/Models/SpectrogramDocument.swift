import Cadenza

/// A codec of spectra, described.
enum SpectrogramDocument {
  static func text(_ codec: SpectrogramConfiguration) -> String {
    var text = "spectrogram, \(Text.grouped(codec.sampleRate)) Hz, frames of \(codec.frameSize), hop \(codec.hop), "
    switch codec.phase {
    case .none(let iterations): text += "no phase: \(iterations) rounds of Griffin and Lim's algorithm"
    case .phase: text += "magnitude and phase"
    case .instantaneousFrequency: text += "magnitude and instantaneous frequency"
    }
    if codec.columns > 1 { text += ", \(codec.columns) frames an element" }
    return text
  }

  static func json(_ codec: SpectrogramConfiguration) -> JSON {
    var pairs: [(String, JSON)] = [
      ("kind", "spectrogram"), ("sample_rate", .integer(codec.sampleRate)), ("frame_size", .integer(codec.frameSize)),
      ("hop", .integer(codec.hop)),
      ("magnitude", .list([.float(Float(codec.magnitude.lowerBound)), .float(Float(codec.magnitude.upperBound))])),
    ]
    switch codec.phase {
    case .none(let iterations): pairs += [("phase", "none"), ("iterations", .integer(iterations))]
    case .phase: pairs.append(("phase", "phase"))
    case .instantaneousFrequency: pairs.append(("phase", "instantaneous_frequency"))
    }
    return .object(pairs + [("columns", .integer(codec.columns))])
  }
}
