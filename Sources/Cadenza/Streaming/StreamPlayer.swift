/// What a stream plays: the model on its own, the host's notes, or what a composer writes.
enum StreamPlayer {
  case model(UnsafeMutablePointer<StreamCore>)
  case notes(UnsafeMutablePointer<NoteCore>)
  case composer(UnsafeMutablePointer<Composer>)

  /// Lays it out in `arena`. The options are checked for the model.
  init(_ model: Model, _ options: StreamOptions, arena: inout Arena) {
    let rates = options.rates(for: model)
    if options.voices > 0, let pitchIndex = model.configuration.pitchCondition {
      let core = UnsafeMutablePointer<NoteCore>.allocate(capacity: 1)
      core.initialize(
        to: NoteCore(model.plan, model.configuration, pitchIndex: pitchIndex, options: options, rates: rates, arena: &arena))
      self = .notes(core)
    } else if case .notes(let codec) = model.plan.codec {
      let core = UnsafeMutablePointer<Composer>.allocate(capacity: 1)
      let defaults = model.configuration.beginnings(seed: options.seed)
      core.initialize(
        to: Composer(
          model.plan, codec: codec, defaults: defaults, sampleRate: rates.output, seed: options.seed, arena: &arena))
      self = .composer(core)
    } else {
      let core = UnsafeMutablePointer<StreamCore>.allocate(capacity: 1)
      let defaults = model.configuration.beginnings(seed: options.seed)
      core.initialize(to: StreamCore(model.plan, defaults: defaults, rates: rates, seed: options.seed, arena: &arena))
      self = .model(core)
    }
  }

  func free() {
    switch self {
    case .model(let core):
      core.deinitialize(count: 1)
      core.deallocate()
    case .notes(let core):
      core.deinitialize(count: 1)
      core.deallocate()
    case .composer(let core):
      core.deinitialize(count: 1)
      core.deallocate()
    }
  }

  /// Of a stream that audio can be given to: one whose model plays on its own.
  var core: UnsafeMutablePointer<StreamCore>? {
    @_noLocks get {
      switch self {
      case .model(let core): core
      case .notes, .composer: nil
      }
    }
  }

  /// Of a composer's stream.
  var composer: UnsafeMutablePointer<Composer>? {
    @_noLocks get {
      switch self {
      case .model, .notes: nil
      case .composer(let core): core
      }
    }
  }

  /// Of a stream that plays notes.
  var notes: UnsafeMutablePointer<NoteCore>? {
    @_noLocks get {
      switch self {
      case .model, .composer: nil
      case .notes(let core): core
      }
    }
  }

  var inboxes: UnsafeMutablePointer<ConditionInbox> {
    switch self {
    case .model(let core): core.pointee.conditions.inboxes
    case .notes(let core): core.pointee.inboxes
    case .composer(let core): core.pointee.conditions.inboxes
    }
  }

  var conditionCount: Int {
    switch self {
    case .model(let core): core.pointee.conditions.count
    case .notes(let core): core.pointee.conditionCount
    case .composer(let core): core.pointee.conditions.count
    }
  }

  /// Index of the condition that only notes set; −1: the host may set every one.
  var pitchIndex: Int {
    switch self {
    case .model, .composer: -1
    case .notes(let core): core.pointee.pitchIndex
    }
  }

  var latency: Int {
    switch self {
    case .model(let core): core.pointee.latency
    case .notes(let core): core.pointee.instrument.latency
    case .composer(let core): core.pointee.instrument?.pointee.latency ?? 0
    }
  }

  var hasFailed: Bool {
    @_noLocks get {
      switch self {
      case .model(let core): core.pointee.hasFailed
      case .notes(let core): core.pointee.instrument.hasFailed
      case .composer(let core): core.pointee.isSilenced
      }
    }
  }

