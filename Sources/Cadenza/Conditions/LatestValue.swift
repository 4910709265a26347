import CadenzaKernels
import Synchronization

/// Hands the latest of a row of values from one writer to one reader: neither ever waits, and the reader sees whole values only.
///
/// Three slots: the writer's, the reader's, and one between, which they exchange for their own in one atomic step.
struct LatestValue {
  /// Numbers in a value.
  let width: Int
  private let slots: UnsafeMutablePointer<Float>
  /// Index of the slot between, and `fresh` where the reader has not seen it.
  private let between: UnsafeMutablePointer<Atomic<UInt32>>
  private let writers: UnsafeMutablePointer<UInt32>
  private let readers: UnsafeMutablePointer<UInt32>

  private static var fresh: UInt32 { @_noLocks get { 4 } }

  init(width: Int, arena: inout Arena) {
    self.width = width
    slots = arena.take(Float.self, count: 3 * width)
    between = arena.takeAtomics(1)
    writers = arena.take(UInt32.self, count: 1)
    readers = arena.take(UInt32.self, count: 1)
    if arena.isMeasuring { return }
    between.initialize(to: Atomic(0))
    writers.pointee = 1
    readers.pointee = 2
  }

  /// Writer's side.
  @_noLocks
  func write(_ values: UnsafePointer<Float>) {
    ck_copy(slots + Int(writers.pointee) * width, values, width * 4)
    let old = between.pointee.exchange(writers.pointee | LatestValue.fresh, ordering: .acquiringAndReleasing)
    writers.pointee = old & 3
  }

  /// Writer's side: whether the reader has yet to see what was written last.
  var isUnseen: Bool {
    @_noLocks get { between.pointee.load(ordering: .relaxed) & LatestValue.fresh != 0 }
  }

  /// Reader's side: the latest value, or nil where there is none since the last call. Valid until the next call.
  @_noLocks
  func read() -> UnsafePointer<Float>? {
    if between.pointee.load(ordering: .relaxed) & LatestValue.fresh == 0 { return nil }
    let old = between.pointee.exchange(readers.pointee, ordering: .acquiringAndReleasing)
    readers.pointee = old & 3
    return UnsafePointer(slots + Int(readers.pointee) * width)
  }
}

extension Arena {
  mutating func takeAtomics(_ count: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    let words = take(UInt32.self, count: count)
    return UnsafeMutableRawPointer(words).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}
