import CadenzaKernels

/// A stack of LSTM and GRU layers with a softmax or linear head. FORMAT.md states the equations.
///
/// Everything that is multiplied with a layer's output h is stacked into one matrix: the layer's own recurrent weights, whose
/// product is needed at the next step, over the input weights of the layer above, or the head. So h is read once, the recurrent
/// product runs beside the other instead of after it, and when a step begins its recurrent part is done already.
struct Recurrent {
  private var layers: UnsafeMutablePointer<RecurrentLayer>
  private var layerCount: Int
  private var inputs: FieldInputs
  private var predictions: UnsafeMutablePointer<FieldPrediction>
  /// What reads frames, in slices; nil: elements are no frames.
  private var frameInput: SlicedProduct?
  /// What predicts frames, in slices; nil: the last layer's reader does.
  private var frameHead: SlicedProduct?
  private var frameHeadBias: UnsafeMutablePointer<Float>

  /// Condition columns of layer 0's input weights; nil: no conditions.
  private var conditionWeight: UnsafeMutablePointer<ck_matrix>?
  private var firstBias: UnsafeMutablePointer<Float>
  private var firstRows: Int
  private var firstInputIsZeros: Bool

  // Offsets into the state.
  /// Layer 0's W x + b + W_condition h.
  private var firstInputOffset: Int
  /// Layer 0's b + W_condition h.
  private var conditionedOffset: Int
  private var predictionOffset: Int
  /// An Int32 that alternates between 0 and 1.
  private var parityOffset: Int
  /// An Int32: 1 until the first step, 0 from then on.
  private var freshOffset: Int

  init(
    _ configuration: RecurrentConfiguration, conditionChannels: Int, tensors: inout TensorReader,
    arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    let embeddings = try FieldInputs.Embeddings(configuration, tensors: &tensors)

    // The tensors of all layers first: a layer's matrix also holds the input weights of the layer above.
    var sources: [RecurrentLayer.Source] = []
    var below = configuration.inputFields.reduce(0) { $0 + $1.channels } + conditionChannels
    for (index, layer) in configuration.layers.enumerated() {
      sources.append(
        try RecurrentLayer.Source(
          layer, at: "layers.\(index)", inputChannels: below, biases: configuration.layerBiases,
          initialStates: configuration.initialStates, conditionChannels: conditionChannels, tensors: &tensors))
      below = layer.channels
    }
    let head = try RecurrentHead(configuration, channels: below, tensors: &tensors)
    guard let first = sources.first else { throw Failure(.format, "network.layers is empty, expected one layer or more") }

    // Input of layer 0.
    let order = first.order
    firstRows = order.count
    firstInputIsZeros = configuration.firstInput == .zeros
    firstBias = arena.take(first.inputBias, order: order)
    inputs = try FieldInputs(configuration, weight: first.inputWeight, order: order, embeddings: embeddings, arena: &arena)
    if let channels = configuration.inputFrameChannels {
      frameInput = SlicedProduct([(first.inputWeight, order)], columns: channels, arena: &arena)
    }
    conditionWeight = inputs.conditionWeight(first.inputWeight, order: order, channels: conditionChannels, arena: &arena)

    // Layers, with what reads their outputs; saved state first.
    layerCount = sources.count
    layers = arena.take(RecurrentLayer.self, count: layerCount)
    predictionOffset = 0
    for (index, source) in sources.enumerated() {
      let reader: RecurrentLayer.Reader =
        index + 1 < sources.count
        ? .init(weight: sources[index + 1].inputWeight, bias: sources[index + 1].inputBias, order: sources[index + 1].order)
        : head.reader
      let layer = RecurrentLayer(source, reader: reader, arena: &arena, layout: &layout)
      if !arena.isMeasuring { (layers + index).initialize(to: layer) }
      predictionOffset = layer.readerOffset
    }
    predictions = head.predictions(&arena)
    frameHeadBias = arena.take(head.bias, order: head.isOfFrames ? head.order : [])
    if head.isOfFrames {
      frameHead = SlicedProduct([(head.weight, head.order)], columns: below, arena: &arena)
      predictionOffset = layout.take(head.order.count)
    }

    layout.beginScratch()
    firstInputOffset = layout.take(order.count)
    conditionedOffset = layout.take(order.count)
    parityOffset = layout.take(1)
    freshOffset = layout.take(1)
  }

