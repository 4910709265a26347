import CadenzaKernels
import Synchronization

/// One voice of a model: state, sampler and random generator. All its memory is taken in `init`.
///
/// `generate`, `reset`, `setParameter`, `parameter`, `setCondition` and `statistics` are for the audio thread: they allocate
/// nothing, take no lock and wait for nothing. `setParameter`, `parameter`, `setCondition` and `statistics` may be called from any
/// thread while another generates; nothing else may.
public final class Stream: @unchecked Sendable {
  // Unchecked: the rule above is the caller's to keep, as on every audio callback.

  public let model: Model

  private let core: UnsafeMutablePointer<StreamCore>
  private let memory: UnsafeMutableRawPointer
  // Beside the core and not behind it: other threads look here while the audio thread works on the core.
  private let inboxes: UnsafeMutablePointer<ConditionInbox>
  private let conditionCount: Int

  // Bit patterns of single-precision numbers; read once a block.
  private let temperature: Atomic<UInt32>
  private let topK: Atomic<UInt32>
  private let topP: Atomic<UInt32>
  private let gain: Atomic<UInt32>
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
    guard let memory = ck_allocate(model.streamBytes) else {
      throw Failure(.outOfMemory, "no memory for a stream of \(model.streamBytes) bytes")
    }
    self.init(model, options, memory)
  }

  /// Embedded Swift leaks an object whose designated initialiser throws: this one does not.
  private init(_ model: Model, _ options: StreamOptions, _ memory: UnsafeMutableRawPointer) {
    var arena = Arena(filling: memory)
    let defaults = model.configuration.conditions.map { $0.defaultValue }
    core = UnsafeMutablePointer<StreamCore>.allocate(capacity: 1)
    let arithmetic = ck_enter_arithmetic()
    core.initialize(to: StreamCore(model.plan, defaults: defaults, seed: options.seed, arena: &arena))
    ck_leave_arithmetic(arithmetic)
    inboxes = core.pointee.inboxes
    conditionCount = core.pointee.conditionCount
    self.memory = memory
    self.model = model
    temperature = Atomic(options.temperature.bitPattern)
    topK = Atomic(Float(options.topK).bitPattern)
    topP = Atomic(options.topP.bitPattern)
    gain = Atomic(options.gain.bitPattern)
  }

  deinit {
    core.deinitialize(count: 1)
    core.deallocate()
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
    let hadFailed = core.pointee.hasFailed
    let settings = SamplerSettings(
      temperature: parameter(.temperature), topK: Int(parameter(.topK)), topP: parameter(.topP))
    let status = core.pointee.generate(into: output, frames: frames, settings: settings, gain: parameter(.gain))
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue && !hadFailed { _ = numericErrorCount.wrappingAdd(1, ordering: .relaxed) }
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

  /// Back to the beginning: empty history, the random generator seeded anew, statistics zeroed. Parameters and conditions stay.
  @_noLocks
  public func reset(seed: UInt64) -> Status {
    let arithmetic = ck_enter_arithmetic()
    core.pointee.reset(seed: seed)
    ck_leave_arithmetic(arithmetic)
    frameCount.store(0, ordering: .relaxed)
    blockCount.store(0, ordering: .relaxed)
    numericErrorCount.store(0, ordering: .relaxed)
    worstSeconds.store(0, ordering: .relaxed)
    totalSeconds.store(0, ordering: .relaxed)
    return .ok
  }

  /// Feeds audio at the model's rate as if the stream had generated it. Uses no random number.
  @_noLocks
  public func prime(_ samples: UnsafePointer<Float>, frames: Int) -> Status {
    feed(samples, frames: frames, nats: nil)
  }

  /// Like `prime`; adds up in `nats` the negative log-likelihood that the model gave to each sample before it was fed.
  @_noLocks
  public func score(_ samples: UnsafePointer<Float>, frames: Int, nats: inout Double) -> Status {
    nats = 0
    guard core.pointee.predictsLogits else { return .unsupported }
    let status = feed(samples, frames: frames, nats: &nats)
    if status.rawValue != 0 { nats = 0 }
    return status
  }

  @_noLocks
  private func feed(_ samples: UnsafePointer<Float>, frames: Int, nats: UnsafeMutablePointer<Double>?) -> Status {
    guard frames >= 0 && frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    let arithmetic = ck_enter_arithmetic()
    let status = core.pointee.prime(samples, frames: frames, nats: nats)
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue { _ = numericErrorCount.wrappingAdd(1, ordering: .relaxed) }
    return status
  }

  // MARK: Parameters and conditions

  @_noLocks
  public func setParameter(_ parameter: Parameter, _ value: Float) -> Status {
    guard parameter.accepts(value) else { return .invalidArgument }
    switch parameter {
    case .temperature: temperature.store(value.bitPattern, ordering: .relaxed)
    case .topK: topK.store(value.bitPattern, ordering: .relaxed)
    case .topP: topP.store(value.bitPattern, ordering: .relaxed)
    case .gain: gain.store(value.bitPattern, ordering: .relaxed)
    }
    return .ok
  }

  @_noLocks
  public func parameter(_ parameter: Parameter) -> Float {
    switch parameter {
    case .temperature: Float(bitPattern: temperature.load(ordering: .relaxed))
    case .topK: Float(bitPattern: topK.load(ordering: .relaxed))
    case .topP: Float(bitPattern: topP.load(ordering: .relaxed))
    case .gain: Float(bitPattern: gain.load(ordering: .relaxed))
    }
  }

  /// Sets a condition: a global one's value, or values that a local one queues. `state` where the queue has no room, or where
  /// another thread is setting a condition of this stream right now; nothing is changed then.
  @_noLocks
  public func setCondition(_ index: Int, _ values: UnsafePointer<Float>, count: Int) -> Status {
    guard index >= 0, index < conditionCount else { return .invalidArgument }
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

  /// Bytes of a saved state.
  public var stateByteCount: Int { core.pointee.savedByteCount }

  /// Writes all that decides what the stream generates next to `bytes`, which has room for `capacity`; `invalidArgument` where that
  /// is less than `stateByteCount`. Not at once with anything but parameters and conditions.
  public func saveState(into bytes: UnsafeMutableRawPointer, capacity: Int) -> Status {
    let count = stateByteCount
    guard capacity >= count else { return .invalidArgument }
    beginSettingCondition()
    defer { isSettingCondition.store(false, ordering: .releasing) }
    var writer = ByteWriter(bytes + 32)
    for parameter in Parameter.allCases { writer.write(self.parameter(parameter).bitPattern) }
    core.pointee.save(&writer)
    var header = ByteWriter(bytes)
    header.write(SavedHeader.magic)
    header.write(model.fingerprint)
    header.write(UInt64(count))
    header.write(fingerprint(UnsafeRawBufferPointer(start: bytes + 32, count: count - 32)))
    return .ok
  }

  /// Continues where the stream was that saved `bytes`; `format`, and nothing changed, where they are not a state of this model.
  public func loadState(_ bytes: UnsafeRawBufferPointer) -> Status {
    guard bytes.count == stateByteCount, let base = bytes.baseAddress else { return .format }
    var reader = ByteReader(base)
    guard reader.readUInt64() == SavedHeader.magic, reader.readUInt64() == model.fingerprint,
      reader.readUInt64() == UInt64(bytes.count),
      reader.readUInt64() == fingerprint(UnsafeRawBufferPointer(rebasing: bytes[32...]))
    else { return .format }
    var values: [Float] = []
    for parameter in Parameter.allCases {
      let value = Float(bitPattern: reader.readUInt32())
      guard parameter.accepts(value) else { return .format }
      values.append(value)
    }
    beginSettingCondition()
    defer { isSettingCondition.store(false, ordering: .releasing) }
    guard core.pointee.load(reader) else { return .format }
    for (parameter, value) in zip(Parameter.allCases, values) { _ = setParameter(parameter, value) }
    return .ok
  }

  /// Waits, off the audio thread, for the moment that another thread needs to set a condition.
  private func beginSettingCondition() {
    while isSettingCondition.exchange(true, ordering: .acquiring) {}
  }
}
