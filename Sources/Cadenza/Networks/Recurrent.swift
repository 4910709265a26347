import CadenzaKernels

/// A stack of LSTM and GRU layers with a softmax or linear head. FORMAT.md states the equations.
///
/// Everything that is multiplied with a layer's output h is stacked into one matrix: the layer's own recurrent weights, whose
/// product is needed at the next step, over the input weights of the layer above, or the head. So h is read once, the recurrent
/// product runs beside the other instead of after it, and when a step begins its recurrent part is done already.
struct Recurrent {
  private var layers: UnsafeMutablePointer<RecurrentLayer>
  private var layerCount: Int
  private var input: Input

  /// Condition columns of layer 0's input weights; nil: no conditions.
  private var conditionWeight: UnsafeMutablePointer<ck_matrix>?
  private var firstBias: UnsafeMutablePointer<Float>
  private var firstRows: Int

  // Offsets into the state.
  /// Layer 0's W x + b + W_condition h.
  private var firstInputOffset: Int
  /// Layer 0's b + W_condition h.
  private var conditionedOffset: Int
  private var predictionOffset: Int
  /// An Int32 that alternates between 0 and 1.
  private var parityOffset: Int

  private enum Input {
    /// Row `token`: W_input times the token's vector, done at load.
    case table(UnsafeMutablePointer<Float>)
    /// Too many tokens for that: the vectors, in rows of the padded number of channels, and W_input.
    case embedding(UnsafeMutablePointer<Float>, stride: Int, UnsafeMutablePointer<ck_matrix>)
    case value(UnsafeMutablePointer<ck_matrix>)
  }

  /// Bytes up to which the products of all tokens' embeddings are tabulated: what stays in a second-level cache.
  private static let maximumTableBytes = 1 << 20

  init(
    _ configuration: RecurrentConfiguration, conditionChannels: Int, tensors: inout TensorReader,
    arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    let vocabularySize = configuration.vocabularySize ?? 0
    let inputChannels =
      switch configuration.input {
      case .embedding(let channels), .vector(let channels): channels
      case .oneHot: vocabularySize
      }
    let embedding: Tensor?
    if case .embedding(let channels) = configuration.input {
      embedding = try tensors.take("input.embedding.weight", shape: [vocabularySize, channels])
    } else {
      embedding = nil
    }

    // The tensors of all layers first: a layer's matrix also holds the input weights of the layer above.
    var sources: [RecurrentLayer.Source] = []
    var below = inputChannels + conditionChannels
    for (index, layer) in configuration.layers.enumerated() {
      sources.append(
        try RecurrentLayer.Source(
          layer, index: index, inputChannels: below, biases: configuration.layerBiases,
          initialStates: configuration.initialStates, tensors: &tensors))
      below = layer.channels
    }
    let outputs =
      switch configuration.head {
      case .softmax: vocabularySize
      case .linear(let channels): channels
      }
    let headWeight = try tensors.take("head.weight", shape: [outputs, below])
    let headBias = configuration.headBias ? try tensors.take("head.bias", shape: [outputs]) : nil
    guard let first = sources.first else { throw Failure(.format, "network.layers is empty, expected one layer or more") }

    // Input of layer 0.
    let order = first.order
    firstRows = order.count
    firstBias = arena.take(first.inputBias, order: order)
    switch configuration.input {
    case .vector(let channels):
      input = .value(
        arena.pack([MatrixPart(first.inputWeight, rows: order, columns: 0..<channels)], columns: channels))
    case .oneHot:
      input = .table(Recurrent.table(of: first.inputWeight, order: order, tokens: vocabularySize, arena: &arena))
    case .embedding(let channels):
      guard let embedding else { throw Failure(.format, "the input embedding is missing") }
      let matrix = arena.pack([MatrixPart(first.inputWeight, rows: order, columns: 0..<channels)], columns: channels)
      let stride = RowOrder.padded(channels)
      let vectors = arena.take(Float.self, count: vocabularySize * stride)
      if !arena.isMeasuring {
        for token in 0..<vocabularySize {
          for channel in 0..<channels { vectors[token * stride + channel] = embedding.value(at: token * channels + channel) }
        }
      }
      if StateLayout.product(vocabularySize, order.count * 4) <= Recurrent.maximumTableBytes {
        let table = arena.take(Float.self, count: vocabularySize * order.count)
        if !arena.isMeasuring {
          // The same kernel as at run time: the same bits, whichever way is taken.
          let kernels = ck_kernels_choose()
          for token in 0..<vocabularySize {
            ck_product(kernels, matrix, vectors + token * stride, nil, nil, table + token * order.count)
          }
        }
        input = .table(table)
      } else {
        input = .embedding(vectors, stride: stride, matrix)
      }
    }
    if conditionChannels > 0 {
      conditionWeight = arena.pack(
        [MatrixPart(first.inputWeight, rows: order, columns: inputChannels..<(inputChannels + conditionChannels))],
        columns: conditionChannels)
    }

    // Layers, with what reads their outputs; saved state first.
    layerCount = sources.count
    layers = arena.take(RecurrentLayer.self, count: layerCount)
    predictionOffset = 0
    for (index, source) in sources.enumerated() {
      let reader: RecurrentLayer.Reader =
        index + 1 < sources.count
        ? .init(weight: sources[index + 1].inputWeight, bias: sources[index + 1].inputBias, order: sources[index + 1].order)
        : .init(weight: headWeight, bias: headBias, order: RowOrder.plain(outputs))
      let layer = RecurrentLayer(source, reader: reader, arena: &arena, layout: &layout)
      if !arena.isMeasuring { (layers + index).initialize(to: layer) }
      predictionOffset = layer.readerOffset
    }

    layout.beginScratch()
    firstInputOffset = layout.take(order.count)
    conditionedOffset = layout.take(order.count)
    parityOffset = layout.take(1)
  }

