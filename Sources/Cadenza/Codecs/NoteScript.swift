/// What a composer has written and nobody has played yet: notes that begin and end, in the order of time.
///
/// A codec writes at one side, from the composing position on; the stream reads at the other, when time gets there. Whatever a
/// codec is made to write, the reader finds it sound: ticks never fall; every note off has had its note on; a voice's pitch
/// ends before it begins again; 256 notes sound at most; none lasts longer than it may; after the end comes nothing, and
/// nothing sounds.
///
/// A value over pointers into the stream's memory.
struct NoteScript {
  /// A note that sounds at the composing position.
  private struct SoundingNote {
    var begin: UInt64
    var voice: UInt8
    var pitch: UInt8
    var velocity: UInt8
    /// Whether its note on was written: what begins in silence has none yet.
    var isWritten: Bool

    @_noLocks
    init(begin: UInt64, voice: Int, pitch: Int, velocity: Int, isWritten: Bool) {
      self.begin = begin
      self.voice = UInt8(truncatingIfNeeded: voice)
      self.pitch = UInt8(truncatingIfNeeded: pitch)
      self.velocity = UInt8(truncatingIfNeeded: velocity)
      self.isWritten = isWritten
    }
  }

  private struct WrittenEvent {
    var tick: UInt64
    /// The raw value of a `NoteEvent.Kind`.
    var kind: UInt8
    var voice: UInt8
    var pitch: UInt8
    var velocity: UInt8

    @_noLocks
    init(tick: UInt64, kind: NoteEvent.Kind, voice: UInt8, pitch: UInt8, velocity: UInt8) {
      self.tick = tick
      self.kind = UInt8(truncatingIfNeeded: kind.rawValue)
      self.voice = voice
      self.pitch = pitch
      self.velocity = velocity
    }
  }

  /// In the order in which they began; `maximumSoundingNotes` at most.
  private let sounding: UnsafeMutablePointer<SoundingNote>
  private var soundingCount = 0
  /// Those whose note on was written.
  private var writtenCount = 0
  /// A ring of `capacity`.
  private let events: UnsafeMutablePointer<WrittenEvent>
  private var firstEvent = 0
  private var eventCount = 0
  /// What sounds for the reader: bit 128 · voice + pitch, in words of 64.
  private let heard: UnsafeMutablePointer<UInt64>

  private let maximumNoteTicks: UInt64
  /// The composing position, in ticks of the codec.
  private(set) var tick: UInt64 = 0
  private(set) var hasEnded = false
  /// While a piece is given: notes that begin are kept, but not written until `sound`. A note whose beginning was written still
  /// has its end written.
  var isSilent = false

  static var maximumSoundingNotes: Int { @_noLocks get { 256 } }
  static var voiceCount: Int { @_noLocks get { 16 } }
  static var capacity: Int { @_noLocks get { 2_048 } }
  private static var wordCount: Int { @_noLocks get { 32 } }
  /// Ticks that a stream can count to: a million years of the finest codec.
  static var maximumTick: UInt64 { @_noLocks get { 1 << 54 } }

  init(maximumNoteTicks: Int, arena: inout Arena) {
    self.maximumNoteTicks = UInt64(max(1, maximumNoteTicks))
    sounding = arena.take(SoundingNote.self, count: NoteScript.maximumSoundingNotes)
    events = arena.take(WrittenEvent.self, count: NoteScript.capacity)
    heard = arena.take(UInt64.self, count: NoteScript.wordCount)
  }

  /// Back to the beginning; nothing sounds or waits.
  @_noLocks
  mutating func reset() {
    soundingCount = 0
    writtenCount = 0
    firstEvent = 0
    eventCount = 0
    for word in 0..<NoteScript.wordCount { heard[word] = 0 }
    tick = 0
    hasEnded = false
    isSilent = false
  }

  // MARK: Writing

