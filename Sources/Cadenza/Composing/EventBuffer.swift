/// The events of the last block, to be read.
struct EventBuffer {
  static var capacity: Int { @_noLocks get { 4_096 } }

  private let events: UnsafeMutablePointer<NoteEvent>
  private(set) var count = 0
  /// Those that the host has read.
  private var readCount = 0
  /// Whether the block had more than fit.
  private(set) var hasLost = false

  init(arena: inout Arena) {
    events = arena.take(NoteEvent.self, count: EventBuffer.capacity)
  }

  /// Begins a block.
  @_noLocks
  mutating func removeAll() {
    count = 0
    readCount = 0
    hasLost = false
  }

  @_noLocks
  mutating func append(_ event: NoteEvent) {
    guard count < EventBuffer.capacity else {
      hasLost = true
      return
    }
    events[count] = event
    count += 1
  }

  /// Event `index` of `count`.
  @_noLocks
  func event(_ index: Int) -> NoteEvent { events[index] }

  @_noLocks
  mutating func lose() { hasLost = true }

  /// Writes those that have not been read, as many as there is room for, and returns how many.
  @_noLocks
  mutating func read(into target: UnsafeMutablePointer<NoteEvent>?, capacity: Int) -> Int {
    guard let target else { return 0 }
    let number = capacity < count - readCount ? capacity : count - readCount
    for index in 0..<number { target[index] = events[readCount + index] }
    readCount += number
    return number
  }
}
