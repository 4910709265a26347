import CadenzaKernels
import Synchronization

/// One voice of a model: state, sampler and random generator. All its memory is taken in `init`.
///
/// `generate`, `reset`, `dropAhead`, `setParameter`, `parameter`, `setCondition`, `noteOn`, `noteOff`, `readEvents`, `latency` and `statistics`
/// are for the audio thread: they allocate nothing, take no lock and wait for nothing (`generate` of a stream that renders ahead waits
/// where `renderMode` is offline). `latency`, `setParameter`, `parameter`, `setCondition`, `renderMode` and `statistics` may be called from
/// any thread while another generates; nothing else may.
///
/// Where `StreamOptions.renderAheadFrames` is not 0, a thread of the stream's own generates, and ends with the stream. Whatever else is
/// called meanwhile is as safe as without it.
public final class Stream: @unchecked Sendable {
  // Unchecked: the rule above is the caller's to keep, as on every audio callback.

  /// The model that plays, which the stream keeps.
  public let model: Model
  /// Hz of what it generates.
  public var sampleRate: Int { rates.output }
  /// Hz of the audio that `prime` and `score` take.
  public var inputSampleRate: Int { rates.input }
  /// Frames by which the output lags what the model generates: a sample, a new parameter or condition sounds so much later. The
  /// sample-rate conversion's; 0 at the model's rate. It changes only where a composer is given an instrument: it is that one's. Where
  /// the stream plays notes with `voices`, the frames rendered ahead are part of it.
  public var latency: Int {
    @_noLocks get { Int(latencyFrames.load(ordering: .relaxed)) }
  }

  private let rates: StreamRates
  let player: StreamPlayer
  /// Of a composer that has one.
  var ownedInstrument: OwnedInstrument?
  private let memory: UnsafeMutableRawPointer
  /// What everything passes last.
  private let stage: UnsafeMutablePointer<OutputStage>
  /// nil: `generate` generates.
  let ahead: RenderAhead?
  private let worker: OpaquePointer?
  private let isOffline = Atomic<Bool>(false)
  /// Whether the host may ask for notes. Here, because the worker works on the player.
  private(set) var playsNotes: Bool
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
  private let mix = Atomic<UInt32>(0)
  private let latencyFrames: Atomic<UInt32>
  /// Held while a thread sets a condition.
  private let isSettingCondition = Atomic<Bool>(false)

  private let frameCount = Atomic<UInt64>(0)
  private let blockCount = Atomic<UInt64>(0)
  private let numericErrorCount = Atomic<UInt64>(0)
  private let underrunCount = Atomic<UInt64>(0)
  private let underrunFrameCount = Atomic<UInt64>(0)
  // Bit patterns of double-precision seconds.
  private let worstSeconds = Atomic<UInt64>(0)
  private let totalSeconds = Atomic<UInt64>(0)

  /// Throws `invalidArgument` for an option out of range, `unsupported`, `outOfMemory`, and `state` where the thread that is to
  /// render ahead cannot be started.
  public convenience init(model: Model, options: StreamOptions) throws(Failure) {
    try options.check(for: model)
    var worker: Worker?
    if options.renderAheadFrames > 0 { worker = try Worker() }
    var byteCount = model.streamBytes(options) + Stream.stageByteCount
    if let worker {
      byteCount += RenderAhead.byteCount(
        frames: options.renderAheadFrames, isComposer: model.isComposer, gate: worker.gate)
    }
    guard let memory = ck_allocate(byteCount) else {
      worker?.end()
      throw Failure(.outOfMemory, "no memory for a stream of \(byteCount) bytes")
    }
    self.init(model, options, memory, worker)
    worker?.gate.open(Unmanaged.passUnretained(self).toOpaque())
  }

  /// Rounded up as the arena does.
  private static var stageByteCount: Int {
    var arena = Arena.measuring()
    _ = arena.take(UInt64.self, count: (MemoryLayout<OutputStage>.stride + 7) / 8)
    return arena.byteCount
  }

