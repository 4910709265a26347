import Cadenza

/// The shapes of a network's products, named as in FORMAT.md.
struct LayerShapes {
  struct Row {
    /// The tensor's name without `.weight`; `L` stands for every layer.
    let name: String
    let shape: [Int]
    /// How many tensors of that name and shape there are.
    let count: Int
    let bias: Bool
    /// Numbers of each that one sample reads, biases aside, each time it reads them.
    let numbersRead: Int
    /// How often it does: once for each element of a window.
    let passes: Int

    /// `reads` nil: all of it.
    init(_ name: String, _ shape: [Int], count: Int = 1, bias: Bool, reads: Int? = nil, passes: Int = 1) {
      self.name = name
      self.shape = shape
      self.count = count
      self.bias = bias
      numbersRead = reads ?? shape.reduce(1, *)
      self.passes = passes
    }
  }

  let rows: [Row]

  init(_ configuration: Configuration) {
    let channels = configuration.conditions.reduce(0) { $0 + $1.channels }
    var rows: [Row] = []
    for condition in configuration.conditions {
      if case .classes(_, .some(let columns)) = condition.kind {
        rows.append(Row("conditions.\(condition.name).embedding", [condition.size, columns], bias: false, reads: 0))
      }
    }
    switch configuration.network {
    case .waveNet(let network): rows += LayerShapes.waveNet(network, channels: channels)
    case .recurrent(let network): rows += LayerShapes.recurrent(network, channels: channels)
    case .transformer(let network): rows += LayerShapes.transformer(network, channels: channels)
    case .decoder(let network): rows += LayerShapes.decoder(network, channels: channels)
    }
    self.rows = rows
    if case .transformer(let network) = configuration.network {
      rememberedNumbersRead = 2 * network.layerCount * network.window * network.channels
    } else {
      rememberedNumbersRead = 0
    }
  }

  /// Numbers of its own past that one sample reads, in single precision, at a full window: a transformer's keys and values.
  let rememberedNumbersRead: Int

  /// Bytes of weights and of the past that one sample reads, where a weight takes `bytesPerWeight`. Biases take 4 in memory.
  func bytesPerSample(bytesPerWeight: Int) -> Int {
    rows.reduce(rememberedNumbersRead * 4) { $0 + $1.passes * LayerShapes.bytes($1, bytesPerWeight) }
  }

  /// The same, but what is read again and again counts once: the memory that a sample goes through.
  func footprint(bytesPerWeight: Int) -> Int {
    rows.reduce(rememberedNumbersRead * 4) { $0 + LayerShapes.bytes($1, bytesPerWeight) }
  }

  private static func bytes(_ row: Row, _ bytesPerWeight: Int) -> Int {
    row.count * (row.numbersRead * bytesPerWeight + (row.bias ? row.shape[0] * 4 : 0))
  }

  private static func waveNet(_ network: WaveNetConfiguration, channels: Int) -> [Row] {
    let r = network.residualChannels
    let d = network.gateChannels
    let s = network.skipChannels
    let h = network.headChannels
    let v = network.vocabularySize
    let layers = network.dilations.count
    var rows: [Row] = []
    switch network.input {
    case .embedding:
      rows.append(Row("input.embedding", [v, r], bias: false, reads: r))
    case .convolution(let taps):
      rows.append(Row("input.convolution", [r, v, taps], bias: network.inputBias, reads: r * taps))
    }
    rows.append(Row("layers.L.gate", [2 * d, r, network.kernelSize], count: layers, bias: network.gateBias))
    if channels > 0 {
      // The product is made when the condition changes; a sample reads the result.
      rows.append(Row("layers.L.condition", [2 * d, channels], count: layers, bias: false, reads: 2 * d))
    }
    rows.append(Row("layers.L.skip", [s, d], count: layers, bias: network.skipBias))
    if layers > 1 { rows.append(Row("layers.L.residual", [r, d], count: layers - 1, bias: network.residualBias)) }
    rows.append(Row("head.hidden", [h, s], bias: network.headBias))
    rows.append(Row("head.output", [v, h], bias: network.headBias))
    return rows
  }

