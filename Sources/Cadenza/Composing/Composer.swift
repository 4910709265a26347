import CadenzaKernels

/// What the audio thread works on in a stream of a composer: writes music a little ahead of the time that is heard, and plays it
/// when it is due.
///
/// The network's work is spread over the frames: after every `unitFrames` frames one unit of it is done (a layer, say) while what is
/// written reaches less than `aheadFrames` beyond the present. Only where a moment is due that is not written yet, which happens
/// at the very beginning or where a model needs more than it is given, is the rest done at once. All of it happens at definite
/// frames, so that any split into blocks gives the same notes, also while the host changes parameters.
struct Composer {
  private let kernels: UnsafePointer<ck_kernels>
  private let network: Network
  private let codec: NoteCodec
  private let sampler: FieldSampler

  /// The network's state.
  private let state: UnsafeMutablePointer<Float>
  private let stateCount: Int
  private let savedStateCount: Int

  let conditions: ConditionPlayers
  /// What melodies were encoded to; nil: the model has no encoder.
  let latentMix: UnsafeMutablePointer<LatentMix>?
  /// The conditions' vector.
  private let h: UnsafeMutablePointer<Float>
  /// Whether the network has not seen h yet.
  private var conditionsChanged = true
  /// Plays what is composed; nil: nobody does. The stream owns it.
  var instrument: UnsafeMutablePointer<Instrument>?

  private let unitFrames: Int
  private let aheadFrames: Int

  /// What the next step is fed, or the step that is under way was: one for each field.
  private let elements: UnsafeMutablePointer<Element>
  /// What the piece that is given says next, while priming.
  private let given: UnsafeMutablePointer<Element>
  /// What the first step is fed.
  private let first: UnsafeMutablePointer<Element>
  private let memory: UnsafeMutablePointer<NoteCodecMemory>
  private let script: UnsafeMutablePointer<NoteScript>
  private var random: RandomGenerator
  /// Of the random generator, when the piece began.
  private(set) var seed: UInt64
  /// Of the block that is, or was last, played.
  private var settings = SamplerSettings(temperature: 1, topK: 0, topP: 1)
  /// Steps of the network that are complete.
  private var time: UInt64 = 0
  /// The step under way: its next unit; −1 where none is.
  private var unit = -1
  /// Frames until the next unit of work.
  private var framesToWork = 0
  private var timeline: Timeline
  private var events: EventBuffer
  /// Whether the network produced a value that is not finite.
  private(set) var hasFailed = false
  /// Whether the piece's end has been played.
  private(set) var hasEnded = false
  /// Frames of the last block before it failed, and before the piece's end; all where it did not, and had not.
  private(set) var wholeFrames = 0
  private(set) var unendedFrames = 0

  /// Whether the network or the instrument's failed: every block from then on is `numeric`.
  var isSilenced: Bool {
    @_noLocks get {
      if hasFailed { return true }
      guard let instrument else { return false }
      return instrument.pointee.hasFailed
    }
  }

  /// Lays the composer out in `arena`.
  init(_ plan: ModelPlan, codec: NoteCodec, defaults: [[Float]], sampleRate: Int, seed: UInt64, arena: inout Arena) {
    kernels = plan.kernels
    network = plan.network
    self.codec = codec
    sampler = FieldSampler(plan, arena: &arena)
    stateCount = plan.layout.count
    savedStateCount = plan.layout.savedCount ?? plan.layout.count
    state = arena.take(Float.self, count: stateCount)
    h = arena.take(Float.self, count: RowOrder.padded(plan.conditionChannels))
    conditions = ConditionPlayers(plan, defaults: defaults, h: h, arena: &arena)
    latentMix = arena.takeLatentMix(plan)
    // About 1.3 ms and 200 ms.
    unitFrames = max(1, sampleRate / 750)
    aheadFrames = max(1, sampleRate / 5)
    elements = arena.take(Element.self, count: codec.fieldCount)
    given = arena.take(Element.self, count: codec.fieldCount)
    first = arena.take(Element.self, count: codec.fieldCount)
    memory = arena.take(NoteCodecMemory.self, count: 1)
    script = arena.take(NoteScript.self, count: 1)
    let emptyScript = NoteScript(maximumNoteTicks: codec.maximumNoteTicks, arena: &arena)
    timeline = Timeline(ticksPerBeat: codec.ticksPerBeat, sampleRate: sampleRate)
    events = EventBuffer(arena: &arena)
    random = RandomGenerator(seed: seed)
    self.seed = seed
    if arena.isMeasuring { return }
    script.initialize(to: emptyScript)
    memory.initialize(to: NoteCodecMemory())
    codec.writeFirst(first)
    codec.writeFirst(elements)
    timeline.setTempo(Float(codec.tempo))
    network.begin(state, first, kernels)
  }

