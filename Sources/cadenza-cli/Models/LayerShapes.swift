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
    /// Numbers of each that one sample reads, biases aside.
    let numbersRead: Int

    /// `reads` nil: all of it.
    init(_ name: String, _ shape: [Int], count: Int = 1, bias: Bool, reads: Int? = nil) {
      self.name = name
      self.shape = shape
      self.count = count
      self.bias = bias
      numbersRead = reads ?? shape.reduce(1, *)
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
    }
    self.rows = rows
  }

  /// Bytes of weights that one sample reads, where a weight takes `bytesPerWeight`. Biases take 4 in memory.
  func bytesPerSample(bytesPerWeight: Int) -> Int {
    rows.reduce(0) { $0 + $1.count * ($1.numbersRead * bytesPerWeight + ($1.bias ? $1.shape[0] * 4 : 0)) }
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
    let vocabulary = network.vocabularySize ?? 0
    var width: Int
    var columnsRead: Int?
    switch network.input {
    case .embedding(let columns):
      rows.append(Row("input.embedding", [vocabulary, columns], bias: false, reads: columns))
      width = columns + channels
    case .oneHot:
      width = vocabulary + channels
      columnsRead = 1 + channels
    case .vector(let columns):
      width = columns + channels
    }
    for (index, layer) in network.layers.enumerated() {
      let height = (layer.cell == .lstm ? 4 : 3) * layer.channels
      rows.append(
        Row("layers.\(index).input", [height, width], bias: network.layerBiases, reads: columnsRead.map { $0 * height }))
      rows.append(Row("layers.\(index).recurrent", [height, layer.channels], bias: network.layerBiases))
      width = layer.channels
      columnsRead = nil
    }
    switch network.head {
    case .softmax: rows.append(Row("head", [vocabulary, width], bias: network.headBias))
    case .linear(let outputs): rows.append(Row("head", [outputs, width], bias: network.headBias))
    }
    return rows
  }
}
