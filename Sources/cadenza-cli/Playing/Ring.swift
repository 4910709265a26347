import Cadenza
import Synchronization

/// A queue of fixed room from one thread to one other, neither of which ever waits: how the keys reach the sound device's thread, and
/// how a composer's notes come back from it. Copies are the same queue; `free` it once.
struct Ring<Element: BitwiseCopyable> {
  private let elements: UnsafeMutablePointer<Element>
  private let capacity: Int
  // Elements ever written and read: one thread moves the one, the other the other.
  private let writeCount: UnsafeMutablePointer<Atomic<Int>>
  private let readCount: UnsafeMutablePointer<Atomic<Int>>

  init(capacity: Int) {
    self.capacity = max(1, capacity)
    elements = .allocate(capacity: self.capacity)
    writeCount = .allocate(capacity: 1)
    readCount = .allocate(capacity: 1)
    writeCount.initialize(to: Atomic(0))
    readCount.initialize(to: Atomic(0))
  }

  func free() {
    elements.deallocate()
    writeCount.deallocate()
    readCount.deallocate()
  }

  /// Whether there was room.
  @inline(__always)
  func write(_ element: Element) -> Bool {
    let count = writeCount.pointee.load(ordering: .relaxed)
    if count - readCount.pointee.load(ordering: .acquiring) >= capacity { return false }
    elements[count % capacity] = element
    writeCount.pointee.store(count + 1, ordering: .releasing)
    return true
  }

  /// nil: empty.
  @inline(__always)
  func read() -> Element? {
    let count = readCount.pointee.load(ordering: .relaxed)
    if writeCount.pointee.load(ordering: .acquiring) <= count { return nil }
    let element = elements[count % capacity]
    readCount.pointee.store(count + 1, ordering: .releasing)
    return element
  }
}

// What the sound device's thread does, without locks: @_noLocks wants types that are known, in debug builds too.

extension Ring where Element == LiveCommand {
  /// nil: empty.
  @_noLocks
  func read() -> LiveCommand? {
    let count = readCount.pointee.load(ordering: .relaxed)
    if writeCount.pointee.load(ordering: .acquiring) <= count { return nil }
    let element = elements[count % capacity]
    readCount.pointee.store(count + 1, ordering: .releasing)
    return element
  }
}

extension Ring where Element == NoteEvent {
  /// Whether there was room.
  @_noLocks
  func write(_ element: NoteEvent) -> Bool {
    let count = writeCount.pointee.load(ordering: .relaxed)
    if count - readCount.pointee.load(ordering: .acquiring) >= capacity { return false }
    elements[count % capacity] = element
    writeCount.pointee.store(count + 1, ordering: .releasing)
    return true
  }
}
