import CadenzaKernels

// What a composer's stream tells of its music, and the pieces that it is given to continue.

extension Stream {
  /// Copies the events of the last block that have not been read to `events`, in their order, and sets `count` to how many;
  /// `eventsLost` where the block had more than are kept, `unsupported` where the stream is no composer's.
  @_noLocks
  public func readEvents(into events: UnsafeMutablePointer<NoteEvent>?, capacity: Int, count: inout Int) -> Status {
    count = 0
    guard let composer = player.composer else { return .unsupported }
    guard capacity >= 0 else { return .invalidArgument }
    if let ahead { return ahead.readEvents(into: events, capacity: capacity, count: &count) }
    return composer.pointee.readEvents(into: events, capacity: capacity, count: &count)
  }

  /// Gives a composer a piece of `frames` frames to continue, as if it had written it; its events' frames count from the piece's
  /// beginning at the present tempo. `invalidArgument` where an event cannot be, `unsupported` where the stream is no composer's,
  /// `state` where the piece has ended or the network failed: nothing is changed. Main thread: allocates.
  public func primeEvents(_ events: UnsafePointer<NoteEvent>?, count: Int, frames: UInt64) -> Status {
    feed(events, count: count, frames: frames, nats: nil, choices: nil)
  }

  /// Like `primeEvents`; adds up in `nats` the negative log-likelihood of the choices that make up the piece, each given those
  /// before it, and in `choices` how many they are. `unsupported` where the network predicts values.
  public func scoreEvents(
    _ events: UnsafePointer<NoteEvent>?, count: Int, frames: UInt64, nats: inout Double, choices: inout UInt64
  ) -> Status {
    nats = 0
    choices = 0
    guard let composer = player.composer, composer.pointee.hasLikelihood else { return .unsupported }
    let status = feed(events, count: count, frames: frames, nats: &nats, choices: &choices)
    if status.rawValue != 0 {
      nats = 0
      choices = 0
    }
    return status
  }

  private func feed(
    _ events: UnsafePointer<NoteEvent>?, count: Int, frames: UInt64, nats: UnsafeMutablePointer<Double>?,
    choices: UnsafeMutablePointer<UInt64>?
  ) -> Status {
    guard let composer = player.composer else { return .unsupported }
    guard count >= 0, count == 0 || events != nil, frames <= UnsafeBufferPointer<NoteEvent>.maximumFrames else {
      return .invalidArgument
    }
    let piece = UnsafeBufferPointer(start: events, count: count)
    guard piece.firstImpossible(frames: frames) == nil else { return .invalidArgument }
    pause()
    defer { goOn() }
    let arithmetic = ck_enter_arithmetic()
    let hadFailed = composer.pointee.hasFailed
    let status = composer.pointee.prime(piece, frames: frames, tempo: parameter(.tempo), nats: nats, choices: choices)
    ck_leave_arithmetic(arithmetic)
    if status == .numeric && !hadFailed { countOwnNumericError() }
    return status
  }
}

extension UnsafeBufferPointer<NoteEvent> {
  /// Of a piece. Far below where a double-precision number no longer tells frames apart; the composer sets the limit that counts.
  static var maximumFrames: UInt64 { 1 << 48 }

  /// The first event of a piece of `frames` frames that a host may not give; nil where it may give all.
  func firstImpossible(frames: UInt64) -> Int? {
    var last: UInt64 = 0
    for (index, event) in enumerated() {
      guard event.frame >= last, event.frame <= frames, event.isPossible else { return index }
      last = event.frame
    }
    return nil
  }
}

extension NoteEvent {
  /// Whether a host may give it.
  fileprivate var isPossible: Bool {
    guard kind == .noteOn || kind == .noteOff || kind == .end else { return false }
    return pitch < 128 && voice < UInt32(NoteScript.voiceCount) && velocity >= 0 && velocity <= 1
  }
}
