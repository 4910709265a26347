/// Chooses a value around a linear head's output: output + σ · temperature · n, n of the normal distribution.
struct NoisyValue: BitwiseCopyable {
  /// σ, the standard deviation at temperature 1.
  var noise: Float

  @_noLocks
  init(noise: Float) { self.noise = noise }

  /// Without noise or at temperature 0 it is the output, and no random number is used.
  @_noLocks
  func choose(_ output: Float, _ settings: SamplerSettings, _ random: inout RandomGenerator) -> Float {
    let deviation = Double(noise) * Double(settings.temperature)
    guard deviation > 0 else { return output }
    return Float(Double(output) + deviation * random.normal())
  }
}
