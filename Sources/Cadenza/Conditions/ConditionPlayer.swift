import CadenzaKernels

/// The audio thread's side of one condition of one stream: plays each value for as long as it lasts.
struct ConditionPlayer {
  private let inbox: ConditionInbox
  /// The value that is playing.
  private let current: UnsafeMutablePointer<Float>
  /// Samples that it still lasts; 0: until the next.
  var framesLeft = 0
  /// Values of the queue that this block may take: those that waited when it began.
  private var available = 0
  /// Of a latent.
  private var glide: LatentGlide?

  private var input: ConditionInput {
    @_noLocks get { inbox.input }
  }
  private var queue: ValueQueue? {
    @_noLocks get { inbox.queue }
  }
  private var latest: LatestValue? {
    @_noLocks get { inbox.latest }
  }

  /// Plays the default value, which it writes to h.
  init(_ inbox: ConditionInbox, defaultValue: [Float], h: UnsafeMutablePointer<Float>, arena: inout Arena) {
    self.inbox = inbox
    current = arena.take(Float.self, count: inbox.input.width)
    glide = inbox.input.isMovable ? LatentGlide(current, size: inbox.input.width, arena: &arena) : nil
    if arena.isMeasuring { return }
    for (index, value) in defaultValue.enumerated() where index < inbox.input.width { current[index] = value }
    inbox.input.write(current, to: h)
    inbox.begin(current)
  }

  /// Numbers that `save` writes after two counts.
  var savedCount: Int { input.width * (queue == nil ? 1 : 1 + ValueQueue.capacity) }

  /// Begins a block; true where h changed.
  @_noLocks
  mutating func beginBlock(_ h: UnsafeMutablePointer<Float>) -> Bool {
    if let queue { available = queue.count() }
    guard let latest, let value = latest.read() else { return false }
    guard input.isMovable else {
      play(value, h)
      return true
    }
    if var moving = glide {
      GlideRequest(size: input.width).begin(&moving, value)
      glide = moving
    }
    input.write(current, to: h)
    return true
  }

  /// Lets a latent go on by `samples`; true where h changed.
  @_noLocks
  mutating func advance(_ samples: UInt64, _ h: UnsafeMutablePointer<Float>) -> Bool {
    guard glide?.advance(samples) ?? false else { return false }
    input.write(current, to: h)
    return true
  }

  var isMovable: Bool {
    @_noLocks get { glide != nil }
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

  /// Sets a condition that follows the position of what is chosen next; true where h changed.
  @_noLocks
  mutating func follow(position: UInt64, _ h: UnsafeMutablePointer<Float>) -> Bool {
    guard input.followsPosition else { return false }
    let value = Float(position % UInt64(input.size))
    if current[0] == value { return false }
    current[0] = value
    input.write(current, to: h)
    return true
  }

  @_noLocks
  private func play(_ value: UnsafePointer<Float>, _ h: UnsafeMutablePointer<Float>) {
    ck_copy(current, value, input.width * 4)
    input.write(current, to: h)
  }

  // MARK: State

  /// Bytes that `saveGlide` writes.
  var savedGlideByteCount: Int { glide?.savedByteCount ?? 0 }

  func saveGlide(_ writer: inout ByteWriter) { glide?.save(&writer) }

  /// Reads what `saveGlide` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func readGlide(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    glide?.read(&reader, isLoading: isLoading) ?? true
  }

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
    inbox.begin(current)
    guard let queue else { return }
    queue.remove(queue.count())
    _ = queue.append(numbers + input.width, count: Int(waiting))
  }
}
