import CadenzaKernels

/// What the audio thread works on in a stream that plays the host's notes: an instrument, and the conditions that the host sets from
/// any thread, which hold for all notes that begin later.
struct NoteCore {
  var instrument: Instrument
  /// Where the host puts values for conditions, from whatever thread.
  let inboxes: UnsafeMutablePointer<ConditionInbox>
  let conditionCount: Int
  /// Index of the condition that notes set.
  let pitchIndex: Int

  /// Lays the core out in `arena`. The options are checked for the model.
  init(
    _ plan: ModelPlan, _ configuration: Configuration, pitchIndex: Int, options: StreamOptions, rates: StreamRates,
    arena: inout Arena
  ) {
    instrument = Instrument(
      plan, configuration, pitchIndex: pitchIndex, options: options.instrumentOptions, outputRate: rates.output,
      seed: options.seed, arena: &arena)
    self.pitchIndex = pitchIndex
    conditionCount = plan.conditions.count
    inboxes = arena.take(ConditionInbox.self, count: conditionCount)
    for (index, input) in plan.conditions.enumerated() {
      let inbox = ConditionInbox(input, arena: &arena)
      if !arena.isMeasuring {
        (inboxes + index).initialize(to: inbox)
        inbox.begin(instrument.condition(index))
      }
    }
  }

  /// Takes what the host has set since the last time.
  @_noLocks
  mutating func takeConditions() {
    for index in 0..<conditionCount {
      guard let latest = inboxes[index].latest, let values = latest.read() else { continue }
      if inboxes[index].input.isMovable {
        instrument.take(GlideRequest(size: inboxes[index].input.width), values, index: index)
      } else {
        _ = instrument.setCondition(part: nil, index: index, values, count: latest.width)
      }
    }
  }

  @_noLocks
  mutating func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings
  ) -> Status {
    takeConditions()
    instrument.settings = settings
    return instrument.generate(into: output, frames: frames) ? .ok : .numeric
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int { instrument.savedByteCount }

  mutating func save(_ writer: inout ByteWriter) {
    takeConditions()
    instrument.save(&writer)
  }

  /// Whether `load` takes these bytes: as many as `save` writes, and each what it may have written.
  mutating func accepts(_ bytes: ByteReader) -> Bool {
    var reader = bytes
    return instrument.read(&reader, isLoading: false)
  }

  /// Loads what `save` wrote, or changes nothing and returns false. The reader holds as many bytes as `save` writes.
  mutating func load(_ bytes: ByteReader) -> Bool {
    guard accepts(bytes) else { return false }
    takeConditions()
    var reader = bytes
    guard instrument.read(&reader, isLoading: true) else { return false }
    for index in 0..<conditionCount { inboxes[index].begin(instrument.condition(index)) }
    return true
  }
}

extension StreamOptions {
  /// Of the instrument of a stream with `voices`. What else it does, the stream's parameters say while it plays.
  var instrumentOptions: InstrumentOptions {
    var options = InstrumentOptions()
    options.voices = voices
    options.topK = topK
    options.temperature = temperature
    options.topP = topP
    options.gain = 1
    return options
  }
}

extension Model {
  /// Bytes of memory that a stream with these options takes. The options are checked for this model.
  func streamBytes(_ options: StreamOptions) -> Int {
    let rates = options.rates(for: self)
    guard options.voices > 0, let pitchIndex = configuration.pitchCondition else { return streamBytes(rates) }
    var arena = Arena.measuring()
    _ = NoteCore(plan, configuration, pitchIndex: pitchIndex, options: options, rates: rates, arena: &arena)
    return arena.byteCount
  }
}
