/// Builds a model file in memory: for benchmarks, tests and converters. The same calls give the same bytes.
///
///     var writer = SafetensorsWriter(configuration: #"{"network": …}"#)
///     writer.add("head.weight", .float16, shape: [1, 64], values: values)
///     let bytes = writer.file()
public struct SafetensorsWriter: Sendable {
  private struct Entry: Sendable {
    var name: [UInt8]
    var elementType: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  private var metadata: [(key: String, value: String)]
  private var entries: [Entry] = []

  /// A Cadenza model whose configuration is this JSON text.
  public init(configuration: String) {
    metadata = [("cadenza.config", configuration), ("cadenza.version", "1"), ("format", "cadenza")]
  }

  /// A safetensors file with this metadata.
  public init(metadata: [(key: String, value: String)]) {
    self.metadata = metadata
  }

  /// Adds a tensor of as many values as the shape holds, rounded to the nearest value of the element type, ties to even.
  public mutating func add(_ name: String, _ elementType: ElementType = .float32, shape: [Int], values: [Float]) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * elementType.byteCount)
    for value in values {
      let bits: UInt32
      switch elementType {
      case .float32: bits = value.bitPattern
      case .float16: bits = UInt32(SafetensorsWriter.float16Bits(value))
      case .bfloat16: bits = UInt32(SafetensorsWriter.bfloat16Bits(value))
      }
      for position in 0..<elementType.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(8 * position))) }
    }
    add(name, elementType, shape: shape, bytes: bytes)
  }

  /// Adds a tensor's bytes as they stand: little-endian, row-major.
  public mutating func add(_ name: String, _ elementType: ElementType, shape: [Int], bytes: [UInt8]) {
    entries.append(Entry(name: Array(name.utf8), elementType: elementType, shape: shape, bytes: bytes))
  }

  /// The whole file. Tensors stand in the order of the reference writer: wide elements first, then by name, so that each is
  /// aligned to its elements; the header is padded to a multiple of 8 bytes.
  public func file() -> [UInt8] {
    let ordered = entries.sorted { left, right in
      if left.elementType.byteCount != right.elementType.byteCount {
        return left.elementType.byteCount > right.elementType.byteCount
      }
      return left.name.lexicographicallyPrecedes(right.name)
    }
    var header: Sentence = "{\"__metadata__\":{"
    for (position, member) in metadata.enumerated() {
      header.append("\(position > 0 ? "," : "")\(json: member.key.utf8):\(json: member.value.utf8)")
    }
    header.append("}")
    var offset = 0
    for entry in ordered {
      let end = offset + entry.bytes.count
      header.append(
        """
        ,\(json: entry.name):{"dtype":"\(entry.elementType.name)","shape":\(entry.shape),\
        "data_offsets":\([offset, end])}
        """)
      offset = end
    }
    header.append("}")
    while header.bytes.count % 8 != 0 { header.bytes.append(0x20) }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.bytes.count + offset)
    for position in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: header.bytes.count >> (8 * position))) }
    bytes.append(contentsOf: header.bytes)
    for entry in ordered { bytes.append(contentsOf: entry.bytes) }
    return bytes
  }

  /// The nearest half-precision value, infinity where the value is too large for one.
  static func float16Bits(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    if magnitude >= 0x4780_0000 { return sign | 0x7C00 }
    // The significand with its leading bit, and how many of its bits a half-precision value has no room for.
    let exponent = Int(magnitude >> 23)
    if exponent < 102 { return sign }
    let significand = magnitude & 0x7F_FFFF | 0x80_0000
    let isNormal = exponent >= 113
    let dropped = UInt32(isNormal ? 13 : 126 - exponent)
    let half: UInt32 = 1 << (dropped - 1)
    let rest = significand & (1 << dropped - 1)
    var kept = significand >> dropped
    if rest > half || (rest == half && kept & 1 == 1) { kept += 1 }
    // The leading bit adds 1 to the exponent field; so does a carry out of the significand, up to infinity.
    let field: UInt32 = isNormal ? UInt32(exponent - 113) << 10 : 0
    return sign | UInt16(truncatingIfNeeded: field + kept)
  }

  static func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }
}

extension Sentence {
  fileprivate mutating func append(_ more: Sentence) { bytes.append(contentsOf: more.bytes) }
}

extension Sentence.Interpolation {
  /// Text as a JSON string.
  fileprivate mutating func appendInterpolation(json text: some Sequence<UInt8>) {
    let digits: StaticString = "0123456789abcdef"
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        appendLiteral("\\u00")
        bytes.append(digits.utf8Start[Int(byte >> 4)])
        bytes.append(digits.utf8Start[Int(byte & 15)])
      default:
        bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