  /// Begins a note at the composing position. A note of this pitch that sounds in the same voice is ended first; where too many
  /// sound, the oldest is. Velocity is taken to 1 … 127.
  @_noLocks
  mutating func noteOn(voice: Int, pitch: Int, velocity: Int) {
    guard !hasEnded, voice >= 0, voice < NoteScript.voiceCount, pitch >= 0, pitch < 128 else { return }
    noteOff(voice: voice, pitch: pitch)
    if soundingCount == NoteScript.maximumSoundingNotes { end(0) }
    let inside = velocity < 1 ? 1 : velocity > 127 ? 127 : velocity
    sounding[soundingCount] = SoundingNote(begin: tick, voice: voice, pitch: pitch, velocity: inside, isWritten: false)
    soundingCount += 1
    if !isSilent { writeOn(soundingCount - 1) }
  }

  /// Ends a note; ignored where it does not sound.
  @_noLocks
  mutating func noteOff(voice: Int, pitch: Int) {
    for index in 0..<soundingCount where Int(sounding[index].pitch) == pitch {
      if Int(sounding[index].voice) == voice {
        end(index)
        return
      }
    }
  }

  /// Ends a voice's notes that began before the composing position, or all of them.
  @_noLocks
  mutating func endNotes(ofVoice voice: Int, begunBeforeNow: Bool = false) {
    var kept = 0
    for index in 0..<soundingCount {
      let note = sounding[index]
      let stays = Int(note.voice) != voice ? true : begunBeforeNow ? note.begin >= tick : false
      if stays {
        sounding[kept] = note
        kept += 1
      } else {
        writeOff(note)
      }
    }
    soundingCount = kept
  }

  /// Moves the composing position on. Notes that have then lasted for as long as they may end in their order, each at its own
  /// tick.
  @_noLocks
  mutating func advance(_ ticks: Int) {
    guard ticks > 0, !hasEnded else { return }
    let target = tick &+ UInt64(ticks)
    var expired = 0
    while expired < soundingCount {
      let note = sounding[expired]
      let last = note.begin &+ maximumNoteTicks
      if last > target { break }
      // What began last ends last, and none ended before it began: `tick` does not fall.
      tick = last
      writeOff(note)
      expired += 1
    }
    if expired > 0 {
      for index in expired..<soundingCount { sounding[index - expired] = sounding[index] }
      soundingCount -= expired
    }
    tick = target
  }

  /// Ends all notes and the piece. Nothing is written after it.
  @_noLocks
  mutating func end() {
    guard !hasEnded else { return }
    for index in 0..<soundingCount { writeOff(sounding[index]) }
    soundingCount = 0
    append(WrittenEvent(tick: tick, kind: .end, voice: 0, pitch: 0, velocity: 0))
    hasEnded = true
  }

  /// Writes, at the composing position, the beginning of every note that sounds and has none written: those that began in
  /// silence.
  @_noLocks
  mutating func sound() {
    for index in 0..<soundingCount where !sounding[index].isWritten { writeOn(index) }
  }

  /// Takes back what was not read, ends what sounds for the reader, and goes on from `tick`, which is not before what was read.
  /// Nothing where the piece has ended.
  @_noLocks
  mutating func silence(at tick: UInt64) {
    guard !hasEnded else { return }
    soundingCount = 0
    writtenCount = 0
    firstEvent = 0
    eventCount = 0
    self.tick = tick
    for word in 0..<NoteScript.wordCount {
      var rest = heard[word]
      while rest != 0 {
        let bit = word &* 64 &+ rest.trailingZeroBitCount
        append(
          WrittenEvent(
            tick: tick, kind: .noteOff, voice: UInt8(truncatingIfNeeded: bit / 128),
            pitch: UInt8(truncatingIfNeeded: bit % 128),
            velocity: 0))
        rest &= rest &- 1
      }
    }
  }

  @_noLocks
  private mutating func end(_ index: Int) {
    let note = sounding[index]
    for later in index + 1..<soundingCount { sounding[later - 1] = sounding[later] }
    soundingCount -= 1
    writeOff(note)
  }

  /// Writes the beginning of a note, unless that would take the room for the ends of the notes that were written and of the
  /// piece: so these always find theirs, whoever writes without asking for room.
  @_noLocks
  private mutating func writeOn(_ index: Int) {
    guard eventCount + writtenCount + 3 <= NoteScript.capacity else { return }
    let note = sounding[index]
    append(WrittenEvent(tick: tick, kind: .noteOn, voice: note.voice, pitch: note.pitch, velocity: note.velocity))
    sounding[index].isWritten = true
    writtenCount += 1
  }

