import CadenzaKernels

/// One condition of one stream: takes values from the host's side and plays each for as long as it lasts.
struct ConditionPlayer {
  let input: ConditionInput
  /// The value that is playing.
  let current: UnsafeMutablePointer<Float>
  /// Samples that it still lasts; 0: until the next.
  var framesLeft = 0
  private let latest: LatestValue?
  private let queue: ValueQueue?
  /// Values of the queue that this block may take: those that waited when it began.
  private var available = 0

  init(_ input: ConditionInput, defaultValue: [Float], arena: inout Arena) {
    self.input = input
    current = arena.take(Float.self, count: input.width)
    latest = input.framesPerValue == 0 ? LatestValue(width: input.width, arena: &arena) : nil
    queue = input.framesPerValue == 0 ? nil : ValueQueue(width: input.width, arena: &arena)
    if arena.isMeasuring { return }
    for (index, value) in defaultValue.enumerated() where index < input.width { current[index] = value }
  }

  /// Numbers that `save` writes after two counts.
  var savedCount: Int { input.width * (queue == nil ? 1 : 1 + ValueQueue.capacity) }

  /// Host's side: one thread at a time.
  @_noLocks
  func set(_ values: UnsafePointer<Float>, count: Int) -> Status {
    let width = input.width
    if let latest {
      guard count == width, input.accepts(values) else { return .invalidArgument }
      latest.write(values)
      return .ok
    }
    guard let queue, count > 0, count % width == 0 else { return .invalidArgument }
    for index in 0..<(count / width) {
      guard input.accepts(values + index * width) else { return .invalidArgument }
    }
    return queue.append(values, count: count / width) ? .ok : .state
  }

  /// Begins a block; true where h changed.
  @_noLocks
  mutating func beginBlock(_ h: UnsafeMutablePointer<Float>) -> Bool {
    if let queue { available = queue.count() }
    guard let value = latest?.read() else { return false }
    play(value, h)
    return true
  }

  /// Begins a sample of a local condition; true where h changed.
  @_noLocks
  mutating func beginSample(_ h: UnsafeMutablePointer<Float>) -> Bool {
    guard let queue else { return false }
    var changed = false
    if framesLeft == 0 && available > 0 {
      play(queue.peek(0), h)
      queue.remove(1)
      available -= 1
      framesLeft = input.framesPerValue
      changed = true
    }
    if framesLeft > 0 { framesLeft -= 1 }
    return changed
  }

  @_noLocks
  private func play(_ value: UnsafePointer<Float>, _ h: UnsafeMutablePointer<Float>) {
    ck_copy(current, value, input.width * 4)
    input.write(current, to: h)
  }

  // MARK: State

  /// Values that wait. Nobody else is reading.
  func waitingCount() -> Int { queue?.count() ?? 0 }

  /// Writes `savedCount` numbers: the value that plays, and those that wait, zeros behind them.
  mutating func save(to numbers: UnsafeMutablePointer<Float>, _ h: UnsafeMutablePointer<Float>) -> Bool {
    let changed = beginBlock(h)
    ck_zero(numbers, savedCount * 4)
    ck_copy(numbers, current, input.width * 4)
    if let queue {
      for index in 0..<queue.count() {
        ck_copy(numbers + (1 + index) * input.width, queue.peek(index), input.width * 4)
      }
    }
    return changed
  }

  /// Whether numbers that `save` may have written, with `waiting` values, can be loaded.
  func accepts(_ numbers: UnsafePointer<Float>, framesLeft: UInt32, waiting: UInt32) -> Bool {
    guard framesLeft <= UInt32(input.framesPerValue), waiting <= (queue == nil ? 0 : UInt32(ValueQueue.capacity)) else {
      return false
    }
    for index in 0...Int(waiting) {
      guard input.accepts(numbers + index * input.width) else { return false }
    }
    return true
  }

  /// Loads what was accepted. Nobody else is reading or writing.
  mutating func load(_ numbers: UnsafePointer<Float>, framesLeft: UInt32, waiting: UInt32, _ h: UnsafeMutablePointer<Float>) {
    _ = latest?.read()
    self.framesLeft = Int(framesLeft)
    play(numbers, h)
    guard let queue else { return }
    queue.remove(queue.count())
    _ = queue.append(numbers + input.width, count: Int(waiting))
  }
}

extension ConditionConfiguration {
  /// Values that may wait in a stream: local conditions queue, of a global one the latest counts.
  public var queueCapacity: Int { framesPerValue == nil ? 1 : ValueQueue.capacity }
}
