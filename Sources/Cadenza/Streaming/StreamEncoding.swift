import CadenzaKernels

// What a stream is given to sound like: recordings and melodies that its model's encoder turns into a latent.

extension Stream {
  /// Slots for what is encoded; the parameter `mix` goes from the first to the second.
  public static var encodedSlots: Int { LatentMix.slotCount }

  /// Encodes a recording at `inputSampleRate` into slot 0 or 1. An embedding is heard from the next row on (the voices of a stream that plays
  /// notes begin it with each note, a stream without them at its beginning: see `reset`); a global latent is the mix of both slots from the next
  /// block on, until it is set otherwise. Throws what `Model.encode` throws; the stream is then unchanged. Not at once with anything but
  /// parameters and conditions.
  public func encode(slot: Int, _ samples: UnsafeBufferPointer<Float>) throws(Failure) {
    let encoder = try encodingModel(slot)
    try fill(slot, try encoder.encode(samples, sampleRate: inputSampleRate, conditions: presentConditions()))
  }

  /// The same of a melody, whose events' frames count at the stream's sample rate and present tempo.
  public func encode(slot: Int, _ events: UnsafeBufferPointer<NoteEvent>, frames: UInt64) throws(Failure) {
    let encoder = try encodingModel(slot)
    try fill(slot, try encoder.encode(events, frames: frames, sampleRate: sampleRate, tempo: parameter(.tempo)))
  }

  /// Fills a slot with numbers that `Model.encode` gave, or others: one row of a global latent, whole rows of an embedding. None: the slot
  /// is empty, zeros. Throws `invalidArgument` where they are no whole rows, or not finite.
  public func setEncoded(slot: Int, _ numbers: UnsafeBufferPointer<Float>) throws(Failure) {
    let encoding = try encodingModel(slot).requiredEncoding()
    guard numbers.count % encoding.size == 0, encoding.framesPerRow > 0 || numbers.count <= encoding.size else {
      throw Failure(.invalidArgument, "the latent has \(numbers.count) numbers, expected \(encoding.size) a row")
    }
    for number in numbers where !number.isFinite {
      throw Failure(.invalidArgument, "the latent holds a number that is not finite")
    }
    try fill(slot, numbers)
  }

  /// The model whose encoder is meant: the stream's own, or that of the instrument of a composer which has none.
  private func encodingModel(_ slot: Int) throws(Failure) -> Model {
    guard slot >= 0, slot < Stream.encodedSlots else {
      throw Failure(.invalidArgument, "slot is \(slot), expected 0 or 1")
    }
    let encoder = model.plan.encoding == nil ? ownedInstrument?.model ?? model : model
    _ = try encoder.requiredEncoding()
    return encoder
  }

  private func fill(_ slot: Int, _ numbers: [Float]) throws(Failure) {
    try numbers.withUnsafeBufferPointer { (buffer) throws(Failure) in try fill(slot, buffer) }
  }

  private func fill(_ slot: Int, _ numbers: UnsafeBufferPointer<Float>) throws(Failure) {
    guard let latentMix = player.latentMix else { return }
    pause()
    defer { goOn() }
    guard latentMix.pointee.fill(slot, numbers) else {
      throw Failure(.outOfMemory, "no memory for \(numbers.count) numbers of a latent")
    }
    latentMix.pointee.setMix(parameter(.mix))
    player.playLatent(latentMix)
  }

  /// What the conditions of the encoder's model are now: of a stream or instrument that plays notes, those of voice 0's next note.
  private func presentConditions() -> [[Float]] {
    pause()
    defer { goOn() }
    return player.presentConditions()
  }
}
