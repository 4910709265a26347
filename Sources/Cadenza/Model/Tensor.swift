/// How a tensor's numbers are stored.
public enum ElementType: Sendable {
  /// IEEE 754 binary32.
  case float32
  /// IEEE 754 binary16.
  case float16
  /// The upper half of a binary32.
  case bfloat16

  /// Bytes of one number.
  public var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// One tensor of a model file, borrowed: `bytes` is valid while the file's bytes are. Row-major, little-endian, not aligned.
public struct Tensor {
  /// As the file names it.
  public var name: String
  /// How its numbers are stored.
  public var elementType: ElementType
  /// Sizes of its dimensions, the outermost first.
  public var shape: [Int]
  /// Its numbers.
  public var bytes: UnsafeRawBufferPointer

  /// How many numbers it has.
  public var count: Int { bytes.count / elementType.byteCount }
}