  /// Embedded Swift leaks an object whose designated initialiser throws: this one does not.
  private init(_ model: Model, _ options: StreamOptions, _ memory: UnsafeMutableRawPointer, _ worker: Worker?) {
    var arena = Arena(filling: memory)
    let arithmetic = ck_enter_arithmetic()
    rates = options.rates(for: model)
    player = StreamPlayer(model, options, arena: &arena)
    ck_leave_arithmetic(arithmetic)
    stage = UnsafeMutableRawPointer(arena.take(UInt64.self, count: (MemoryLayout<OutputStage>.stride + 7) / 8))
      .assumingMemoryBound(to: OutputStage.self)
    stage.initialize(to: OutputStage(options, sampleRate: rates.output))
    if let worker {
      ahead = RenderAhead(
        frames: options.renderAheadFrames, sampleRate: rates.output, isComposer: model.isComposer, gate: worker.gate,
        arena: &arena)
    } else {
      ahead = nil
    }
    self.worker = worker?.thread
    playsNotes = player.playsNotes
    inboxes = player.inboxes
    conditionCount = player.conditionCount
    pitchIndex = player.pitchIndex
    latencyFrames = Atomic(UInt32(truncatingIfNeeded: player.latency + (options.voices > 0 ? options.renderAheadFrames : 0)))
    self.memory = memory
    self.model = model
    temperature = Atomic(options.temperature.bitPattern)
    topK = Atomic(Float(options.topK).bitPattern)
    topP = Atomic(options.topP.bitPattern)
    gain = Atomic(options.gain.bitPattern)
    tempo = Atomic(model.tempo.bitPattern)
  }

