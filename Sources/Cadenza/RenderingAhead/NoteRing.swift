import Synchronization

/// The host's notes on their way from the thread that plays to the one that generates, in the order of their frames. Neither thread
/// ever waits.
///
/// Frames are counted from the stream's beginning, its latest reset: as many resets as a note came after are its `epoch`.
struct NoteRing {
  struct AskedNote: BitwiseCopyable {
    var note: HostNote
    var epoch: UInt64

    @_noLocks
    init(_ note: HostNote, epoch: UInt64) {
      self.note = note
      self.epoch = epoch
    }
  }

  /// Those that wait for the thread that generates: what may wait by the header, and what may be under way for as long as the ring of
  /// samples lasts.
  static var capacity: Int { @_noLocks get { 1_024 } }

  private let notes: UnsafeMutablePointer<AskedNote>
  private let written: UnsafeMutablePointer<Atomic<UInt64>>
  private let taken: UnsafeMutablePointer<Atomic<UInt64>>
  /// Position of the first note that waits in the sense of the header, for a frame that is not `now` yet: the player's own.
  private let firstWaiting: UnsafeMutablePointer<UInt64>

  init(arena: inout Arena) {
    notes = arena.take(AskedNote.self, count: NoteRing.capacity)
    written = arena.takeAtomicCounter()
    taken = arena.takeAtomicCounter()
    firstWaiting = arena.take(UInt64.self, count: 1)
  }

  @_noLocks
  private func place(_ position: UInt64) -> UnsafeMutablePointer<AskedNote> {
    notes + Int(position % UInt64(NoteRing.capacity))
  }

  // MARK: Player's side

  /// Asks for a note, where the next block begins at frame `now`. `invalidArgument` where it comes before one that waits, `state` where
  /// there is no room.
  @_noLocks
  func append(_ asked: AskedNote, now: UInt64) -> Status {
    let end = written.pointee.load(ordering: .relaxed)
    var first = firstWaiting.pointee
    while first < end && (place(first).pointee.epoch != asked.epoch || place(first).pointee.note.frame < now) { first += 1 }
    firstWaiting.pointee = first
    if first < end && asked.note.frame < place(end - 1).pointee.note.frame { return .invalidArgument }
    guard end - first < UInt64(NoteQueue.capacity),
      end - taken.pointee.load(ordering: .acquiring) < UInt64(NoteRing.capacity)
    else { return .state }
    place(end).initialize(to: asked)
    written.pointee.store(end + 1, ordering: .releasing)
    return .ok
  }

  // MARK: Generator's side

  /// The next note of `epoch`, which stays; those of earlier ones are gone.
  @_noLocks
  func peek(epoch: UInt64) -> HostNote? {
    var position = taken.pointee.load(ordering: .relaxed)
    let end = written.pointee.load(ordering: .acquiring)
    while position < end && place(position).pointee.epoch < epoch { position += 1 }
    taken.pointee.store(position, ordering: .releasing)
    guard position < end, place(position).pointee.epoch == epoch else { return nil }
    return place(position).pointee.note
  }

  /// Takes the note that `peek` told of.
  @_noLocks
  func removeFirst() { taken.pointee.store(taken.pointee.load(ordering: .relaxed) + 1, ordering: .releasing) }

  // MARK: State, while neither side works

  static var savedByteCount: Int { 16 + capacity * 16 }

  /// Writes the notes of `epoch` that wait, their frames counted from `now`, and zeros behind them.
  func save(_ writer: inout ByteWriter, epoch: UInt64, now: UInt64) {
    _ = peek(epoch: epoch)
    let begin = taken.pointee.load(ordering: .relaxed)
    let count = Int(written.pointee.load(ordering: .relaxed) - begin)
    writer.write(UInt64(count))
    writer.write(UInt64(0))
    for index in 0..<NoteRing.capacity {
      guard index < count else {
        writer.write(UInt64(0))
        writer.write(UInt64(0))
        continue
      }
      let note = place(begin + UInt64(index)).pointee.note
      writer.write(note.frame > now ? note.frame - now : 0)
      writer.write(UInt32(note.pitch) | UInt32(note.part) << 8 | (note.isOn ? 1 << 16 : 0))
      writer.write(note.velocity.bitPattern)
    }
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`.
  func read(_ reader: inout ByteReader, epoch: UInt64, now: UInt64, isLoading: Bool) -> Bool {
    let count = reader.readUInt64()
    guard count <= UInt64(NoteRing.capacity), reader.readUInt64() == 0 else { return false }
    if isLoading {
      let end = written.pointee.load(ordering: .relaxed)
      taken.pointee.store(end, ordering: .relaxed)
      firstWaiting.pointee = end
    }
    var latest: UInt64 = 0
    for index in 0..<NoteRing.capacity {
      let frames = reader.readUInt64()
      let packed = reader.readUInt32()
      let velocity = Float(bitPattern: reader.readUInt32())
      if index >= Int(count) { continue }
      let note = HostNote(
        frame: now + (frames < 1 << 32 ? frames : 0), isOn: packed >> 16 == 1, part: Int(packed >> 8 & 0xFF),
        pitch: Int(packed & 0xFF), velocity: velocity)
      guard frames >= latest, frames <= NoteRing.maximumFrames, packed >> 17 == 0, note.part < InstrumentConditions.partCount,
        note.pitch < PitchTable.pitchCount, velocity >= 0, velocity <= 1
      else { return false }
      latest = frames
      if isLoading {
        let end = written.pointee.load(ordering: .relaxed)
        place(end).initialize(to: AskedNote(note, epoch: epoch))
        written.pointee.store(end + 1, ordering: .relaxed)
      }
    }
    return true
  }

  /// The largest block, and the largest ring.
  private static var maximumFrames: UInt64 {
    UInt64(StreamOptions.maximumFrames) + UInt64(StreamOptions.maximumRenderAheadFrames)
  }
}
