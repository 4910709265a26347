import CadenzaKernels

/// The host's side of one condition of one stream: takes values from any thread, for the audio thread to play. Nothing in it is ever
/// written but what its pointers lead to.
struct ConditionInbox {
  let input: ConditionInput
  /// Of a global condition.
  let latest: LatestValue?
  /// Of a local one.
  let queue: ValueQueue?
  /// What was set last, for whoever asks. The threads that set take turns.
  private let last: UnsafeMutablePointer<Float>
  /// Where a latent's request is put together.
  private let request: UnsafeMutablePointer<Float>
  /// Whether a latent was set last, and not sent on a glide.
  private let wasSet: UnsafeMutablePointer<Bool>

  init(_ input: ConditionInput, arena: inout Arena) {
    self.input = input
    let width = input.isMovable ? GlideRequest.width(size: input.width) : input.width
    latest = input.framesPerValue == 0 ? LatestValue(width: width, arena: &arena) : nil
    request = arena.take(Float.self, count: input.isMovable ? width : 0)
    wasSet = arena.take(Bool.self, count: 1)
    queue = input.framesPerValue == 0 ? nil : ValueQueue(width: input.width, arena: &arena)
    last = arena.take(Float.self, count: input.width)
  }

  /// At a stream's beginning, and after a state was loaded: what it plays counts as what was set last.
  func begin(_ values: UnsafePointer<Float>) { ck_copy(last, values, input.width * 4) }

  /// Copies what was set last: of a glide, where it leads. One thread at a time, and not while another sets.
  @_noLocks
  func read(into values: UnsafeMutablePointer<Float>, count: Int) -> Status {
    guard count == input.width else { return .invalidArgument }
    ck_copy(values, last, count * 4)
    return .ok
  }

  /// Lets a latent go to `values` in `samples` of the model; 0: at once. One thread at a time.
  @_noLocks
  func glide(_ values: UnsafePointer<Float>, count: Int, samples: UInt64, _ interpolation: Interpolation) -> Status {
    guard input.isMovable, let latest else { return .unsupported }
    guard count == input.width, samples <= LatentGlide.maximumLength, input.accepts(values) else { return .invalidArgument }
    ask(values, samples: samples, interpolation, latest)
    ck_copy(last, values, count * 4)
    return .ok
  }

  @_noLocks
  private func ask(
    _ values: UnsafePointer<Float>, samples: UInt64, _ interpolation: Interpolation, _ latest: LatestValue
  ) {
    let start: UnsafePointer<Float>? = wasSet.pointee && latest.isUnseen ? UnsafePointer(last) : nil
    GlideRequest(size: input.width).write(request, to: values, from: start, samples: samples, interpolation)
    latest.write(request)
    wasSet.pointee = samples == 0
  }

  /// Lets a latent go to what `seed` draws from its prior. One thread at a time.
  @_noLocks
  func glideToDraw(seed: UInt64, index: Int, samples: UInt64, _ interpolation: Interpolation) -> Status {
    guard input.isMovable, let latest else { return .unsupported }
    guard samples <= LatentGlide.maximumLength else { return .invalidArgument }
    // Into the request's own place, which `ask` leaves alone: where it begins must not be overwritten.
    LatentPrior.draw(seed: seed, index: index, into: request, count: input.width)
    ask(request, samples: samples, interpolation, latest)
    ck_copy(last, request, input.width * 4)
    return .ok
  }

  /// One thread at a time.
  @_noLocks
  func set(_ values: UnsafePointer<Float>, count: Int) -> Status {
    // What the codec sets is not the host's.
    if input.followsPosition { return .unsupported }
    let width = input.width
    if input.isMovable { return glide(values, count: count, samples: 0, .linear) }
    if let latest {
      guard count == width, input.accepts(values) else { return .invalidArgument }
      latest.write(values)
      ck_copy(last, values, count * 4)
      return .ok
    }
    guard let queue, count > 0, count % width == 0 else { return .invalidArgument }
    // More values than the queue ever holds cannot be meant for memory that exists: they are not even read.
    guard count / width <= ValueQueue.capacity else { return .state }
    for index in 0..<(count / width) {
      guard input.accepts(values + index * width) else { return .invalidArgument }
    }
    guard queue.append(values, count: count / width) else { return .state }
    ck_copy(last, values + (count - width), width * 4)
    return .ok
  }
}

extension ConditionConfiguration {
  /// Values that may wait in a stream: local conditions queue, of a global one the latest counts, and one that follows a
  /// position takes none.
  public var queueCapacity: Int { followsPosition ? 0 : framesPerValue == nil ? 1 : ValueQueue.capacity }
}