  deinit {
    if let ahead { Worker(gate: ahead.gate, thread: worker).end() }
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
    let status: Status
    if let ahead {
      let outcome = ahead.take(
        into: output, frames: frames, gain: parameter(.gain), stage: stage,
        isOffline: isOffline.load(ordering: .relaxed))
      status = outcome.status
      if outcome.isNewFailure { countNumericError() }
      if outcome.missingFrames > 0 {
        _ = underrunCount.wrappingAdd(1, ordering: .relaxed)
        _ = underrunFrameCount.wrappingAdd(UInt64(outcome.missingFrames), ordering: .relaxed)
      }
    } else {
      let hadFailed = player.hasFailed
      player.takeMix(parameter(.mix))
      status = player.generate(into: output, frames: frames, settings: settings, tempo: parameter(.tempo))
      stage.pointee.process(output, frames: frames, gain: parameter(.gain))
      if status.rawValue == Status.numeric.rawValue && !hadFailed { countNumericError() }
    }
    ck_leave_arithmetic(arithmetic)
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

  /// As last set.
  private var settings: SamplerSettings {
    @_noLocks get {
      SamplerSettings(temperature: parameter(.temperature), topK: Int(parameter(.topK)), topP: parameter(.topP))
    }
  }

  func instrumentHasChanged() {
    playsNotes = player.playsNotes
    latencyFrames.store(UInt32(truncatingIfNeeded: player.latency), ordering: .relaxed)
  }

  /// After an error that the main thread came upon: what is ahead of it does not count it again.
  @_noLocks
  func countOwnNumericError() {
    countNumericError()
    ahead?.noteFailure()
  }

  /// Back to the beginning: empty history, the random generator seeded anew, statistics zeroed. Parameters and conditions stay.
  @_noLocks
  public func reset(seed: UInt64) -> Status {
    let arithmetic = ck_enter_arithmetic()
    if let ahead { ahead.reset(seed: seed) } else { player.reset(seed: seed) }
    stage.pointee.reset()
    ck_leave_arithmetic(arithmetic)
    underrunCount.store(0, ordering: .relaxed)
    underrunFrameCount.store(0, ordering: .relaxed)
    frameCount.store(0, ordering: .relaxed)
    blockCount.store(0, ordering: .relaxed)
    numericErrorCount.store(0, ordering: .relaxed)
    worstSeconds.store(0, ordering: .relaxed)
    totalSeconds.store(0, ordering: .relaxed)
    return .ok
  }

  // MARK: Rendering ahead

  /// What `generate` does where a block of a stream that renders ahead is not ready. At first `realtime`. Any thread.
  public var renderMode: RenderMode {
    @_noLocks get { isOffline.load(ordering: .relaxed) ? .offline : .realtime }
    @_noLocks set {
      switch newValue {
      case .realtime: isOffline.store(false, ordering: .relaxed)
      case .offline: isOffline.store(true, ordering: .relaxed)
      }
    }
  }

  /// Leaves out what has been generated and not been heard: what is generated from now on comes next, after a transition. The model
  /// remembers what is left out. Nothing where the stream does not render ahead. Audio thread.
  @_noLocks
  public func dropAhead() -> Status {
    ahead?.drop(stage)
    return .ok
  }

  /// Stops the worker between two pieces of work, for the main thread to do what it wants.
  @_noLocks
  func pause() {
    guard let ahead else { return }
    ahead.gate.park()
    ahead.settle(player)
  }

  /// Lets the worker go on.
  @_noLocks
  func goOn() { ahead?.gate.release() }

  /// What the worker does all its life.
  func renderAhead() {
    guard let ahead else { return }
    var isPreferred = false
    var hasWorked = true
    while ahead.gate.pass(isIdle: !hasWorked, seconds: ahead.sleepSeconds) {
      // Offline it would keep everybody else from working.
      if isOffline.load(ordering: .relaxed) == isPreferred {
        isPreferred.toggle()
        ck_thread_prefer(isPreferred ? 1 : 0)
      }
      player.takeMix(parameter(.mix))
      hasWorked = ahead.work(player, settings: settings, tempo: parameter(.tempo))
    }
  }

  /// Feeds audio at `inputSampleRate` as if the stream had generated it; `unsupported` where it plays notes. Uses no random number. Calls may be split anyhow: at
  /// another rate than the model's, the last few samples wait for those that follow, until `endAudio` or the next `generate`.
  @_noLocks
  public func prime(_ samples: UnsafePointer<Float>, frames: Int) -> Status {
    feed(samples, frames: frames, nats: nil)
  }

  /// Samples of the model at the end of the audio it was primed with last with which it goes on, once `latency` has passed: 0, unless
  /// a recurrent network predicts frames. These overlap, so those that reach into what comes are made anew: what is heard first is
  /// still the given sound, which fades into what is generated. A host that has played what it gave leaves as much of it out.
  public var primedOverlap: Int {
    pause()
    defer { goOn() }
    return player.core?.pointee.primedOverlap ?? 0
  }

  /// Ends audio at another rate than the model's: feeds what waits for more of it. ⌈frames · model's rate / its rate⌉ samples
  /// of the model have then been fed. Nothing where no audio was begun.
  @_noLocks
  public func endAudio() -> Status {
    guard let core = player.core else { return .unsupported }
    pause()
    defer { goOn() }
    return endAudio(core, nats: nil)
  }

  /// Ends audio that was scored: as `endAudio`, and `nats` is the negative log-likelihood of what is fed now.
  @_noLocks
  public func endAudio(scoring nats: inout Double) -> Status {
    nats = 0
    guard let core = player.core else { return .unsupported }
    pause()
    defer { goOn() }
    guard core.pointee.isListening else { return .ok }
    guard core.pointee.predictsLogits else { return .unsupported }
    let status = endAudio(core, nats: &nats)
    if status.rawValue != 0 { nats = 0 }
    return status
  }

  @_noLocks
  private func endAudio(_ core: UnsafeMutablePointer<StreamCore>, nats: UnsafeMutablePointer<Double>?) -> Status {
    let arithmetic = ck_enter_arithmetic()
    let status = core.pointee.endAudio(nats: nats)
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue { countOwnNumericError() }
    return status
  }

  /// Like `prime`; adds up in `nats` the negative log-likelihood that the model gave to each of its samples before it was fed.
  @_noLocks
  public func score(_ samples: UnsafePointer<Float>, frames: Int, nats: inout Double) -> Status {
    nats = 0
    let status = feed(samples, frames: frames, nats: &nats)
    if status.rawValue != 0 { nats = 0 }
    return status
  }

  @_noLocks
  private func feed(_ samples: UnsafePointer<Float>, frames: Int, nats: UnsafeMutablePointer<Double>?) -> Status {
    guard frames >= 0 && frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    guard let core = player.core else { return .unsupported }
    pause()
    defer { goOn() }
    if nats != nil && !core.pointee.predictsLogits { return .unsupported }
    let arithmetic = ck_enter_arithmetic()
    player.takeMix(parameter(.mix))
    let status = core.pointee.prime(samples, frames: frames, nats: nats)
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue { countOwnNumericError() }
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
    case .mix:
      guard has(.mix) else { return .unsupported }
      mix.store(value.bitPattern, ordering: .relaxed)
    }
    return .ok
  }

