import CadenzaKernels
import Synchronization

/// What lies between a worker, which lets a player generate ahead of the time that is heard, and the audio thread, which plays what
/// is ready.
///
/// Each method says whose it is: the worker's, the audio thread's, or the main thread's, which calls it while the worker is parked and
/// the audio thread does nothing with the stream. All memory is the stream's, but the gate's.
struct RenderAhead {
  /// What the audio thread keeps.
  private struct Listener {
    /// Whether what it plays belongs to the latest reset; else it waits for the worker to have begun anew.
    var isInEpoch = true
    /// Whether anything was heard since then.
    var hasSounded = false
    /// Whether the sound broke off, so that it must not come back with a jump.
    var isCut = false
    /// Frames that may be missing before that counts as an underrun: the ring must fill first.
    var patience: Int
    /// Whether the network's failure has been counted.
    var hasCountedFailure = false
    var events: EventBuffer
  }

  /// What became of a block.
  struct Outcome {
    var status: Status
    /// Frames that count as an underrun.
    var missingFrames: Int
    /// Whether it is the first to tell that the network failed.
    var isNewFailure: Bool

    @_noLocks
    init(status: Status, missingFrames: Int, isNewFailure: Bool) {
      self.status = status
      self.missingFrames = missingFrames
      self.isNewFailure = isNewFailure
    }
  }

  let ring: FrameRing
  private let notes: NoteRing
  /// Of a composer.
  private let events: EventRing?
  private let beginning: EpochBeginning
  /// The frame of the ring at which the network failed, and the one at which the piece ended, plus 1; 0: neither.
  private let failedFrame: UnsafeMutablePointer<Atomic<UInt64>>
  private let endedFrame: UnsafeMutablePointer<Atomic<UInt64>>
  private let listener: UnsafeMutablePointer<Listener>
  let gate: WorkerGate
  /// How long the worker sleeps where the ring is full: a quarter of what that lasts. The audio thread cannot wake it without asking
  /// the system. Below half a millisecond it would hardly sleep, and above 20 ms a reset would be slow.
  let sleepSeconds: Double

  /// Frames that the worker generates in one piece at most: parking, a reset and new parameters wait for so many.
  private static var pieceFrames: Int { @_noLocks get { 128 } }
  /// Events that one piece has room for at least.
  private static var pieceEvents: Int { @_noLocks get { 1_024 } }

  init(frames: Int, sampleRate: Int, isComposer: Bool, gate: WorkerGate, arena: inout Arena) {
    self.gate = gate
    sleepSeconds = min(max(Double(frames) / Double(sampleRate) / 4, 0.0005), 0.02)
    ring = FrameRing(capacity: frames, arena: &arena)
    notes = NoteRing(arena: &arena)
    events = isComposer ? EventRing(arena: &arena) : nil
    beginning = EpochBeginning(arena: &arena)
    failedFrame = arena.takeAtomicCounter()
    endedFrame = arena.takeAtomicCounter()
    let heard = EventBuffer(arena: &arena)
    listener = UnsafeMutableRawPointer(arena.take(UInt64.self, count: (MemoryLayout<Listener>.stride + 7) / 8))
      .assumingMemoryBound(to: Listener.self)
    if !arena.isMeasuring { listener.initialize(to: Listener(patience: frames, events: heard)) }
  }

  /// Bytes of a stream's memory that it takes.
  static func byteCount(frames: Int, isComposer: Bool, gate: WorkerGate) -> Int {
    var arena = Arena.measuring()
    _ = RenderAhead(frames: frames, sampleRate: 1, isComposer: isComposer, gate: gate, arena: &arena)
    return arena.byteCount
  }

  // MARK: The worker's

  /// Lets `player` generate the next piece; false where there is nothing to do.
  @_noLocks
  func work(_ player: StreamPlayer, settings: SamplerSettings, tempo: Float) -> Bool {
    let hasBegun = beginEpoch(player)
    // First the room and then the notes: whatever the host asks for before it takes frames lies beyond the room of before.
    let room = ring.room
    guard room > 0 else { return hasBegun }
    if let events, events.room < RenderAhead.pieceEvents { return hasBegun }
    let place = ring.place(room: room < RenderAhead.pieceFrames ? room : RenderAhead.pieceFrames)
    let start = ring.written
    let frames = handNotes(to: player, from: start - beginning.frame, frames: place.count)

    let arithmetic = ck_enter_arithmetic()
    let status = player.generate(into: place.samples, frames: frames, settings: settings, tempo: tempo)
    ck_leave_arithmetic(arithmetic)
    if status.rawValue == Status.numeric.rawValue && failedFrame.pointee.load(ordering: .relaxed) == 0 {
      failedFrame.pointee.store(start + UInt64(player.wholeFrames) + 1, ordering: .relaxed)
    }
    if let core = player.core, let unended = core.pointee.unendedFrames, endedFrame.pointee.load(ordering: .relaxed) == 0 {
      endedFrame.pointee.store(start + UInt64(unended) + 1, ordering: .relaxed)
    }
    if let composer = player.composer {
      if composer.pointee.hasEnded && endedFrame.pointee.load(ordering: .relaxed) == 0 {
        endedFrame.pointee.store(start + UInt64(composer.pointee.unendedFrames) + 1, ordering: .relaxed)
      }
      if let events { composer.pointee.handEvents(to: events, start: start) }
    }
    ring.append(frames)
    return true
  }

