import CadenzaKernels

/// A transformer (Vaswani et al. 2017), decoder only, with the relative attention of Music Transformer (Huang et al. 2018).
/// FORMAT.md states the equations; this file arranges them for one step at a time.
///
/// A step attends to a window of steps, whose keys and values wait in rings in the stream's state: it computes its own and reads
/// the others, so its cost does not depend on how long the stream has run. Keys lie as the weights of a packed matrix, slots of
/// the ring as its rows: all scores of a head are one product with its query, and so is the relative term, whose rows are the
/// tensor's.
struct Transformer {
  private var layers: UnsafeMutablePointer<TransformerLayer>
  private var layerCount: Int
  private var scratch: TransformerLayer.Scratch

  /// Row `token`.
  private var embedding: UnsafeMutablePointer<Float>
  private var position: Position
  private var conditionWeight: UnsafeMutablePointer<ck_matrix>?

  /// nil: normalised after each sublayer, so not once more at the end.
  private var headNormalization: (weight: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>)?
  private var head: UnsafeMutablePointer<ck_matrix>
  private var headBias: UnsafeMutablePointer<Float>

  private var vocabularySize: Int
  private var channels: Int
  /// In whole panels.
  private var size: Int

  // Offsets into the state.
  /// A UInt64: steps begun. The one at work is the last of them; its number, from 0, is one less.
  private var timeOffset: Int
  private var xOffset: Int
  /// W_condition h.
  private var conditionedOffset: Int
  private var logitsOffset: Int

  private enum Position {
    case relative
    /// Rows of the padded number of channels.
    case learned(UnsafeMutablePointer<Float>, count: Int)
    /// For each pair of channels its frequency over π.
    case sinusoidal(UnsafeMutablePointer<Double>)
  }

  init(
    _ configuration: TransformerConfiguration, conditionChannels: Int, tensors: inout TensorReader, arena: inout Arena,
    layout: inout StateLayout
  ) throws(Failure) {
    vocabularySize = configuration.vocabularySize
    channels = configuration.channels
    size = RowOrder.padded(channels)
    let plain = RowOrder.plain(channels)

    // Input.
    embedding = arena.takeRows(
      try tensors.take("input.embedding.weight", shape: [vocabularySize, channels]))
    switch configuration.positions {
    case .relative:
      position = .relative
    case .learned(let count):
      position = .learned(
        arena.takeRows(try tensors.take("input.position.weight", shape: [count, channels])), count: count)
    case .sinusoidal:
      let frequencies = arena.take(Double.self, count: (channels + 1) / 2)
      if !arena.isMeasuring {
        // 10000^(-2i / D).
        for index in 0..<((channels + 1) / 2) {
          let exponent = -2 * Double(index) / Double(channels) * ck_log(10_000)
          frequencies[index] = ck_exp_double(exponent) / Double.pi
        }
      }
      position = .sinusoidal(frequencies)
    }
    if conditionChannels > 0 {
      let weight = try tensors.take("input.condition.weight", shape: [channels, conditionChannels])
      conditionWeight = arena.pack([MatrixPart(weight, rows: plain)], columns: conditionChannels)
    }

    // Layers; their rings are the state that is saved.
    layerCount = configuration.layerCount
    layers = arena.take(TransformerLayer.self, count: layerCount)
    for index in 0..<layerCount {
      let source = try TransformerLayer.Source(configuration, index: index, tensors: &tensors)
      let layer = TransformerLayer(source, configuration, arena: &arena, layout: &layout)
      if !arena.isMeasuring { (layers + index).initialize(to: layer) }
    }

    // Head.
    if configuration.normalization == .pre {
      let weight = try tensors.take("head.normalization.weight", shape: [channels])
      let bias = try tensors.take("head.normalization.bias", shape: [channels])
      headNormalization = (arena.take(weight, order: plain), arena.take(bias, order: plain))
    }
    let outputs = RowOrder.plain(vocabularySize)
    let headWeight = try tensors.take("head.weight", shape: [vocabularySize, channels])
    let bias = configuration.headBias ? try tensors.take("head.bias", shape: [vocabularySize]) : nil
    headBias = arena.take(bias, order: outputs)
    head = arena.pack([MatrixPart(headWeight, rows: outputs)], columns: channels)

    layout.beginScratch()
    timeOffset = layout.take(2)
    xOffset = layout.take(size)
    conditionedOffset = layout.take(size)
    scratch = TransformerLayer.Scratch(configuration, layout: &layout)
    logitsOffset = layout.take(RowOrder.padded(vocabularySize))
  }

  var prediction: FieldPrediction {
    @_noLocks get { FieldPrediction(kind: .softmax(size: vocabularySize), offset: 0) }
  }

  @_noLocks @inline(__always)
  private func time(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt64> {
    UnsafeMutableRawPointer(state + timeOffset).assumingMemoryBound(to: UInt64.self)
  }

  /// Parts of a step behind `start`: its layers.
  var unitCount: Int {
    @_noLocks get { layerCount }
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    restore(state, time: 0)
  }

  /// The next step's number decides its slot in the rings, and its position.
  @_noLocks
  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    self.time(state).pointee = time
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    guard let conditionWeight else { return }
    ck_product(kernels, conditionWeight, h, nil, nil, state + conditionedOffset)
  }

  /// Begins the next step: x of layer 0.
  @_noLocks
  func start(_ state: UnsafeMutablePointer<Float>, _ token: Int, _ kernels: UnsafePointer<ck_kernels>) {
    let time = time(state).pointee
    self.time(state).pointee = time &+ 1
    let x = state + xOffset
    ck_copy(x, embedding + token * size, size * 4)
    switch position {
    case .relative:
      break
    case .learned(let rows, let count):
      ck_add(kernels, rows + Int(truncatingIfNeeded: time % UInt64(count)) * size, x, size)
    case .sinusoidal(let frequencies):
      // Within what ck_sine_of_pi takes; only the time of a forged state is larger. cos(a) = sin(a + π / 2).
      let step = Double(time & ((1 << 50) - 1))
      for channel in 0..<channels {
        let quarter = channel & 1 == 0 ? 0 : 0.5
        x[channel] += Float(ck_sine_of_pi(step * frequencies[channel >> 1] + quarter))
      }
    }
    if conditionWeight != nil { ck_add(kernels, state + conditionedOffset, x, size) }
  }

  /// Layer `unit` of the step that was started.
  @_noLocks
  func work(_ state: UnsafeMutablePointer<Float>, _ unit: Int, _ kernels: UnsafePointer<ck_kernels>) {
    (layers + unit).pointee.work(state, state + xOffset, scratch, time: time(state).pointee &- 1, kernels)
  }

  @_noLocks
  func feed(_ state: UnsafeMutablePointer<Float>, _ token: Int, _ kernels: UnsafePointer<ck_kernels>) {
    start(state, token, kernels)
    for unit in 0..<layerCount { work(state, unit, kernels) }
  }

  @_noLocks
  func predict(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) -> UnsafeMutablePointer<Float> {
    let logits = state + logitsOffset
    var x = state + xOffset
    if let headNormalization {
      let input = state + scratch.input
      ck_normalize(kernels, x, headNormalization.weight, headNormalization.bias, channels, input)
      x = input
    }
    ck_product(kernels, head, x, nil, headBias, logits)
    return logits
  }
}

extension TransformerConfiguration {
  /// Steps of the past that a prediction can depend on: every layer reaches `window` - 1 steps further back.
  public var receptiveField: Int { layerCount * (window - 1) + 1 }
}