  @_noLocks
  private mutating func writeOff(_ note: SoundingNote) {
    guard note.isWritten else { return }
    append(WrittenEvent(tick: tick, kind: .noteOff, voice: note.voice, pitch: note.pitch, velocity: 0))
    writtenCount -= 1
  }

  @_noLocks
  private mutating func append(_ event: WrittenEvent) {
    guard eventCount < NoteScript.capacity else { return }
    events[(firstEvent + eventCount) % NoteScript.capacity] = event
    eventCount += 1
  }

  // MARK: Reading

  var isEmpty: Bool {
    @_noLocks get { eventCount == 0 }
  }

  /// Whether there is room for whatever one choice writes, and for `sound` after it: 256 notes each.
  var hasRoom: Bool {
    @_noLocks get { eventCount + writtenCount + 1 + 4 * NoteScript.maximumSoundingNotes <= NoteScript.capacity }
  }

  /// The next event; where none waits, what it says means nothing.
  @_noLocks
  func peek() -> NoteScriptEvent { unpacked(events[firstEvent]) }

  @_noLocks
  private func unpacked(_ event: WrittenEvent) -> NoteScriptEvent {
    NoteScriptEvent(
      tick: event.tick, kind: NoteEvent.Kind(rawValue: Int32(event.kind)), voice: Int(event.voice), pitch: Int(event.pitch),
      velocity: Int(event.velocity))
  }

  /// Takes the next event; nothing where none waits.
  @_noLocks
  mutating func removeFirst() {
    guard eventCount > 0 else { return }
    let event = events[firstEvent]
    let bit = Int(event.voice) * 128 + Int(event.pitch)
    if event.kind == 0 {
      heard[bit / 64] |= 1 &<< UInt64(bit % 64)
    } else if event.kind == 1 {
      heard[bit / 64] &= ~(1 &<< UInt64(bit % 64))
    }
    firstEvent = (firstEvent + 1) % NoteScript.capacity
    eventCount -= 1
  }

  // MARK: State

  /// A position, four numbers, and 12 bytes for each note and event that there may be.
  var savedByteCount: Int {
    8 + 16 + NoteScript.maximumSoundingNotes * 12 + NoteScript.capacity * 12 + NoteScript.wordCount * 8
  }

  func save(_ writer: inout ByteWriter) {
    writer.write(tick)
    writer.write(UInt32(soundingCount))
    writer.write(UInt32(eventCount))
    writer.write(UInt32(hasEnded ? 1 : 0))
    writer.write(UInt32(isSilent ? 1 : 0))
    for index in 0..<NoteScript.maximumSoundingNotes {
      let note = sounding[index]
      let isNote = index < soundingCount
      writer.write(isNote ? note.begin : 0)
      writer.write(isNote ? NoteScript.word(note.isWritten ? 1 : 0, note.voice, note.pitch, note.velocity) : 0)
    }
    for index in 0..<NoteScript.capacity {
      let event = events[(firstEvent + index) % NoteScript.capacity]
      let isEvent = index < eventCount
      writer.write(isEvent ? event.tick : 0)
      writer.write(isEvent ? NoteScript.word(event.kind, event.voice, event.pitch, event.velocity) : 0)
    }
    for word in 0..<NoteScript.wordCount { writer.write(heard[word]) }
  }

  /// The composing position of what `save` wrote, which the reader is at.
  static func position(in reader: inout ByteReader) -> (tick: UInt64, hasEnded: Bool) {
    let tick = reader.readUInt64()
    _ = reader.readUInt64()
    return (tick, reader.readUInt32() == 1)
  }

  private static func word(_ first: UInt8, _ voice: UInt8, _ pitch: UInt8, _ velocity: UInt8) -> UInt32 {
    UInt32(first) | UInt32(voice) << 8 | UInt32(pitch) << 16 | UInt32(velocity) << 24
  }