  /// Begins anew where a reset was asked for.
  @_noLocks
  private func beginEpoch(_ player: StreamPlayer) -> Bool {
    guard let next = beginning.next() else { return false }
    let arithmetic = ck_enter_arithmetic()
    player.reset(seed: next.seed)
    ck_leave_arithmetic(arithmetic)
    failedFrame.pointee.store(0, ordering: .relaxed)
    endedFrame.pointee.store(0, ordering: .relaxed)
    beginning.begin(next.epoch, at: ring.written)
    return true
  }

  /// Hands over the host's notes of the next `frames` frames, and returns how many frames those are: fewer where the player has no room
  /// for them all.
  @_noLocks
  private func handNotes(to player: StreamPlayer, from now: UInt64, frames: Int) -> Int {
    while let note = notes.peek(epoch: beginning.current) {
      let offset = note.frame > now ? note.frame - now : 0
      if offset >= UInt64(frames) { return frames }
      let isFull = player.queue(note, after: Int(offset)).rawValue == Status.state.rawValue && player.playsNotes
      if isFull && offset > 0 { return Int(offset) }
      notes.removeFirst()
    }
    return frames
  }

  // MARK: The audio thread's

  /// Fills `output` with what is ready and, where that is too little, with silence; or, where the host renders offline, waits.
  @_noLocks
  func take(
    into output: UnsafeMutablePointer<Float>, frames: Int, gain: Float, stage: UnsafeMutablePointer<OutputStage>,
    isOffline: Bool
  ) -> Outcome {
    listener.pointee.events.removeAll()
    var done = 0
    var start = ring.taken
    while true {
      if !listener.pointee.isInEpoch {
        enterEpoch()
        start = ring.taken
      }
      if listener.pointee.isInEpoch {
        let count = ring.take(into: output + done, limit: frames - done)
        if count > 0 {
          if listener.pointee.isCut { stage.pointee.beginTransition() }
          listener.pointee.isCut = false
          listener.pointee.hasSounded = true
          listener.pointee.patience = 0
          stage.pointee.process(output + done, frames: count, gain: gain)
          done += count
        }
        takeEvents(start: start)
      }
      if done == frames || !isOffline { break }
      gate.wait(until: WorkerProgress(ring: ring, beginning: beginning, epoch: beginning.latest))
    }

    let missing = frames - done
    if missing > 0 {
      if listener.pointee.hasSounded && !listener.pointee.isCut {
        stage.pointee.beginTransition()
        listener.pointee.isCut = true
      }
      stage.pointee.rest(output + done, frames: missing)
    }
    let excused = missing < listener.pointee.patience ? missing : listener.pointee.patience
    listener.pointee.patience -= excused
    var outcome = Outcome(status: .ok, missingFrames: missing - excused, isNewFailure: false)
    if isPast(failedFrame) {
      outcome.status = .numeric
      outcome.isNewFailure = !listener.pointee.hasCountedFailure
      listener.pointee.hasCountedFailure = true
    } else if missing > 0 {
      outcome.status = .underrun
    } else if isPast(endedFrame) {
      outcome.status = .end
    }
    return outcome
  }

  /// Whether a frame, plus 1, has been taken.
  @_noLocks
  private func isPast(_ frame: UnsafeMutablePointer<Atomic<UInt64>>) -> Bool {
    guard listener.pointee.isInEpoch else { return false }
    let frame = frame.pointee.load(ordering: .relaxed)
    return frame > 0 && frame <= ring.taken
  }

  /// Takes up what the worker has generated since the latest reset, where it has come to that.
  @_noLocks
  private func enterEpoch() {
    guard beginning.isBegun(beginning.latest) else { return }
    ring.skip(to: beginning.frame)
    if let events {
      while events.take(before: beginning.frame) != nil {}
      _ = events.takeLost()
    }
    listener.pointee.isInEpoch = true
  }

