import CadenzaKernels

/// Plays notes with a model that plays audio and has a condition "pitch": a fixed number of voices, added up in their order.
///
/// What is heard. A note begins its voice's network anew, with random numbers of its own, so the same notes give the same bits. Its
/// loudness is `gain` times the square of its velocity (40 dB from full velocity to a tenth of it), under an `Envelope`. A note that
/// finds no voice free takes one over: among those whose notes have ended the one that has faded furthest, else the one that was
/// given a note longest ago. That voice fades out in 5 ms, and only then does the new note begin there: a voice never does two
/// things, nothing clicks, and nothing costs more than a voice. A note that ends, or loses its voice again, within these 5 ms is
/// not heard.
///
/// When. Notes take effect at the first sample of the model that the output's frame at hand asks for, so any split of the frames into
/// blocks gives the same bits.
///
/// What it costs. At each sample of the model, what a stream of the model costs for each voice that sounds, and for each note that
/// begins zeroing a network's state once more; a voice begins one note a sample at most. All memory is in the arena.
struct Instrument {
  private let voices: UnsafeMutablePointer<Voice>
  let voiceCount: Int
  /// What recordings were encoded to; nil: the model has no encoder.
  let latentMix: UnsafeMutablePointer<LatentMix>?
  private let conditions: InstrumentConditions
  private let pitches: PitchTable
  private var queue: NoteQueue
  /// From the model's rate to the output's; nil where they are the same.
  private let converter: UnsafeMutablePointer<RateConverter>?
  /// Frames of the output by which the voices lag on their own.
  private let generatorLatency: Int
  /// Of a note at full velocity.
  private let gain: Float
  /// Hz.
  private let modelRate: Int
  private let outputRate: Int

  /// Of all voices' samplers.
  var settings: SamplerSettings

  private var seed: UInt64
  /// Notes begun since the beginning.
  private var noteCount: UInt64 = 0
  /// Frames of the output since the beginning.
  private var frame: UInt64 = 0
  /// Whether the network produced a value that is not finite.
  private(set) var hasFailed = false
  /// Frames that the last call of `generate` wrote before a network failed.
  private(set) var wholeFrames = 0

  /// Lays the instrument out in `arena`. The model can play notes (`checkThatItPlaysNotes` gives `pitchIndex`), the options are
  /// checked, `outputRate` is in Hz.
  init(
    _ plan: ModelPlan, _ configuration: Configuration, pitchIndex: Int, options: InstrumentOptions, outputRate: Int,
    seed: UInt64, arena: inout Arena
  ) {
    self.seed = seed
    self.outputRate = outputRate
    modelRate = configuration.codec.sampleRate
    settings = options.settings
    gain = options.gain
    generatorLatency = plan.generatorLatency(from: configuration.codec.sampleRate, to: outputRate)
    voiceCount = options.voices
    conditions = InstrumentConditions(
      plan, defaults: configuration.beginnings(seed: seed), pitchIndex: pitchIndex, arena: &arena)
    pitches = PitchTable(configuration.conditions[pitchIndex], transpose: options.transpose, arena: &arena)
    queue = NoteQueue(arena: &arena)
    let lengths = Envelope.Lengths(
      attackSeconds: options.attackSeconds, releaseSeconds: options.releaseSeconds, sampleRate: configuration.codec.sampleRate)
    let sampler = plan.sampler(arena: &arena)
    latentMix = arena.takeLatentMix(plan)
    voices = arena.take(Voice.self, count: voiceCount)
    for index in 0..<voiceCount {
      let voice = Voice(
        plan, sampler: sampler, latentMix: latentMix, conditions: conditions, lengths: lengths, arena: &arena)
      if !arena.isMeasuring { (voices + index).initialize(to: voice) }
    }
    if outputRate != configuration.codec.sampleRate {
      let place = arena.take(RateConverter.self, count: 1)
      let ratio = RateRatio(from: configuration.codec.sampleRate, to: outputRate)
      let value = RateConverter(ratio, kernels: plan.kernels, arena: &arena)
      if !arena.isMeasuring { place.initialize(to: value) }
      converter = place
    } else {
      converter = nil
    }
  }

  /// Frames of the output by which it lags what the voices generate.
  var latency: Int {
    @_noLocks get {
      guard let converter else { return generatorLatency }
      return converter.pointee.latency + generatorLatency
    }
  }

  /// Whether no voice sounds, nor will without another note on. (The last `latency` frames may still be to come.)
  var isSilent: Bool {
    @_noLocks get {
      for index in 0..<voiceCount {
        if !voices[index].isFree { return false }
      }
      return queue.count == 0
    }
  }

