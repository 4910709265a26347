import CadenzaKernels

/// One layer of a WaveNet: dilated convolution, gate, residual and skip.
struct WaveNetLayer {
  /// A layer's tensors, and the orders of their rows.
  struct Source {
    var gateWeight: Tensor
    var gateBias: Tensor?
    var conditionWeight: Tensor?
    var skipWeight: Tensor
    var skipBias: Tensor?
    /// nil in the last layer.
    var residualWeight: Tensor?
    var residualBias: Tensor?
    var dilation: Int
    /// Filter and gate, a panel of each in turn.
    var gateOrder: [Int?]

    init(
      _ configuration: WaveNetConfiguration, index: Int, conditionChannels: Int, tensors: inout TensorReader
    ) throws(Failure) {
      let residual = configuration.residualChannels
      let gate = configuration.gateChannels
      let skip = configuration.skipChannels
      dilation = configuration.dilations[index]
      gateOrder = RowOrder.interleaved(groups: 2, of: gate)
      gateWeight = try tensors.take("layers.\(index).gate.weight", shape: [2 * gate, residual, configuration.kernelSize])
      if configuration.gateBias { gateBias = try tensors.take("layers.\(index).gate.bias", shape: [2 * gate]) }
      if conditionChannels > 0 {
        conditionWeight = try tensors.take("layers.\(index).condition.weight", shape: [2 * gate, conditionChannels])
      }
      skipWeight = try tensors.take("layers.\(index).skip.weight", shape: [skip, gate])
      if configuration.skipBias { skipBias = try tensors.take("layers.\(index).skip.bias", shape: [skip]) }
      if index + 1 < configuration.dilations.count {
        residualWeight = try tensors.take("layers.\(index).residual.weight", shape: [residual, gate])
        if configuration.residualBias {
          residualBias = try tensors.take("layers.\(index).residual.bias", shape: [residual])
        }
      }
    }
  }

  /// The matrices that are not read at every sample. They are packed apart from the others: those then follow one another in memory
  /// in the order in which a sample reads them.
  struct OccasionalMatrices {
    /// One for each far tap, oldest first; the second one is the first again where there is one only.
    var far: (UnsafeMutablePointer<ck_matrix>, UnsafeMutablePointer<ck_matrix>)
    /// nil: no conditions.
    var condition: UnsafeMutablePointer<ck_matrix>?

    init(_ source: Source, arena: inout Arena) {
      let residual = source.gateWeight.shape[1]
      let oldest = arena.pack([MatrixPart(source.gateWeight, rows: source.gateOrder, tap: 0)], columns: residual)
      if source.gateWeight.shape[2] == 3 {
        far = (oldest, arena.pack([MatrixPart(source.gateWeight, rows: source.gateOrder, tap: 1)], columns: residual))
      } else {
        far = (oldest, oldest)
      }
      if let weight = source.conditionWeight {
        condition = arena.pack([MatrixPart(weight, rows: source.gateOrder)], columns: weight.shape[1])
      }
    }
  }

  private var farTaps: Int
  private var occasional: OccasionalMatrices
  private var near: UnsafeMutablePointer<ck_matrix>
  private var gateBias: UnsafeMutablePointer<Float>
  /// Residual rows over skip rows; the last layer has skip rows only.
  private var mix: UnsafeMutablePointer<ck_matrix>
  private var mixBias: UnsafeMutablePointer<Float>
  private var isLast: Bool

  private var residualSize: Int
  private var gateRows: Int
  private var dilation: Int
  private var lookahead: Int

  // Offsets into the state.
  /// The layer's inputs at the last `farTaps * dilation` steps, a ring of rows of `residualSize`.
  private var historyOffset: Int
  /// Far taps' products for `lookahead` steps, rows of `gateRows`.
  private var aheadOffset: Int
  /// b + V h.
  private var conditionedOffset: Int = 0
  /// Two UInt32: the ring's next row, and the next row of what was computed ahead.
  private var cursorsOffset: Int = 0

