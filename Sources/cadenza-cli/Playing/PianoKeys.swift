/// The lower row of letters as the white keys of a piano, from C on; with shift a semitone higher. A terminal does not say when a key is
/// let go: a note ends by itself.
struct PianoKeys {
  private static let semitones: [Character: Int] = ["z": 0, "x": 2, "c": 4, "v": 5, "b": 7, "n": 9, "m": 11]
  /// For how long a note sounds, in seconds, before it fades.
  private static let length = 0.6

  /// C of the octave that is played; 60 is middle C.
  private(set) var base = 60
  /// What sounds, and until when, in seconds.
  private var sounding: [(pitch: Int, end: Double)] = []

  mutating func moveOctave(_ octaves: Int) { base = min(108, max(12, base + 12 * octaves)) }

  /// The pitch of a key; nil: it is none of them.
  func pitch(of key: Character) -> Int? {
    let isSharp = key.isUppercase
    guard let semitone = PianoKeys.semitones[Character(key.lowercased())] else { return nil }
    let pitch = base + semitone + (isSharp ? 1 : 0)
    return pitch <= 127 ? pitch : nil
  }

  /// A note that begins at `now` sounds until its time is over, even where it sounded before.
  mutating func press(_ pitch: Int, now: Double) {
    sounding.removeAll { $0.pitch == pitch }
    sounding.append((pitch, now + PianoKeys.length))
  }

  /// Those whose time is over.
  mutating func takeEnded(now: Double) -> [Int] {
    let ended = sounding.filter { $0.end <= now }.map(\.pitch)
    sounding.removeAll { $0.end <= now }
    return ended
  }
}
