import CadenzaKernels

/// A product with a matrix that is too large for one go, in slices of bounded cost.
///
/// Every output is added up over its inputs in ascending order, as in one go.
struct SlicedProduct {
  private struct Slice {
    var matrix: ck_matrix
    var firstRow: Int
    var firstColumn: Int
  }

  private var slices: UnsafeMutablePointer<Slice>
  let count: Int
  /// Outputs, in whole panels.
  let rows: Int

  /// Columns that are read in one go, and products of a slice: about what a layer of 128 units takes.
  private static let sliceColumns = 1_024
  private static let sliceProducts = 128 * 1_024
  /// Rows that are packed as one block.
  private static let block = Int(CK_BLOCK)

  /// The tensors of `weights`, one above the other, each with its rows in its order: their first `columns` columns.
  init(_ weights: [(tensor: Tensor, order: [Int?])], columns: Int, arena: inout Arena) {
    let rows = weights.reduce(0) { $0 + $1.order.count }
    self.rows = rows
    let columnsAtOnce = min(columns, SlicedProduct.sliceColumns)
    let rowsAtOnce = max(SlicedProduct.sliceProducts / columnsAtOnce / SlicedProduct.block, 1) * SlicedProduct.block
    let across = (columns + SlicedProduct.sliceColumns - 1) / SlicedProduct.sliceColumns
    let down = (rows + rowsAtOnce - 1) / rowsAtOnce
    count = across * down
    slices = arena.take(Slice.self, count: count)
    for chunk in 0..<across {
      let first = chunk * SlicedProduct.sliceColumns
      let range = first..<min(columns, first + SlicedProduct.sliceColumns)
      let parts = weights.map { MatrixPart($0.tensor, rows: $0.order, columns: range) }
      let whole = arena.pack(parts, columns: range.count)
      if arena.isMeasuring { continue }
      let bytes = whole.pointee.element_type == CK_FLOAT32 ? 4 : 2
      for index in 0..<down {
        let row = index * rowsAtOnce
        var matrix = whole.pointee
        matrix.weights += row * range.count * bytes
        matrix.rows = Int32(min(rowsAtOnce, rows - row))
        (slices + chunk * down + index).initialize(to: Slice(matrix: matrix, firstRow: row, firstColumn: first))
      }
    }
  }

  /// One of the slices 0 ..< `count`, which are called in order: after the last, y = `start` + W x. `start` nil: zeros.
  @_noLocks
  func work(
    _ index: Int, _ x: UnsafePointer<Float>, start: UnsafePointer<Float>?, to y: UnsafeMutablePointer<Float>,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let slice = slices + index
    let row = slice.pointee.firstRow
    let column = slice.pointee.firstColumn
    let begin: UnsafePointer<Float>? = column > 0 ? UnsafePointer(y + row) : start.map { $0 + row }
    ck_product(kernels, &slice.pointee.matrix, x + column, begin, nil, y + row)
  }
}
