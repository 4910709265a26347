/// What may be set while a stream plays: the `cadenza_parameter` of the C header, value for value.
public enum Parameter: Int32, Sendable, CaseIterable {
  /// Divides the logits; 0: greedy. 0 … 100.
  case temperature = 0
  /// Draw among the k likeliest only; 0: off. A whole number up to 16,777,216.
  case topK = 1
  /// Draw among the smallest set whose probability reaches this; 1: off. 0 … 1.
  case topP = 2
  /// Multiplies the output. 0 … 16.
  case gain = 3
  /// Of a composer, in beats a minute.
  case tempo = 4
  /// Of two recordings that are encoded: 0: the first, 1: the second.
  case mix = 5

  /// Whether `value` is one this parameter may have.
  @_noLocks
  public func accepts(_ value: Float) -> Bool {
    switch self {
    case .temperature: value >= 0 && value <= 100
    case .topK: value >= 0 && value <= 16_777_216 && value == Float(Int32(value))
    case .topP, .mix: value >= 0 && value <= 1
    case .gain: value >= 0 && value <= 16
    case .tempo: value >= 10 && value <= 1_000
    }
  }
}