  init(
    _ source: Source, occasional: OccasionalMatrices, maximumLookahead: Int, arena: inout Arena, layout: inout StateLayout
  ) {
    let residual = source.gateWeight.shape[1]
    let gate = source.skipWeight.shape[1]
    let skip = source.skipWeight.shape[0]
    let taps = source.gateWeight.shape[2]
    self.occasional = occasional
    dilation = source.dilation
    lookahead = min(source.dilation, maximumLookahead)
    isLast = source.residualWeight == nil
    farTaps = taps - 1
    residualSize = RowOrder.padded(residual)
    gateRows = source.gateOrder.count

    // Biases first, so that nothing lies between the matrices.
    gateBias = arena.take(source.gateBias, order: source.gateOrder)
    let residualRows = isLast ? 0 : residualSize
    mixBias = arena.take(Float.self, count: residualRows + RowOrder.padded(skip))
    if !arena.isMeasuring {
      if let bias = source.residualBias {
        for channel in 0..<residual { mixBias[channel] = bias.value(at: channel) }
      }
      if let bias = source.skipBias {
        for channel in 0..<skip { mixBias[residualRows + channel] = bias.value(at: channel) }
      }
    }
    near = arena.pack([MatrixPart(source.gateWeight, rows: source.gateOrder, tap: taps - 1)], columns: residual)
    let skipPart = MatrixPart(source.skipWeight, rows: RowOrder.plain(skip))
    if let residualWeight = source.residualWeight {
      mix = arena.pack([MatrixPart(residualWeight, rows: RowOrder.plain(residual)), skipPart], columns: gate)
    } else {
      mix = arena.pack([skipPart], columns: gate)
    }

    historyOffset = layout.take(StateLayout.product(StateLayout.product(farTaps, dilation), residualSize))
    aheadOffset = layout.take(StateLayout.product(lookahead, gateRows))
  }

  /// Places what is not saved, after everything that is.
  mutating func placeScratch(_ layout: inout StateLayout) {
    cursorsOffset = layout.take(2)
    if occasional.condition != nil { conditionedOffset = layout.take(gateRows) }
  }

  @_noLocks @inline(__always)
  private func cursors(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(state + cursorsOffset).assumingMemoryBound(to: UInt32.self)
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    restore(state, time: 0)
  }

  @_noLocks
  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    cursors(state)[0] = UInt32(truncatingIfNeeded: time % UInt64(farTaps * dilation))
    cursors(state)[1] = UInt32(truncatingIfNeeded: time % UInt64(lookahead))
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    guard let matrix = occasional.condition else { return }
    ck_product(kernels, matrix, h, gateBias, nil, state + conditionedOffset)
  }

  /// carry: x of this layer, then the sum of the skips; becomes x of the next layer and the sum with this layer's skip.
  @_noLocks @inline(__always)
  func feed(
    _ state: UnsafeMutablePointer<Float>, _ carry: UnsafeMutablePointer<Float>, _ gated: UnsafeMutablePointer<Float>,
    _ residualSize: Int, _ kernels: UnsafePointer<ck_kernels>
  ) {
    let cursors = cursors(state)
    let history = state + historyOffset
    let ahead = state + aheadOffset
    let row = Int(cursors[0])
    let step = Int(cursors[1])

    if step == 0 { computeAhead(history, ahead, row, kernels) }
    // The oldest input was read just above, or `lookahead` steps ago: its row is free.
    ck_copy(history + row * residualSize, carry, residualSize * 4)
    let addend = occasional.condition == nil ? gateBias : state + conditionedOffset
    ck_gated_product(kernels, near, carry, ahead + step * gateRows, addend, gated)
    if isLast {
      let skip = carry + residualSize
      ck_product(kernels, mix, gated, skip, mixBias, skip)
    } else {
      ck_product(kernels, mix, gated, carry, mixBias, carry)
    }
    cursors[0] = row + 1 == farTaps * dilation ? 0 : UInt32(truncatingIfNeeded: row + 1)
    cursors[1] = step + 1 == lookahead ? 0 : UInt32(truncatingIfNeeded: step + 1)
  }

  /// The far taps' products for the next `lookahead` steps. The input of `farTaps * dilation` steps ago lies in the ring's next row.
  @_noLocks
  private func computeAhead(
    _ history: UnsafeMutablePointer<Float>, _ ahead: UnsafeMutablePointer<Float>, _ row: Int,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let rows = farTaps * dilation
    for tap in 0..<farTaps {
      let matrix = tap == 0 ? occasional.far.0 : occasional.far.1
      var first = row + tap * dilation
      if first >= rows { first -= rows }
      if lookahead == 1 {
        ck_product(kernels, matrix, history + first * residualSize, tap == 0 ? nil : ahead, nil, ahead)
        continue
      }
      let beforeWrap = first + lookahead <= rows ? lookahead : rows - first
      ck_product_batch(
        kernels, matrix, history + first * residualSize, residualSize, beforeWrap, tap == 0 ? 0 : 1, ahead, gateRows)
      if beforeWrap < lookahead {
        ck_product_batch(
          kernels, matrix, history, residualSize, lookahead - beforeWrap, tap == 0 ? 0 : 1, ahead + beforeWrap * gateRows,
          gateRows)
      }
    }
  }
}
