import CadenzaKernels

// A model's encoder, as hosts use it: recordings and melodies in, the numbers of a latent out. Any number of threads at once, but
// not the audio thread: it allocates, and takes as long as it takes.

extension Model {
  /// The latent, a row of numbers for a global one, rows one after another for an embedding, of a recording at the model's sample
  /// rate. Conditions of the encoder's layers have their defaults. Throws `unsupported` where the model has no encoder of recordings,
  /// `invalidArgument` where the recording is too short, silent or not finite, `outOfMemory`, `numeric`.
  public func encode(_ samples: UnsafeBufferPointer<Float>) throws(Failure) -> [Float] {
    try encode(samples, sampleRate: sampleRate, conditions: nil)
  }

  /// The same of a melody: `events` with frames at the model's sample rate, at its tempo, `frames` long. What lies beyond the encoder's
  /// steps is left out. Throws `unsupported` where the model has no encoder of melodies, `invalidArgument` where an event cannot be or
  /// there is no note.
  public func encode(_ events: UnsafeBufferPointer<NoteEvent>, frames: UInt64) throws(Failure) -> [Float] {
    try encode(events, frames: frames, sampleRate: sampleRate, tempo: tempo)
  }

  /// How many numbers the latent of a recording of so many samples at the model's rate has. Throws what `encode` throws of its length.
  public func encodedCount(frames: Int) throws(Failure) -> Int {
    let encoding = try requiredEncoding()
    switch encoding.encoder {
    case .recurrent: throw Model.takesMelodies
    }
  }

  /// How many numbers the latent of a melody has. Throws `unsupported` where the model has no encoder of melodies.
  public func encodedMelodyCount() throws(Failure) -> Int {
    let encoding = try requiredEncoding()
    _ = try Model.melodyEncoder(encoding)
    return encoding.size
  }

  func requiredEncoding() throws(Failure) -> ModelEncoding {
    guard let encoding = plan.encoding else {
      throw Failure(.unsupported, "the model has no encoder: it makes no latent of a recording or a melody")
    }
    return encoding
  }

  private static var takesMelodies: Failure {
    Failure(.unsupported, "the model's encoder takes melodies, and no recordings")
  }

  private static func melodyEncoder(_ encoding: ModelEncoding) throws(Failure) -> RecurrentEncoder {
    switch encoding.encoder {
    case .recurrent(let encoder): return encoder
    }
  }

  /// `conditions`: a value for each of the model's; nil: the defaults.
  func encode(
    _ samples: UnsafeBufferPointer<Float>, sampleRate: Int, conditions: [[Float]]?
  ) throws(Failure) -> [Float] {
    let encoding = try requiredEncoding()
    switch encoding.encoder {
    case .recurrent: throw Model.takesMelodies
    }
  }

  /// `tempo`: at which the frames count.
  func encode(
    _ events: UnsafeBufferPointer<NoteEvent>, frames: UInt64, sampleRate: Int, tempo: Float
  ) throws(Failure) -> [Float] {
    let encoder = try Model.melodyEncoder(try requiredEncoding())
    guard case .notes(let codec) = plan.codec else { throw Model.takesMelodies }
    guard frames <= UnsafeBufferPointer<NoteEvent>.maximumFrames else {
      throw Failure(.invalidArgument, "the melody lasts \(frames) frames, more than there can be")
    }
    if let place = events.firstImpossible(frames: frames) {
      throw Failure(.invalidArgument, "event \(place) cannot be: an unknown kind, out of range, or before the one before it")
    }
    var timeline = Timeline(ticksPerBeat: codec.ticksPerBeat, sampleRate: sampleRate)
    timeline.setTempo(tempo)
    let memory = NoteCodecMemory()
    let ticks = encoder.tokenCount / max(1, codec.stepTokenCount)
    let given = timeline.tickEvents(of: events)
    guard given.contains(where: { $0.isOn && $0.velocity > 0 && $0.tick < UInt64(ticks) }) else {
      throw Failure(.invalidArgument, "this melody has no notes in the \(ticks) steps that the encoder reads")
    }
    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    let tokens = codec.encode(given, ticks: UInt64(ticks), memory).map { $0.token }
    return try encoder.encode(tokens, plan.kernels)
  }
}

extension NoteCodec {
  /// Tokens of a step of a grid.
  fileprivate var stepTokenCount: Int {
    if case .stepGrid(let grid) = self { return grid.voiceCount }
    return 1
  }
}
