import CadenzaKernels
import Synchronization

/// One voice of a model: state, sampler and random generator. All its memory is taken in `init`.
///
/// `generate`, `reset`, `setParameter`, `parameter`, `setCondition`, `noteOn`, `noteOff`, `latency` and `statistics` are for the audio thread: they
/// allocate nothing, take no lock and wait for nothing. `latency`, `setParameter`, `parameter`, `setCondition` and
/// `statistics` may be called from any thread while another generates; nothing else may.
public final class Stream: @unchecked Sendable {
  // Unchecked: the rule above is the caller's to keep, as on every audio callback.

  /// The model that plays, which the stream keeps.
  public let model: Model
  /// Hz of what it generates.
  public var sampleRate: Int { rates.output }
  /// Hz of the audio that `prime` and `score` take.
  public var inputSampleRate: Int { rates.input }
  /// Frames by which the output lags what the model generates: a sample, a new parameter or condition sounds so much later. The
  /// sample-rate conversion's; 0 at the model's rate. It changes only where a composer is given an instrument: it is that one's.
  public var latency: Int {
    @_noLocks get { Int(latencyFrames.load(ordering: .relaxed)) }
  }

  private let rates: StreamRates
  let player: StreamPlayer
  /// Of a composer that has one.
  var ownedInstrument: OwnedInstrument?
  private let memory: UnsafeMutableRawPointer
  // Beside the core and not behind it: other threads look here while the audio thread works on the core.
  private let inboxes: UnsafeMutablePointer<ConditionInbox>
  private let conditionCount: Int
  /// Index of the condition that only notes set; −1: the host may set every one.
  private let pitchIndex: Int

  // Bit patterns of single-precision numbers; read once a block.
  private let temperature: Atomic<UInt32>
  private let topK: Atomic<UInt32>
  private let topP: Atomic<UInt32>
  private let gain: Atomic<UInt32>
  private let tempo: Atomic<UInt32>
  private let latencyFrames: Atomic<UInt32>
  /// Held while a thread sets a condition.
  private let isSettingCondition = Atomic<Bool>(false)

  private let frameCount = Atomic<UInt64>(0)
  private let blockCount = Atomic<UInt64>(0)
  private let numericErrorCount = Atomic<UInt64>(0)
  // Bit patterns of double-precision seconds.
  private let worstSeconds = Atomic<UInt64>(0)
  private let totalSeconds = Atomic<UInt64>(0)

  /// Throws `invalidArgument` for an option out of range, `unsupported`, `outOfMemory`.
  public convenience init(model: Model, options: StreamOptions) throws(Failure) {
    try options.check(for: model)
    let byteCount = model.streamBytes(options)
    guard let memory = ck_allocate(byteCount) else {
      throw Failure(.outOfMemory, "no memory for a stream of \(byteCount) bytes")
    }
    self.init(model, options, memory)
  }

  /// Embedded Swift leaks an object whose designated initialiser throws: this one does not.
  private init(_ model: Model, _ options: StreamOptions, _ memory: UnsafeMutableRawPointer) {
    var arena = Arena(filling: memory)
    let arithmetic = ck_enter_arithmetic()
    rates = options.rates(for: model)
    player = StreamPlayer(model, options, arena: &arena)
    ck_leave_arithmetic(arithmetic)
    inboxes = player.inboxes
    conditionCount = player.conditionCount
    pitchIndex = player.pitchIndex
    latencyFrames = Atomic(UInt32(truncatingIfNeeded: player.latency))
    self.memory = memory
    self.model = model
    temperature = Atomic(options.temperature.bitPattern)
    topK = Atomic(Float(options.topK).bitPattern)
    topP = Atomic(options.topP.bitPattern)
    gain = Atomic(options.gain.bitPattern)
    tempo = Atomic(model.tempo.bitPattern)
  }

  deinit {
    player.free()
    ck_free(memory)
  }

  // MARK: Playing

