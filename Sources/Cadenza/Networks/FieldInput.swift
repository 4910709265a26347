import CadenzaKernels

/// How one field of an element enters layer 0 of a recurrent network: W_input times the field's vector.
struct FieldInput {
  private enum Kind {
    /// Row `token`: W_input times the token's vector, done at load.
    case table(UnsafeMutablePointer<Float>)
    /// Too many tokens for that: the vectors, in rows of the padded number of channels, and W_input.
    case embedding(UnsafeMutablePointer<Float>, stride: Int, UnsafeMutablePointer<ck_matrix>)
    case value(UnsafeMutablePointer<ck_matrix>)
    /// A frame, which the network reads in slices of its own: nothing is left to do here.
    case nothing
  }

  private var kind: Kind
  /// Rows of layer 0's input weights, packed.
  private var rows: Int
  /// Tokens that the field may be; nil: it is a value.
  private var size: Int?

  /// Bytes up to which the products of all tokens' embeddings are tabulated: what stays in a second-level cache.
  private static let maximumTableBytes = 1 << 20

  /// `weight`: layer 0's input weights, of which the field has the columns from `firstColumn` on. `embedding`: the field's, where it
  /// is one.
  init(
    _ field: RecurrentConfiguration.InputField, weight: Tensor, order: [Int?], firstColumn: Int, embedding: Tensor?,
    arena: inout Arena
  ) throws(Failure) {
    rows = order.count
    let columns = firstColumn..<(firstColumn + field.channels)
    switch field {
    case .value:
      kind = .value(arena.pack([MatrixPart(weight, rows: order, columns: columns)], columns: columns.count))
      size = nil
    case .frame:
      kind = .nothing
      size = nil
    case .oneHot(let tokens):
      kind = .table(FieldInput.table(of: weight, order: order, columns: columns, arena: &arena))
      size = tokens
    case .embedding(let tokens, let channels):
      guard let embedding else { throw Failure(.format, "the embedding of an input is missing") }
      let matrix = arena.pack([MatrixPart(weight, rows: order, columns: columns)], columns: channels)
      let stride = RowOrder.padded(channels)
      let vectors = arena.take(Float.self, count: tokens * stride)
      if !arena.isMeasuring {
        for token in 0..<tokens {
          for channel in 0..<channels { vectors[token * stride + channel] = embedding.value(at: token * channels + channel) }
        }
      }
      if StateLayout.product(tokens, order.count * 4) <= FieldInput.maximumTableBytes {
        let table = arena.take(Float.self, count: tokens * order.count)
        if !arena.isMeasuring {
          // The same kernel as at run time: the same bits, whichever way is taken.
          let kernels = ck_kernels_choose()
          for token in 0..<tokens {
            ck_product(kernels, matrix, vectors + token * stride, nil, nil, table + token * order.count)
          }
        }
        kind = .table(table)
      } else {
        kind = .embedding(vectors, stride: stride, matrix)
      }
      size = tokens
    }
  }

  /// One-hot inputs: the weights' columns as rows.
  private static func table(
    of weight: Tensor, order: [Int?], columns: Range<Int>, arena: inout Arena
  ) -> UnsafeMutablePointer<Float> {
    let table = arena.take(Float.self, count: StateLayout.product(columns.count, order.count))
    if arena.isMeasuring { return table }
    let width = weight.shape[1]
    for (position, row) in order.enumerated() {
      guard let row else { continue }
      for token in 0..<columns.count {
        table[token * order.count + position] = weight.value(at: row * width + columns.lowerBound + token)
      }
    }
    return table
  }

  /// y = `start` + W_input times the element's vector; a token of −1 stands for a vector of zeros.
  @_noLocks @inline(__always)
  func write(
    _ element: Element, start: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    if element.token < 0 {
      ck_copy(y, start, rows * 4)
      return
    }
    switch kind {
    case .table(let table):
      ck_copy(y, table + element.token * rows, rows * 4)
      ck_add(kernels, start, y, rows)
    case .embedding(let vectors, let stride, let matrix):
      ck_product(kernels, matrix, vectors + element.token * stride, nil, nil, y)
      ck_add(kernels, start, y, rows)
    case .value(let matrix):
      var value = element.value
      ck_product(kernels, matrix, &value, start, nil, y)
    case .nothing: ck_copy(y, start, rows * 4)
    }
  }

  /// y += W_input times the element's vector, for the fields after the first.
  @_noLocks
  func add(_ element: Element, to y: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    if element.token < 0 { return }
    switch kind {
    case .table(let table): ck_add(kernels, table + element.token * rows, y, rows)
    case .embedding(let vectors, let stride, let matrix):
      ck_product(kernels, matrix, vectors + element.token * stride, y, nil, y)
    case .value(let matrix):
      var value = element.value
      ck_product(kernels, matrix, &value, y, nil, y)
    case .nothing: return
    }
  }

  // MARK: Elements in a stream's state, one word for each field: a token's number, or a value.

  @_noLocks
  func store(_ element: Element, to word: UnsafeMutablePointer<Float>) {
    // The token's bits, not its number as a float, which above 2²⁴ would be another.
    word.pointee = size == nil ? element.value : Float(bitPattern: UInt32(truncatingIfNeeded: element.token))
  }

  /// An element whose vector is zeros: the token −1, or the value 0.
  @_noLocks
  func storeZeros(to word: UnsafeMutablePointer<Float>) {
    word.pointee = size == nil ? 0 : Float(bitPattern: UInt32.max)
  }

  @_noLocks
  func element(_ word: Float) -> Element {
    size == nil ? Element(token: 0, value: word) : Element(token: Int(Int32(bitPattern: word.bitPattern)), value: 0)
  }

  /// Whether a word may be one that `store` wrote, or, where there may be such, `storeZeros`.
  func accepts(_ word: Float, orZeros: Bool) -> Bool {
    guard let size else { return word.isFinite }
    return word.bitPattern < UInt32(size) || orZeros && word.bitPattern == UInt32.max
  }
}
