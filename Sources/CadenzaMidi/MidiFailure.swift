/// Why bytes are no Standard MIDI File that can be read: a clause that says what was found and what was expected, and where.
public struct MidiFailure: Error, Equatable, Sendable {
  /// Bytes before the place where the file is wrong.
  public let offset: Int
  /// A clause without a capital and a full stop: "the tempo has 2 bytes, expected 3".
  public let reason: String

  init(at offset: Int, _ reason: String) {
    self.offset = offset
    self.reason = reason
  }

  /// The whole sentence, to follow "cannot read … as a MIDI file: ".
  public var message: String { "at byte \(offset), \(reason)" }
}