  /// Fills `output` with the next `frames` samples, all of it: from a value that is not finite on, with silence and `numeric`, until
  /// a reset or a loaded state. More than `StreamOptions.maximumFrames` is refused and nothing is written.
  @_noLocks
  public func generate(into output: UnsafeMutablePointer<Float>, frames: Int) -> Status {
    if frames == 0 { return .ok }
    guard frames > 0 && frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    let begin = ck_seconds()
    let arithmetic = ck_enter_arithmetic()
    let hadFailed = player.hasFailed
    let settings = SamplerSettings(
      temperature: parameter(.temperature), topK: Int(parameter(.topK)), topP: parameter(.topP))
    let status = player.generate(
      into: output, frames: frames, settings: settings, tempo: parameter(.tempo), gain: parameter(.gain))
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue && !hadFailed { countNumericError() }
    _ = frameCount.wrappingAdd(UInt64(frames), ordering: .relaxed)
    _ = blockCount.wrappingAdd(1, ordering: .relaxed)
    let seconds = ck_seconds() - begin
    // Only this thread writes them.
    let worst = Double(bitPattern: worstSeconds.load(ordering: .relaxed))
    if seconds > worst { worstSeconds.store(seconds.bitPattern, ordering: .relaxed) }
    let total = Double(bitPattern: totalSeconds.load(ordering: .relaxed)) + seconds
    totalSeconds.store(total.bitPattern, ordering: .relaxed)
    return status
  }

  @_noLocks
  func countNumericError() { _ = numericErrorCount.wrappingAdd(1, ordering: .relaxed) }

  func setLatency(_ frames: Int) { latencyFrames.store(UInt32(truncatingIfNeeded: frames), ordering: .relaxed) }

  /// Back to the beginning: empty history, the random generator seeded anew, statistics zeroed. Parameters and conditions stay.
  @_noLocks
  public func reset(seed: UInt64) -> Status {
    let arithmetic = ck_enter_arithmetic()
    player.reset(seed: seed)
    ck_leave_arithmetic(arithmetic)
    frameCount.store(0, ordering: .relaxed)
    blockCount.store(0, ordering: .relaxed)
    numericErrorCount.store(0, ordering: .relaxed)
    worstSeconds.store(0, ordering: .relaxed)
    totalSeconds.store(0, ordering: .relaxed)
    return .ok
  }

  /// Feeds audio at `inputSampleRate` as if the stream had generated it; `unsupported` where it plays notes. Uses no random number. Calls may be split anyhow: at
  /// another rate than the model's, the last few samples wait for those that follow, until `endAudio` or the next `generate`.
  @_noLocks
  public func prime(_ samples: UnsafePointer<Float>, frames: Int) -> Status {
    feed(samples, frames: frames, nats: nil)
  }

  /// Ends audio at another rate than the model's: feeds what waits for more of it. ⌈frames · model's rate / its rate⌉ samples
  /// of the model have then been fed. Nothing where no audio was begun.
  @_noLocks
  public func endAudio() -> Status { endAudio(nats: nil) }

  /// Ends audio that was scored: as `endAudio`, and `nats` is the negative log-likelihood of what is fed now.
  @_noLocks
  public func endAudio(scoring nats: inout Double) -> Status {
    nats = 0
    guard let core = player.core else { return .unsupported }
    guard core.pointee.isListening else { return .ok }
    guard core.pointee.predictsLogits else { return .unsupported }
    let status = endAudio(nats: &nats)
    if status.rawValue != 0 { nats = 0 }
    return status
  }

  @_noLocks
  private func endAudio(nats: UnsafeMutablePointer<Double>?) -> Status {
    guard let core = player.core else { return .unsupported }
    let arithmetic = ck_enter_arithmetic()
    let status = core.pointee.endAudio(nats: nats)
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue { countNumericError() }
    return status
  }

  /// Like `prime`; adds up in `nats` the negative log-likelihood that the model gave to each of its samples before it was fed.
  @_noLocks
  public func score(_ samples: UnsafePointer<Float>, frames: Int, nats: inout Double) -> Status {
    nats = 0
    guard let core = player.core, core.pointee.predictsLogits else { return .unsupported }
    let status = feed(samples, frames: frames, nats: &nats)
    if status.rawValue != 0 { nats = 0 }
    return status
  }

  @_noLocks
  private func feed(_ samples: UnsafePointer<Float>, frames: Int, nats: UnsafeMutablePointer<Double>?) -> Status {
    guard frames >= 0 && frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    guard let core = player.core else { return .unsupported }
    let arithmetic = ck_enter_arithmetic()
    let status = core.pointee.prime(samples, frames: frames, nats: nats)
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue { countNumericError() }
    return status
  }

