/// A queue of fixed room from one thread to one other, neither of which ever waits: how the keys reach the sound device's thread, and
/// how a composer's notes come back from it. Copies are the same queue; `free` it once.
///
/// `write` and `read` are the other thread's. The device's thread, whose code carries @_noLocks, goes by `positions` itself: in debug
/// builds the compiler does not look into a generic function of another file.
struct Ring<Element: BitwiseCopyable> {
  let elements: UnsafeMutablePointer<Element>
  let positions: RingPositions

  init(capacity: Int) {
    positions = RingPositions(capacity: capacity)
    elements = .allocate(capacity: positions.capacity)
  }

  func free() {
    elements.deallocate()
    positions.free()
  }

  /// Whether there was room.
  func write(_ element: Element) -> Bool {
    guard let place = positions.placeToWrite else { return false }
    elements[place] = element
    positions.endWriting()
    return true
  }

  /// nil: empty.
  func read() -> Element? {
    guard let place = positions.placeToRead else { return nil }
    let element = elements[place]
    positions.endReading()
    return element
  }
}
