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
    let encoder = try Model.recordingEncoder(encoding)
    try Model.check(frames: frames, encoding, encoder)
    return try encoder.configuration.rowCount(frames: frames) * encoding.size
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
    case .layers: throw Failure(.unsupported, "the model's encoder takes recordings, and no melodies")
    }
  }

  private static func recordingEncoder(_ encoding: ModelEncoding) throws(Failure) -> LayersEncoder {
    switch encoding.encoder {
    case .recurrent: throw takesMelodies
    case .layers(let encoder): return encoder
    }
  }

  /// Refuses recordings, at the model's rate, that are shorter than makes sense.
  private static func check(frames: Int, _ encoding: ModelEncoding, _ encoder: LayersEncoder) throws(Failure) {
    guard frames < encoding.minimumFrames || frames == 0 else { return }
    let needed = max(encoding.minimumFrames, encoder.configuration.shortest)
    throw Failure(.invalidArgument, "this recording has \(frames) frames, the encoder needs \(needed)")
  }

  /// A recording at the model's rate, within −1 … 1. Refuses what is not finite, or silent: with a peak below −80 dB.
  private func prepared(_ samples: UnsafeBufferPointer<Float>, sampleRate: Int) throws(Failure) -> [Float] {
    var peak: Float = 0
    for sample in samples {
      guard sample.isFinite else { throw Failure(.invalidArgument, "this recording holds a sample that is not finite") }
      peak = max(peak, abs(sample))
    }
    guard peak >= 1e-4 || samples.count == 0 else {
      throw Failure(.invalidArgument, "this recording is silent: its peak is below -80 dB")
    }
    var converted: [Float]
    if sampleRate == self.sampleRate {
      converted = Array(samples)
    } else {
      let converter = try SampleRateConverter(from: sampleRate, to: self.sampleRate)
      converted = converter.convert(samples) + converter.finish()
    }
    for index in converted.indices { converted[index] = min(max(converted[index], -1), 1) }
    return converted
  }

  /// The same of a recording at any sample rate, in Hz; `conditions`: a value for each of the model's, of which the encoder's layers take
  /// those that they know; nil: the defaults.
  public func encode(
    _ samples: UnsafeBufferPointer<Float>, sampleRate: Int, conditions: [[Float]]?
  ) throws(Failure) -> [Float] {
    let encoding = try requiredEncoding()
    let encoder = try Model.recordingEncoder(encoding)
    let recording = try prepared(samples, sampleRate: sampleRate)
    try Model.check(frames: recording.count, encoding, encoder)
    _ = try encoder.configuration.rowCount(frames: recording.count)
    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    return try encoder.encode(recording, h: h(conditions), plan.kernels)
  }

  /// The vector of all conditions but the latents, as the encoder's layers know them.
  private func h(_ values: [[Float]]?) -> [Float] {
    let all = UnsafeMutablePointer<Float>.allocate(capacity: RowOrder.padded(max(1, plan.conditionChannels)))
    defer { all.deallocate() }
    var h: [Float] = []
    var first = 0
    for (index, condition) in configuration.conditions.enumerated() {
      defer { first += condition.channels }
      if case .latent = condition.kind { continue }
      plan.conditions[index].write(values?[index] ?? condition.defaultValue, to: all)
      for channel in 0..<condition.channels { h.append(all[first + channel]) }
    }
    // Whole panels.
    h.append(contentsOf: repeatElement(0, count: RowOrder.padded(max(1, h.count)) - h.count))
    return h
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
