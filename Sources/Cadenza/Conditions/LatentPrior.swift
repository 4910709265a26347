/// Draws latents from their prior, the standard normal distribution.
enum LatentPrior {
  /// Writes the draw of this seed for condition `index` to `values`. Latents of one model share no numbers, nor do they with what the
  /// sampler of a stream with this seed draws.
  @_noLocks
  static func draw(seed: UInt64, index: Int, into values: UnsafeMutablePointer<Float>, count: Int) {
    var state = seed ^ 0x6C61_7465_6E74_0000 &+ UInt64(truncatingIfNeeded: index)
    var random = RandomGenerator(seed: RandomGenerator.splitMix64(&state))
    for place in 0..<count { values[place] = Float(random.normal()) }
  }
}

/// Places in a model's latent.
public enum Latent {
  /// What `seed` draws for condition `index`, `count` numbers: those of `Stream.randomizeLatent`. Any thread.
  public static func draw(seed: UInt64, index: Int, count: Int) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    values.withUnsafeMutableBufferPointer { numbers in
      if let base = numbers.baseAddress { LatentPrior.draw(seed: seed, index: index, into: base, count: numbers.count) }
    }
    return values
  }
}

extension Configuration {
  /// What each condition is until the host says otherwise: the file's defaults, and latents as the seed draws them. An embedding is zeros.
  func beginnings(seed: UInt64) -> [[Float]] {
    var rows: [[Float]] = []
    for (index, condition) in conditions.enumerated() {
      guard condition.isMovable else {
        rows.append(condition.defaultValue)
        continue
      }
      rows.append(Latent.draw(seed: seed, index: index, count: condition.size))
    }
    return rows
  }
}

extension ConditionConfiguration {
  /// Whether it is a latent that the host may move while it sounds.
  public var isMovable: Bool {
    if case .latent = kind { return framesPerValue == nil }
    return false
  }
}
