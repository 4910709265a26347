import CadenzaKernels

/// One flat memory, aligned to 64 bytes, handed out front to back.
///
/// Its size is found by running the same code twice: first over a measuring arena, which only counts, and whose pointers must not
/// be followed (`isMeasuring`); then over one of the size counted.
struct Arena {
  private(set) var byteCount = 0
  private let base: UnsafeMutableRawPointer
  let isMeasuring: Bool

  static let alignment = 64

  static func measuring() -> Arena {
    Arena(base: measuringBase, isMeasuring: true)
  }

  /// Hands out `memory`, zeroed, of as many bytes as a measuring arena counted.
  init(filling memory: UnsafeMutableRawPointer) {
    self.init(base: memory, isMeasuring: false)
  }

  private init(base: UnsafeMutableRawPointer, isMeasuring: Bool) {
    self.base = base
    self.isMeasuring = isMeasuring
  }

  /// An address that is aligned and never followed.
  private static var measuringBase: UnsafeMutableRawPointer {
    guard let pointer = UnsafeMutableRawPointer(bitPattern: alignment) else { preconditionFailure() }
    return pointer
  }

  /// Floats that a measuring arena would have.
  static var nowhere: UnsafeMutablePointer<Float> { measuringBase.assumingMemoryBound(to: Float.self) }

  /// Room for `count` values, zeroed. Counts come from checked configurations: a measuring arena saturates instead of trapping, and
  /// the caller refuses what is too large.
  mutating func take<T: BitwiseCopyable>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
    let pointer = base + (isMeasuring ? 0 : byteCount)
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
    let size = overflow || bytes > Arena.limit ? Arena.limit : (bytes + Arena.alignment - 1) & ~(Arena.alignment - 1)
    byteCount = byteCount + size > Arena.limit ? Arena.limit : byteCount + size
    return pointer.assumingMemoryBound(to: type)
  }

  /// Where measuring stops counting: more than any machine of today holds.
  static let limit = 1 << 46
}
