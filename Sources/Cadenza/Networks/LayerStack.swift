import CadenzaKernels

/// A stack of convolutions and what goes between them, over steps of bins of channels. FORMAT.md states the equations.
///
/// It is run by a `LayerRun`: as a stream, a few steps at each tick, or whole; both give the same bits. In one dimension a step has one
/// bin; a vector is one step.
struct LayerStack {
  let nodes: UnsafeMutablePointer<LayerNode>
  let nodeCount: Int
  /// W h + b of the layers that know the conditions.
  let conditions: UnsafeMutablePointer<ConditionProduct>
  let conditionCount: Int
  let conditionChannels: Int
  /// Steps that the source has at a tick, and those of the last node; 0: the stack is only run whole.
  let outputRate: Int
  /// Whether a layer goes over all steps.
  let needsAll: Bool

  struct ConditionProduct: BitwiseCopyable {
    var weight: UnsafeMutablePointer<ck_matrix>
    var bias: UnsafeMutablePointer<Float>
    /// Outputs, in whole panels, and where they begin behind those of other products.
    var count: Int
    var offset: Int
  }

  /// Packs what a plan has.
  init(_ plan: LayerPlan, arena: inout Arena) throws(Failure) {
    var plan = plan
    plan.padBins()
    nodeCount = plan.nodes.count
    conditionChannels = plan.conditionChannels
    outputRate = plan.output.rate ?? 0
    nodes = arena.take(LayerNode.self, count: nodeCount)
    var needsAll = false
    for index in plan.nodes.indices {
      let node = try LayerStack.node(index, plan, arena: &arena)
      if !arena.isMeasuring { (nodes + index).initialize(to: node) }
      for finish in plan.nodes[index].finishes {
        if case .instanceNorm = finish { needsAll = true }
      }
    }
    self.needsAll = needsAll
    conditionCount = plan.conditions.count
    conditions = arena.take(ConditionProduct.self, count: conditionCount)
    var offset = 0
    for (index, condition) in plan.conditions.enumerated() {
      let order = RowOrder.plain(condition.bias.count)
      let weight = arena.pack([MatrixPart(condition.weight, rows: order)], columns: conditionChannels)
      let bias = arena.take(condition.bias, order: order)
      if !arena.isMeasuring {
        (conditions + index).initialize(
          to: ConditionProduct(weight: weight, bias: bias, count: order.count, offset: offset))
      }
      offset += order.count
    }
  }

  private static func node(_ index: Int, _ plan: LayerPlan, arena: inout Arena) throws(Failure) -> LayerNode {
    let source = plan.nodes[index]
    let channels = source.shape.channels
    let bins = source.shape.bins
    var readers: [Int] = []
    for (reader, other) in plan.nodes.enumerated() where other.input == index || other.addend == index {
      readers.append(reader)
    }
    let places = arena.take(Int32.self, count: readers.count)
    let finishes = arena.take(LayerNode.Finish.self, count: source.finishes.count)
    for (position, finish) in source.finishes.enumerated() {
      let value = LayerStack.finish(finish, arena: &arena)
      if !arena.isMeasuring { (finishes + position).initialize(to: value) }
    }
    if !arena.isMeasuring {
      for (position, reader) in readers.enumerated() { places[position] = Int32(reader) }
    }
    let parts = arena.take(LayerNode.Part.self, count: 0)
    var node = LayerNode(
      operation: source.operation, input: source.input, addend: source.addend, bins: bins, channels: channels,
      padBelow: source.padBelow, rowWidth: (source.padBelow + bins + source.padAbove) * channels, group: source.group,
      advance: source.advance, low: source.low, high: source.high, parts: parts, partCount: 0, isAlongBins: false,
      vectorsPerGroup: 1, inputStride: 0, outputStride: 0, finishes: finishes, finishCount: source.finishes.count,
      readers: places, readerCount: readers.count, cost: bins * channels)
    if let product = source.product {
      let input = plan.nodes[source.input]
      let width = (input.padBelow + input.shape.bins + input.padAbove) * input.shape.channels
      try product.pack(&node, inputWidth: width, inputPad: input.padBelow, arena: &arena)
    }
    return node
  }

  private static func finish(_ finish: LayerPlan.Finish, arena: inout Arena) -> LayerNode.Finish {
    switch finish {
    case .activation(let activation):
      var slope: Float = 0
      let code = activation.code(&slope)
      return .activation(code, slope: slope)
    case .affine(let scale, let shift):
      return .affine(scale: numbers(scale, arena: &arena), shift: numbers(shift, arena: &arena))
    case .layerNorm(let weight, let bias):
      let order = RowOrder.plain(weight.count)
      return .layerNorm(weight: arena.take(weight, order: order), bias: arena.take(bias, order: order))
    case .pixelNorm: return .pixelNorm
    case .instanceNorm(let weight, let bias):
      let order = RowOrder.plain(weight.count)
      return .instanceNorm(weight: arena.take(weight, order: order), bias: arena.take(bias, order: order))
    case .condition(let index, let isModulating):
      return isModulating ? .conditionModulate(Int32(index)) : .conditionAdd(Int32(index))
    case .addend: return .addend
    }
  }

  private static func numbers(_ values: [Float], arena: inout Arena) -> UnsafeMutablePointer<Float> {
    let place = arena.take(Float.self, count: values.count)
    if !arena.isMeasuring {
      for (index, value) in values.enumerated() { place[index] = value }
    }
    return place
  }

  /// Floats that all condition products give.
  func conditionOutputs(_ plan: LayerPlan) -> Int {
    plan.conditions.reduce(0) { $0 + RowOrder.padded($1.bias.count) }
  }
}
