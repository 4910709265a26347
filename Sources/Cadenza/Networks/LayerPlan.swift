import CadenzaKernels

/// A stack of layers while it is built: nodes that know one another, before weights are packed.
struct LayerPlan {
  /// What will be one `LayerNode`.
  struct Node {
    var operation: LayerNode.Operation
    var input: Int
    var addend = -1
    var shape: LayerShape
    var product: LayerProduct?
    var finishes: [Finish] = []
    /// Steps a tick; nil: the stack is only run whole.
    var rate: Int?
    var group = 1
    var advance = 1
    var low = 0
    var high = 1
    /// Whether something that reads it later needs it as it is.
    var isShared = false
    var padBelow = 0
    var padAbove = 0
  }

  enum Finish {
    case activation(LayerConfiguration.Activation)
    case affine(scale: [Float], shift: [Float])
    case layerNorm(weight: Tensor, bias: Tensor)
    case pixelNorm
    case instanceNorm(weight: Tensor, bias: Tensor)
    case condition(index: Int, isModulating: Bool)
    case addend
  }

  /// W h + b.
  struct ConditionProduct {
    var weight: Tensor
    var bias: Tensor
  }

  private(set) var nodes: [Node]
  private(set) var conditions: [ConditionProduct] = []
  let conditionChannels: Int
  /// Where tensors' names begin: "", "encoder.".
  let prefix: Sentence

  /// Begins with a source of this shape, so many steps of which come at each tick.
  init(source: LayerShape, rate: Int?, conditionChannels: Int, prefix: Sentence) {
    nodes = [Node(operation: .source, input: -1, shape: source, rate: rate)]
    self.conditionChannels = conditionChannels
    self.prefix = prefix
  }

  /// The node that has what the layers so far give.
  private(set) var last = 0

  var output: Node { nodes[last] }

  /// Adds a layer, whose tensors' names begin with `name`: the shapes chain. Takes its tensors.
  mutating func append(_ layer: LayerConfiguration, _ name: Sentence, tensors: inout TensorReader) throws(Failure) {
    let input = nodes[last].shape
    switch layer {
    case .dense(let channels, let bias):
      let product = try LayerProduct(
        dense: channels, bias: bias, inputs: input.channels, at: "\(prefix)\(name)", tensors: &tensors)
      append(product, .vector(channels: channels))
    case .convolution(let convolution):
      let product = try LayerProduct(
        convolution, bins: input.bins, channels: input.channels, at: "\(prefix)\(name)", tensors: &tensors)
      append(product, try shape(layer, input))
    case .transposedConvolution(let convolution):
      let product = try LayerProduct(
        convolution, bins: input.bins, channels: input.channels, at: "\(prefix)\(name)", tensors: &tensors)
      append(product, try shape(layer, input))
    case .upsample(let factor, let isLinear):
      var node = Node(
        operation: isLinear
          ? .linear(steps: Int32(factor.steps), bins: Int32(factor.bins))
          : .nearest(steps: Int32(factor.steps), bins: Int32(factor.bins)),
        input: last, shape: try shape(layer, input))
      node.group = factor.steps
      node.rate = nodes[last].rate.map { StateLayout.product($0, factor.steps) }
      if isLinear && factor.steps > 1 { (node.low, node.high) = (-1, 2) }
      add(node)
    case .pool(let size, let isMaximum):
      var node = Node(operation: .pool(size: Int32(size), isMaximum: isMaximum), input: last, shape: try shape(layer, input))
      (node.advance, node.high) = (size, size)
      add(node)
    case .flatten: add(Node(operation: .flatten, input: last, shape: try shape(layer, input)))
    case .reshape: throw Failure(.format, "\(prefix)\(name) (reshape) is not where a decoder's vector becomes steps")
    case .residual(let layers, let hasShortcut):
      try append(residual: layers, hasShortcut: hasShortcut, name, tensors: &tensors)
    case .normalization(let normalization): try append(normalization, name, tensors: &tensors)
    case .activation(let activation):
      let node = nodes[last]
      if !node.isShared, node.finishes.isEmpty, node.product?.activation == nil, node.product != nil {
        nodes[last].product?.activation = activation
      } else {
        finish(.activation(activation))
      }
    case .condition(let mode): try append(mode, name, tensors: &tensors)
    }
  }

  private func shape(_ layer: LayerConfiguration, _ input: LayerShape) throws(Failure) -> LayerShape {
    let chain = LayerShapeChain(conditionChannels: conditionChannels, isDecoder: false)
    return try chain.output(of: layer, from: input, at: "a layer", isInside: false)
  }

  private mutating func add(_ node: Node) {
    nodes.append(node)
    last = nodes.count - 1
  }

  private mutating func append(_ product: LayerProduct, _ shape: LayerShape) {
    var product = product
    product.chooseGrouping(rate: nodes[last].rate)
    var node = Node(operation: .convolution, input: last, shape: shape)
    node.group = product.groupSteps
    node.advance = product.advance
    (node.low, node.high) = (product.low, product.high)
    node.rate = nodes[last].rate.map { StateLayout.product($0, product.upsampling) }
    node.product = product
    add(node)
  }

