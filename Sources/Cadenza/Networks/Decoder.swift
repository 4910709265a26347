import CadenzaKernels

/// From the vector of the conditions to frames: a few layers over a vector, and a stack over steps. FORMAT.md states the equations.
///
/// A **tick** makes the frames that one step of `reshape` stands for: the few steps of each layer that they still need. The vector's
/// layers are run when the conditions have changed, at the beginning of a tick, and of the last of them only the rows of the steps that
/// the tick needs; so conditions that move change what follows. A tick falls into `unitCount` units of work of about the same
/// cost. Where a layer goes over all steps, there is one tick.
struct Decoder {
  /// Layers over the vector.
  private let vectorRun: LayerRun
  private let run: LayerRun
  /// The last dense layer, a matrix for each step; nil: the vector's last layer is sliced.
  private let rows: UnsafeMutablePointer<DecoderRows>?
  /// Numbers of a step of the source.
  private let width: Int
  private let conditionChannels: Int

  /// Whether there is one tick, which makes all.
  let isWhole: Bool
  /// Frames of a clip.
  let frameCount: Int
  let frameSize: Int
  /// Ticks of a clip, and frames of each but the last, which may have fewer.
  let tickCount: Int
  let framesPerTick: Int
  /// Units of work in a tick.
  let unitCount: Int
  private let units: UnsafeMutablePointer<Unit>

  /// Part of what a node does at a tick.
  private struct Unit: BitwiseCopyable {
    /// −1: the vector's layers.
    var node: Int32
    var slice: Int32
    var slices: Int32
  }

  /// A word: whether the vector's layers must be run.
  private let changedOffset: Int

  /// `codecNeedsAll`: frames turn into sound only when all of them are there.
  init(
    _ configuration: DecoderConfiguration, conditionChannels: Int, codecNeedsAll: Bool = false, tensors: inout TensorReader,
    arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    let layers = configuration.layers
    var reshape = 0
    for (index, layer) in layers.enumerated() {
      if case .reshape = layer { reshape = index }
    }
    let sliced = Decoder.lastDense(layers, before: reshape)
    self.conditionChannels = conditionChannels

    // The vector.
    var vectorPlan = LayerPlan(
      source: .vector(channels: conditionChannels), rate: nil, conditionChannels: conditionChannels, prefix: "")
    for index in 0..<(sliced ?? reshape) { try vectorPlan.append(layers[index], "layers.\(index)", tensors: &tensors) }
    let vectorStack = try LayerStack(vectorPlan, arena: &arena)
    vectorRun = LayerRun(
      vectorStack, vectorPlan, totals: [Int](repeating: 1, count: vectorPlan.nodes.count), isWhole: true, arena: &arena,
      layout: &layout)

    // Its steps.
    guard case .reshape(let steps, let bins, let channels) = layers[reshape] else {
      throw Failure(.format, "network.layers have no layer \"reshape\"")
    }
    width = bins * channels
    var sourceCost = width
    if let sliced {
      var plan = LayerPlan(
        source: vectorPlan.output.shape, rate: nil, conditionChannels: conditionChannels, prefix: "")
      for index in sliced..<reshape { try plan.append(layers[index], "layers.\(index)", tensors: &tensors) }
      guard let product = plan.output.product, plan.output.finishes.isEmpty else {
        throw Failure(.format, "network.layers[\(sliced)] is no dense layer")
      }
      let packed = try product.packSteps(width: width, steps: steps, arena: &arena)
      let place = arena.take(DecoderRows.self, count: 1)
      if !arena.isMeasuring { place.initialize(to: packed) }
      rows = place
      sourceCost = RowOrder.padded(width) * vectorPlan.output.shape.channels
    } else {
      rows = nil
    }

    // The stack.
    var plan = LayerPlan(
      source: .steps(steps, bins: bins, channels: channels), rate: 1, conditionChannels: conditionChannels, prefix: "")
    for index in (reshape + 1)..<max(reshape + 1, layers.count) {
      try plan.append(layers[index], "layers.\(index)", tensors: &tensors)
    }
    let stack = try LayerStack(plan, arena: &arena)
    isWhole = stack.needsAll || codecNeedsAll
    run = LayerRun(
      stack, plan, totals: plan.nodes.map { $0.shape.steps ?? 1 }, isWhole: isWhole, arena: &arena, layout: &layout)
    changedOffset = layout.take(1)
    frameCount = plan.output.shape.steps ?? 1
    frameSize = plan.output.shape.width
    tickCount = run.tickCount
    framesPerTick = isWhole ? frameCount : min(frameCount, plan.output.rate ?? frameCount)

    // Units.
    var costs = arena.isMeasuring ? [] : (0..<stack.nodeCount).map { stack.nodes[$0].cost }
    if arena.isMeasuring { costs = plan.nodes.map { _ in 0 } }
    costs[0] = sourceCost
    let allAtOnce = isWhole
    let slices = plan.nodes.map { node in
      allAtOnce || node.rate == nil ? 1 : max(1, min(64, StateLayout.product(node.rate ?? 1, node.shape.bins) / 4))
    }
    // As many units as there may be: which of them there are depends on costs, and those on what is packed.
    units = arena.take(Unit.self, count: 1 + slices.reduce(0, +))
    guard !arena.isMeasuring else {
      unitCount = 1
      return
    }
    var total = 0
    for (index, node) in plan.nodes.enumerated() { total += StateLayout.product(costs[index], node.rate ?? 1) }
    let share = max(Decoder.unitCost, total / 64)
    units[0] = Unit(node: -1, slice: 0, slices: 1)
    var count = 1
    for (index, node) in plan.nodes.enumerated() {
      let wanted = StateLayout.product(costs[index], node.rate ?? 1) / share + 1
      let parts = min(wanted, slices[index])
      for slice in 0..<parts {
        units[count] = Unit(node: Int32(index), slice: Int32(slice), slices: Int32(parts))
        count += 1
      }
    }
    unitCount = count
  }

