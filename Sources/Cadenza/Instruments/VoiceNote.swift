/// A note as a voice plays it.
struct VoiceNote: BitwiseCopyable {
  /// The voice of the composer or host, 0 … 15: whose note it is.
  var part: Int
  /// MIDI, 0 … 127, as it was asked for.
  var pitch: Int
  /// Factor of its samples.
  var gain: Float
  /// How many notes the instrument had begun before: its age, and its seed.
  var number: UInt64

  @_noLocks
  init(part: Int, pitch: Int, gain: Float, number: UInt64) {
    self.part = part
    self.pitch = pitch
    self.gain = gain
    self.number = number
  }

  @_noLocks
  func isOf(part: Int, pitch: Int) -> Bool { self.part == part && self.pitch == pitch }

  static let savedByteCount = 24

  static func save(_ note: VoiceNote?, _ writer: inout ByteWriter) {
    writer.write(UInt32(note == nil ? 0 : 1))
    writer.write(UInt32(note?.part ?? 0))
    writer.write(UInt32(note?.pitch ?? 0))
    writer.write((note?.gain ?? 0).bitPattern)
    writer.write(note?.number ?? 0)
  }

  /// Reads what `save` wrote, of an instrument that has begun `count` notes; false where that cannot be.
  static func read(_ reader: inout ByteReader, count: UInt64, into note: inout VoiceNote?) -> Bool {
    let exists = reader.readUInt32()
    let part = Int(reader.readUInt32())
    let pitch = Int(reader.readUInt32())
    let gain = Float(bitPattern: reader.readUInt32())
    let number = reader.readUInt64()
    note = exists == 1 ? VoiceNote(part: part, pitch: pitch, gain: gain, number: number) : nil
    guard exists == 1 else { return exists == 0 }
    return part < InstrumentConditions.partCount && pitch < PitchTable.pitchCount && gain >= 0 && gain <= 16
      && number < count
  }
}
