import CadenzaKernels

/// A layer's initial state, made of the conditions: tanh(W h + b).
struct InitialState {
  /// Its tensors.
  struct Source {
    fileprivate var weight: Tensor
    fileprivate var bias: Tensor

    /// `shape`: channels of the state, channels of h.
    init(_ name: Sentence, shape: [Int], tensors: inout TensorReader) throws(Failure) {
      weight = try tensors.take("\(name).weight", shape: shape)
      bias = try tensors.take("\(name).bias", shape: [shape[0]])
    }
  }

  private let matrix: UnsafeMutablePointer<ck_matrix>
  private let bias: UnsafeMutablePointer<Float>
  /// Channels in whole panels.
  private let units: Int

  /// nil where there are no tensors: the state does not come from the conditions.
  init?(_ source: Source?, arena: inout Arena) {
    guard let source else { return nil }
    let order = RowOrder.plain(source.weight.shape[0])
    units = order.count
    matrix = arena.pack([MatrixPart(source.weight, rows: order)], columns: source.weight.shape[1])
    bias = arena.take(source.bias, order: order)
  }

  /// Writes the state, in whole panels, to `y`.
  @_noLocks
  func write(_ h: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    ck_product(kernels, matrix, h, nil, bias, y)
    ck_tanh(kernels, y, y, units)
  }
}
