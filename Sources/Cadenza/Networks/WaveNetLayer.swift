import CadenzaKernels

/// One layer of a WaveNet: dilated convolution, gate, residual and skip.
struct WaveNetLayer {
  private var farTaps: Int
  /// `farTaps` matrices, oldest tap first.
  private var far: (UnsafeMutablePointer<ck_matrix>, UnsafeMutablePointer<ck_matrix>)
  private var near: UnsafeMutablePointer<ck_matrix>
  private var gateBias: UnsafeMutablePointer<Float>
  /// nil: no conditions.
  private var conditionWeight: UnsafeMutablePointer<ck_matrix>?
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
    _ configuration: WaveNetConfiguration, index: Int, dilation: Int, lookahead: Int, isLast: Bool, conditionChannels: Int,
    tensors: inout TensorReader, arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    let residual = configuration.residualChannels
    let gate = configuration.gateChannels
    let skip = configuration.skipChannels
    let taps = configuration.kernelSize
    self.dilation = dilation
    self.lookahead = lookahead
    self.isLast = isLast
    farTaps = taps - 1
    residualSize = RowOrder.padded(residual)
    gateRows = 2 * RowOrder.padded(gate)

    let gateOrder = RowOrder.interleaved(groups: 2, of: gate)
    let gateWeight = try tensors.take("layers.\(index).gate.weight", shape: [2 * gate, residual, taps])
    let bias = configuration.gateBias ? try tensors.take("layers.\(index).gate.bias", shape: [2 * gate]) : nil
    let oldest = arena.pack([MatrixPart(gateWeight, rows: gateOrder, tap: 0)], columns: residual)
    far = (oldest, taps == 3 ? arena.pack([MatrixPart(gateWeight, rows: gateOrder, tap: 1)], columns: residual) : oldest)
    near = arena.pack([MatrixPart(gateWeight, rows: gateOrder, tap: taps - 1)], columns: residual)
    gateBias = arena.take(bias, order: gateOrder)

    if conditionChannels > 0 {
      let weight = try tensors.take("layers.\(index).condition.weight", shape: [2 * gate, conditionChannels])
      conditionWeight = arena.pack([MatrixPart(weight, rows: gateOrder)], columns: conditionChannels)
    }

    let skipWeight = try tensors.take("layers.\(index).skip.weight", shape: [skip, gate])
    let skipBias = configuration.skipBias ? try tensors.take("layers.\(index).skip.bias", shape: [skip]) : nil
    let skipPart = MatrixPart(skipWeight, rows: RowOrder.plain(skip))
    if isLast {
      mix = arena.pack([skipPart], columns: gate)
      mixBias = arena.take(skipBias, order: RowOrder.plain(skip))
    } else {
      let residualWeight = try tensors.take("layers.\(index).residual.weight", shape: [residual, gate])
      let residualBias =
        configuration.residualBias ? try tensors.take("layers.\(index).residual.bias", shape: [residual]) : nil
      mix = arena.pack([MatrixPart(residualWeight, rows: RowOrder.plain(residual)), skipPart], columns: gate)
      // Two vectors, one after the other: both are whole panels, so there is no gap between them.
      let residualOrder = RowOrder.plain(residual)
      mixBias = arena.take(Float.self, count: residualOrder.count + RowOrder.padded(skip))
      if !arena.isMeasuring {
        for channel in 0..<residual { mixBias[channel] = residualBias?.value(at: channel) ?? 0 }
        for channel in 0..<skip { mixBias[residualOrder.count + channel] = skipBias?.value(at: channel) ?? 0 }
      }
    }

    historyOffset = layout.take(StateLayout.product(StateLayout.product(farTaps, dilation), residualSize))
    aheadOffset = layout.take(StateLayout.product(lookahead, gateRows))
  }

  /// Places what is not saved, after everything that is.
  mutating func placeScratch(_ layout: inout StateLayout) {
    cursorsOffset = layout.take(2)
    if conditionWeight != nil { conditionedOffset = layout.take(gateRows) }
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
    guard let conditionWeight else { return }
    ck_product(kernels, conditionWeight, h, gateBias, nil, state + conditionedOffset)
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
    let addend = conditionWeight == nil ? gateBias : state + conditionedOffset
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
      let matrix = tap == 0 ? far.0 : far.1
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
          kernels, matrix, history, residualSize, lookahead - beforeWrap, tap == 0 ? 0 : 1, ahead + beforeWrap * gateRows, gateRows)
      }
    }
  }
}