  /// Voices that play a note, or wait to.
  var soundingCount: Int {
    @_noLocks get {
      var count = 0
      for index in 0..<voiceCount {
        if !voices[index].isFree { count += 1 }
      }
      return count
    }
  }

  /// Back to the beginning: silence, no notes, all random numbers anew. Conditions stay.
  @_noLocks
  mutating func reset(seed: UInt64) {
    for index in 0..<voiceCount { voices[index].stop() }
    queue.removeAll()
    if let converter { converter.pointee.reset() }
    self.seed = seed
    noteCount = 0
    frame = 0
    hasFailed = false
  }

  /// Silence until a reset, as after a value that is not finite: what writes its notes has failed.
  @_noLocks
  mutating func fail() { hasFailed = true }

  // MARK: Notes

  /// Begins a note at the next frame. `part` is the voice of the composer, 0 … 15, `pitch` MIDI's, 0 … 127, velocity 0 … 1; as in
  /// MIDI, velocity 0 ends the note. One that sounds already in this part ends first.
  @_noLocks
  mutating func noteOn(voice part: Int, pitch: Int, velocity: Float) {
    noteOff(voice: part, pitch: pitch)
    guard velocity > 0 else { return }
    let note = VoiceNote(part: part, pitch: pitch, gain: gain * (velocity * velocity), number: noteCount)
    noteCount &+= 1
    (voices + voiceForANote()).pointee.play(note)
  }

  /// Ends a note at the next frame; nothing where it does not sound.
  @_noLocks
  mutating func noteOff(voice part: Int, pitch: Int) {
    for index in 0..<voiceCount { voices[index].end(part: part, pitch: pitch) }
  }

  /// The first free voice; else of those that fade the quietest; else the one that was given a note longest ago.
  @_noLocks
  private func voiceForANote() -> Int {
    var quietest = -1
    var oldest = 0
    for index in 0..<voiceCount {
      let voice = voices + index
      if voice.pointee.isFree { return index }
      if voice.pointee.isFading {
        if quietest < 0 || voice.pointee.envelope.level < voices[quietest].envelope.level { quietest = index }
      }
      if voice.pointee.latestNumber < voices[oldest].latestNumber { oldest = index }
    }
    return quietest >= 0 ? quietest : oldest
  }

  /// A host's note on, `frames` from now. `state` where too many wait, `invalidArgument` where it comes before one that waits.
  @_noLocks
  mutating func queueNoteOn(_ frames: Int, voice part: Int, pitch: Int, velocity: Float) -> Status {
    queue.append(HostNote(frame: frame &+ UInt64(frames), isOn: true, part: part, pitch: pitch, velocity: velocity))
  }

  @_noLocks
  mutating func queueNoteOff(_ frames: Int, voice part: Int, pitch: Int) -> Status {
    queue.append(HostNote(frame: frame &+ UInt64(frames), isOn: false, part: part, pitch: pitch, velocity: 0))
  }

  /// Plays the host's notes of this frame.
  @_noLocks @inline(__always)
  private mutating func takeNotes() {
    while let note = queue.take(until: frame) {
      if note.isOn {
        noteOn(voice: note.part, pitch: note.pitch, velocity: note.velocity)
      } else {
        noteOff(voice: note.part, pitch: note.pitch)
      }
    }
  }

  // MARK: Conditions

  /// Sets a condition for the notes of `part` that begin from now on, or, where it is a latent, for those that sound as well; of every
  /// part where that is nil.
  @_noLocks
  mutating func setCondition(part: Int?, index: Int, _ values: UnsafePointer<Float>, count: Int) -> Status {
    if let part {
      guard part >= 0, part < InstrumentConditions.partCount else { return .invalidArgument }
      let status = conditions.set(part: part, index: index, values, count: count)
      if status.rawValue == 0 { followLatents(index) }
      return status
    }
    for part in 0..<InstrumentConditions.partCount {
      // The first one is checked as all are.
      let status = conditions.set(part: part, index: index, values, count: count)
      if status.rawValue != 0 { return status }
    }
    followLatents(index)
    return .ok
  }

  /// What condition `index` is for the notes of part 0.
  func condition(_ index: Int) -> UnsafePointer<Float> { conditions.pointer(part: 0, index: index) }

  func hasCondition(_ index: Int) -> Bool { index >= 0 && index < conditions.count }

  func isMovable(_ index: Int) -> Bool { conditions.isMovable(index) }

  /// Whether latent `index` can be `values`.
  func acceptsGlide(_ index: Int, _ values: UnsafePointer<Float>, count: Int) -> Bool {
    conditions.accepts(index, values, count: count)
  }

  /// Frames of the output as samples of the model, rounded up.
  func samples(ofFrames frames: Int) -> UInt64 {
    (UInt64(frames) * UInt64(modelRate) + UInt64(outputRate) - 1) / UInt64(outputRate)
  }