  // MARK: Parameters and conditions

  /// Sets a parameter; the next block uses it. `invalidArgument` where `value` is out of range, `unsupported` where the stream does
  /// not have the parameter: it keeps its value.
  @_noLocks
  public func setParameter(_ parameter: Parameter, _ value: Float) -> Status {
    guard parameter.accepts(value) else { return .invalidArgument }
    switch parameter {
    case .temperature: temperature.store(value.bitPattern, ordering: .relaxed)
    case .topK: topK.store(value.bitPattern, ordering: .relaxed)
    case .topP: topP.store(value.bitPattern, ordering: .relaxed)
    case .gain: gain.store(value.bitPattern, ordering: .relaxed)
    case .tempo:
      guard has(.tempo) else { return .unsupported }
      tempo.store(value.bitPattern, ordering: .relaxed)
    }
    return .ok
  }

  /// Whether the stream has this parameter: tempo is a composer's.
  @_noLocks
  public func has(_ parameter: Parameter) -> Bool {
    guard case .tempo = parameter else { return true }
    return player.composer != nil
  }

  /// As last set; of a parameter that the stream does not have, a default.
  @_noLocks
  public func parameter(_ parameter: Parameter) -> Float {
    switch parameter {
    case .temperature: Float(bitPattern: temperature.load(ordering: .relaxed))
    case .topK: Float(bitPattern: topK.load(ordering: .relaxed))
    case .topP: Float(bitPattern: topP.load(ordering: .relaxed))
    case .gain: Float(bitPattern: gain.load(ordering: .relaxed))
    case .tempo: Float(bitPattern: tempo.load(ordering: .relaxed))
    }
  }

  /// Sets a condition: a global one's value, or values that a local one queues. `state` where the queue has no room, or where
  /// another thread is setting a condition of this stream right now; nothing is changed then. Where the stream plays notes, the value
  /// is that of all notes that begin from the next block on, and "pitch" cannot be set.
  @_noLocks
  public func setCondition(_ index: Int, _ values: UnsafePointer<Float>, count: Int) -> Status {
    guard index >= 0, index < conditionCount, index != pitchIndex else { return .invalidArgument }
    if isSettingCondition.exchange(true, ordering: .acquiring) { return .state }
    let inbox = inboxes + index
    let status = inbox.pointee.set(values, count: count)
    isSettingCondition.store(false, ordering: .releasing)
    return status
  }

  // MARK: Statistics

  /// Since the beginning or the last reset.
  public var statistics: StreamStatistics {
    @_noLocks get {
      var statistics = StreamStatistics()
      statistics.frames = frameCount.load(ordering: .relaxed)
      statistics.blocks = blockCount.load(ordering: .relaxed)
      statistics.numericErrors = numericErrorCount.load(ordering: .relaxed)
      statistics.worstBlockSeconds = Double(bitPattern: worstSeconds.load(ordering: .relaxed))
      statistics.totalSeconds = Double(bitPattern: totalSeconds.load(ordering: .relaxed))
      return statistics
    }
  }

  // MARK: State

  private var layout: SavedHeader.Layout {
    switch player {
    case .model: rates.differ ? .converting : .plain
    case .notes: .notes
    case .composer: .composer
    }
  }

  /// Bytes of a saved state.
  public var stateByteCount: Int { player.savedByteCount(layout) }

  /// Writes all that decides what the stream generates next to `bytes`, which has room for `capacity`; `invalidArgument` where that
  /// is less than `stateByteCount`. Not at once with anything but parameters and conditions.
  public func saveState(into bytes: UnsafeMutableRawPointer, capacity: Int) -> Status {
    let count = stateByteCount
    guard capacity >= count else { return .invalidArgument }
    beginSettingCondition()
    defer { isSettingCondition.store(false, ordering: .releasing) }
    var writer = ByteWriter(bytes + SavedHeader.byteCount)
    if layout != .plain {
      writer.write(UInt32(rates.output))
      writer.write(UInt32(rates.input))
    }
    if layout == .notes || layout == .composer {
      writer.write(UInt32(player.voiceCount))
      writer.write(UInt32(0))
    }
    if layout == .composer { writer.write(ownedInstrument?.model.fingerprint ?? 0) }
    for parameter in layout.parameters { writer.write(self.parameter(parameter).bitPattern) }
    player.save(&writer)
    var header = ByteWriter(bytes)
    header.write(layout.rawValue)
    header.write(model.fingerprint)
    header.write(UInt64(count))
    header.write(
      fingerprint(UnsafeRawBufferPointer(start: bytes + SavedHeader.byteCount, count: count - SavedHeader.byteCount)))
    return .ok
  }

