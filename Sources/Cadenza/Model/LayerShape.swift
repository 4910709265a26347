/// What one layer hands to the next: a vector, or steps of bins of channels.
public enum LayerShape: Sendable, Equatable {
  /// So many numbers.
  case vector(channels: Int)
  /// `steps` nil: as many as there are, of an encoder that takes recordings of any length.
  case steps(Int?, bins: Int, channels: Int)

  /// Numbers of one step, or of the vector.
  public var width: Int {
    switch self {
    case .vector(let channels): channels
    case .steps(_, let bins, let channels): bins * channels
    }
  }

  /// Of each step and bin, or of the vector.
  public var channels: Int {
    switch self {
    case .vector(let channels), .steps(_, _, let channels): channels
    }
  }

  /// 1 for a vector.
  public var bins: Int {
    switch self {
    case .vector: 1
    case .steps(_, let bins, _): bins
    }
  }

  /// 1 for a vector; nil where it is not known.
  public var steps: Int? {
    switch self {
    case .vector: 1
    case .steps(let steps, _, _): steps
    }
  }

  /// The same with other channels.
  func with(channels: Int) -> LayerShape {
    switch self {
    case .vector: .vector(channels: channels)
    case .steps(let steps, let bins, _): .steps(steps, bins: bins, channels: channels)
    }
  }

  /// For sentences: "[250, 1, 64] (steps, bins, channels)".
  var text: Sentence {
    switch self {
    case .vector(let channels): "a vector of \(channels)"
    case .steps(.some(let steps), let bins, let channels): "[\(steps), \(bins), \(channels)] (steps, bins, channels)"
    case .steps(nil, let bins, let channels): "[any, \(bins), \(channels)] (steps, bins, channels)"
    }
  }
}

/// Chains layers: what each of them makes of the shape before it.
struct LayerShapeChain {
  /// Channels of h.
  let conditionChannels: Int
  /// Whether the layers are a decoder's: from one vector to steps, and nothing that makes steps fewer.
  let isDecoder: Bool

  /// Numbers that one layer may give: FORMAT.md, Layers.
  static let maximumNumbers = 1 << 26

  /// The shape after `layers`, whose list is at `place`. Throws `format` where they do not chain, and names the layer.
  func output(of layers: [LayerConfiguration], from input: LayerShape, at place: Sentence) throws(Failure) -> LayerShape {
    var shape = input
    for (index, layer) in layers.enumerated() {
      shape = try output(of: layer, from: shape, at: "\(place)[\(index)]", isInside: false)
    }
    return shape
  }

  /// The shape after one layer. `isInside`: it is part of a residual layer.
  func output(
    of layer: LayerConfiguration, from input: LayerShape, at place: Sentence, isInside: Bool
  ) throws(Failure) -> LayerShape {
    let output = try unlimited(layer, input, place, isInside)
    if let steps = output.steps {
      let (numbers, overflow) = steps.multipliedReportingOverflow(by: output.width)
      guard !overflow, numbers <= LayerShapeChain.maximumNumbers else {
        throw Failure(
          .unsupported,
          "\(place) (\(layer.kind)) gives \(output.text) of \(input.text): more than \(LayerShapeChain.maximumNumbers) numbers")
      }
    }
    guard output.width <= LayerShapeChain.maximumNumbers else {
      throw Failure(
        .unsupported,
        "\(place) (\(layer.kind)) gives \(output.text): more than \(LayerShapeChain.maximumNumbers) numbers a step")
    }
    return output
  }

  private func unlimited(
    _ layer: LayerConfiguration, _ input: LayerShape, _ place: Sentence, _ isInside: Bool
  ) throws(Failure) -> LayerShape {
    switch layer {
    case .dense(let channels, _):
      guard case .vector = input else { throw mismatch(layer, input, place, "a vector") }
      return .vector(channels: channels)
    case .reshape(let steps, let bins, let channels):
      let output = LayerShape.steps(steps, bins: bins, channels: channels)
      guard !isInside else { throw inside(layer, place) }
      guard case .vector(let count) = input else { throw mismatch(layer, input, place, "a vector") }
      guard LayerShapeChain.numbers(steps, bins, channels) == count else {
        throw Failure(
          .format, "\(place) (reshape) makes \(output.text) of \(input.text): the numbers of both must be as many")
      }
      return output
    case .flatten:
      guard !isInside else { throw inside(layer, place) }
      try refuseInDecoder(layer, place)
      guard case .steps(let steps, _, _) = input else { throw mismatch(layer, input, place, "steps") }
      guard let steps else { throw mismatch(layer, input, place, "a number of steps that is known: \"frames\" must say it") }
      guard let count = LayerShapeChain.numbers(steps, input.width, 1) else {
        throw Failure(.unsupported, "\(place) (flatten) makes a vector of \(input.text), which is too large")
      }
      return .vector(channels: count)
    case .convolution(let convolution): return try output(of: convolution, layer, input, place)
    case .transposedConvolution(let convolution):
      guard case .steps(let steps, let bins, _) = input else { throw mismatch(layer, input, place, "steps") }
      return try scaled(layer, input, place, steps, bins, by: convolution.stride, channels: convolution.channels)
    case .upsample(let factor, _):
      guard case .steps(let steps, let bins, let channels) = input else { throw mismatch(layer, input, place, "steps") }
      return try scaled(layer, input, place, steps, bins, by: factor, channels: channels)
    case .pool(let size, _):
      guard !isInside else { throw inside(layer, place) }
      try refuseInDecoder(layer, place)
      guard case .steps(let steps, let bins, let channels) = input else { throw mismatch(layer, input, place, "steps") }
      if size == 0 { return .vector(channels: input.width) }
      guard let steps else { return .steps(nil, bins: bins, channels: channels) }
      guard steps >= size else { throw mismatch(layer, input, place, "at least \(size) steps") }
      return .steps(steps / size, bins: bins, channels: channels)
    case .residual(let layers, let hasShortcut):
      var shape = input
      for (index, inner) in layers.enumerated() {
        shape = try output(of: inner, from: shape, at: "\(place).layers[\(index)]", isInside: true)
      }
      let expected = hasShortcut ? input.with(channels: shape.channels) : input
      guard shape == expected else {
        throw Failure(
          .format, "\(place) (residual) adds \(shape.text), which its layers give, to \(input.text): expected the same shape")
      }
      return shape
    case .normalization(.instance):
      guard case .steps = input else { throw mismatch(layer, input, place, "steps") }
      return input
    case .normalization, .activation: return input
    case .condition(let mode):
      guard conditionChannels > 0 else {
        throw Failure(.format, "\(place) (condition) joins the conditions in, but there are none")
      }
      guard case .concatenate = mode else { return input }
      return input.with(channels: input.channels + conditionChannels)
    }
  }

