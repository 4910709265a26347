import CadenzaKernels

extension Tensor {
  /// The number at flat index `index`, widened: exact.
  func value(at index: Int) -> Float {
    switch elementType {
    case .float32:
      return Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
    case .float16:
      return floatFromHalf(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
    case .bfloat16:
      let bits = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
      return Float(bitPattern: UInt32(bits) << 16)
    }
  }
}

/// Half precision to single, subnormals included: those are counts of 2⁻²⁴. Infinities and NaN do not occur: the loader refuses them.
/// By hand, because Swift's `Float16` is not there on every platform; and by way of no denormal number, which would be flushed.
private func floatFromHalf(_ half: UInt16) -> Float {
  let bits = UInt32(half & 0x7FFF)
  let magnitude = bits < 0x400 ? Float(bits) * 0x1p-24 : Float(bitPattern: (bits << 13) + (112 << 23))
  return half & 0x8000 == 0 ? magnitude : -magnitude
}

/// Some rows and columns of a tensor, as one part of a packed matrix.
struct MatrixPart {
  var tensor: Tensor
  /// The tensor's row for each row of the part; nil: padding.
  var rows: [Int?]
  /// Columns: `columnCount` of them, at `row * rowStride + firstColumn + column * columnStride` in the tensor.
  var rowStride: Int
  var firstColumn: Int
  var columnStride: Int

  /// All columns of a tensor of two dimensions, or the columns `columns`.
  init(_ tensor: Tensor, rows: [Int?], columns: Range<Int>? = nil) {
    self.tensor = tensor
    self.rows = rows
    rowStride = tensor.shape[1]
    firstColumn = columns?.lowerBound ?? 0
    columnStride = 1
  }

  /// Matrix `group` of a tensor `[group, row, column]`.
  init(_ tensor: Tensor, rows: [Int?], group: Int) {
    self.tensor = tensor
    self.rows = rows
    rowStride = tensor.shape[2]
    firstColumn = group * tensor.shape[1] * tensor.shape[2]
    columnStride = 1
  }

  /// One tap of a convolution `[out, in, tap]`.
  init(_ tensor: Tensor, rows: [Int?], tap: Int) {
    self.tensor = tensor
    self.rows = rows
    rowStride = tensor.shape[1] * tensor.shape[2]
    firstColumn = tap
    columnStride = tensor.shape[2]
  }
}

/// Row orders of packed matrices: lists of a tensor's rows, nil where padding fills a panel.
enum RowOrder {
  static let panel = Int(CK_PANEL)

  static func padded(_ count: Int) -> Int { (count + panel - 1) & ~(panel - 1) }

  /// 0 ..< count, padded to whole panels.
  static func plain(_ count: Int) -> [Int?] { interleaved(groups: 1, of: count) }

  /// `groups` groups of `count` rows, which follow one another in the tensor, a panel of each in turn: gates and what they gate
  /// end up in neighbouring panels.
  static func interleaved(groups: Int, of count: Int) -> [Int?] {
    var order: [Int?] = []
    order.reserveCapacity(groups * padded(count))
    for first in stride(from: 0, to: count, by: panel) {
      for group in 0..<groups {
        for row in first..<(first + panel) { order.append(row < count ? group * count + row : nil) }
      }
    }
    return order
  }

  /// `groups` groups of `count` rows, which follow one another in the tensor, each padded to whole panels.
  static func padding(groups: Int, of count: Int) -> [Int?] {
    var order: [Int?] = []
    order.reserveCapacity(groups * padded(count))
    for group in 0..<groups {
      for row in 0..<padded(count) { order.append(row < count ? group * count + row : nil) }
    }
    return order
  }
}

extension Arena {
  /// Packs parts, one above the other, into a matrix of `columns` columns (see `ck_matrix`). Stored as the parts are, or in single
  /// precision where they differ.
  mutating func pack(_ parts: [MatrixPart], columns: Int) -> UnsafeMutablePointer<ck_matrix> {
    var elementType = parts.first?.tensor.elementType ?? .float32
    for part in parts where part.tensor.elementType != elementType { elementType = .float32 }
    let rowCount = parts.reduce(0) { $0 + $1.rows.count }

    let matrix = take(ck_matrix.self, count: 1)
    let (count, overflow) = rowCount.multipliedReportingOverflow(by: columns)
    let weights = take(
      UInt8.self, count: overflow ? Int.max : count.multipliedReportingOverflow(by: elementType.byteCount).partialValue)
    if isMeasuring { return matrix }
    matrix.pointee = ck_matrix(
      weights: weights, rows: Int32(rowCount), columns: Int32(columns), element_type: elementType.kernelValue, reserved: 0)

    var packedRow = 0
    for part in parts {
      for sourceRow in part.rows {
        // The block of 64 rows, the place within it, and the block's own number of rows (the last may be smaller).
        let block = packedRow & ~63
        let blockRows = min(64, rowCount - block)
        var target = block * columns + (packedRow - block)
        if let sourceRow {
          var source = sourceRow * part.rowStride + part.firstColumn
          for _ in 0..<columns {
            part.tensor.copyValue(at: source, to: weights, at: target, as: elementType)
            source += part.columnStride
            target += blockRows
          }
        }
        packedRow += 1
      }
    }
    return matrix
  }

  /// The rows of a tensor of two dimensions in single precision, each padded with zeros to whole panels: a table to look up in.
  mutating func takeRows(_ tensor: Tensor) -> UnsafeMutablePointer<Float> {
    let columns = tensor.shape[1]
    let stride = RowOrder.padded(columns)
    let values = take(Float.self, count: tensor.shape[0] * stride)
    if isMeasuring { return values }
    for row in 0..<tensor.shape[0] {
      for column in 0..<columns { values[row * stride + column] = tensor.value(at: row * columns + column) }
    }
    return values
  }

  /// Numbers of a tensor in `order`, in single precision, zeros at padding; all zeros where the tensor is nil.
  mutating func take(_ tensor: Tensor?, order: [Int?]) -> UnsafeMutablePointer<Float> {
    let values = take(Float.self, count: order.count)
    guard let tensor, !isMeasuring else { return values }
    for (position, source) in order.enumerated() {
      if let source { values[position] = tensor.value(at: source) }
    }
    return values
  }
}

extension Tensor {
  /// Writes the number at `index` to place `target` of packed weights of `elementType`, which is the tensor's own or F32.
  func copyValue(
    at index: Int, to weights: UnsafeMutablePointer<UInt8>, at target: Int, as elementType: ElementType
  ) {
    let memory = UnsafeMutableRawPointer(weights)
    if elementType == .float32 {
      memory.storeBytes(of: value(at: index), toByteOffset: target * 4, as: Float.self)
    } else {
      let bits = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
      memory.storeBytes(of: bits, toByteOffset: target * 2, as: UInt16.self)
    }
  }
}

extension ElementType {
  var kernelValue: Int32 {
    switch self {
    case .float32: CK_FLOAT32
    case .float16: CK_FLOAT16
    case .bfloat16: CK_BFLOAT16
    }
  }
}
