/// What a host's note on or note off asks for, and when.
struct HostNote: BitwiseCopyable {
  /// Frame of the instrument's output since the beginning.
  var frame: UInt64
  var isOn: Bool
  /// The voice of the composer or host, 0 … 15.
  var part: Int
  /// MIDI, 0 … 127.
  var pitch: Int
  /// 0 … 1.
  var velocity: Float

  @_noLocks
  init(frame: UInt64, isOn: Bool, part: Int, pitch: Int, velocity: Float) {
    self.frame = frame
    self.isOn = isOn
    self.part = part
    self.pitch = pitch
    self.velocity = velocity
  }
}

/// The host's notes that wait for their frames, in the order in which they come. The audio thread fills it, and empties it.
struct NoteQueue {
  private let ring: UnsafeMutablePointer<HostNote>
  /// Where the first one is.
  private var first = 0
  private(set) var count = 0

  /// Notes on and off that may wait.
  static var capacity: Int { @_noLocks get { 256 } }

  init(arena: inout Arena) {
    ring = arena.take(HostNote.self, count: NoteQueue.capacity)
  }

  @_noLocks
  private func place(_ index: Int) -> UnsafeMutablePointer<HostNote> {
    ring + (first + index) % NoteQueue.capacity
  }

  /// `invalidArgument` where it comes before one that waits, `state` where there is no room.
  @_noLocks
  mutating func append(_ note: HostNote) -> Status {
    if count > 0 && note.frame < place(count - 1).pointee.frame { return .invalidArgument }
    guard count < NoteQueue.capacity else { return .state }
    place(count).initialize(to: note)
    count += 1
    return .ok
  }

  /// The next one, where its frame has come.
  @_noLocks @inline(__always)
  mutating func take(until frame: UInt64) -> HostNote? {
    guard count > 0 else { return nil }
    let note = place(0).pointee
    guard note.frame <= frame else { return nil }
    first = (first + 1) % NoteQueue.capacity
    count -= 1
    return note
  }

  @_noLocks
  mutating func removeAll() {
    first = 0
    count = 0
  }

  // MARK: State

  static let savedByteCount = 8 + capacity * 16

  /// Writes the notes that wait, their frames counted from `now`, and zeros behind them.
  func save(_ writer: inout ByteWriter, now: UInt64) {
    writer.write(UInt64(count))
    for index in 0..<NoteQueue.capacity {
      guard index < count else {
        writer.write(UInt64(0))
        writer.write(UInt64(0))
        continue
      }
      let note = place(index).pointee
      writer.write(note.frame - now)
      writer.write(UInt32(note.pitch) | UInt32(note.part) << 8 | (note.isOn ? 1 << 16 : 0))
      writer.write(note.velocity.bitPattern)
    }
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func read(_ reader: inout ByteReader, now: UInt64, isLoading: Bool) -> Bool {
    let count = reader.readUInt64()
    guard count <= UInt64(NoteQueue.capacity) else { return false }
    if isLoading { removeAll() }
    var latest: UInt64 = 0
    for index in 0..<NoteQueue.capacity {
      let frames = reader.readUInt64()
      let packed = reader.readUInt32()
      let velocity = Float(bitPattern: reader.readUInt32())
      if index >= Int(count) { continue }
      let note = HostNote(
        frame: now &+ frames, isOn: packed >> 16 == 1, part: Int(packed >> 8 & 0xFF), pitch: Int(packed & 0xFF),
        velocity: velocity)
      guard frames >= latest, frames <= UInt64(StreamOptions.maximumFrames), packed >> 17 == 0,
        note.part < InstrumentConditions.partCount, note.pitch < PitchTable.pitchCount, velocity >= 0, velocity <= 1
      else { return false }
      latest = frames
      if isLoading { _ = append(note) }
    }
    return true
  }
}