  private static func recurrent(_ network: RecurrentConfiguration, channels: Int) -> [Row] {
    var rows: [Row] = []
    // A window is gone through anew for every prediction; products over several of its elements at once may read less often.
    let steps = network.window ?? 1
    // Of layer 0's columns, a one-hot field reads one.
    var width = channels
    var columnsRead = channels
    for (index, field) in network.inputFields.enumerated() {
      if case .embedding(let size, let columns) = field {
        var name = "input.embedding"
        if case .fields = network.input { name = "input.fields.\(index).embedding" }
        rows.append(Row(name, [size, columns], bias: false, reads: columns))
      }
      width += field.channels
      if case .oneHot = field { columnsRead += 1 } else { columnsRead += field.channels }
    }
    var isOfFrames = false
    if case .vector(let channels) = network.input { isOfFrames = channels > 1 }
    for (index, layer) in network.layers.enumerated() {
      let height = (layer.cell == .lstm ? 4 : 3) * layer.channels
      for place in layer.isBidirectional ? ["layers.\(index)", "layers.\(index).backward"] : ["layers.\(index)"] {
        rows.append(
          // A frame is read once, and not at every step that it is in the window.
          Row(
            "\(place).input", [height, width], bias: network.layerBiases, reads: columnsRead * height,
            passes: isOfFrames && index == 0 ? 1 : steps))
        rows.append(
          Row(
            "\(place).recurrent", [height, layer.channels], bias: network.layerBiases, passes: steps))
      }
      width = layer.outputChannels
      columnsRead = width
    }
    let outputs =
      switch network.head {
      case .softmax: network.vocabularySize ?? 0
      case .linear(let outputs, _): outputs
      case .fields(let fields): fields.reduce(0) { $0 + $1.size }
      }
    rows.append(Row("head", [outputs, width], bias: network.headBias))
    return rows
  }

  private static func decoder(_ network: DecoderConfiguration, channels: Int) -> [Row] {
    // A product is made for many samples at once: what one of them reads of it is next to nothing.
    network.products(conditionChannels: channels).map { Row($0.name, $0.shape, bias: $0.hasBias, reads: 0) }
  }

  private static func transformer(_ network: TransformerConfiguration, channels: Int) -> [Row] {
    let d = network.channels
    let f = network.feedforwardChannels
    let v = network.vocabularySize
    let layers = network.layerCount
    var rows = [Row("input.embedding", [v, d], bias: false, reads: d)]
    if case .learned(let count) = network.positions {
      rows.append(Row("input.position", [count, d], bias: false, reads: d))
    }
    // The product is made when the condition changes; a step reads the result.
    if channels > 0 { rows.append(Row("input.condition", [d, channels], bias: false, reads: d)) }
    rows.append(Row("layers.L.attention.normalization", [d], count: layers, bias: true))
    rows.append(Row("layers.L.attention.input", [3 * d, d], count: layers, bias: network.attentionBias))
    if case .relative = network.positions {
      rows.append(
        Row("layers.L.attention.relative", [network.heads, network.window, network.headChannels], count: layers, bias: false))
    }
    rows.append(Row("layers.L.attention.output", [d, d], count: layers, bias: network.attentionBias))
    rows.append(Row("layers.L.feedforward.normalization", [d], count: layers, bias: true))
    rows.append(Row("layers.L.feedforward.hidden", [f, d], count: layers, bias: network.feedforwardBias))
    rows.append(Row("layers.L.feedforward.output", [d, f], count: layers, bias: network.feedforwardBias))
    if network.normalization == .pre { rows.append(Row("head.normalization", [d], bias: true)) }
    rows.append(Row("head", [v, d], bias: network.headBias))
    return rows
  }
}