  var fieldCount: Int {
    @_noLocks get { inputs.count }
  }

  @_noLocks
  func field(_ index: Int) -> FieldPrediction { predictions[index] }

  /// The layers; before and after them what reads and predicts frames.
  var unitCount: Int {
    @_noLocks get { inputUnitCount + layerCount + (frameHead?.count ?? 0) }
  }

  private var inputUnitCount: Int {
    @_noLocks get { frameInput?.count ?? 0 }
  }

  /// Units after which the step's element has been heard, and only its prediction is left to make.
  var hearingUnitCount: Int {
    @_noLocks get { inputUnitCount + layerCount }
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    for index in 0..<layerCount { (layers + index).pointee.begin(state, kernels) }
    if conditionWeight == nil { ck_copy(state + conditionedOffset, firstBias, firstRows * 4) }
    fresh(state).pointee = 1
  }

  @_noLocks @inline(__always)
  private func fresh(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(state + freshOffset).assumingMemoryBound(to: Int32.self)
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    guard let conditionWeight else { return }
    ck_product(kernels, conditionWeight, h, firstBias, nil, state + conditionedOffset)
    if fresh(state).pointee == 0 { return }
    for index in 0..<layerCount { (layers + index).pointee.beginFromConditions(state, h, kernels) }
  }

  @_noLocks @inline(__always)
  func feed(_ state: UnsafeMutablePointer<Float>, _ element: Element, _ kernels: UnsafePointer<ck_kernels>) {
    let first = state + firstInputOffset
    if firstInputIsZeros && fresh(state).pointee == 1 {
      ck_copy(first, state + conditionedOffset, firstRows * 4)
    } else {
      inputs.first.write(element, start: state + conditionedOffset, to: first, kernels)
    }
    fresh(state).pointee = 0
    let backwards = turn(state)
    var below = UnsafePointer(first)
    for index in 0..<layerCount {
      below = (layers + index).pointee.feed(state, below, backwards: backwards, kernels)
    }
  }

  @_noLocks
  func start(
    _ state: UnsafeMutablePointer<Float>, _ elements: UnsafePointer<Element>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    if firstInputIsZeros && fresh(state).pointee == 1 {
      ck_copy(state + firstInputOffset, state + conditionedOffset, firstRows * 4)
    } else {
      inputs.write(elements, start: state + conditionedOffset, to: state + firstInputOffset, kernels)
    }
    fresh(state).pointee = 0
    _ = turn(state)
  }

  @_noLocks
  func work(
    _ state: UnsafeMutablePointer<Float>, _ unit: Int, frame: UnsafePointer<Float>?, _ kernels: UnsafePointer<ck_kernels>
  ) {
    if unit < inputUnitCount {
      guard let frame else { return }
      let first = state + firstInputOffset
      frameInput?.work(unit, frame, start: first, to: first, kernels)
      return
    }
    let layer = unit - inputUnitCount
    if layer >= layerCount {
      let hidden = state + layers[layerCount - 1].hiddenOffset
      frameHead?.work(layer - layerCount, hidden, start: frameHeadBias, to: state + predictionOffset, kernels)
      return
    }
    let below = layer == 0 ? state + firstInputOffset : state + layers[layer - 1].readerOffset
    let parity = UnsafeMutableRawPointer(state + parityOffset).assumingMemoryBound(to: Int32.self)
    _ = (layers + layer).pointee.feed(state, below, backwards: parity.pointee, kernels)
  }

  /// Turns the direction in which weights are read, and returns it.
  @_noLocks @inline(__always)
  private func turn(_ state: UnsafeMutablePointer<Float>) -> Int32 {
    let parity = UnsafeMutableRawPointer(state + parityOffset).assumingMemoryBound(to: Int32.self)
    parity.pointee ^= 1
    return parity.pointee
  }

  @_noLocks
  func predict(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    state + predictionOffset
  }

  /// Sets what conditions do not, after a state of `time` steps was loaded.
  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    fresh(state).pointee = time == 0 ? 1 : 0
    if conditionWeight == nil { ck_copy(state + conditionedOffset, firstBias, firstRows * 4) }
  }
}