  /// One-hot inputs: the weights' columns as rows.
  private static func table(
    of weight: Tensor, order: [Int?], tokens: Int, arena: inout Arena
  ) -> UnsafeMutablePointer<Float> {
    let table = arena.take(Float.self, count: tokens * order.count)
    if arena.isMeasuring { return table }
    let columns = weight.shape[1]
    for (position, row) in order.enumerated() {
      guard let row else { continue }
      for token in 0..<tokens { table[token * order.count + position] = weight.value(at: row * columns + token) }
    }
    return table
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    for index in 0..<layerCount { (layers + index).pointee.begin(state, kernels) }
    if conditionWeight == nil { ck_copy(state + conditionedOffset, firstBias, firstRows * 4) }
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    guard let conditionWeight else { return }
    ck_product(kernels, conditionWeight, h, firstBias, nil, state + conditionedOffset)
  }

  @_noLocks
  func feed(_ state: UnsafeMutablePointer<Float>, _ element: Element, _ kernels: UnsafePointer<ck_kernels>) {
    let first = state + firstInputOffset
    let conditioned = state + conditionedOffset
    switch input {
    case .table(let table):
      ck_copy(first, table + element.token * firstRows, firstRows * 4)
      ck_add(kernels, conditioned, first, firstRows)
    case .embedding(let vectors, let stride, let matrix):
      ck_product(kernels, matrix, vectors + element.token * stride, nil, nil, first)
      ck_add(kernels, conditioned, first, firstRows)
    case .value(let matrix):
      var value = element.value
      ck_product(kernels, matrix, &value, conditioned, nil, first)
    }
    let parity = UnsafeMutableRawPointer(state + parityOffset).assumingMemoryBound(to: Int32.self)
    parity.pointee ^= 1
    var below = UnsafePointer(first)
    for index in 0..<layerCount {
      below = (layers + index).pointee.feed(state, below, backwards: parity.pointee, kernels)
    }
  }

  @_noLocks
  func predict(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    state + predictionOffset
  }

  /// Sets what conditions do not, after a state was loaded.
  func restore(_ state: UnsafeMutablePointer<Float>) {
    if conditionWeight == nil { ck_copy(state + conditionedOffset, firstBias, firstRows * 4) }
  }
}
