import CadenzaKernels

/// Plays a model's embedding into h: of sample n the row ⌊n / N⌋ of what is encoded, N samples a row, the last one on and on.
///
/// Rows change at multiples of N only, the mix of the two recordings at multiples of 64 samples too.
struct EmbeddingPlayer {
  private let latentMix: UnsafeMutablePointer<LatentMix>
  /// Its place in h.
  private let row: UnsafeMutablePointer<Float>
  /// A row, to compare with.
  private let next: UnsafeMutablePointer<Float>
  private let size: Int
  private let framesPerRow: UInt64
  /// The mix of what is in h.
  private var mix: Float = 0

  init(
    _ encoding: ModelEncoding, _ latentMix: UnsafeMutablePointer<LatentMix>, h: UnsafeMutablePointer<Float>,
    arena: inout Arena
  ) {
    self.latentMix = latentMix
    row = h + encoding.firstChannel
    size = encoding.size
    next = arena.take(Float.self, count: size)
    framesPerRow = UInt64(encoding.framesPerRow)
  }

  /// Begins sample `time`; true where h changed.
  @_noLocks @inline(__always)
  mutating func beginSample(_ time: UInt64) -> Bool {
    if time % framesPerRow == 0 { return play(time) }
    guard time % LatentMix.mixFrames == 0, latentMix.pointee.mix != mix else { return false }
    return play(time)
  }

  @_noLocks
  private mutating func play(_ time: UInt64) -> Bool {
    latentMix.pointee.write(row: time / framesPerRow, to: next)
    mix = latentMix.pointee.mix
    var changed = false
    for index in 0..<size where row[index].bitPattern != next[index].bitPattern {
      row[index] = next[index]
      changed = true
    }
    return changed
  }

  // MARK: State

  var savedByteCount: Int { (size + 1) * 4 }

  func save(_ writer: inout ByteWriter) {
    writer.write(mix.bitPattern)
    writer.write(UnsafeRawPointer(row), count: size * 4)
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let mix = Float(bitPattern: reader.readUInt32())
    guard mix >= 0, mix <= 1 else { return false }
    if isLoading {
      self.mix = mix
      reader.read(into: row, count: size * 4)
      return true
    }
    let numbers = UnsafeMutablePointer<Float>.allocate(capacity: size)
    defer { numbers.deallocate() }
    reader.read(into: numbers, count: size * 4)
    for index in 0..<size where !numbers[index].isFinite { return false }
    return true
  }
}
