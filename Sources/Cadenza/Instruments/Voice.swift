/// One of an instrument's voices: a generator under an envelope, the note that it plays, and one that may be waiting until that has
/// faded.
///
/// Every note begins the network anew: empty history, its own random numbers.
struct Voice {
  private var generator: SampleGenerator
  /// The conditions of the note that sounds.
  private let values: UnsafeMutablePointer<Float>
  private(set) var envelope: Envelope
  /// What sounds.
  private(set) var note: VoiceNote?
  /// What begins at the next sample at which nothing sounds.
  private(set) var next: VoiceNote?

  init(
    _ plan: ModelPlan, sampler: Sampler?, conditions: InstrumentConditions, lengths: Envelope.Lengths, arena: inout Arena
  ) {
    generator = SampleGenerator(plan, sampler: sampler, seed: 0, arena: &arena)
    values = arena.take(Float.self, count: conditions.width)
    envelope = Envelope(lengths)
    if arena.isMeasuring { return }
    // What it may be asked to save before any note: the conditions' values, whatever they are, must be ones there can be.
    conditions.begin(values, part: 0, pitchClass: 0)
  }

  var isFree: Bool {
    @_noLocks get { note == nil && next == nil }
  }
  /// Whether it plays a note that has ended, and none waits.
  var isFading: Bool {
    @_noLocks get { next == nil && note != nil && !envelope.isHeld }
  }
  /// When the note that it was last given began to be asked for.
  var latestNumber: UInt64 {
    @_noLocks get { next?.number ?? note?.number ?? 0 }
  }

  /// Plays `note` as soon as what sounds has faded: from the next sample on where nothing sounds.
  @_noLocks
  mutating func play(_ note: VoiceNote) {
    next = note
    envelope.makeWay()
  }

  /// Ends the note of this pitch, where it is this voice's. One that has not begun never does.
  @_noLocks
  mutating func end(part: Int, pitch: Int) {
    if let waiting = next {
      if waiting.isOf(part: part, pitch: pitch) { next = nil }
    } else if let note, note.isOf(part: part, pitch: pitch) {
      envelope.end()
    }
  }

  /// Silence, and nothing to come.
  @_noLocks
  mutating func stop() {
    note = nil
    next = nil
    envelope.stop()
  }

  @_noLocks
  private mutating func begin(_ note: VoiceNote, _ conditions: InstrumentConditions, _ pitches: PitchTable, seed: UInt64) {
    self.note = note
    next = nil
    conditions.begin(values, part: note.part, pitchClass: pitches.pitchClass(of: note.pitch))
    conditions.write(values, to: generator.h)
    generator.reset(seed: Voice.seed(of: note.number, seed))
    envelope.begin()
  }

  /// Gives the note that sounds what the latents of its part are now.
  @_noLocks
  mutating func followLatents(_ conditions: InstrumentConditions) {
    guard let note else { return }
    conditions.followLatents(values, part: note.part, h: generator.h)
    generator.conditionsChanged = true
  }

  /// The seed of the note of this number in a stream with this seed.
  @_noLocks
  static func seed(of number: UInt64, _ seed: UInt64) -> UInt64 {
    // Two seeds that are neighbours, or the stream's own generator, share nothing with it.
    var state = seed
    state = RandomGenerator.splitMix64(&state) &+ number
    return RandomGenerator.splitMix64(&state)
  }

  /// Adds its next sample to `mix`; false where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  mutating func add(
    to mix: inout Float, _ settings: SamplerSettings, _ conditions: InstrumentConditions, _ pitches: PitchTable, seed: UInt64
  ) -> Bool {
    if envelope.isIdle {
      guard let waiting = next else { return true }
      begin(waiting, conditions, pitches, seed: seed)
    }
    if !generator.choose(settings) { return false }
    let gain = note?.gain ?? 0
    mix += generator.element.value * (gain * envelope.next())
    if envelope.isIdle { note = nil }
    return true
  }

  // MARK: State

  /// Bytes that `save` writes.
  func savedByteCount(_ conditions: InstrumentConditions) -> Int {
    2 * VoiceNote.savedByteCount + Envelope.savedByteCount + conditions.width * 4 + SampleGenerator.choicesByteCount
      + generator.networkByteCount
  }

  func save(_ writer: inout ByteWriter, _ conditions: InstrumentConditions) {
    VoiceNote.save(note, &writer)
    VoiceNote.save(next, &writer)
    envelope.save(&writer)
    writer.write(UnsafeRawPointer(values), count: conditions.width * 4)
    generator.saveChoices(&writer)
    generator.saveNetwork(&writer)
  }

  /// Reads what `save` wrote, of an instrument that has begun `count` notes; false where that cannot be. Changes nothing but where
  /// `isLoading`, after it was accepted.
  mutating func read(
    _ reader: inout ByteReader, _ conditions: InstrumentConditions, count: UInt64, isLoading: Bool
  ) -> Bool {
    var note: VoiceNote?
    var next: VoiceNote?
    guard VoiceNote.read(&reader, count: count, into: &note), VoiceNote.read(&reader, count: count, into: &next) else {
      return false
    }
    var envelope = envelope
    guard envelope.read(&reader, isLoading: true), envelope.isIdle == (note == nil) else { return false }
    // A note waits for nothing, or for one that fades.
    if next != nil && envelope.isHeld { return false }
    if isLoading {
      self.note = note
      self.next = next
      self.envelope = envelope
      reader.read(into: values, count: conditions.width * 4)
      conditions.write(values, to: generator.h)
    } else {
      let row = UnsafeMutablePointer<Float>.allocate(capacity: max(1, conditions.width))
      defer { row.deallocate() }
      reader.read(into: row, count: conditions.width * 4)
      guard conditions.accepts(row) else { return false }
    }
    guard generator.readChoices(&reader, isLoading: isLoading) else { return false }
    return generator.readNetwork(&reader, isLoading: isLoading)
  }
}