  /// Back to the beginning. Notes that sound are forgotten.
  @_noLocks
  mutating func reset(seed: UInt64) {
    ck_zero(state, stateCount * 4)
    network.begin(state, first, kernels)
    conditions.reset()
    conditionsChanged = true
    if let instrument { instrument.pointee.reset(seed: seed) }
    codec.writeFirst(elements)
    memory.pointee = NoteCodecMemory()
    script.pointee.reset()
    random = RandomGenerator(seed: seed)
    self.seed = seed
    time = 0
    unit = -1
    framesToWork = 0
    timeline.jump(to: 0)
    events.removeAll()
    hasFailed = false
    hasEnded = false
  }

  /// The values of all conditions, as the host last set them.
  mutating func presentConditions() -> [[Float]] {
    if conditions.beginBlock() { conditionsChanged = true }
    return (0..<conditions.count).map { conditions.current($0) }
  }

  /// Sets a latent, instead of what the host set before.
  @_noLocks
  mutating func setLatent(_ index: Int, _ values: UnsafePointer<Float>) {
    _ = conditions.beginBlock()
    conditions.play(index, values)
    conditionsChanged = true
  }

  // MARK: Writing

  /// Begins a step: feeds the network what was chosen last.
  @_noLocks
  private mutating func beginStep() {
    if conditions.follow(position: codec.position(memory.pointee)) { conditionsChanged = true }
    if conditionsChanged {
      network.condition(state, h, kernels)
      conditionsChanged = false
    }
    network.start(state, elements, kernels)
    unit = 0
  }

  /// Does the rest of the step that is under way, but for the choice.
  @_noLocks
  private mutating func finishStep() {
    if unit < 0 { beginStep() }
    while unit < network.unitCount {
      network.work(state, unit, kernels)
      unit += 1
    }
  }

  /// Ends the step: `elements` are what was chosen.
  @_noLocks
  private mutating func endStep() {
    time &+= 1
    unit = -1
    codec.decode(elements, &memory.pointee, &script.pointee)
  }

  /// Does one unit of work; with the last one of a step, chooses.
  @_noLocks
  private mutating func work() {
    if unit < 0 { beginStep() }
    if unit < network.unitCount {
      network.work(state, unit, kernels)
      unit += 1
    }
    if unit >= network.unitCount { choose() }
  }

  @_noLocks
  private mutating func choose() {
    let prediction = network.predict(state, kernels)
    guard
      sampler.choose(prediction, among: codec.choices(memory.pointee), settings, &random, into: elements)
    else {
      fail()
      return
    }
    endStep()
  }

  @_noLocks
  private mutating func fail() {
    hasFailed = true
    unit = -1
    script.pointee.end()
    instrument?.pointee.fail()
  }

  /// Whether more is to be written.
  private var isWriting: Bool {
    @_noLocks get { !script.pointee.hasEnded }
  }

  /// The piece of work that the frames are given every `unitFrames`.
  @_noLocks
  private mutating func workAhead() {
    guard isWriting, script.pointee.hasRoom else { return }
    guard timeline.frames(until: script.pointee.tick, limit: aheadFrames) < aheadFrames else { return }
    work()
  }

  // MARK: Playing

  /// Plays what is due now, `frame` frames into the block, once it is written.
  @_noLocks
  private mutating func playDue(_ frame: Int) {
    while true {
      // Room for what is written is made by what is played.
      while !script.pointee.isEmpty {
        let event = script.pointee.peek()
        if event.tick > timeline.tick { break }
        script.pointee.removeFirst()
        play(event, frame)
      }
      guard isWriting, script.pointee.tick <= timeline.tick else { return }
      work()
    }
  }

  @_noLocks
  private mutating func play(_ event: NoteScriptEvent, _ frame: Int) {
    let velocity = Float(event.velocity) / 127
    if event.kind.rawValue == NoteEvent.Kind.noteOn.rawValue {
      instrument?.pointee.noteOn(voice: event.voice, pitch: event.pitch, velocity: velocity)
    } else if event.kind.rawValue == NoteEvent.Kind.noteOff.rawValue {
      instrument?.pointee.noteOff(voice: event.voice, pitch: event.pitch)
    } else {
      if !hasEnded { unendedFrames = frame }
      hasEnded = true
    }
    events.append(
      NoteEvent(
        frame: UInt64(frame), kind: event.kind, voice: UInt32(event.voice), pitch: UInt32(event.pitch), velocity: velocity,
        beat: timeline.beat(of: event.tick)))
  }

