/// Where a composer's music stands, in ticks of its codec, moved on by frames of the output.
///
/// A frame is worth tempo · ticks a beat / (60 · sample rate) ticks. Both sides of that fraction are whole numbers here (tempo in
/// steps of 2⁻¹⁶ beats a minute), and what is left of a tick is kept: time never drifts, whatever the blocks.
struct Timeline {
  private static var tempoSteps: Double { @_noLocks get { 65_536 } }

  private let ticksPerBeat: UInt64
  /// What a whole tick is worth: 60 · sample rate · `tempoSteps`.
  private let tickLength: UInt64
  /// What a frame is worth.
  private var frameLength: UInt64
  /// Whole ticks since the beginning.
  private(set) var tick: UInt64 = 0
  /// What has passed of the tick that is under way, below `tickLength`.
  private(set) var phase: UInt64 = 0

  /// Frames by which one call of `advance` may move on: sums stay far below 2⁶⁴.
  static var maximumFrames: Int { @_noLocks get { 65_536 } }

  init(ticksPerBeat: Int, sampleRate: Int) {
    self.ticksPerBeat = UInt64(ticksPerBeat)
    tickLength = 60 * UInt64(sampleRate) * UInt64(Timeline.tempoSteps)
    frameLength = 1
  }

  /// Beats a minute from now on, 10 … 1,000.
  @_noLocks
  mutating func setTempo(_ tempo: Float) {
    frameLength = UInt64(Double(tempo) * Timeline.tempoSteps + 0.5) * ticksPerBeat
  }

  /// Moves on by at most `maximumFrames` frames.
  @_noLocks
  mutating func advance(frames: Int) {
    phase += UInt64(frames) * frameLength
    tick += phase / tickLength
    phase %= tickLength
  }

  /// Frames until `target` is reached; 0 where it has been. At most `limit`, above 0.
  @_noLocks
  func frames(until target: UInt64, limit: Int) -> Int {
    if target <= tick { return 0 }
    let ticks = target - tick
    // A tick lasts a frame or more only where tempo is slow: bounded before it is multiplied.
    if ticks > UInt64(limit) &* frameLength / tickLength &+ 1 { return limit }
    let length = ticks * tickLength - phase
    let frames = (length + frameLength - 1) / frameLength
    return frames > UInt64(limit) ? limit : Int(frames)
  }

  /// The tick nearest to `frame` frames from a beginning, at the present tempo.
  func ticks(frames: UInt64) -> UInt64 {
    UInt64(Double(frames) * Double(frameLength) / Double(tickLength) + 0.5)
  }

  /// A piece's events, whose frames count from its beginning at the present tempo, on ticks. Main thread: allocates.
  func tickEvents(of events: UnsafeBufferPointer<NoteEvent>) -> [TickEvent] {
    var given: [TickEvent] = []
    given.reserveCapacity(events.count)
    for event in events where event.kind != .end {
      given.append(
        TickEvent(
          tick: ticks(frames: event.frame), isOn: event.kind == .noteOn, voice: Int(event.voice), pitch: Int(event.pitch),
          velocity: event.kind == .noteOn ? max(1, Int((event.velocity * 127).rounded())) : 0))
    }
    return given
  }

  /// Jumps to the beginning of a tick.
  @_noLocks
  mutating func jump(to tick: UInt64) {
    self.tick = tick
    phase = 0
  }

  @_noLocks
  func beat(of tick: UInt64) -> Double { Double(tick) / Double(ticksPerBeat) }

  // MARK: State

  static var savedByteCount: Int { 16 }

  func save(_ writer: inout ByteWriter) {
    writer.write(tick)
    writer.write(phase)
  }

  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let tick = reader.readUInt64()
    let phase = reader.readUInt64()
    guard phase < tickLength, tick <= NoteScript.maximumTick else { return false }
    if isLoading {
      self.tick = tick
      self.phase = phase
    }
    return true
  }
}
