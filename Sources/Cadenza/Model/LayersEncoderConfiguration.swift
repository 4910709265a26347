/// An encoder that is a stack of layers over a recording. See FORMAT.md, "Encoders".
public struct LayersEncoderConfiguration: Sendable {
  /// What the layers are given.
  public enum Input: Sendable {
    /// The samples themselves.
    case waveform
    /// Frames of magnitudes.
    case spectrogram(SpectrogramConfiguration)
  }

  /// What the layers are given.
  public var input: Input
  /// Samples that a recording is cut to, or filled up to with silence; nil: any number.
  public var frames: Int?
  /// In order; the shapes chain once the reader has checked them.
  public var layers: [LayerConfiguration]
  /// Of the conditions that layers know: all but the latents.
  public var conditionChannels: Int
  /// Samples that a row of an embedding is made of; 0: there is one row.
  public var samplesPerRow: Int

  /// What the first layer is given.
  var inputShape: LayerShape { inputShape(frames: frames) }

  private func inputShape(frames: Int?) -> LayerShape {
    switch input {
    case .waveform: .steps(frames, bins: 1, channels: 1)
    case .spectrogram(let spectrogram):
      .steps(frames.map { $0 / spectrogram.hop + 1 }, bins: 1, channels: spectrogram.bins)
    }
  }

  private var chain: LayerShapeChain { LayerShapeChain(conditionChannels: conditionChannels, isDecoder: false) }

  /// What the last layer gives. Throws `format` where the layers do not chain, and names the layer.
  func output(at place: Sentence) throws(Failure) -> LayerShape {
    try chain.output(of: layers, from: inputShape, at: place)
  }

  /// Rows that a recording of so many samples becomes. Throws `invalidArgument` where it is too short, `unsupported` where it is
  /// too long.
  func rowCount(frames: Int) throws(Failure) -> Int {
    let count = self.frames ?? frames
    do throws(Failure) {
      let shape = try chain.output(of: layers, from: inputShape(frames: count), at: "layers")
      if let rows = shape.steps, rows > 0 { return rows }
    } catch {
      if error.status == .unsupported {
        throw Failure(.unsupported, "this recording has \(frames) frames, which is more than the encoder takes")
      }
    }
    throw Failure(.invalidArgument, "this recording has \(frames) frames, the encoder needs \(shortest)")
  }

  /// The fewest samples that give a row; 1 where every recording is filled up.
  var shortest: Int {
    if frames != nil { return 1 }
    var (low, high) = (1, 1)
    while high < LayerShapeChain.maximumNumbers, !gives(high) { (low, high) = (high + 1, high * 2) }
    while low < high {
      let middle = (low + high) / 2
      if gives(middle) { high = middle } else { low = middle + 1 }
    }
    return high
  }

  private func gives(_ frames: Int) -> Bool {
    guard let shape = try? chain.output(of: layers, from: inputShape(frames: frames), at: "") else { return false }
    return (shape.steps ?? 0) > 0
  }

  /// Samples that one step of the last layer stands for; nil where a layer makes more steps, or all of them one.
  var reduction: Int? {
    var samples = 1
    if case .spectrogram(let spectrogram) = input { samples = spectrogram.hop }
    for layer in layers {
      switch layer {
      case .convolution(let convolution): samples = StateLayout.product(samples, convolution.stride.steps)
      case .pool(let size, _): samples = StateLayout.product(samples, size)
      case .flatten, .transposedConvolution, .upsample, .dense, .reshape: return nil
      case .residual, .normalization, .activation, .condition: continue
      }
    }
    return samples == 0 ? nil : samples
  }

  /// Samples before and behind its own that a row can see, at most; nil where what a layer gives depends on where the recording ends.
  var reach: Int? {
    // (What a frame sees goes over the ends of a piece.)
    guard case .waveform = input else { return nil }
    var samples = 1
    var total = 0
    guard LayersEncoderConfiguration.addReach(layers, &samples, &total) else { return nil }
    return total
  }

  private static func addReach(_ layers: [LayerConfiguration], _ samples: inout Int, _ total: inout Int) -> Bool {
    for layer in layers {
      switch layer {
      case .convolution(let convolution):
        if case .zeros = convolution.padding { return false }
        guard convolution.stride.steps == 1 else { return false }
        total = min(total + StateLayout.product(convolution.span, samples), StateLayout.limit)
      case .pool(let size, _):
        guard size > 0 else { return false }
        samples = StateLayout.product(samples, size)
      case .residual(let layers, _):
        guard addReach(layers, &samples, &total) else { return false }
      case .normalization(.instance), .flatten, .transposedConvolution, .upsample, .dense, .reshape: return false
      case .normalization, .activation, .condition: continue
      }
    }
    return true
  }
}
