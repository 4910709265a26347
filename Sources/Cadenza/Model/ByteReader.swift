/// Reads what `ByteWriter` wrote, from memory that is large enough and need not be aligned.
struct ByteReader {
  private var position: UnsafeRawPointer

  init(_ start: UnsafeRawPointer) { position = start }

  mutating func readUInt64() -> UInt64 {
    defer { position += 8 }
    return UInt64(littleEndian: position.loadUnaligned(as: UInt64.self))
  }

  mutating func readUInt32() -> UInt32 {
    defer { position += 4 }
    return UInt32(littleEndian: position.loadUnaligned(as: UInt32.self))
  }

  mutating func skip(_ count: Int) { position += count }

  mutating func read(into numbers: UnsafeMutablePointer<Float>, count: Int) {
    UnsafeMutableRawPointer(numbers).copyMemory(from: position, byteCount: count)
    position += count
  }
}
