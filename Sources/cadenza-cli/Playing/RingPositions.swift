import Synchronization

/// Where in a ring the next element is written, and where the next one is read.
struct RingPositions {
  let capacity: Int
  // Elements ever written and read: one thread moves the one, the other the other.
  private let writeCount: UnsafeMutablePointer<Atomic<Int>>
  private let readCount: UnsafeMutablePointer<Atomic<Int>>

  init(capacity: Int) {
    self.capacity = max(1, capacity)
    writeCount = .allocate(capacity: 1)
    readCount = .allocate(capacity: 1)
    writeCount.initialize(to: Atomic(0))
    readCount.initialize(to: Atomic(0))
  }

  func free() {
    writeCount.deallocate()
    readCount.deallocate()
  }

  /// nil: full.
  var placeToWrite: Int? {
    @_noLocks get {
      let count = writeCount.pointee.load(ordering: .relaxed)
      return count - readCount.pointee.load(ordering: .acquiring) < capacity ? count % capacity : nil
    }
  }

  /// What was written at `placeToWrite` may be read.
  @_noLocks
  func endWriting() {
    writeCount.pointee.store(writeCount.pointee.load(ordering: .relaxed) + 1, ordering: .releasing)
  }

  /// nil: empty.
  var placeToRead: Int? {
    @_noLocks get {
      let count = readCount.pointee.load(ordering: .relaxed)
      return writeCount.pointee.load(ordering: .acquiring) > count ? count % capacity : nil
    }
  }

  /// What was read at `placeToRead` may be overwritten.
  @_noLocks
  func endReading() {
    readCount.pointee.store(readCount.pointee.load(ordering: .relaxed) + 1, ordering: .releasing)
  }
}