  @_noLocks
  func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings, tempo: Float
  ) -> Status {
    switch self {
    case .model(let core): core.pointee.generate(into: output, frames: frames, settings: settings)
    case .notes(let core): core.pointee.generate(into: output, frames: frames, settings: settings)
    case .composer(let core):
      core.pointee.generate(into: output, frames: frames, settings: settings, tempo: tempo)
    }
  }

  /// Frames of the last block before it failed; all where it did not.
  var wholeFrames: Int {
    @_noLocks get {
      switch self {
      case .model(let core): core.pointee.wholeFrames
      case .notes(let core): core.pointee.instrument.wholeFrames
      case .composer(let core): core.pointee.wholeFrames
      }
    }
  }

  @_noLocks
  func reset(seed: UInt64) {
    switch self {
    case .model(let core): core.pointee.reset(seed: seed)
    case .notes(let core): core.pointee.instrument.reset(seed: seed)
    case .composer(let core): core.pointee.reset(seed: seed)
    }
  }

  // MARK: Notes

  /// Whether it plays notes that the host asks for.
  var playsNotes: Bool {
    @_noLocks get {
      switch self {
      case .model: false
      case .notes: true
      case .composer(let core): core.pointee.instrument != nil
      }
    }
  }

  @_noLocks
  func queue(_ note: HostNote, after frames: Int) -> Status {
    note.isOn
      ? queueNoteOn(frames, voice: note.part, pitch: note.pitch, velocity: note.velocity)
      : queueNoteOff(frames, voice: note.part, pitch: note.pitch)
  }

  @_noLocks
  func queueNoteOn(_ frames: Int, voice part: Int, pitch: Int, velocity: Float) -> Status {
    switch self {
    case .model: return .state
    case .notes(let core): return core.pointee.instrument.queueNoteOn(frames, voice: part, pitch: pitch, velocity: velocity)
    case .composer(let core):
      guard let instrument = core.pointee.instrument else { return .state }
      return instrument.pointee.queueNoteOn(frames, voice: part, pitch: pitch, velocity: velocity)
    }
  }

  @_noLocks
  func queueNoteOff(_ frames: Int, voice part: Int, pitch: Int) -> Status {
    switch self {
    case .model: return .state
    case .notes(let core): return core.pointee.instrument.queueNoteOff(frames, voice: part, pitch: pitch)
    case .composer(let core):
      guard let instrument = core.pointee.instrument else { return .state }
      return instrument.pointee.queueNoteOff(frames, voice: part, pitch: pitch)
    }
  }

  /// Sets a condition for the notes of `part` that begin from now on; of every part where that is nil.
  func setInstrumentCondition(part: Int?, index: Int, _ values: UnsafePointer<Float>, count: Int) -> Status {
    switch self {
    case .model: return .state
    case .notes(let core):
      // What was set for all notes before this call came before it.
      core.pointee.takeConditions()
      return core.pointee.instrument.setCondition(part: part, index: index, values, count: count)
    case .composer(let core):
      guard let instrument = core.pointee.instrument else { return .state }
      return instrument.pointee.setCondition(part: part, index: index, values, count: count)
    }
  }

  /// Lets a latent of a composer's instrument go to `values` in `frames` of the output.
  func glideInstrumentLatent(
    part: Int?, index: Int, _ values: UnsafePointer<Float>, count: Int, frames: Int, _ interpolation: Interpolation
  ) -> Status {
    guard case .composer(let core) = self, let instrument = core.pointee.instrument else { return .state }
    guard instrument.pointee.hasCondition(index) else { return .invalidArgument }
    guard instrument.pointee.isMovable(index) else { return .unsupported }
    guard instrument.pointee.acceptsGlide(index, values, count: count) else { return .invalidArgument }
    instrument.pointee.glide(
      part: part, index: index, values, samples: instrument.pointee.samples(ofFrames: frames), interpolation)
    return .ok
  }

  // MARK: State

  /// Voices of what plays notes; 0: nothing does.
  var voiceCount: Int {
    switch self {
    case .model: 0
    case .notes(let core): core.pointee.instrument.voiceCount
    case .composer(let core): core.pointee.instrument?.pointee.voiceCount ?? 0
    }
  }

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    switch self {
    case .model(let core): core.pointee.savedByteCount
    case .notes(let core): core.pointee.savedByteCount
    case .composer(let core): core.pointee.savedByteCount
    }
  }

  func save(_ writer: inout ByteWriter) {
    switch self {
    case .model(let core): core.pointee.save(&writer)
    case .notes(let core): core.pointee.save(&writer)
    case .composer(let core): core.pointee.save(&writer)
    }
  }

  func accepts(_ reader: ByteReader) -> Bool {
    switch self {
    case .model(let core): core.pointee.accepts(reader)
    case .notes(let core): core.pointee.accepts(reader)
    case .composer(let core): core.pointee.accepts(reader)
    }
  }

  func load(_ reader: ByteReader) -> Bool {
    switch self {
    case .model(let core): core.pointee.load(reader)
    case .notes(let core): core.pointee.load(reader)
    case .composer(let core): core.pointee.load(reader)
    }
  }
}