  /// Continues where the stream was that saved `bytes`; `format`, and nothing changed, where they are not a state of this
  /// model at these sample rates.
  public func loadState(_ bytes: UnsafeRawBufferPointer) -> Status {
    do throws(Failure) {
      let (values, reader) = try readState(bytes)
      beginSettingCondition()
      defer { isSettingCondition.store(false, ordering: .releasing) }
      guard player.load(reader) else { return .format }
      for (parameter, value) in zip(layout.parameters, values) { _ = setParameter(parameter, value) }
      return .ok
    } catch {
      return error.status
    }
  }

  /// Throws `format`, with a sentence that says why, where `loadState` would not take `bytes`. Changes nothing.
  public func checkState(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    let (_, reader) = try readState(bytes)
    guard player.accepts(reader) else {
      throw Failure(.format, "the state holds a number that is out of range: it was not saved by this library")
    }
  }

  /// Checks all but what the core saved; returns the parameters, and a reader at what the core saved.
  private func readState(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> (parameters: [Float], core: ByteReader) {
    let minimum = SavedHeader.byteCount + SavedHeader.ratesByteCount
    guard bytes.count >= minimum, let base = bytes.baseAddress else {
      throw Failure(.format, "these \(bytes.count) bytes are not a state: a state is longer")
    }
    var reader = ByteReader(base)
    let magic = reader.readUInt64()
    guard let savedLayout = SavedHeader.Layout(rawValue: magic), (savedLayout == .composer) == (layout == .composer) else {
      throw Failure(.format, "these bytes are not a state that this version knows: they do not begin as one")
    }
    guard reader.readUInt64() == model.fingerprint else {
      throw Failure(.format, "the state was saved from a stream of another model")
    }
    let count = reader.readUInt64()
    let checksum = reader.readUInt64()
    var saved = StreamRates(model: model.sampleRate)
    if savedLayout != .plain {
      let output = Int(reader.readUInt32())
      saved = StreamRates(model: model.sampleRate, output: output, input: Int(reader.readUInt32()))
    }
    var savedVoices = 0
    if savedLayout == .notes || savedLayout == .composer, bytes.count >= savedLayout.byteCount {
      savedVoices = Int(reader.readUInt32())
      _ = reader.readUInt32()
      if savedLayout == .composer {
        guard reader.readUInt64() == ownedInstrument?.model.fingerprint ?? 0 else {
          throw Failure(.format, "the state was saved from a stream with another instrument, or without one")
        }
      }
    }
    guard savedVoices == player.voiceCount, (savedLayout == .notes) == (layout == .notes) else {
      throw Failure(
        .format, "the state was saved from a stream with \(savedVoices) voices for notes; expected \(player.voiceCount)")
    }
    guard saved == rates else {
      throw Failure(
        .format,
        "the state was saved at \(saved.output) Hz, from audio at \(saved.input) Hz; expected \(rates.output) Hz and \(rates.input) Hz"
      )
    }
    guard bytes.count == stateByteCount, count == UInt64(bytes.count) else {
      throw Failure(.format, "the state has \(bytes.count) bytes, expected \(stateByteCount)")
    }
    guard checksum == fingerprint(UnsafeRawBufferPointer(rebasing: bytes[SavedHeader.byteCount...])) else {
      throw Failure(.format, "the state is damaged: its checksum does not fit")
    }
    var values: [Float] = []
    for parameter in layout.parameters {
      let value = Float(bitPattern: reader.readUInt32())
      guard parameter.accepts(value) else {
        throw Failure(.format, "the state holds a parameter that is out of range: it was not saved by this library")
      }
      values.append(value)
    }
    return (values, reader)
  }

  /// Waits, off the audio thread, for the moment that another thread needs to set a condition.
  private func beginSettingCondition() {
    while isSettingCondition.exchange(true, ordering: .acquiring) {}
  }
}