  /// Frames from now on, at most `limit`, in which nothing is to be written or played.
  @_noLocks
  private func quietFrames(limit: Int) -> Int {
    var frames = limit
    if !script.pointee.isEmpty { frames = timeline.frames(until: script.pointee.peek().tick, limit: frames) }
    if isWriting { frames = timeline.frames(until: script.pointee.tick, limit: frames) }
    return frames
  }

  /// Moves on by `frames`, and fills `output` with what the instrument makes of it, or with silence.
  @_noLocks
  mutating func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings, tempo: Float
  ) -> Status {
    self.settings = settings
    events.removeAll()
    if conditions.beginBlock() { conditionsChanged = true }
    timeline.setTempo(tempo)
    var hasInstrumentFailed = false
    var frame = 0
    wholeFrames = frames
    unendedFrames = hasEnded ? 0 : frames
    while frame < frames {
      if framesToWork == 0 {
        workAhead()
        framesToWork = unitFrames
      }
      playDue(frame)
      if hasFailed { wholeFrames = min(wholeFrames, frame) }
      let quiet = quietFrames(limit: frames - frame < framesToWork ? frames - frame : framesToWork)
      if let instrument {
        if !instrument.pointee.generate(into: output + frame, frames: quiet) {
          hasInstrumentFailed = true
          wholeFrames = min(wholeFrames, frame + instrument.pointee.wholeFrames)
        }
      } else {
        ck_zero(output + frame, quiet * 4)
      }
      timeline.advance(frames: quiet)
      if conditions.advance(UInt64(quiet)) { conditionsChanged = true }
      framesToWork -= quiet
      frame += quiet
    }
    if hasFailed || hasInstrumentFailed { return .numeric }
    return hasEnded ? .end : .ok
  }

  /// Copies events of the last block to `target`.
  @_noLocks
  mutating func readEvents(into target: UnsafeMutablePointer<NoteEvent>?, capacity: Int, count: inout Int) -> Status {
    count = events.read(into: target, capacity: capacity)
    return events.hasLost ? .eventsLost : .ok
  }

  /// Gives each event of the last block to `ring`, where the block begins at `start`.
  @_noLocks
  func handEvents(to ring: EventRing, start: UInt64) {
    for index in 0..<events.count {
      var event = events.event(index)
      event.frame &+= start
      ring.append(event)
    }
    if events.hasLost { ring.lose() }
  }

  // MARK: Pieces that are given

  var hasLikelihood: Bool { sampler.hasLikelihood }

  /// Takes a piece as if it had been written; adds up its negative log-likelihood and the number of its choices where that is asked
  /// for. Main thread: allocates.
  mutating func prime(
    _ notes: UnsafeBufferPointer<NoteEvent>, frames: UInt64, tempo: Float, nats: UnsafeMutablePointer<Double>?,
    choices: UnsafeMutablePointer<UInt64>?
  ) -> Status {
    if hasFailed || script.pointee.hasEnded { return .state }
    if conditions.beginBlock() { conditionsChanged = true }
    timeline.setTempo(tempo)
    let length = timeline.ticks(frames: frames)
    guard length <= codec.maximumPieceTicks, script.pointee.tick < NoteScript.maximumTick / 2 else { return .invalidArgument }
    let given = timeline.tickEvents(of: notes)

    // What was written ahead and not played is not heard: the piece takes its place.
    script.pointee.silence(at: timeline.tick)
    script.pointee.isSilent = true
    defer {
      script.pointee.isSilent = false
      script.pointee.sound()
      timeline.jump(to: script.pointee.tick)
      framesToWork = 0
    }
    let steps = codec.encode(given, ticks: length, memory.pointee)
    var position = 0
    while position < steps.count {
      finishStep()
      for field in 0..<codec.fieldCount { self.given[field] = steps[position + field] }
      if let nats {
        let prediction = network.predict(state, kernels)
        guard let value = sampler.nats(prediction, among: codec.choices(memory.pointee), of: self.given) else {
          fail()
          return .numeric
        }
        nats.pointee += value
        choices?.pointee += 1
      }
      for field in 0..<codec.fieldCount { elements[field] = self.given[field] }
      endStep()
      position += codec.fieldCount
    }
    return .ok
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    Composer.fixedByteCount + codec.fieldCount * 8 + Timeline.savedByteCount + memory.pointee.savedByteCount
      + script.pointee.savedByteCount + conditions.savedByteCount + savedStateCount * 4
      + (instrument?.pointee.savedByteCount ?? 0)
  }

  /// More ticks than the longest frame lasts: 1,000 beats a minute of 500 ticks each, at 1,000 Hz, are 8.3 a frame. The present may be
  /// so far beyond what is written, until the next frame is played.
  private static var maximumFrameTicks: UInt64 { 16 }

  /// Random generator, time, and three counts.
  private static let fixedByteCount = 40 + 16

  /// Writes all that decides the future but the parameters. The step that is under way is completed first: a network's state is
  /// whole only between steps.
  mutating func save(_ writer: inout ByteWriter) {
    if unit >= 0 {
      finishStep()
      choose()
    }
    writer.write(random.state.0)
    writer.write(random.state.1)
    writer.write(random.state.2)
    writer.write(random.state.3)
    writer.write(time)
    writer.write(UInt32(framesToWork))
    writer.write(UInt32(hasFailed ? 1 : 0))
    writer.write(UInt32(hasEnded ? 1 : 0))
    writer.write(UInt32(0))
    for field in 0..<codec.fieldCount {
      writer.write(UInt32(truncatingIfNeeded: elements[field].token))
      writer.write(elements[field].value.bitPattern)
    }
    timeline.save(&writer)
    memory.pointee.save(&writer)
    script.pointee.save(&writer)
    if conditions.save(&writer) { conditionsChanged = true }
    writer.write(UnsafeRawPointer(state), count: savedStateCount * 4)
    instrument?.pointee.save(&writer)
  }

  /// Whether the script that the reader is at reaches the present, but for what one frame passes over, or is over: what is
  /// missing would all be written at once.
  private func isWrittenUpTo(_ presentTick: UInt64, _ bytes: ByteReader) -> Bool {
    var reader = bytes
    let position = NoteScript.position(in: &reader)
    return position.hasEnded || position.tick &+ Composer.maximumFrameTicks >= presentTick
  }

  /// Whether `load` takes these bytes: as many as `save` writes, and each what it may have written.
  mutating func accepts(_ bytes: ByteReader) -> Bool {
    var reader = bytes
    return read(&reader, isLoading: false)
  }

  /// Loads what `save` wrote, or changes nothing and returns false. The reader holds as many bytes as `save` writes.
  mutating func load(_ bytes: ByteReader) -> Bool {
    guard accepts(bytes) else { return false }
    var reader = bytes
    return read(&reader, isLoading: true)
  }

  private mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let words = (reader.readUInt64(), reader.readUInt64(), reader.readUInt64(), reader.readUInt64())
    let time = reader.readUInt64()
    let framesToWork = Int(reader.readUInt32())
    let failed = reader.readUInt32()
    let ended = reader.readUInt32()
    guard reader.readUInt32() == 0, let random = RandomGenerator(state: words), framesToWork <= unitFrames,
      failed <= 1, ended <= 1
    else { return false }
    for field in 0..<codec.fieldCount {
      let token = Int(reader.readUInt32())
      let value = Float(bitPattern: reader.readUInt32())
      switch sampler.kind(field) {
      case .softmax(let size):
        guard token < size, value == 0 else { return false }
      case .frame: return false
      case .linear:
        guard token == 0, value.isFinite else { return false }
      }
      if isLoading { elements[field] = Element(token: token, value: value) }
    }
    var times = reader
    let presentTick = times.readUInt64()
    guard timeline.read(&reader, isLoading: isLoading), memory.pointee.read(&reader, isLoading: isLoading),
      isWrittenUpTo(presentTick, reader), script.pointee.read(&reader, isLoading: isLoading),
      conditions.read(&reader, isLoading: isLoading)
    else { return false }
    if isLoading {
      ck_zero(state, stateCount * 4)
      reader.read(into: state, count: savedStateCount * 4)
      network.restore(state, time: time)
      self.random = random
      self.time = time
      self.framesToWork = framesToWork
      unit = -1
      hasFailed = failed == 1
      hasEnded = ended == 1
      events.removeAll()
      conditionsChanged = true
    } else {
      let numbers = UnsafeMutablePointer<Float>.allocate(capacity: max(1, savedStateCount))
      defer { numbers.deallocate() }
      reader.read(into: numbers, count: savedStateCount * 4)
      if !network.accepts(numbers) { return false }
    }
    if let instrument, !instrument.pointee.read(&reader, isLoading: isLoading) { return false }
    return true
  }
}
