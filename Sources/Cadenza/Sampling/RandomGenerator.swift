import CadenzaKernels

/// xoshiro256++ (Blackman and Vigna 2019), seeded by SplitMix64. A value: it lives in the stream and is saved with it.
struct RandomGenerator {
  var state: (UInt64, UInt64, UInt64, UInt64)

  @_noLocks
  init(seed: UInt64) {
    var splitMix = seed
    let first = RandomGenerator.splitMix64(&splitMix)
    let second = RandomGenerator.splitMix64(&splitMix)
    let third = RandomGenerator.splitMix64(&splitMix)
    let fourth = RandomGenerator.splitMix64(&splitMix)
    state = (first, second, third, fourth)
  }

  /// The state must not be all zeros: the generator would stay there.
  @_noLocks
  init?(state: (UInt64, UInt64, UInt64, UInt64)) {
    guard state.0 | state.1 | state.2 | state.3 != 0 else { return nil }
    self.state = state
  }

  @_noLocks
  static func splitMix64(_ x: inout UInt64) -> UInt64 {
    x = x &+ 0x9E37_79B9_7F4A_7C15
    var z = x
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }

  @_noLocks
  mutating func next() -> UInt64 {
    let sum = state.0 &+ state.3
    let result = ((sum &<< 23) | (sum &>> 41)) &+ state.0
    let shifted = state.1 &<< 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = (state.3 &<< 45) | (state.3 &>> 19)
    return result
  }

  /// A number of [0, 1): the top 24 bits × 2⁻²⁴.
  @_noLocks
  mutating func uniform() -> Float {
    Float(UInt32(truncatingIfNeeded: next() &>> 40)) * 0x1p-24
  }

  /// A number of the normal distribution of mean 0 and deviation 1 (Box and Muller 1958): √(−2 ln(1 − u₁)) · cos(2π u₂), at most 5.8
  /// in magnitude, from two uniform numbers. The other one that they could give, with the sine, is not kept: the state would grow.
  @_noLocks
  mutating func normal() -> Double {
    // Above 0, where the logarithm is finite: u₁ is below 1, and can be 0.
    let above = 1 - Double(uniform())
    let turn = Double(uniform())
    return ck_square_root(-2 * ck_log(above)) * ck_sine_of_pi(2 * turn + 0.5)
  }
}
