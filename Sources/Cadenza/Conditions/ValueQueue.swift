import CadenzaKernels
import Synchronization

/// A queue of values from one writer to one reader; neither ever waits.
struct ValueQueue {
  /// Numbers in a value.
  let width: Int
  /// Values that may wait.
  static var capacity: Int { @_noLocks get { 64 } }

  private let ring: UnsafeMutablePointer<Float>
  /// Values ever written and ever read, modulo 2³².
  private let written: UnsafeMutablePointer<Atomic<UInt32>>
  private let taken: UnsafeMutablePointer<Atomic<UInt32>>

  init(width: Int, arena: inout Arena) {
    self.width = width
    ring = arena.take(Float.self, count: ValueQueue.capacity * width)
    written = arena.takeAtomics(1)
    taken = arena.takeAtomics(1)
    if arena.isMeasuring { return }
    written.initialize(to: Atomic(0))
    taken.initialize(to: Atomic(0))
  }

  @_noLocks
  private func slot(_ position: UInt32) -> UnsafeMutablePointer<Float> {
    ring + Int(position % UInt32(ValueQueue.capacity)) * width
  }

  /// Writer's side: all of `count` values, or none where there is no room.
  @_noLocks
  func append(_ values: UnsafePointer<Float>, count: Int) -> Bool {
    let end = written.pointee.load(ordering: .relaxed)
    let waiting = Int(end &- taken.pointee.load(ordering: .acquiring))
    guard count <= ValueQueue.capacity - waiting else { return false }
    for index in 0..<count {
      ck_copy(slot(end &+ UInt32(index)), values + index * width, width * 4)
    }
    written.pointee.store(end &+ UInt32(count), ordering: .releasing)
    return true
  }

  /// Reader's side: values that wait.
  @_noLocks
  func count() -> Int {
    Int(written.pointee.load(ordering: .acquiring) &- taken.pointee.load(ordering: .relaxed))
  }

  /// Reader's side: value `index` of those that wait, which stays.
  @_noLocks
  func peek(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(slot(taken.pointee.load(ordering: .relaxed) &+ UInt32(index)))
  }

  /// Reader's side: takes `count` of the values that wait.
  @_noLocks
  func remove(_ count: Int) {
    taken.pointee.store(taken.pointee.load(ordering: .relaxed) &+ UInt32(count), ordering: .releasing)
  }
}
