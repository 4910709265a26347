import CadenzaKernels

/// What the audio thread works on: all that changes while a stream plays, in one memory, plus pointers into the model's.
struct StreamCore {
  private let generator: SoundGenerator
  private let classPitches: ClassPitches?

  let conditions: ConditionPlayers
  /// What recordings were encoded to; nil: the model has no encoder.
  let latentMix: UnsafeMutablePointer<LatentMix>?

  /// From the model's rate to the output's; nil where they are the same.
  private let outputConverter: UnsafeMutablePointer<RateConverter>?
  /// From the rate of given audio to the model's; nil where they are the same.
  private let inputConverter: UnsafeMutablePointer<AlignedConverter>?

  /// Frames of the output by which the generator lags on its own.
  private let generatorLatency: Int

  /// Whether the network produced a value that is not finite.
  private(set) var hasFailed = false
  /// Frames of the output that are still to come of a clip that is over: those of the conversion.
  private var tailFrames = 0
  /// Frames of the last block before the clip had ended; nil: it has not.
  private(set) var unendedFrames: Int?
  /// Frames of the last block that the network gave.
  private(set) var wholeFrames = 0

  /// Lays the core out in `arena`.
  init(_ plan: ModelPlan, defaults: [[Float]], rates: StreamRates, seed: UInt64, arena: inout Arena) {
    let sampler = plan.sampler(arena: &arena)
    latentMix = arena.takeLatentMix(plan)
    generatorLatency = plan.generatorLatency(from: rates.model, to: rates.output)
    generator = SoundGenerator(plan, sampler: sampler, latentMix: latentMix, seed: seed, arena: &arena)
    classPitches = plan.pitches
    conditions = ConditionPlayers(plan, defaults: defaults, h: generator.h(arena), arena: &arena)
    if rates.output != rates.model {
      let converter = arena.take(RateConverter.self, count: 1)
      let ratio = RateRatio(from: rates.model, to: rates.output)
      let value = RateConverter(ratio, kernels: plan.kernels, arena: &arena)
      if !arena.isMeasuring { converter.initialize(to: value) }
      outputConverter = converter
    } else {
      outputConverter = nil
    }
    if rates.input != rates.model {
      let converter = arena.take(AlignedConverter.self, count: 1)
      let ratio = RateRatio(from: rates.input, to: rates.model)
      let value = AlignedConverter(ratio, kernels: plan.kernels, arena: &arena)
      if !arena.isMeasuring { converter.initialize(to: value) }
      inputConverter = converter
    } else {
      inputConverter = nil
    }
    tailFrames = arena.isMeasuring ? 0 : latency
    if !arena.isMeasuring { conditionsHaveChanged() }
  }

  /// Back to the beginning.
  @_noLocks
  mutating func reset(seed: UInt64) {
    generator.reset(seed: seed)
    conditions.reset()
    if let outputConverter { outputConverter.pointee.reset() }
    if let inputConverter { inputConverter.pointee.reset() }
    hasFailed = false
    tailFrames = latency
    unendedFrames = nil
  }

  /// The values of all conditions, as the host last set them.
  mutating func presentConditions() -> [[Float]] {
    if conditions.beginBlock() { conditionsHaveChanged() }
    return (0..<conditions.count).map { conditions.current($0) }
  }

  /// Sets a global latent, instead of what the host set before.
  @_noLocks
  mutating func setLatent(_ index: Int, _ values: UnsafePointer<Float>) {
    _ = conditions.beginBlock()
    conditions.play(index, values)
    conditionsHaveChanged()
  }

  @_noLocks
  private mutating func beginBlock() {
    if conditions.beginBlock() { conditionsHaveChanged() }
  }

  /// Tells the generator.
  @_noLocks
  private func conditionsHaveChanged() {
    generator.conditionsHaveChanged()
    if let classPitches { generator.setPitch(classPitches.pitch(of: conditions.value(classPitches.index))) }
  }

  /// Lets the conditions play on to the next sample.
  @_noLocks @inline(__always)
  private mutating func beginSample() {
    if conditions.beginSample() { conditionsHaveChanged() }
  }

  /// Frames of the output by which it lags what the network generates.
  var latency: Int {
    @_noLocks get {
      guard let outputConverter else { return generatorLatency }
      return outputConverter.pointee.latency + generatorLatency
    }
  }

