/// Writes numbers one after another into memory that is large enough.
struct ByteWriter {
  private var position: UnsafeMutableRawPointer

  init(_ start: UnsafeMutableRawPointer) { position = start }

  mutating func write(_ value: UInt64) {
    position.storeBytes(of: value.littleEndian, as: UInt64.self)
    position += 8
  }

  mutating func write(_ value: UInt32) {
    position.storeBytes(of: value.littleEndian, as: UInt32.self)
    position += 4
  }

  /// 32-bit numbers in this machine's order: Cadenza runs on little-endian machines.
  mutating func write(_ bytes: UnsafeRawPointer, count: Int) {
    position.copyMemory(from: bytes, byteCount: count)
    position += count
  }
}
