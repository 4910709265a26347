import CadenzaKernels

/// What a voice or a stream plays: one sample after another, of a network that is fed its own samples, or of one that gives the frames of a
/// clip, or of one that is fed its own frames.
enum SoundGenerator {
  case samples(UnsafeMutablePointer<SampleGenerator>)
  case frames(UnsafeMutablePointer<FrameGenerator>)
  case sequence(UnsafeMutablePointer<FrameSequence>)

  /// Lays it out in `arena`. The sampler's scratch may be shared by all generators of a thread.
  init(
    _ plan: ModelPlan, sampler: Sampler?, latentMix: UnsafeMutablePointer<LatentMix>?, seed: UInt64, arena: inout Arena
  ) {
    if let frames = plan.frames {
      let place = arena.take(FrameGenerator.self, count: 1)
      let generator = FrameGenerator(plan, frames, seed: seed, arena: &arena)
      if !arena.isMeasuring { place.initialize(to: generator) }
      self = .frames(place)
    } else if let sequence = plan.sequence {
      let place = arena.take(FrameSequence.self, count: 1)
      let generator = FrameSequence(plan, sequence, seed: seed, arena: &arena)
      if !arena.isMeasuring { place.initialize(to: generator) }
      self = .sequence(place)
    } else {
      let place = arena.take(SampleGenerator.self, count: 1)
      let generator = SampleGenerator(plan, sampler: sampler, latentMix: latentMix, seed: seed, arena: &arena)
      if !arena.isMeasuring { place.initialize(to: generator) }
      self = .samples(place)
    }
  }

  /// The conditions' vector, which the owner writes. (Of a measuring arena, it is not there.)
  func h(_ arena: Arena) -> UnsafeMutablePointer<Float> {
    if arena.isMeasuring { return Arena.nowhere }
    return h
  }

  var h: UnsafeMutablePointer<Float> {
    @_noLocks get {
      switch self {
      case .samples(let generator): generator.pointee.h
      case .frames(let generator): generator.pointee.h
      case .sequence(let generator): generator.pointee.h
      }
    }
  }

  /// The network has not seen h yet.
  @_noLocks
  func conditionsHaveChanged() {
    switch self {
    case .samples(let generator): generator.pointee.conditionsChanged = true
    case .frames(let generator): generator.pointee.conditionsChanged = true
    case .sequence(let generator): generator.pointee.conditionsChanged = true
    }
  }

  /// The MIDI pitch of what is played, for codecs that make a sound of it.
  @_noLocks
  func setPitch(_ pitch: Float) {
    switch self {
    case .samples: return
    case .frames(let generator): generator.pointee.pitch = pitch
    case .sequence: return
    }
  }

  /// The sample of now.
  var value: Float {
    @_noLocks @inline(__always) get {
      switch self {
      case .samples(let generator): generator.pointee.element.value
      case .frames(let generator): generator.pointee.value
      case .sequence(let generator): generator.pointee.sample
      }
    }
  }

  /// Whether there is nothing more to come but silence.
  var hasEnded: Bool {
    @_noLocks @inline(__always) get {
      switch self {
      case .samples: false
      case .frames(let generator): generator.pointee.hasEnded
      case .sequence: false
      }
    }
  }

  /// Whether the network predicts logits, and so gives likelihoods.
  var predictsLogits: Bool {
    @_noLocks get {
      switch self {
      case .samples(let generator): generator.pointee.sampler != nil
      case .frames: false
      case .sequence: false
      }
    }
  }

  /// Whether it can be fed audio.
  var takesAudio: Bool {
    @_noLocks get {
      switch self {
      case .samples: true
      case .frames: false
      case .sequence: true
      }
    }
  }

  /// Samples at the end of the audio it was fed last with which it goes on, once its latency has passed.
  var primedOverlap: Int {
    @_noLocks get {
      guard case .sequence(let generator) = self else { return 0 }
      return generator.pointee.primedOverlap
    }
  }

  /// Back to the beginning, and h taken anew.
  @_noLocks
  func reset(seed: UInt64) {
    switch self {
    case .samples(let generator): generator.pointee.reset(seed: seed)
    case .frames(let generator): generator.pointee.reset(seed: seed)
    case .sequence(let generator): generator.pointee.reset(seed: seed)
    }
  }

  /// Generates the next sample; false where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  func choose(_ settings: SamplerSettings) -> Bool {
    switch self {
    case .samples(let generator): generator.pointee.choose(settings)
    case .frames(let generator): generator.pointee.choose(settings)
    case .sequence(let generator): generator.pointee.choose(settings)
    }
  }

  /// Takes `sample` as if it had been generated, where it `takesAudio`: see `SampleGenerator.accept`.
  @_noLocks @inline(__always)
  func accept(_ sample: Float, _ nats: UnsafeMutablePointer<Double>?) -> Bool {
    switch self {
    case .samples(let generator): return generator.pointee.accept(sample, nats)
    case .frames: return true
    case .sequence(let generator):
      generator.pointee.accept(sample)
      return true
    }
  }

  // MARK: State

  /// Bytes that `saveChoices` writes, and `saveNetwork`.
  var choicesByteCount: Int {
    switch self {
    case .samples: SampleGenerator.choicesByteCount
    case .frames: FrameGenerator.choicesByteCount
    case .sequence: FrameSequence.choicesByteCount
    }
  }
  var networkByteCount: Int {
    switch self {
    case .samples(let generator): generator.pointee.networkByteCount
    case .frames(let generator): generator.pointee.networkByteCount
    case .sequence(let generator): generator.pointee.networkByteCount
    }
  }

  /// Writes random numbers and place.
  func saveChoices(_ writer: inout ByteWriter) {
    switch self {
    case .samples(let generator): generator.pointee.saveChoices(&writer)
    case .frames(let generator): generator.pointee.saveChoices(&writer)
    case .sequence(let generator): generator.pointee.saveChoices(&writer)
    }
  }

  /// Reads what `saveChoices` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  func readChoices(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    switch self {
    case .samples(let generator): generator.pointee.readChoices(&reader, isLoading: isLoading)
    case .frames(let generator): generator.pointee.readChoices(&reader, isLoading: isLoading)
    case .sequence(let generator): generator.pointee.readChoices(&reader, isLoading: isLoading)
    }
  }

  /// Writes the network's state.
  func saveNetwork(_ writer: inout ByteWriter) {
    switch self {
    case .samples(let generator): generator.pointee.saveNetwork(&writer)
    case .frames(let generator): generator.pointee.saveNetwork(&writer)
    case .sequence(let generator): generator.pointee.saveNetwork(&writer)
    }
  }

  /// Reads what `saveNetwork` wrote, after the choices and h.
  func readNetwork(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    switch self {
    case .samples(let generator): generator.pointee.readNetwork(&reader, isLoading: isLoading)
    case .frames(let generator): generator.pointee.readNetwork(&reader, isLoading: isLoading)
    case .sequence(let generator): generator.pointee.readNetwork(&reader, isLoading: isLoading)
    }
  }
}
