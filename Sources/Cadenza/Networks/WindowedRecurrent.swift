import CadenzaKernels

/// A stack of LSTM and GRU layers that remembers elements instead of states: every prediction is made anew, from the initial states
/// over the last W elements. So layers may also run from the newest element to the oldest one. FORMAT.md states the equations.
///
/// That is W times the work of a network that remembers, in as many units as there are elements in all directions of all layers. One
/// direction of a layer runs over the whole window before the next begins: its products with its inputs can then be made for
/// several elements at once, and its recurrent weights stay in the cache.
///
/// All elements of the window are heard under the conditions of now.
struct WindowedRecurrent {
  /// Layer by layer from below, forward before backward.
  private var directions: UnsafeMutablePointer<WindowedDirection>
  private var directionCount: Int
  private var window: Int
  private var inputs: FieldInputs
  private var predictions: UnsafeMutablePointer<FieldPrediction>
  private var firstInputIsZeros: Bool
  /// What reads frames, in slices, for all directions of layer 0; nil: elements are no frames.
  private var frameInput: SlicedProduct?
  /// Of all places before there was an element: what layer 0 makes of the frame that step 0 is fed.
  private var firstProducts: UnsafeMutablePointer<Float>
  private var head: SlicedProduct
  private var headBias: UnsafeMutablePointer<Float>

  // Offsets into the state.
  /// A ring of the last `window` elements, a word for each field; of frames what layer 0's input weights make of them, in all
  /// directions: a frame is read once, and not at every step that it is in the window.
  private var elementsOffset: Int
  /// Words of an element.
  private var elementWidth: Int
  /// The ring's oldest place, an Int32.
  private var oldestOffset: Int
  private var predictionOffset: Int
  /// What the head reads.
  private var summaryOffset: Int
  /// An Int32: 1 until the first step, 0 from then on.
  private var freshOffset: Int

  init(
    _ configuration: RecurrentConfiguration, window: Int, conditionChannels: Int, firstFrame: UnsafePointer<Float>?,
    tensors: inout TensorReader, arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    self.window = window
    firstInputIsZeros = configuration.firstInput == .zeros
    let embeddings = try FieldInputs.Embeddings(configuration, tensors: &tensors)
    var sources: [WindowedDirection.Source] = []
    let inputChannels = configuration.inputFields.reduce(0) { $0 + $1.channels }
    var below = inputChannels + conditionChannels
    for (index, layer) in configuration.layers.enumerated() {
      for isBackward in layer.isBidirectional ? [false, true] : [false] {
        let place: Sentence = isBackward ? "layers.\(index).backward" : "layers.\(index)"
        let tensors = try RecurrentLayer.Source(
          layer, at: place, inputChannels: below, biases: configuration.layerBiases,
          initialStates: configuration.initialStates, conditionChannels: conditionChannels, tensors: &tensors)
        sources.append(
          WindowedDirection.Source(tensors: tensors, layer: index, isBackward: isBackward, outputChannels: layer.outputChannels)
        )
      }
      below = layer.outputChannels
    }
    let head = try RecurrentHead(configuration, channels: below, tensors: &tensors)
    guard let first = sources.first else { throw Failure(.format, "network.layers is empty, expected one layer or more") }

    if let channels = configuration.inputFrameChannels {
      var lowest: [(tensor: Tensor, order: [Int?])] = []
      for source in sources where source.layer == 0 {
        lowest.append((tensor: source.tensors.inputWeight, order: source.tensors.order))
      }
      let product = SlicedProduct(lowest, columns: channels, arena: &arena)
      frameInput = product
      elementWidth = product.rows
      firstProducts = arena.take(Float.self, count: product.rows)
      if let firstFrame, !arena.isMeasuring {
        // The same kernel as at run time.
        let kernels: UnsafePointer<ck_kernels> = ck_kernels_choose()
        for index in 0..<product.count { product.work(index, firstFrame, start: nil, to: firstProducts, kernels) }
      }
    } else {
      elementWidth = configuration.inputFields.count
      firstProducts = arena.take(Float.self, count: 0)
    }
    elementsOffset = layout.take(StateLayout.product(window, elementWidth))
    oldestOffset = layout.take(1)
    predictionOffset = layout.take(head.order.count)
    layout.beginScratch()
    let scratch = WindowedDirection.Scratch(sources, window: window, layout: &layout)
    summaryOffset = scratch.summary
    freshOffset = layout.take(1)

    let firstInputs = try FieldInputs(
      configuration, weight: first.tensors.inputWeight, order: first.tensors.order, embeddings: embeddings, arena: &arena)
    inputs = firstInputs
    directionCount = sources.count
    directions = arena.take(WindowedDirection.self, count: directionCount)
    for (index, source) in sources.enumerated() {
      var elements: FieldInputs?
      if source.layer == 0 {
        elements =
          index == 0
          ? firstInputs
          : try FieldInputs(
            configuration, weight: source.tensors.inputWeight, order: source.tensors.order, embeddings: embeddings,
            arena: &arena)
      }
      // A frame's products with the backward direction's weights follow those with the forward direction's.
      let products = frameInput == nil ? nil : (offset: index * first.tensors.order.count, stride: elementWidth)
      let direction = WindowedDirection(
        source, elements: elements, products: products, conditionChannels: conditionChannels, window: window,
        isLast: source.layer == configuration.layers.count - 1, scratch: scratch, arena: &arena, layout: &layout)
      if !arena.isMeasuring { (directions + index).initialize(to: direction) }
    }
    self.head = SlicedProduct([(head.weight, head.order)], columns: below, arena: &arena)
    headBias = arena.take(head.bias, order: head.order)
    predictions = head.predictions(&arena)
  }

