import Synchronization

/// A composer's events on their way from the thread that composes to the one that plays, each with the frame of the ring of samples
/// on which it falls. Neither thread ever waits.
struct EventRing {
  static var capacity: Int { @_noLocks get { 4_096 } }

  private let events: UnsafeMutablePointer<NoteEvent>
  private let written: UnsafeMutablePointer<Atomic<UInt64>>
  private let taken: UnsafeMutablePointer<Atomic<UInt64>>
  /// 1 where events were lost since the reader last asked.
  private let lost: UnsafeMutablePointer<Atomic<UInt64>>

  init(arena: inout Arena) {
    events = arena.take(NoteEvent.self, count: EventRing.capacity)
    written = arena.takeAtomicCounter()
    taken = arena.takeAtomicCounter()
    lost = arena.takeAtomicCounter()
  }

  @_noLocks
  private func place(_ position: UInt64) -> UnsafeMutablePointer<NoteEvent> {
    events + Int(position % UInt64(EventRing.capacity))
  }

  // MARK: Writer's side

  var room: Int {
    @_noLocks get {
      EventRing.capacity - Int(written.pointee.load(ordering: .relaxed) - taken.pointee.load(ordering: .acquiring))
    }
  }

  /// Notes that an event is lost where there is no room.
  @_noLocks
  func append(_ event: NoteEvent) {
    guard room > 0 else {
      lose()
      return
    }
    let position = written.pointee.load(ordering: .relaxed)
    place(position).initialize(to: event)
    written.pointee.store(position + 1, ordering: .releasing)
  }

  @_noLocks
  func lose() { lost.pointee.store(1, ordering: .relaxed) }

  // MARK: Reader's side

  /// Takes the next event, where it falls before `frame`.
  @_noLocks
  func take(before frame: UInt64) -> NoteEvent? {
    let position = taken.pointee.load(ordering: .relaxed)
    if position == written.pointee.load(ordering: .acquiring) { return nil }
    let event = place(position).pointee
    if event.frame >= frame { return nil }
    taken.pointee.store(position + 1, ordering: .releasing)
    return event
  }

  /// Whether events were lost since the last call.
  @_noLocks
  func takeLost() -> Bool { lost.pointee.exchange(0, ordering: .relaxed) != 0 }

  // MARK: State, while neither side works

  static var savedByteCount: Int { 8 + capacity * 32 }

  /// Writes the events that wait, their frames counted from `origin`, and zeros behind them.
  func save(_ writer: inout ByteWriter, origin: UInt64) {
    let begin = taken.pointee.load(ordering: .relaxed)
    let count = Int(written.pointee.load(ordering: .relaxed) - begin)
    writer.write(UInt64(count))
    for index in 0..<EventRing.capacity {
      let event = index < count ? place(begin + UInt64(index)).pointee : nil
      let frame = event?.frame ?? origin
      // One that was passed over is due at once.
      writer.write(frame > origin ? frame - origin : 0)
      writer.write(UInt32(event?.kind.rawValue ?? 0))
      writer.write(event?.voice ?? 0)
      writer.write(event?.pitch ?? 0)
      writer.write(event?.velocity.bitPattern ?? 0)
      writer.write(event?.beat.bitPattern ?? 0)
    }
  }

  /// Reads what `save` wrote, where no event falls after `frames`; false where that cannot be. Changes nothing but where `isLoading`.
  func read(_ reader: inout ByteReader, origin: UInt64, frames: Int, isLoading: Bool) -> Bool {
    let count = reader.readUInt64()
    guard count <= UInt64(EventRing.capacity) else { return false }
    if isLoading {
      taken.pointee.store(written.pointee.load(ordering: .relaxed), ordering: .relaxed)
      lost.pointee.store(0, ordering: .relaxed)
    }
    var latest: UInt64 = 0
    for index in 0..<EventRing.capacity {
      let frame = reader.readUInt64()
      let kind = reader.readUInt32()
      let voice = reader.readUInt32()
      let pitch = reader.readUInt32()
      let velocity = Float(bitPattern: reader.readUInt32())
      let beat = Double(bitPattern: reader.readUInt64())
      if index >= Int(count) { continue }
      guard frame >= latest, frame <= UInt64(frames), kind <= 2,
        voice < UInt32(NoteScript.voiceCount), pitch < 128, velocity >= 0, velocity <= 1, beat.isFinite
      else { return false }
      latest = frame
      if isLoading {
        append(
          NoteEvent(
            frame: origin + frame, kind: NoteEvent.Kind(rawValue: Int32(kind)), voice: voice, pitch: pitch, velocity: velocity,
            beat: beat))
      }
    }
    return true
  }
}
