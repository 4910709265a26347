import CadenzaKernels

/// A latent on its way from one place to another while it sounds.
///
/// Time is counted from the moment at which the glide began, and the place taken anew every 64 samples of it, so that any split of the
/// samples into blocks gives the same bits.
struct LatentGlide {
  /// Where it is.
  let current: UnsafeMutablePointer<Float>
  private let start: UnsafeMutablePointer<Float>
  private let target: UnsafeMutablePointer<Float>
  let size: Int
  /// Samples of the whole way; 0: it rests.
  private(set) var length: UInt64 = 0
  private var elapsed: UInt64 = 0
  private var interpolation = Interpolation.linear
  private var path: GlidePath

  /// Samples after which the place is taken anew.
  static var samplesPerPlace: UInt64 { @_noLocks get { 64 } }
  /// The longest way.
  static var maximumLength: UInt64 { @_noLocks get { 1 << 40 } }

  /// Rests at `current`, which is somebody's memory.
  init(_ current: UnsafeMutablePointer<Float>, size: Int, arena: inout Arena) {
    self.current = current
    self.size = size
    start = arena.take(Float.self, count: size)
    target = arena.take(Float.self, count: size)
    path = GlidePath(.linear, from: start, to: target, count: size)
  }

  var isMoving: Bool {
    @_noLocks get { length > 0 }
  }

  /// Begins the way from where it is to `values`, which takes `length` samples; 0: it is there at once.
  @_noLocks
  mutating func begin(_ values: UnsafePointer<Float>, length: UInt64, _ interpolation: Interpolation) {
    elapsed = 0
    self.interpolation = interpolation
    self.length = length
    if length == 0 {
      ck_copy(current, values, size * 4)
      return
    }
    ck_copy(start, current, size * 4)
    ck_copy(target, values, size * 4)
    path = GlidePath(interpolation, from: start, to: target, count: size)
  }

  /// Stays where it is.
  @_noLocks
  mutating func rest() { length = 0 }

  /// Goes on by `samples`; true where the place has changed.
  @_noLocks
  mutating func advance(_ samples: UInt64) -> Bool {
    guard length > 0 else { return false }
    let before = elapsed / LatentGlide.samplesPerPlace
    elapsed &+= samples
    if elapsed >= length {
      ck_copy(current, target, size * 4)
      length = 0
      return true
    }
    let place = elapsed / LatentGlide.samplesPerPlace
    guard place != before else { return false }
    let fraction = Double(place * LatentGlide.samplesPerPlace) / Double(length)
    path.write(from: start, to: target, fraction: fraction, into: current)
    return true
  }

  // MARK: State

  /// Bytes that `save` writes; where it is, its owner saves.
  var savedByteCount: Int { 24 + 2 * size * 4 }

  func save(_ writer: inout ByteWriter) {
    writer.write(length)
    writer.write(elapsed)
    writer.write(UInt64(interpolation.code))
    writer.write(UnsafeRawPointer(start), count: size * 4)
    writer.write(UnsafeRawPointer(target), count: size * 4)
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let length = reader.readUInt64()
    let elapsed = reader.readUInt64()
    let mode = reader.readUInt64()
    guard length <= LatentGlide.maximumLength, elapsed < max(1, length), mode <= 1 else { return false }
    let interpolation = Interpolation(code: UInt32(truncatingIfNeeded: mode))
    if isLoading {
      reader.read(into: start, count: size * 4)
      reader.read(into: target, count: size * 4)
      self.length = length
      self.elapsed = elapsed
      self.interpolation = interpolation
      path = GlidePath(interpolation, from: start, to: target, count: size)
      return true
    }
    for _ in 0..<(2 * size) {
      guard Float(bitPattern: reader.readUInt32()).isFinite else { return false }
    }
    return true
  }
}