  private static func bytes(_ word: UInt32) -> (first: UInt8, voice: UInt8, pitch: UInt8, velocity: UInt8) {
    (
      UInt8(truncatingIfNeeded: word), UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word >> 16),
      UInt8(truncatingIfNeeded: word >> 24)
    )
  }

  /// Reads what `save` wrote; false where that cannot be: everything that a reader may rely on is checked. Changes nothing but
  /// where `isLoading`, after it was accepted.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let tick = reader.readUInt64()
    let soundingCount = Int(reader.readUInt32())
    let eventCount = Int(reader.readUInt32())
    let ended = reader.readUInt32()
    let silent = reader.readUInt32()
    guard tick <= NoteScript.maximumTick, soundingCount <= NoteScript.maximumSoundingNotes, eventCount <= NoteScript.capacity,
      ended <= 1, silent <= 1
    else { return false }

    // What sounds: all of it, and that of which the beginning was written, as in `heard`.
    var all = [UInt64](repeating: 0, count: NoteScript.wordCount)
    var written = all
    var writtenCount = 0
    var begin: UInt64 = 0
    for index in 0..<NoteScript.maximumSoundingNotes {
      let noteBegin = reader.readUInt64()
      let word = reader.readUInt32()
      if index >= soundingCount {
        guard noteBegin == 0, word == 0 else { return false }
        continue
      }
      let note = NoteScript.bytes(word)
      guard note.first <= 1, note.voice < 16, note.pitch < 128, note.velocity >= 1, note.velocity <= 127,
        noteBegin >= begin, noteBegin <= tick, tick - noteBegin < maximumNoteTicks
      else { return false }
      begin = noteBegin
      let bit = Int(note.voice) * 128 + Int(note.pitch)
      guard all[bit / 64] >> UInt64(bit % 64) & 1 == 0 else { return false }
      all[bit / 64] |= 1 << UInt64(bit % 64)
      if note.first == 1 {
        written[bit / 64] |= 1 << UInt64(bit % 64)
        writtenCount += 1
      }
      if isLoading {
        sounding[index] = SoundingNote(
          begin: noteBegin, voice: Int(note.voice), pitch: Int(note.pitch), velocity: Int(note.velocity),
          isWritten: note.first == 1)
      }
    }
    guard ended == 0 || soundingCount == 0, eventCount + writtenCount + (ended == 1 ? 0 : 1) <= NoteScript.capacity else {
      return false
    }

    // What the reader will have heard, event by event: the changes are gathered, since what it has heard comes behind them.
    var changes: [(kind: UInt8, bit: Int)] = []
    changes.reserveCapacity(eventCount)
    var last: UInt64 = 0
    for index in 0..<NoteScript.capacity {
      let eventTick = reader.readUInt64()
      let word = reader.readUInt32()
      if index >= eventCount {
        guard eventTick == 0, word == 0 else { return false }
        continue
      }
      let event = NoteScript.bytes(word)
      guard eventTick >= last, eventTick <= tick, event.voice < 16, event.pitch < 128 else { return false }
      last = eventTick
      switch event.first {
      case 0: guard event.velocity >= 1, event.velocity <= 127 else { return false }
      case 1: guard event.velocity == 0 else { return false }
      case 2: guard ended == 1, index + 1 == eventCount, word == 2 else { return false }
      default: return false
      }
      changes.append((event.first, Int(event.voice) * 128 + Int(event.pitch)))
      if isLoading {
        events[index] = WrittenEvent(
          tick: eventTick, kind: NoteEvent.Kind(rawValue: Int32(event.first)), voice: event.voice, pitch: event.pitch,
          velocity: event.velocity)
      }
    }
    var sounds: [UInt64] = []
    for word in 0..<NoteScript.wordCount {
      sounds.append(reader.readUInt64())
      if isLoading { heard[word] = sounds[word] }
    }
    // As many notes as the reader may have heard begin.
    guard sounds.reduce(0, { $0 + $1.nonzeroBitCount }) <= NoteScript.maximumSoundingNotes else { return false }
    for change in changes where change.kind < 2 {
      let mask: UInt64 = 1 << UInt64(change.bit % 64)
      guard (sounds[change.bit / 64] & mask != 0) == (change.kind == 1) else { return false }
      sounds[change.bit / 64] ^= mask
    }
    for word in 0..<NoteScript.wordCount where sounds[word] != written[word] { return false }

    if isLoading {
      self.tick = tick
      self.soundingCount = soundingCount
      self.writtenCount = writtenCount
      self.eventCount = eventCount
      firstEvent = 0
      hasEnded = ended == 1
      isSilent = silent == 1
    }
    return true
  }
}
