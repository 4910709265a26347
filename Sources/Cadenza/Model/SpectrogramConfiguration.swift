/// Columns of a short-time Fourier transform, as a network predicts them. See FORMAT.md.
public struct SpectrogramConfiguration: Sendable {
  /// How a frame tells the phase of its bins.
  public enum Phase: Sendable, BitwiseCopyable {
    /// Not at all: it is found for a whole clip, in so many rounds of Griffin and Lim's algorithm (1984).
    case none(iterations: Int)
    /// As it is.
    case phase
    /// By what it has moved since the frame before (Engel et al. 2019).
    case instantaneousFrequency
  }

  /// Hz.
  public var sampleRate: Int
  /// Samples that a column looks at: a power of two.
  public var frameSize: Int
  /// Samples from a column to the next one.
  public var hop: Int
  /// Natural logarithms of the magnitudes that −1 and 1 mean.
  public var magnitude: ClosedRange<Double>
  /// How a frame tells the phase.
  public var phase: Phase
  /// Frames in an element of the network.
  public var columns: Int

  /// A configuration as written, unchecked.
  public init(
    sampleRate: Int, frameSize: Int, hop: Int, magnitude: ClosedRange<Double>, phase: Phase, columns: Int = 1
  ) {
    self.sampleRate = sampleRate
    self.frameSize = frameSize
    self.hop = hop
    self.magnitude = magnitude
    self.phase = phase
    self.columns = columns
  }

  /// Bins of a frame: the Nyquist bin is left out.
  public var bins: Int { frameSize / 2 }

  /// Numbers of a bin: its magnitude, and its phase where that is told.
  public var numbersPerBin: Int {
    if case .none = phase { return 1 }
    return 2
  }

  /// Numbers of a frame.
  public var frameNumbers: Int { bins * numbersPerBin }

  /// Numbers of an element of the network.
  public var elementNumbers: Int { frameNumbers * columns }

  /// Number `index` of a frame, or of an element, of silence: the lowest magnitude, and the phase 0 that does not move.
  func silence(at index: Int) -> Float { index % numbersPerBin == 0 ? -1 : 0 }

  /// Frames that a sample lies in, at most.
  public var overlap: Int { frameSize / hop }
}

extension SpectrogramConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(
      value, keys: ["kind", "sample_rate", "frame_size", "hop", "magnitude", "phase", "columns", "iterations"])
    let sampleRate = try object.required("sample_rate").whole(CodecConfiguration.sampleRates)
    let (frameSize, hop) = try SpectrogramConfiguration.readSizes(object)
    let magnitude = try SpectrogramConfiguration.readMagnitude(try object.required("magnitude"))
    let phaseValue = try object.required("phase")
    let phase: Phase
    if phaseValue.isText("none") {
      phase = .none(iterations: try object.whole("iterations", 1...1_000) ?? SpectrogramConfiguration.defaultIterations)
    } else if phaseValue.isText("phase") {
      phase = .phase
    } else if phaseValue.isText("instantaneous_frequency") {
      phase = .instantaneousFrequency
    } else {
      throw phaseValue.unexpected("\"none\", \"phase\" or \"instantaneous_frequency\"")
    }
    if case .none = phase {
    } else if let iterations = object.optional("iterations") {
      throw Failure(
        .format, "\(iterations.place) is \(iterations.found), but frames that tell their phase need none: expected no such key")
    }
    self.init(
      sampleRate: sampleRate, frameSize: frameSize, hop: hop, magnitude: magnitude, phase: phase,
      columns: try object.whole("columns", 1...1_024) ?? 1)
  }

  /// Rounds where the file does not say.
  static let defaultIterations = 32
  /// Within these, sums over a frame stay far from what single precision holds.
  private static let magnitudes = -60.0...30.0

  /// `frame_size` and `hop` of a codec, or of an encoder's input.
  static func readSizes(_ object: ConfigurationObject) throws(Failure) -> (frameSize: Int, hop: Int) {
    let frameSizeValue = try object.required("frame_size")
    guard let frameSize = frameSizeValue.integer, (16...65_536).contains(frameSize), frameSize & (frameSize - 1) == 0 else {
      throw frameSizeValue.unexpected("a power of two from 16 to 65536")
    }
    let hopValue = try object.required("hop")
    guard let hop = hopValue.integer, hop >= 1, hop <= frameSize, frameSize % hop == 0, (2...16).contains(frameSize / hop)
    else { throw hopValue.unexpected("1/2, 1/4, 1/8 or 1/16 of frame_size, which is \(frameSize)") }
    return (frameSize, hop)
  }

  /// `magnitude` of a codec, or of an encoder's input.
  static func readMagnitude(_ value: JsonValue) throws(Failure) -> ClosedRange<Double> {
    var bounds: [Double] = []
    if value.kind == .list && value.count == 2 {
      for bound in value.elements {
        if let number = bound.double, magnitudes.contains(number) { bounds.append(number) }
      }
    }
    guard bounds.count == 2, bounds[0] < bounds[1] else {
      throw value.unexpected("[l, u] with -60 <= l < u <= 30, natural logarithms")
    }
    return bounds[0]...bounds[1]
  }
}