  /// Lets a latent of `part`, or of every part where that is nil, go to `values` in `samples` of the model, under notes that sound and
  /// under those to come. The values were accepted.
  @_noLocks
  mutating func glide(
    part: Int?, index: Int, _ values: UnsafePointer<Float>, samples: UInt64, _ interpolation: Interpolation
  ) {
    if let part {
      conditions.glide(part: part, index: index, values, samples: samples, interpolation)
    } else {
      for part in 0..<InstrumentConditions.partCount {
        conditions.glide(part: part, index: index, values, samples: samples, interpolation)
      }
    }
    followLatents(index)
  }

  /// Lets latent `index` of every part do what the host asks.
  @_noLocks
  mutating func take(_ request: GlideRequest, _ row: UnsafePointer<Float>, index: Int) {
    conditions.take(request, row, index: index)
    followLatents(index)
  }

  /// Lets the notes that sound have what the latents are now.
  @_noLocks
  private mutating func followLatents() {
    for index in 0..<voiceCount { (voices + index).pointee.followLatents(conditions) }
  }

  /// The same where condition `index` is one.
  @_noLocks
  private mutating func followLatents(_ index: Int) {
    if conditions.isMovable(index) { followLatents() }
  }

  /// The values of all conditions for the next note of `part`.
  func conditionValues(part: Int) -> [[Float]] {
    (0..<conditions.count).map { conditions.value(part: part, index: $0) }
  }

  // MARK: Sound

  /// The next sample at the model's rate, all voices in it; false where a network produced a value that is not finite.
  @_noLocks @inline(__always)
  private mutating func mix(_ sample: inout Float) -> Bool {
    sample = 0
    if conditions.isMoving && conditions.advance() { followLatents() }
    for index in 0..<voiceCount {
      if !voices[index].add(to: &sample, settings, conditions, pitches, seed: seed) { return false }
    }
    return true
  }

  /// Writes the next `frames` samples at the output's rate to `output`. From a value that is not finite on, silence; that
  /// lasts until a reset or a loaded state. Returns false then.
  @_noLocks
  mutating func generate(into output: UnsafeMutablePointer<Float>, frames: Int) -> Bool {
    var written = 0
    var sample: Float = 0
    while written < frames && !hasFailed {
      takeNotes()
      if let converter {
        // The voices are asked for what this very frame needs, and nothing ahead.
        while !hasFailed && !converter.pointee.isReady {
          if mix(&sample) { converter.pointee.push(sample) } else { hasFailed = true }
        }
        if hasFailed { break }
        sample = converter.pointee.next()
      } else if !mix(&sample) {
        hasFailed = true
        break
      }
      output[written] = sample
      written += 1
      frame &+= 1
    }
    wholeFrames = written
    if hasFailed {
      ck_zero(output + written, (frames - written) * 4)
      // Notes whose time passes in silence are gone with it.
      frame &+= UInt64(frames - written)
      while frame > 0 && queue.take(until: frame - 1) != nil {}
    }
    return !hasFailed
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    var count = 32 + conditions.savedByteCount + NoteQueue.savedByteCount
    for index in 0..<voiceCount { count += voices[index].savedByteCount(conditions) }
    if let converter { count += converter.pointee.savedByteCount }
    return count
  }

  /// Writes all that decides the future but the options.
  func save(_ writer: inout ByteWriter) {
    writer.write(seed)
    writer.write(noteCount)
    writer.write(frame)
    writer.write(UInt32(hasFailed ? 1 : 0))
    writer.write(UInt32(0))
    conditions.save(&writer)
    queue.save(&writer, now: frame)
    for index in 0..<voiceCount { voices[index].save(&writer, conditions) }
    if let converter { converter.pointee.save(&writer) }
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted. The reader
  /// holds as many bytes as `save` writes.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let seed = reader.readUInt64()
    let noteCount = reader.readUInt64()
    let frame = reader.readUInt64()
    let failed = reader.readUInt32()
    _ = reader.readUInt32()
    guard failed <= 1, conditions.read(&reader, isLoading: isLoading),
      queue.read(&reader, now: frame, isLoading: isLoading)
    else { return false }
    for index in 0..<voiceCount {
      guard voices[index].read(&reader, conditions, count: noteCount, isLoading: isLoading) else { return false }
    }
    // What all voices add up to at most.
    let limit = Float(voiceCount) * 16
    if let converter, !converter.pointee.read(&reader, limit: limit, isLoading: isLoading) { return false }
    if isLoading {
      self.seed = seed
      self.noteCount = noteCount
      self.frame = frame
      hasFailed = failed == 1
    }
    return true
  }
}