  /// Whether the stream has this parameter: tempo is a composer's, mix that of a model with an encoder.
  @_noLocks
  public func has(_ parameter: Parameter) -> Bool {
    switch parameter {
    case .temperature, .topK, .topP, .gain: true
    case .tempo: player.composer != nil
    case .mix: player.latentMix != nil
    }
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
    case .mix: Float(bitPattern: mix.load(ordering: .relaxed))
    }
  }

  /// Sets a condition: a global one's value, or values that a local one queues. `state` where the queue has no room, or where
  /// another thread is setting a condition of this stream right now; nothing is changed then. Where the stream plays notes, the value
  /// is that of all notes that begin from the next block on, and "pitch" cannot be set.
  @_noLocks
  public func setCondition(_ index: Int, _ values: UnsafePointer<Float>, count: Int) -> Status {
    guard let inbox = beginUsingInbox(index) else { return isCondition(index) ? .state : .invalidArgument }
    let status = inbox.pointee.set(values, count: count)
    endUsingInbox()
    return status
  }

  /// Whether the host may set a condition of this index.
  @_noLocks
  func isCondition(_ index: Int) -> Bool {
    guard index >= 0, index < conditionCount, index != pitchIndex else { return false }
    return true
  }

  /// Where to put values, until `endUsingInbox`; nil where there is no such condition, or another thread is using one.
  @_noLocks
  func beginUsingInbox(_ index: Int) -> UnsafeMutablePointer<ConditionInbox>? {
    guard isCondition(index) else { return nil }
    if isSettingCondition.exchange(true, ordering: .acquiring) { return nil }
    return inboxes + index
  }

  @_noLocks
  func endUsingInbox() { isSettingCondition.store(false, ordering: .releasing) }

  /// Samples in which a glide of so many frames of the output is over: the model's, or, of a composer, frames.
  @_noLocks
  func glideSamples(_ frames: Int) -> UInt64 {
    if player.composer != nil { return UInt64(frames) }
    return samples(ofFrames: frames, from: rates.output, to: rates.model)
  }

  // MARK: Statistics

  /// Since the beginning or the last reset.
  public var statistics: StreamStatistics {
    @_noLocks get {
      var statistics = StreamStatistics()
      statistics.frames = frameCount.load(ordering: .relaxed)
      statistics.blocks = blockCount.load(ordering: .relaxed)
      statistics.numericErrors = numericErrorCount.load(ordering: .relaxed)
      statistics.underruns = underrunCount.load(ordering: .relaxed)
      statistics.underrunFrames = underrunFrameCount.load(ordering: .relaxed)
      statistics.framesAhead = UInt64(ahead?.ring.count ?? 0)
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

  /// Bytes of a saved state: more where more is encoded.
  public var stateByteCount: Int {
    pause()
    defer { goOn() }
    return pausedStateByteCount
  }

  /// The same while the worker stands still.
  private var pausedStateByteCount: Int { fixedStateByteCount + (player.latentMix?.pointee.savedByteCount ?? 0) }

  /// The bytes before what is encoded.
  private var fixedStateByteCount: Int {
    layout.byteCount + layout.parametersByteCount + player.savedByteCount + SavedHeader.aheadByteCount
      + OutputStage.savedByteCount + (ahead?.savedByteCount ?? 0)
  }

  /// Writes all that decides what the stream generates next to `bytes`, which has room for `capacity`; `invalidArgument` where that
  /// is less than `stateByteCount`. Not at once with anything but parameters and conditions.
  public func saveState(into bytes: UnsafeMutableRawPointer, capacity: Int) -> Status {
    pause()
    defer { goOn() }
    let count = pausedStateByteCount
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
    // What has begun of frames is brought to its end: to the bits that the stream itself would have had.
    let arithmetic = ck_enter_arithmetic()
    player.save(&writer)
    ck_leave_arithmetic(arithmetic)
    writer.write(UInt32(ahead?.ring.capacity ?? 0))
    writer.write(UInt32(0))
    stage.pointee.save(&writer)
    ahead?.save(&writer)
    player.latentMix?.pointee.save(&writer, mix: parameter(.mix))
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
    pause()
    defer { goOn() }
    do throws(Failure) {
      let (values, reader) = try readState(bytes)
      beginSettingCondition()
      defer { isSettingCondition.store(false, ordering: .releasing) }
      let encoded = try readEncoded(bytes)
      guard readOwn(reader, isLoading: false), player.accepts(reader) else { return .format }
      if let encoded, player.latentMix?.pointee.load(encoded) == false { return .outOfMemory }
      let arithmetic = ck_enter_arithmetic()
      let isLoaded = player.load(reader)
      ck_leave_arithmetic(arithmetic)
      guard isLoaded else { return .format }
      _ = readOwn(reader, isLoading: true)
      if let encoded { _ = setParameter(.mix, encoded.hostMix) }
      for (parameter, value) in zip(layout.parameters, values) { _ = setParameter(parameter, value) }
      return .ok
    } catch {
      return error.status
    }
  }

  /// Throws `format`, with a sentence that says why, where `loadState` would not take `bytes`. Changes nothing.
  public func checkState(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    pause()
    defer { goOn() }
    let (_, reader) = try readState(bytes)
    _ = try readEncoded(bytes)
    guard readOwn(reader, isLoading: false), player.accepts(reader) else {
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
    let ownFrames = ahead?.ring.capacity ?? 0
    if count == UInt64(bytes.count), let savedFrames = savedAheadFrames(bytes, savedLayout), savedFrames != ownFrames {
      throw Failure(
        .format, "the state was saved from a stream that renders \(savedFrames) frames ahead; expected \(ownFrames)")
    }
    let expected = fixedStateByteCount + encodedByteCount(bytes)
    guard bytes.count == expected, count == UInt64(bytes.count) else {
      throw Failure(.format, "the state has \(bytes.count) bytes, expected \(expected)")
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

  /// The bytes of what is encoded, as a state says; those of nothing where it is too short to tell.
  private func encodedByteCount(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let latentMix = player.latentMix else { return 0 }
    let place = fixedStateByteCount
    let size = latentMix.pointee.size
    guard let base = bytes.baseAddress, bytes.count >= place + LatentMix.savedHeaderByteCount,
      let counts = LatentMix.savedCounts(ByteReader(base + place), room: bytes.count - place, size: size)
    else { return LatentMix.savedHeaderByteCount }
    return LatentMix.savedHeaderByteCount + (counts.0 + counts.1) * size * 4
  }

  /// What a state that `readState` took says is encoded; nil where the stream has no encoder.
  private func readEncoded(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> LatentMix.Saved? {
    guard let latentMix = player.latentMix, let base = bytes.baseAddress else { return nil }
    let place = fixedStateByteCount
    var reader = ByteReader(base + place)
    let saved = LatentMix.Saved(
      &reader, room: bytes.count - place, size: latentMix.pointee.size, isLocal: latentMix.pointee.framesPerRow > 0)
    guard let saved else {
      throw Failure(.format, "the state holds a latent that cannot be: it was not saved by this library")
    }
    return saved
  }

  /// The frames that a stream of the same kind as this one renders ahead by a state; nil where that is too short to tell.
  private func savedAheadFrames(_ bytes: UnsafeRawBufferPointer, _ layout: SavedHeader.Layout) -> Int? {
    let place = layout.byteCount + layout.parametersByteCount + player.savedByteCount
    guard let base = bytes.baseAddress, bytes.count >= place + SavedHeader.aheadByteCount else { return nil }
    var reader = ByteReader(base + place)
    return Int(reader.readUInt32())
  }

  /// Reads what follows the player, where the reader is at what the player saved.
  private func readOwn(_ core: ByteReader, isLoading: Bool) -> Bool {
    var reader = core
    reader.skip(player.savedByteCount)
    _ = reader.readUInt32()
    guard reader.readUInt32() == 0, stage.pointee.read(&reader, isLoading: isLoading) else { return false }
    guard let ahead else { return true }
    return ahead.read(&reader, isLoading: isLoading)
  }

  /// Waits, off the audio thread, for the moment that another thread needs to set a condition.
  private func beginSettingCondition() {
    while isSettingCondition.exchange(true, ordering: .acquiring) {}
  }
}