  private func output(
    of convolution: LayerConfiguration.Convolution, _ layer: LayerConfiguration, _ input: LayerShape, _ place: Sentence
  ) throws(Failure) -> LayerShape {
    guard case .steps(let steps, let bins, let channels) = input else { throw mismatch(layer, input, place, "steps") }
    guard channels % convolution.groups == 0, convolution.channels % convolution.groups == 0 else {
      throw Failure(
        .format,
        "\(place) (convolution) makes \(convolution.channels) channels of \(input.text) in \(convolution.groups) groups: both numbers of channels must be multiples of that"
      )
    }
    if isDecoder && convolution.stride != LayerExtent(steps: 1) {
      throw Failure(.format, "\(place) (convolution) has a stride, which only encoders have")
    }
    let outputBins = (bins + convolution.stride.bins - 1) / convolution.stride.bins
    guard let steps else { return .steps(nil, bins: outputBins, channels: convolution.channels) }
    let outputSteps: Int
    switch convolution.padding {
    case .same: outputSteps = (steps + convolution.stride.steps - 1) / convolution.stride.steps
    case .causal: outputSteps = (steps - 1) / convolution.stride.steps + 1
    case .zeros(let left, let right):
      let room = steps + left + right - convolution.span - 1
      outputSteps = room < 0 ? 0 : room / convolution.stride.steps + 1
    }
    guard outputSteps > 0 else {
      throw mismatch(layer, input, place, "at least \(convolution.span + 1) steps, padding included")
    }
    return .steps(outputSteps, bins: outputBins, channels: convolution.channels)
  }

  private func scaled(
    _ layer: LayerConfiguration, _ input: LayerShape, _ place: Sentence, _ steps: Int?, _ bins: Int, by factor: LayerExtent,
    channels: Int
  ) throws(Failure) -> LayerShape {
    let outputBins = LayerShapeChain.numbers(bins, factor.bins, 1)
    let outputSteps = LayerShapeChain.numbers(steps ?? 1, factor.steps, 1)
    guard let outputBins, let outputSteps, LayerShapeChain.numbers(outputBins, channels, 1) != nil else {
      throw Failure(
        .unsupported,
        "\(place) (\(layer.kind)) makes more than \(LayerShapeChain.maximumNumbers) numbers of \(input.text)")
    }
    return .steps(steps == nil ? nil : outputSteps, bins: outputBins, channels: channels)
  }

  /// The product; nil where it is more than a layer may give.
  static func numbers(_ a: Int, _ b: Int, _ c: Int) -> Int? {
    let (first, firstOverflow) = a.multipliedReportingOverflow(by: b)
    let (second, secondOverflow) = first.multipliedReportingOverflow(by: c)
    return firstOverflow || secondOverflow || second > maximumNumbers ? nil : second
  }

  private func refuseInDecoder(_ layer: LayerConfiguration, _ place: Sentence) throws(Failure) {
    if isDecoder { throw Failure(.format, "\(place) (\(layer.kind)) is a layer of encoders, and not of a decoder") }
  }

  private func inside(_ layer: LayerConfiguration, _ place: Sentence) -> Failure {
    Failure(.format, "\(place) (\(layer.kind)) cannot be part of a residual layer, which keeps the shape")
  }

  private func mismatch(
    _ layer: LayerConfiguration, _ input: LayerShape, _ place: Sentence, _ expected: Sentence
  ) -> Failure {
    Failure(.format, "\(place) (\(layer.kind)) is given \(input.text), expected \(expected)")
  }
}

extension DecoderConfiguration {
  /// The frames that it makes of h, of so many channels. Throws `format` where the layers do not chain, and names the layer.
  func output(conditionChannels: Int) throws(Failure) -> LayerShape {
    guard conditionChannels > 0 else {
      throw Failure(.format, "network.kind is \"decoder\", which decodes conditions, but there are none")
    }
    let chain = LayerShapeChain(conditionChannels: conditionChannels, isDecoder: true)
    let shape = try chain.output(of: layers, from: .vector(channels: conditionChannels), at: "network.layers")
    guard case .steps = shape else {
      throw Failure(.format, "network.layers end with \(shape.text), expected steps: a layer \"reshape\" is missing")
    }
    return shape
  }
}
