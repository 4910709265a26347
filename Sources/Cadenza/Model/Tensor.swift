/// How a tensor's numbers are stored.
public enum ElementType: Sendable {
  case float32
  case float16
  case bfloat16

  public var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// One tensor of a model file, borrowed: `bytes` is valid while the file's bytes are. Row-major, little-endian, not aligned.
public struct Tensor {
  public var name: String
  public var elementType: ElementType
  public var shape: [Int]
  public var bytes: UnsafeRawBufferPointer

  public var count: Int { bytes.count / elementType.byteCount }
}
