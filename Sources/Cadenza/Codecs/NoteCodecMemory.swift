/// What a codec of notes remembers between choices. A value: it lives in the stream and is saved with it.
struct NoteCodecMemory {
  /// Grids: the number of the step that the next choice belongs to; others: choices so far.
  private(set) var step: UInt64 = 0
  /// Grids: the voice that the next choice is of.
  private(set) var voice = 0
  /// Performance events: MIDI velocity of the notes to come.
  var velocity = 64
  /// Choices since time last passed.
  private(set) var idleChoices = 0
  /// Grids: the pitch that each voice was last given and not taken, a byte each; 255: none.
  private var pitches: (UInt64, UInt64) = (.max, .max)

  /// Choices without any time passing after which a tick passes: FORMAT.md.
  static var maximumIdleChoices: Int { @_noLocks get { 256 } }
  /// Voices that a codec may have.
  static var voiceCount: Int { @_noLocks get { 16 } }

  /// At the beginning.
  @_noLocks
  init() {}

  /// A choice of `count` voices' was made; true where it was the step's last.
  @_noLocks
  mutating func endVoice(of count: Int) -> Bool {
    voice += 1
    guard voice >= count else { return false }
    voice = 0
    step &+= 1
    return true
  }

  /// A choice was made that lets time pass.
  @_noLocks
  mutating func endTimedChoice() {
    step &+= 1
    idleChoices = 0
  }

  /// A choice was made that lets no time pass; true where a tick must.
  @_noLocks
  mutating func endIdleChoice() -> Bool {
    step &+= 1
    idleChoices += 1
    guard idleChoices >= NoteCodecMemory.maximumIdleChoices else { return false }
    idleChoices = 0
    return true
  }

  /// nil: the voice rests.
  @_noLocks
  func pitch(ofVoice voice: Int) -> Int? {
    let word = voice < 8 ? pitches.0 : pitches.1
    let byte = Int(word &>> UInt64(8 * (voice & 7)) & 0xFF)
    return byte < 128 ? byte : nil
  }

  /// Pitch 255: the voice rests.
  @_noLocks
  mutating func setPitch(_ pitch: Int, ofVoice voice: Int) {
    let shift = UInt64(8 * (voice & 7))
    let kept = ~(0xFF &<< shift)
    let value = UInt64(pitch & 0xFF) &<< shift
    if voice < 8 { pitches.0 = pitches.0 & kept | value } else { pitches.1 = pitches.1 & kept | value }
  }

  static var noPitch: Int { @_noLocks get { 255 } }

  // MARK: State

  var savedByteCount: Int { 40 }

  func save(_ writer: inout ByteWriter) {
    writer.write(step)
    writer.write(pitches.0)
    writer.write(pitches.1)
    writer.write(UInt32(voice))
    writer.write(UInt32(velocity))
    writer.write(UInt32(idleChoices))
    writer.write(UInt32(0))
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted. Whether
  /// the codec has such a voice is for the codec to see.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    var memory = NoteCodecMemory()
    memory.step = reader.readUInt64()
    memory.pitches = (reader.readUInt64(), reader.readUInt64())
    memory.voice = Int(reader.readUInt32())
    memory.velocity = Int(reader.readUInt32())
    memory.idleChoices = Int(reader.readUInt32())
    guard reader.readUInt32() == 0, memory.step <= NoteScript.maximumTick, memory.voice < NoteCodecMemory.voiceCount,
      memory.velocity >= 1, memory.velocity <= 127, memory.idleChoices < NoteCodecMemory.maximumIdleChoices
    else { return false }
    for voice in 0..<NoteCodecMemory.voiceCount {
      let word = voice < 8 ? memory.pitches.0 : memory.pitches.1
      let byte = Int(word &>> UInt64(8 * (voice & 7)) & 0xFF)
      guard byte < 128 || byte == NoteCodecMemory.noPitch else { return false }
    }
    if isLoading { self = memory }
    return true
  }
}
