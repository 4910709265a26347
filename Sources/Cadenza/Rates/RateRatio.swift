/// Two sample rates in lowest terms. From one sample of the output to the next, `input` / `output` samples of the input go by:
/// whole numbers throughout, so that nothing drifts however long a stream plays.
struct RateRatio: Equatable {
  let input: Int
  let output: Int

  /// Both are above 0, in Hz.
  init(from inputRate: Int, to outputRate: Int) {
    var (a, b) = (inputRate, outputRate)
    while b != 0 { (a, b) = (b, a % b) }
    input = inputRate / a
    output = outputRate / a
  }

  /// a / b, rounded up.
  static func quotient(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
}