  /// Keeps the events of the frames that were taken for the host to read; those of frames that were dropped are due at once.
  @_noLocks
  private func takeEvents(start: UInt64) {
    guard let events else { return }
    let end = ring.taken
    while var event = events.take(before: end) {
      event.frame = event.frame > start ? event.frame - start : 0
      listener.pointee.events.append(event)
    }
    if events.takeLost() { listener.pointee.events.lose() }
  }

  @_noLocks
  func readEvents(into target: UnsafeMutablePointer<NoteEvent>?, capacity: Int, count: inout Int) -> Status {
    count = listener.pointee.events.read(into: target, capacity: capacity)
    return listener.pointee.events.hasLost ? .eventsLost : .ok
  }

  /// Asks for a note, `frames` after the beginning of the next block and one length of the ring.
  @_noLocks
  func append(_ note: HostNote, after frames: Int) -> Status {
    let now = (listener.pointee.isInEpoch ? ring.taken - beginning.frame : 0) + UInt64(ring.capacity)
    var note = note
    note.frame = now + UInt64(frames)
    return notes.append(NoteRing.AskedNote(note, epoch: beginning.latest), now: now)
  }

  /// Asks for a new beginning, and forgets what is ahead.
  @_noLocks
  func reset(seed: UInt64) {
    beginning.ask(seed: seed)
    ring.skip(to: ring.written)
    listener.pointee.isInEpoch = false
    listener.pointee.hasSounded = false
    listener.pointee.isCut = false
    listener.pointee.patience = ring.capacity
    listener.pointee.hasCountedFailure = false
    listener.pointee.events.removeAll()
  }

  /// Leaves out what is ahead.
  @_noLocks
  func drop(_ stage: UnsafeMutablePointer<OutputStage>) {
    guard listener.pointee.isInEpoch else { return }
    ring.skip(to: ring.written)
    listener.pointee.patience = ring.capacity
    if listener.pointee.hasSounded && !listener.pointee.isCut { stage.pointee.beginTransition() }
  }

  // MARK: The main thread's

  /// Does what the audio thread asked for and the worker has not come to.
  @_noLocks
  func settle(_ player: StreamPlayer) {
    _ = beginEpoch(player)
    if !listener.pointee.isInEpoch { enterEpoch() }
  }

  /// After the main thread has counted a failure of the network itself.
  @_noLocks
  func noteFailure() { listener.pointee.hasCountedFailure = true }

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    32 + ring.capacity * 4 + NoteRing.savedByteCount + (events == nil ? 0 : EventRing.savedByteCount)
  }

  /// Writes what is ahead.
  func save(_ writer: inout ByteWriter) {
    let now = ring.taken
    writer.write(UInt32(ring.count))
    var flags: UInt32 = listener.pointee.hasSounded ? 1 : 0
    if listener.pointee.isCut { flags |= 2 }
    if listener.pointee.hasCountedFailure { flags |= 4 }
    writer.write(flags)
    writer.write(UInt32(listener.pointee.patience))
    writer.write(UInt32(0))
    for frame in [failedFrame, endedFrame] {
      let value = frame.pointee.load(ordering: .relaxed)
      writer.write(value == 0 ? 0 : value > now ? value - now : 1)
    }
    ring.save(&writer)
    notes.save(&writer, epoch: beginning.current, now: now - beginning.frame)
    events?.save(&writer, origin: now)
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let count = reader.readUInt32()
    let flags = reader.readUInt32()
    let patience = reader.readUInt32()
    let zero = reader.readUInt32()
    let failed = reader.readUInt64()
    let ended = reader.readUInt64()
    guard count <= UInt32(ring.capacity), flags <= 7, patience <= UInt32(ring.capacity), zero == 0,
      failed <= UInt64(count) + 1, ended <= UInt64(count) + 1,
      ring.read(&reader, count: Int(count), isLoading: isLoading)
    else { return false }
    let now = ring.taken
    if isLoading {
      // From here on the stream counts from where it stands.
      beginning.begin(beginning.current, at: now)
      failedFrame.pointee.store(failed == 0 ? 0 : now + failed, ordering: .relaxed)
      endedFrame.pointee.store(ended == 0 ? 0 : now + ended, ordering: .relaxed)
      listener.pointee.hasSounded = flags & 1 != 0
      listener.pointee.isCut = flags & 2 != 0
      listener.pointee.hasCountedFailure = flags & 4 != 0
      listener.pointee.patience = Int(patience)
      listener.pointee.events.removeAll()
    }
    guard notes.read(&reader, epoch: beginning.current, now: 0, isLoading: isLoading) else { return false }
    guard let events else { return true }
    return events.read(&reader, origin: now, frames: Int(count), isLoading: isLoading)
  }
}
