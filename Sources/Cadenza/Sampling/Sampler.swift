import CadenzaKernels

/// What the sampler is asked for, read once a block.
struct SamplerSettings {
  /// Divides the logits; 0: greedy.
  var temperature: Float
  /// 0 or the vocabulary's size and above: off.
  var topK: Int
  /// 1 and above: off.
  var topP: Float

  @_noLocks
  init(temperature: Float, topK: Int, topP: Float) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
  }
}

/// Chooses a token from logits: temperature, then the top k, then the top p, then a draw (DESIGN, section 5).
///
/// It orders by distances from the largest logit, (maximum − logit) / temperature: zero or above, so that they sort the other way
/// round and nothing overflows. Ties go to the lowest index throughout.
struct Sampler {
  var kernels: UnsafePointer<ck_kernels>
  var vocabularySize: Int
  /// Scratch of the stream, `paddedSize` numbers each: distances, and masses exp(−distance).
  var distances: UnsafeMutablePointer<Float>
  var masses: UnsafeMutablePointer<Float>

  @_noLocks
  init(
    kernels: UnsafePointer<ck_kernels>, vocabularySize: Int, distances: UnsafeMutablePointer<Float>,
    masses: UnsafeMutablePointer<Float>
  ) {
    self.kernels = kernels
    self.vocabularySize = vocabularySize
    self.distances = distances
    self.masses = masses
  }

  /// The vocabulary's size in whole panels.
  @_noLocks
  static func paddedSize(_ vocabularySize: Int) -> Int { (vocabularySize + 15) & ~15 }

  /// The token, or −1 where a logit is not finite. `logits` has `paddedSize` numbers. One random number is used, none when greedy.
  @_noLocks
  func choose(_ logits: UnsafePointer<Float>, _ settings: SamplerSettings, _ random: inout RandomGenerator) -> Int {
    let maximum = ck_maximum(kernels, logits, vocabularySize)
    guard maximum.isFinite else { return -1 }
    if settings.temperature <= 0 {
      return firstIndex(logits, of: maximum)
    }
    ck_distances(kernels, logits, maximum, settings.temperature, vocabularySize, distances)
    ck_exponentials(kernels, distances, vocabularySize, masses)
    if settings.topK > 0 && settings.topK < vocabularySize {
      keepTop(settings.topK)
    }
    if settings.topP < 1 {
      keepMass(settings.topP)
    }
    return draw(random.uniform())
  }

  /// The negative log-likelihood of `token` in nats at temperature 1, or nil where a logit is not finite.
  @_noLocks
  func nats(_ logits: UnsafePointer<Float>, of token: Int) -> Double? {
    let maximum = ck_maximum(kernels, logits, vocabularySize)
    guard maximum.isFinite else { return nil }
    ck_distances(kernels, logits, maximum, 1, vocabularySize, distances)
    ck_exponentials(kernels, distances, vocabularySize, masses)
    var total = 0.0
    for index in 0..<vocabularySize { total += Double(masses[index]) }
    return ck_log(total) + (Double(maximum) - Double(logits[token]))
  }

  @_noLocks
  private func firstIndex(_ logits: UnsafePointer<Float>, of value: Float) -> Int {
    var index = 0
    while index < vocabularySize - 1 && logits[index] != value { index += 1 }
    return index
  }

  /// Takes a token out: below no bound, and without mass.
  @_noLocks
  private func remove(_ index: Int) {
    distances[index] = .infinity
    masses[index] = 0
  }

  /// The smallest distance `bound` for which `reached(bound)` holds, where `reached` speaks of all tokens at most that far: found
  /// in the bit patterns, which order as the numbers do, in 31 steps whatever the input.
  @_noLocks @inline(__always)
  private func smallestBound(reached: (Float) -> Bool) -> Float {
    var low: UInt32 = 0
    var high: UInt32 = 0x7F80_0000  // infinity: everything
    while low < high {
      let middle = (low &+ high) / 2
      // The next number above: "at most middle" is "below next".
      if reached(Float(bitPattern: middle &+ 1)) { high = middle } else { low = middle &+ 1 }
    }
    return Float(bitPattern: low)
  }

  /// Keeps exactly k tokens, the likeliest.
  @_noLocks
  private func keepTop(_ k: Int) {
    let bound = smallestBound { ck_count_below(kernels, distances, vocabularySize, $0) >= k }
    var ties = k - ck_count_below(kernels, distances, vocabularySize, bound)
    for index in 0..<vocabularySize {
      if distances[index] < bound { continue }
      if distances[index] == bound && ties > 0 {
        ties -= 1
        continue
      }
      remove(index)
    }
  }

  /// Keeps the smallest set of likeliest tokens whose share of the mass reaches p, one at least.
  @_noLocks
  private func keepMass(_ p: Float) {
    let wanted = p * ck_mass_below(kernels, distances, masses, vocabularySize, .infinity)
    let bound = smallestBound {
      ck_count_below(kernels, distances, vocabularySize, $0) > 0
        && ck_mass_below(kernels, distances, masses, vocabularySize, $0) >= wanted
    }
    var mass = ck_mass_below(kernels, distances, masses, vocabularySize, bound)
    var isEmpty = ck_count_below(kernels, distances, vocabularySize, bound) == 0
    for index in 0..<vocabularySize {
      if distances[index] < bound { continue }
      if distances[index] == bound && (isEmpty || mass < wanted) {
        mass += masses[index]
        isEmpty = false
        continue
      }
      remove(index)
    }
  }

  /// Walks the cumulative sum of the masses in ascending index to `uniform` of its end. Sums in double precision, so that 2²⁴
  /// tokens lose nothing that a 24-bit uniform could tell.
  @_noLocks
  private func draw(_ uniform: Float) -> Int {
    var total = 0.0
    for index in 0..<vocabularySize { total += Double(masses[index]) }
    let target = Double(uniform) * total
    var sum = 0.0
    var last = 0
    for index in 0..<vocabularySize where masses[index] > 0 {
      sum += Double(masses[index])
      last = index
      if target < sum { return index }
    }
    return last
  }
}