  /// Something done in place, or on a copy where others need what there is.
  private mutating func finish(_ finish: Finish) {
    if nodes[last].isShared {
      var node = Node(operation: .copy, input: last, shape: nodes[last].shape)
      node.rate = nodes[last].rate
      add(node)
    }
    nodes[last].finishes.append(finish)
  }

  private mutating func append(
    residual layers: [LayerConfiguration], hasShortcut: Bool, _ name: Sentence, tensors: inout TensorReader
  ) throws(Failure) {
    let input = last
    let wasShared = nodes[input].isShared
    nodes[input].isShared = true
    for (index, layer) in layers.enumerated() { try append(layer, "\(name).layers.\(index)", tensors: &tensors) }
    // Layers that add nothing of their own end where they began.
    if last == input {
      var copy = Node(operation: .copy, input: last, shape: nodes[last].shape)
      copy.rate = nodes[last].rate
      add(copy)
    }
    let inner = last
    var addend = input
    if hasShortcut {
      var isVector = false
      if case .vector = nodes[input].shape { isVector = true }
      let product = try LayerProduct(
        shortcut: nodes[inner].shape.channels, inputs: nodes[input].shape.channels, bins: nodes[input].shape.bins,
        isVector: isVector, at: "\(prefix)\(name).shortcut", tensors: &tensors)
      last = input
      append(product, nodes[inner].shape)
      addend = last
      // Nodes are run in their order: what adds must come behind what it adds.
      var node = Node(operation: .copy, input: inner, shape: nodes[inner].shape)
      node.rate = nodes[inner].rate
      add(node)
    }
    nodes[input].isShared = wasShared
    nodes[last].addend = addend
    nodes[last].finishes.append(.addend)
  }

  private mutating func append(
    _ normalization: LayerConfiguration.Normalization, _ name: Sentence, tensors: inout TensorReader
  ) throws(Failure) {
    let channels = nodes[last].shape.channels
    let place: Sentence = "\(prefix)\(name)"
    switch normalization {
    case .pixel: finish(.pixelNorm)
    case .layer, .instance:
      let weight = try tensors.take("\(place).weight", shape: [channels])
      let bias = try tensors.take("\(place).bias", shape: [channels])
      if case .layer = normalization {
        finish(.layerNorm(weight: weight, bias: bias))
      } else {
        finish(.instanceNorm(weight: weight, bias: bias))
      }
    case .batch:
      let weight = try tensors.take("\(place).weight", shape: [channels])
      let bias = try tensors.take("\(place).bias", shape: [channels])
      let mean = try tensors.take("\(place).mean", shape: [channels])
      let variance = try tensors.take("\(place).variance", shape: [channels])
      var scale: [Double] = []
      var shift: [Double] = []
      for channel in 0..<channels {
        let value = Double(variance.value(at: channel))
        guard value >= 0 else {
          throw Failure(.format, "tensor \"\(place).variance\" holds a number below 0, at index \(channel)")
        }
        let factor = Double(weight.value(at: channel)) / ck_square_root(value + 1e-5)
        scale.append(factor)
        shift.append(Double(bias.value(at: channel)) - Double(mean.value(at: channel)) * factor)
      }
      let node = nodes[last]
      if !node.isShared, node.finishes.isEmpty, let product = node.product, product.activation == nil {
        nodes[last].product?.fold(scale: scale, shift: shift)
      } else {
        finish(.affine(scale: scale.map { Float($0) }, shift: shift.map { Float($0) }))
      }
    }
  }

  private mutating func append(
    _ mode: LayerConfiguration.ConditionMode, _ name: Sentence, tensors: inout TensorReader
  ) throws(Failure) {
    let shape = nodes[last].shape
    switch mode {
    case .concatenate:
      var node = Node(
        operation: .concatenate, input: last, shape: shape.with(channels: shape.channels + conditionChannels))
      node.rate = nodes[last].rate
      add(node)
    case .add, .modulate:
      var rows = shape.channels
      if case .modulate = mode { rows *= 2 }
      let weight = try tensors.take("\(prefix)\(name).weight", shape: [rows, conditionChannels])
      let bias = try tensors.take("\(prefix)\(name).bias", shape: [rows])
      conditions.append(ConditionProduct(weight: weight, bias: bias))
      finish(.condition(index: conditions.count - 1, isModulating: rows != shape.channels))
    }
  }

  /// How many bins of zeros each node needs before and behind its own, as its readers see them.
  mutating func padBins() {
    for node in nodes {
      guard node.input >= 0, let product = node.product else { continue }
      nodes[node.input].padBelow = max(nodes[node.input].padBelow, product.binsBelow)
      nodes[node.input].padAbove = max(nodes[node.input].padAbove, product.binsAbove)
    }
  }
}