  /// Generates the next sample; false where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  private mutating func choose(_ settings: SamplerSettings) -> Bool {
    beginSample()
    return generator.choose(settings)
  }

  /// Fills `output`; from a value that is not finite on, with silence.
  @_noLocks
  mutating func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings
  ) -> Status {
    var frame = 0
    if unendedFrames != nil { unendedFrames = 0 }
    if !hasFailed {
      beginBlock()
      // Audio that nobody ended ends here.
      if let inputConverter { _ = endAudio(inputConverter, nil) }
      if let outputConverter {
        while frame < frames {
          // The network is asked for what this very frame needs, and nothing ahead: that makes any split of the frames the
          // same.
          while !outputConverter.pointee.isReady {
            if !choose(settings) {
              hasFailed = true
              break
            }
            outputConverter.pointee.push(generator.value)
          }
          if hasFailed { break }
          output[frame] = outputConverter.pointee.next()
          if generator.hasEnded { end(frame) }
          frame += 1
        }
      } else {
        while frame < frames {
          if !choose(settings) {
            hasFailed = true
            break
          }
          output[frame] = generator.value
          if generator.hasEnded { end(frame) }
          frame += 1
        }
      }
    }
    wholeFrames = frame
    if frame < frames { ck_zero(output + frame, (frames - frame) * 4) }
    return hasFailed ? .numeric : unendedFrames != nil ? .end : .ok
  }

  /// The generator has nothing more than what the conversion still holds.
  @_noLocks
  private mutating func end(_ frame: Int) {
    if tailFrames > 0 { tailFrames -= 1 } else if unendedFrames == nil { unendedFrames = frame }
  }

  /// Feeds audio as if it had been generated; adds its negative log-likelihood to `nats`, where that is asked for.
  @_noLocks
  mutating func prime(_ samples: UnsafePointer<Float>, frames: Int, nats: UnsafeMutablePointer<Double>?) -> Status {
    guard generator.takesAudio else { return .unsupported }
    if hasFailed { return .state }
    for frame in 0..<frames where !samples[frame].isFinite { return .invalidArgument }
    beginBlock()
    if let inputConverter {
      for frame in 0..<frames {
        inputConverter.pointee.push(samples[frame])
        while inputConverter.pointee.isReady {
          if let sample = inputConverter.pointee.next() {
            if !accept(sample, nats) { return .numeric }
          }
        }
      }
    } else {
      for frame in 0..<frames {
        if !accept(samples[frame], nats) { return .numeric }
      }
    }
    return .ok
  }

  /// Whether the conversion of given audio holds samples back until more of it comes.
  var isListening: Bool {
    @_noLocks get {
      guard let inputConverter else { return false }
      return inputConverter.pointee.isOpen
    }
  }

  /// Ends audio at another rate: feeds what its conversion held back until more of it would come. Nothing where there is none.
  @_noLocks
  mutating func endAudio(nats: UnsafeMutablePointer<Double>?) -> Status {
    guard generator.takesAudio else { return .unsupported }
    guard isListening, let inputConverter else { return .ok }
    if hasFailed { return .state }
    beginBlock()
    return endAudio(inputConverter, nats)
  }

  @_noLocks
  private mutating func endAudio(
    _ converter: UnsafeMutablePointer<AlignedConverter>, _ nats: UnsafeMutablePointer<Double>?
  ) -> Status {
    guard converter.pointee.isOpen else { return .ok }
    for _ in 0..<converter.pointee.owed {
      while !converter.pointee.isReady { converter.pointee.extend() }
      if let sample = converter.pointee.next() {
        if !accept(sample, nats) { return .numeric }
      }
    }
    converter.pointee.reset()
    return .ok
  }

  /// Feeds one sample at the model's rate; false where its likelihood was asked for and the network produced a value that is
  /// not finite.
  @_noLocks @inline(__always)
  private mutating func accept(_ sample: Float, _ nats: UnsafeMutablePointer<Double>?) -> Bool {
    beginSample()
    if !generator.accept(sample, nats) {
      hasFailed = true
      return false
    }
    // It sounds on, as what is generated does, while the output's frames stay where they are.
    // (Frames have a latency of their own: what they go on with is told by `primedOverlap`.)
    if let outputConverter, generatorLatency == 0 { outputConverter.pointee.insert(generator.value) }
    return true
  }

  /// Samples of the model at the end of the audio it was fed last with which it goes on.
  var primedOverlap: Int {
    @_noLocks get { generator.primedOverlap }
  }

  var predictsLogits: Bool {
    @_noLocks get { generator.predictsLogits }
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    var count = generator.choicesByteCount + 8 + generator.networkByteCount
    count += conditions.savedByteCount
    if let outputConverter { count += outputConverter.pointee.savedByteCount }
    if let inputConverter { count += inputConverter.pointee.savedByteCount }
    return count
  }

  /// Writes all that decides the future but the parameters.
  mutating func save(_ writer: inout ByteWriter) {
    generator.saveChoices(&writer)
    writer.write(UInt32(hasFailed ? 1 : 0))
    writer.write(unendedFrames != nil ? UInt32.max : UInt32(latency - tailFrames))
    if conditions.save(&writer) { conditionsHaveChanged() }
    generator.saveNetwork(&writer)
    if let outputConverter { outputConverter.pointee.save(&writer) }
    if let inputConverter { inputConverter.pointee.save(&writer) }
  }

  /// Whether `load` takes these bytes: as many as `save` writes, and each what it may have written.
  mutating func accepts(_ reader: ByteReader) -> Bool { read(reader, isLoading: false) }

  /// Loads what `save` wrote, or changes nothing and returns false. The reader holds as many bytes as `save` writes.
  mutating func load(_ reader: ByteReader) -> Bool {
    // Twice over the same bytes: to check, then to load.
    guard read(reader, isLoading: false) else { return false }
    return read(reader, isLoading: true)
  }

  private mutating func read(_ bytes: ByteReader, isLoading: Bool) -> Bool {
    var reader = bytes
    guard generator.readChoices(&reader, isLoading: isLoading) else { return false }
    let failed = reader.readUInt32()
    let ended = reader.readUInt32()
    guard failed <= 1, ended == UInt32.max || Int(ended) <= latency else { return false }
    if isLoading {
      hasFailed = failed == 1
      unendedFrames = ended == UInt32.max ? 0 : nil
      tailFrames = ended == UInt32.max ? 0 : latency - Int(ended)
    }
    guard conditions.read(&reader, isLoading: isLoading) else { return false }
    guard generator.readNetwork(&reader, isLoading: isLoading) else { return false }
    if isLoading { conditionsHaveChanged() }
    if let outputConverter, !outputConverter.pointee.read(&reader, isLoading: isLoading) { return false }
    if let inputConverter, !inputConverter.pointee.read(&reader, isLoading: isLoading) { return false }
    return true
  }
}