  /// Multiplications that a unit need not be smaller than: about a microsecond.
  private static let unitCost = 16_384

  /// The dense layer whose rows can be made step by step: between it and `reshape` there is nothing but what is part of its product.
  private static func lastDense(_ layers: [LayerConfiguration], before reshape: Int) -> Int? {
    var index = reshape - 1
    if index >= 0, case .activation = layers[index] { index -= 1 }
    while index >= 0, case .normalization(.batch) = layers[index] { index -= 1 }
    guard index >= 0, case .dense = layers[index] else { return nil }
    return index
  }

  // MARK: Ticks

  /// Makes the state the beginning of a clip.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) { run.begin(state) }

  /// Begins a tick under the conditions of now: `h` where they have changed since the tick before.
  @_noLocks
  func start(
    _ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>?, _ kernels: UnsafePointer<ck_kernels>
  ) {
    guard let h else {
      state[changedOffset] = 0
      return
    }
    state[changedOffset] = 1
    // What is done with it is work for the units; the host may change it meanwhile.
    ck_copy(state + run.hOffset, h, conditionChannels * 4)
    vectorRun.begin(state)
    vectorRun.prepare(state, 0, tick: 0)
    ck_copy(vectorRun.source(state, 0), h, conditionChannels * 4)
  }

  /// One of the units 0 ..< `unitCount` of a tick, which go in order.
  @_noLocks
  func work(_ state: UnsafeMutablePointer<Float>, tick: Int, unit: Int, _ kernels: UnsafePointer<ck_kernels>) {
    let part = units[unit]
    let index = Int(part.node)
    if index < 0 {
      if state[changedOffset] != 0 { makeVector(state, kernels) }
      return
    }
    if part.slice == 0 {
      run.prepare(state, index, tick: tick)
      if index == 0 { makeSource(state, tick, kernels) }
    }
    run.make(state, index, tick: tick, slice: Int(part.slice), of: Int(part.slices), kernels)
  }

  @_noLocks
  private func makeVector(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    let h = state + run.hOffset
    run.conditionProducts(state, h, kernels)
    vectorRun.condition(state, h, kernels)
    for index in 0..<vectorRun.stack.nodeCount {
      if index > 0 { vectorRun.prepare(state, index, tick: 0) }
      vectorRun.make(state, index, tick: 0, slice: 0, of: 1, kernels)
    }
  }

  /// The steps of the vector that the tick needs.
  @_noLocks
  private func makeSource(_ state: UnsafeMutablePointer<Float>, _ tick: Int, _ kernels: UnsafePointer<ck_kernels>) {
    let from = run.paces[0].steps(after: tick - 1)
    let to = run.paces[0].steps(after: tick)
    let vector = vectorRun.output(state, 0)
    for step in from..<max(from, to) {
      let target = run.source(state, step)
      if let rows {
        rows.pointee.make(step, of: vector, to: target, kernels)
      } else {
        ck_copy(target, vector + step * width, width * 4)
      }
    }
  }

  /// Copies the frames of a tick that is done; how many they are.
  @_noLocks
  func copyFrames(_ state: UnsafeMutablePointer<Float>, tick: Int, to frames: UnsafeMutablePointer<Float>) -> Int {
    let last = run.paces + (run.stack.nodeCount - 1)
    let from = last.pointee.steps(after: tick - 1)
    let to = last.pointee.steps(after: tick)
    for step in from..<max(from, to) {
      ck_copy(frames + (step - from) * frameSize, run.output(state, step), frameSize * 4)
    }
    return max(0, to - from)
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int { run.savedCount * 4 }

  /// Writes what the ticks after `tick`, which is done, need.
  func save(_ state: UnsafeMutablePointer<Float>, after tick: Int, _ writer: inout ByteWriter) {
    run.save(state, after: tick, &writer)
  }

  func load(_ state: UnsafeMutablePointer<Float>, after tick: Int, _ reader: inout ByteReader) {
    run.begin(state)
    run.load(state, after: tick, &reader)
  }
}

/// A dense layer whose outputs are the steps of a clip: for each step its rows.
struct DecoderRows: BitwiseCopyable {
  var weights: UnsafeMutablePointer<UInt8>
  /// Bytes from one step's matrix to the next one's.
  var stride: Int
  var biases: UnsafeMutablePointer<Float>
  /// 0: the one run begins with the vector.
  var offsets: UnsafeMutablePointer<Int64>
  /// Numbers of a step, and in whole panels.
  var width: Int
  var order: Int
  var columns: Int
  var elementType: Int32
  var activation: Int32
  var slope: Float

  /// Writes the numbers of a step.
  @_noLocks
  func make(
    _ step: Int, of vector: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    var convolution = ck_convolution(
      matrix: ck_matrix(
        weights: weights + step * stride, rows: Int32(truncatingIfNeeded: order),
        columns: Int32(truncatingIfNeeded: columns), element_type: elementType, reserved: 0),
      offsets: offsets, bias: biases + step * order, runs: 1, run_length: Int32(truncatingIfNeeded: columns),
      outputs: Int32(truncatingIfNeeded: width), activation: activation, slope: slope, reserved: 0)
    ck_convolve(kernels, &convolution, vector, 0, 1, target, 0)
  }
}