  var fieldCount: Int {
    @_noLocks get { inputs.count }
  }

  @_noLocks
  func field(_ index: Int) -> FieldPrediction { predictions[index] }

  /// Reading a frame, a step of each direction over each element, and the head.
  var unitCount: Int {
    @_noLocks get { hearingUnitCount + directionCount * window + head.count }
  }

  /// Units after which the step's element has been heard, and only its prediction is left to make.
  var hearingUnitCount: Int {
    @_noLocks get { frameInput?.count ?? 0 }
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>, _ first: UnsafePointer<Element>) {
    for place in 0..<window {
      let words = state + elementsOffset + place * elementWidth
      if frameInput != nil {
        ck_copy(words, firstProducts, elementWidth * 4)
      } else if firstInputIsZeros {
        inputs.storeZeros(to: words)
      } else {
        inputs.store(first, to: words)
      }
    }
    for index in 0..<directionCount { (directions + index).pointee.begin(state) }
    fresh(state).pointee = 1
  }

  @_noLocks
  private func fresh(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(state + freshOffset).assumingMemoryBound(to: Int32.self)
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    for index in 0..<directionCount { (directions + index).pointee.condition(state, h, kernels) }
  }

  @_noLocks
  func feed(_ state: UnsafeMutablePointer<Float>, _ element: Element, _ kernels: UnsafePointer<ck_kernels>) {
    var element = element
    start(state, &element)
    for unit in 0..<unitCount { work(state, unit, frame: nil, kernels) }
  }

  @_noLocks
  func start(_ state: UnsafeMutablePointer<Float>, _ elements: UnsafePointer<Element>) {
    let oldest = oldest(state)
    let words = state + elementsOffset + Int(oldest.pointee) * elementWidth
    // (A frame is read in units.)
    if frameInput == nil {
      if firstInputIsZeros && fresh(state).pointee == 1 {
        inputs.storeZeros(to: words)
      } else {
        inputs.store(elements, to: words)
      }
    }
    fresh(state).pointee = 0
    let next = Int(oldest.pointee) + 1
    oldest.pointee = next == window ? 0 : Int32(truncatingIfNeeded: next)
  }

  @_noLocks
  func work(
    _ state: UnsafeMutablePointer<Float>, _ unit: Int, frame: UnsafePointer<Float>?, _ kernels: UnsafePointer<ck_kernels>
  ) {
    if unit < hearingUnitCount {
      guard let frame else { return }
      let oldest = Int(oldest(state).pointee)
      let newest = oldest == 0 ? window - 1 : oldest - 1
      frameInput?.work(unit, frame, start: nil, to: state + elementsOffset + newest * elementWidth, kernels)
      return
    }
    let step = unit - hearingUnitCount
    let index = step / window
    if index >= directionCount {
      head.work(
        step - directionCount * window, state + summaryOffset, start: headBias, to: state + predictionOffset, kernels)
      return
    }
    (directions + index).pointee.work(
      state, step: step - index * window, elements: state + elementsOffset, oldest: Int(oldest(state).pointee), kernels)
  }

  @_noLocks
  func predict(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> { state + predictionOffset }

  @_noLocks
  private func oldest(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(state + oldestOffset).assumingMemoryBound(to: Int32.self)
  }

  /// Whether the saved part of a state can be one: its elements, and where the ring begins.
  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    guard saved[oldestOffset].bitPattern < UInt32(window) else { return false }
    for place in 0..<window {
      let words = saved + elementsOffset + place * elementWidth
      guard frameInput != nil else {
        if !inputs.accepts(words, orZeros: firstInputIsZeros) { return false }
        continue
      }
      for index in 0..<elementWidth where !words[index].isFinite { return false }
    }
    return true
  }

  /// Sets what conditions do not, after a state of `time` steps was loaded.
  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    fresh(state).pointee = time == 0 ? 1 : 0
    for index in 0..<directionCount { (directions + index).pointee.begin(state) }
  }
}
