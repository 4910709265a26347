/// One of a decoder's products, for people who look at a model.
public struct DecoderProduct: Sendable {
  /// Of its tensors, without `.weight`: "layers.2".
  public var name: String
  /// Of its weights.
  public var shape: [Int]
  /// Whether there is a bias beside them.
  public var hasBias: Bool
}

extension DecoderConfiguration {
  /// All that has weights and multiplies, in the order of the layers. The configuration was checked with so many channels of h.
  public func products(conditionChannels: Int) -> [DecoderProduct] {
    let chain = LayerShapeChain(conditionChannels: conditionChannels, isDecoder: true)
    var products: [DecoderProduct] = []
    var shape = LayerShape.vector(channels: conditionChannels)
    for (index, layer) in layers.enumerated() {
      chain.append(layer, &shape, "layers.\(index)", &products)
    }
    return products
  }
}

extension LayerShapeChain {
  fileprivate func append(
    _ layer: LayerConfiguration, _ shape: inout LayerShape, _ name: String, _ products: inout [DecoderProduct]
  ) {
    let input = shape
    let output = try? output(of: layer, from: input, at: "", isInside: true)
    // Only a reshape, or a layer of encoders, is refused there.
    if let output {
      shape = output
    } else if case .reshape(let steps, let bins, let channels) = layer {
      shape = .steps(steps, bins: bins, channels: channels)
    }
    switch layer {
    case .dense(let channels, let bias):
      products.append(DecoderProduct(name: name, shape: [channels, input.width], hasBias: bias))
    case .convolution(let convolution):
      products.append(
        DecoderProduct(name: name, shape: convolution.weightShape(input.channels), hasBias: convolution.bias))
    case .transposedConvolution(let convolution):
      products.append(
        DecoderProduct(name: name, shape: convolution.weightShape(input.channels), hasBias: convolution.bias))
    case .residual(let layers, let hasShortcut):
      var inner = input
      for (index, layer) in layers.enumerated() { append(layer, &inner, "\(name).layers.\(index)", &products) }
      if hasShortcut {
        products.append(
          DecoderProduct(name: "\(name).shortcut", shape: [inner.channels, input.channels], hasBias: true))
      }
    case .condition(.add):
      products.append(DecoderProduct(name: name, shape: [input.channels, conditionChannels], hasBias: true))
    case .condition(.modulate):
      products.append(DecoderProduct(name: name, shape: [2 * input.channels, conditionChannels], hasBias: true))
    case .reshape, .flatten, .upsample, .pool, .normalization, .activation, .condition(.concatenate): break
    }
  }
}

extension LayerConfiguration.Convolution {
  /// Of its weights, for inputs of so many channels.
  func weightShape(_ inputChannels: Int) -> [Int] {
    [channels, inputChannels / groups, kernel.steps] + (isOverBins ? [kernel.bins] : [])
  }
}

extension LayerConfiguration.TransposedConvolution {
  /// Of its weights, for inputs of so many channels.
  func weightShape(_ inputChannels: Int) -> [Int] {
    [channels, inputChannels, kernel.steps] + (isOverBins ? [kernel.bins] : [])
  }
}
