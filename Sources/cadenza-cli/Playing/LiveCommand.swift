/// What the keys ask of the thread that generates, where the engine allows it on no other.
struct LiveCommand: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    /// Begin anew with the seed `value`.
    case reset
    /// Begin and end the note of pitch `value`.
    case noteOn
    case noteOff
    case freeze
    case play
    /// Fade out and end.
    case finish
  }

  var kind: Kind
  var value: UInt64 = 0
}
