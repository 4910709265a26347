/// What a stream plays: the model on its own, or the host's notes.
enum StreamPlayer {
  case model(UnsafeMutablePointer<StreamCore>)
  case notes(UnsafeMutablePointer<NoteCore>)

  /// Lays it out in `arena`. The options are checked for the model.
  init(_ model: Model, _ options: StreamOptions, arena: inout Arena) {
    let rates = options.rates(for: model)
    if options.voices > 0, let pitchIndex = model.configuration.pitchCondition {
      let core = UnsafeMutablePointer<NoteCore>.allocate(capacity: 1)
      core.initialize(
        to: NoteCore(model.plan, model.configuration, pitchIndex: pitchIndex, options: options, rates: rates, arena: &arena))
      self = .notes(core)
    } else {
      let core = UnsafeMutablePointer<StreamCore>.allocate(capacity: 1)
      let defaults = model.configuration.conditions.map { $0.defaultValue }
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
    }
  }

  /// Of a stream that audio can be given to: one whose model plays on its own.
  var core: UnsafeMutablePointer<StreamCore>? {
    @_noLocks get {
      switch self {
      case .model(let core): core
      case .notes: nil
      }
    }
  }

  /// Of a stream that plays notes.
  var notes: UnsafeMutablePointer<NoteCore>? {
    @_noLocks get {
      switch self {
      case .model: nil
      case .notes(let core): core
      }
    }
  }

  var inboxes: UnsafeMutablePointer<ConditionInbox> {
    switch self {
    case .model(let core): core.pointee.inboxes
    case .notes(let core): core.pointee.inboxes
    }
  }

  var conditionCount: Int {
    switch self {
    case .model(let core): core.pointee.conditionCount
    case .notes(let core): core.pointee.conditionCount
    }
  }

  /// Index of the condition that only notes set; −1: the host may set every one.
  var pitchIndex: Int {
    switch self {
    case .model: -1
    case .notes(let core): core.pointee.pitchIndex
    }
  }

  var latency: Int {
    switch self {
    case .model(let core): core.pointee.latency
    case .notes(let core): core.pointee.instrument.latency
    }
  }

  var hasFailed: Bool {
    @_noLocks get {
      switch self {
      case .model(let core): core.pointee.hasFailed
      case .notes(let core): core.pointee.instrument.hasFailed
      }
    }
  }

  @_noLocks
  func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings, gain: Float
  ) -> Status {
    switch self {
    case .model(let core): core.pointee.generate(into: output, frames: frames, settings: settings, gain: gain)
    case .notes(let core): core.pointee.generate(into: output, frames: frames, settings: settings, gain: gain)
    }
  }

  @_noLocks
  func reset(seed: UInt64) {
    switch self {
    case .model(let core): core.pointee.reset(seed: seed)
    case .notes(let core): core.pointee.instrument.reset(seed: seed)
    }
  }

  // MARK: State

  /// Voices of a stream that plays notes; 0: of another one.
  var voiceCount: Int {
    switch self {
    case .model: 0
    case .notes(let core): core.pointee.instrument.voiceCount
    }
  }

  func savedByteCount(_ layout: SavedHeader.Layout) -> Int {
    switch self {
    case .model(let core): core.pointee.savedByteCount
    case .notes(let core): layout.byteCount + SavedHeader.parametersByteCount + core.pointee.savedByteCount
    }
  }

  func save(_ writer: inout ByteWriter) {
    switch self {
    case .model(let core): core.pointee.save(&writer)
    case .notes(let core): core.pointee.save(&writer)
    }
  }

  func accepts(_ reader: ByteReader) -> Bool {
    switch self {
    case .model(let core): core.pointee.accepts(reader)
    case .notes(let core): core.pointee.accepts(reader)
    }
  }

  func load(_ reader: ByteReader) -> Bool {
    switch self {
    case .model(let core): core.pointee.load(reader)
    case .notes(let core): core.pointee.load(reader)
    }
  }
}
