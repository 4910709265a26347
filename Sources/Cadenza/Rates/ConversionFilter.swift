import CadenzaKernels

/// The low-pass filter of a conversion between two sample rates: a sinc under a Kaiser window, 40 samples of the lower rate to
/// either side, cut at half of that rate.
///
/// Its transition is 0.45 to 0.55 of the lower rate; what is beyond is 120 dB down. Output sample m is where the input's sample
/// (m − latency) · input / output is:
///
///     y[m] = Σ_n x[n] h(m · input / output − n − delay)      delay = latency · input / output
///
/// Where the time of an output falls between two input samples, the phase, takes one of `ratio.output` values. The filter is
/// stored for each of them, a row of taps each, where that is no more than 1 MiB; else for so many phases that between two of
/// them a straight line is within the same 120 dB.
struct ConversionFilter {
  let ratio: RateRatio
  /// Samples of the output by which it lags.
  let latency: Int
  /// Samples of the input that an output is made from, a multiple of 16.
  let tapCount: Int
  /// Rows stored: `ratio.output` of them, or one more than the steps from 0 to 1.
  private let rowCount: Int
  private let isExact: Bool
  private let rows: UnsafeMutablePointer<Float>

  /// To either side, in samples of the lower rate.
  static let halfWidth = 40
  /// Of the Kaiser window: 120 dB (Kaiser 1974: 0.1102 (A − 8.7)).
  static let shape = 12.2653
  /// Phases that are stored for one sample of the lower rate, where not all are. Between two, a line is off by (0.45 / 512)²
  /// at most.
  static let phasesPerSample = 512
  /// Numbers in the table where all phases are stored.
  static let maximumExactCount = 1 << 18

  init(_ ratio: RateRatio, arena: inout Arena) {
    self.ratio = ratio
    let (input, output) = (ratio.input, ratio.output)
    latency = output > input ? RateRatio.quotient(Self.halfWidth * output, input) : Self.halfWidth
    // Both halves, and what the delay is longer than a half.
    tapCount = (2 * (RateRatio.quotient(latency * input, output) + 1) + 15) & ~15
    isExact = output <= Self.maximumExactCount / tapCount
    let steps = output > input ? Self.phasesPerSample : RateRatio.quotient(Self.phasesPerSample * output, input)
    rowCount = isExact ? output : steps + 1
    rows = arena.take(Float.self, count: rowCount * tapCount)
    if !arena.isMeasuring { design() }
  }

  private func design() {
    let (input, output) = (Double(ratio.input), Double(ratio.output))
    let scale = output < input ? output / input : 1
    let delay = latency * ratio.input
    let peak = ck_bessel_i0(Self.shape)
    let row = UnsafeMutablePointer<Double>.allocate(capacity: tapCount)
    defer { row.deallocate() }
    for index in 0..<rowCount {
      var sum = 0.0
      for tap in 0..<tapCount {
        // In samples of the input. The oldest comes first.
        let age = tapCount - 1 - tap
        let time =
          isExact
          ? Double(age * ratio.output + index - delay) / output
          : Double(age * ratio.output - delay) / output + Double(index) / Double(rowCount - 1)
        let place = time * scale
        let part = place / Double(Self.halfWidth)
        var value = 0.0
        if part > -1, part < 1 {
          let angle = place * 3.141592653589793
          let sinc = place == 0 ? 1 : ck_sine_of_pi(place) / angle
          value = sinc * ck_bessel_i0(Self.shape * (1 - part * part).squareRoot()) / peak
        }
        row[tap] = value
        sum += value
      }
      // Each phase passes a constant as it is.
      for tap in 0..<tapCount { rows[index * tapCount + tap] = Float(row[tap] / sum) }
    }
  }

  /// The output at `phase`, 0 ..< ratio.output, from the last `tapCount` samples of the input, oldest first.
  @_noLocks
  func apply(
    to window: UnsafePointer<Float>, phase: Int, _ kernels: UnsafePointer<ck_kernels>
  ) -> Float {
    if isExact { return ck_dot(kernels, window, rows + phase * tapCount, tapCount) }
    let position = phase * (rowCount - 1)
    let index = position / ratio.output
    let below = ck_dot(kernels, window, rows + index * tapCount, tapCount)
    let above = ck_dot(kernels, window, rows + (index + 1) * tapCount, tapCount)
    let fraction = Float(position - index * ratio.output) / Float(ratio.output)
    return below + fraction * (above - below)
  }
}
