/// A saved state's frame: what it belongs to, and a checksum against damage. All little-endian.
///
///     8 bytes   "CADENZA" and the version of this layout
///     8 bytes   fingerprint of the model
///     8 bytes   bytes in all
///     8 bytes   checksum of what follows
///     …         parameters, then what `StreamCore.save` writes
enum SavedHeader {
  static let magic: UInt64 = 0x01_41_5A_4E_45_44_41_43  // "CADENZA", version 1
  static let byteCount = 32 + 16 + 56
}

/// A 64-bit hash of bytes, eight at a time: FNV-1a's step on words, with a final mix. It tells files apart and finds damage; it does
/// not withstand forgers.
func fingerprint(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(bytes.count)
  var offset = 0
  while offset + 8 <= bytes.count {
    hash = (hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))) &* 0x100_0000_01B3
    hash ^= hash &>> 29
    offset += 8
  }
  while offset < bytes.count {
    hash = (hash ^ UInt64(bytes[offset])) &* 0x100_0000_01B3
    offset += 1
  }
  hash ^= hash &>> 32
  return hash &* 0x9E37_79B9_7F4A_7C15
}

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

  mutating func read(into numbers: UnsafeMutablePointer<Float>, count: Int) {
    UnsafeMutableRawPointer(numbers).copyMemory(from: position, byteCount: count)
    position += count
  }
}
