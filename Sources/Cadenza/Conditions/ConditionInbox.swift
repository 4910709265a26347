/// The host's side of one condition of one stream: takes values from any thread, for the audio thread to play. Nothing in it is ever
/// written but what its pointers lead to.
struct ConditionInbox {
  let input: ConditionInput
  /// Of a global condition.
  let latest: LatestValue?
  /// Of a local one.
  let queue: ValueQueue?

  init(_ input: ConditionInput, arena: inout Arena) {
    self.input = input
    latest = input.framesPerValue == 0 ? LatestValue(width: input.width, arena: &arena) : nil
    queue = input.framesPerValue == 0 || input.isEmbedding ? nil : ValueQueue(width: input.width, arena: &arena)
  }

  /// One thread at a time.
  @_noLocks
  func set(_ values: UnsafePointer<Float>, count: Int) -> Status {
    // What the codec sets, or an encoder, is not the host's.
    if input.followsPosition || input.isEmbedding { return .unsupported }
    let width = input.width
    if let latest {
      guard count == width, input.accepts(values) else { return .invalidArgument }
      latest.write(values)
      return .ok
    }
    guard let queue, count > 0, count % width == 0 else { return .invalidArgument }
    // More values than the queue ever holds cannot be meant for memory that exists: they are not even read.
    guard count / width <= ValueQueue.capacity else { return .state }
    for index in 0..<(count / width) {
      guard input.accepts(values + index * width) else { return .invalidArgument }
    }
    return queue.append(values, count: count / width) ? .ok : .state
  }
}

extension ConditionConfiguration {
  /// Values that may wait in a stream: local conditions queue, of a global one the latest counts, and one that follows a
  /// position, or an embedding, takes none.
  public var queueCapacity: Int { followsPosition || isEmbedding ? 0 : framesPerValue == nil ? 1 : ValueQueue.capacity }
}
