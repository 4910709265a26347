import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

/// A sampler with scratch memory of its own.
final class SamplerProbe {
  let sampler: Sampler
  private let logits: UnsafeMutablePointer<Float>
  private let memory: UnsafeMutableRawPointer

  init(vocabularySize: Int, kernels: UnsafePointer<ck_kernels> = ck_kernels_choose()) {
    let size = Sampler.paddedSize(vocabularySize)
    memory = ck_allocate(3 * size * 4)!
    logits = memory.assumingMemoryBound(to: Float.self)
    sampler = Sampler(
      kernels: kernels, vocabularySize: vocabularySize, distances: logits + size, masses: logits + 2 * size)
  }

  deinit { ck_free(memory) }

  func choose(_ values: [Float], _ settings: SamplerSettings, _ random: inout RandomGenerator) -> Int {
    for (index, value) in values.enumerated() { logits[index] = value }
    return sampler.choose(logits, settings, &random)
  }

  func nats(_ values: [Float], of token: Int) -> Double? {
    for (index, value) in values.enumerated() { logits[index] = value }
    return sampler.nats(logits, of: token)
  }

  /// The tokens that come up in many draws.
  func support(_ values: [Float], temperature: Float = 1, topK: Int = 0, topP: Float = 1, draws: Int = 4000) -> Set<Int> {
    var random = RandomGenerator(seed: 1)
    let settings = SamplerSettings(temperature: temperature, topK: topK, topP: topP)
    return Set((0..<draws).map { _ in choose(values, settings, &random) })
  }
}

@Suite("Sampler")
struct SamplerTests {
  /// Probabilities 0.4, 0.3, 0.2, 0.1, in another order.
  let logits: [Float] = [log(0.2), log(0.4), log(0.1), log(0.3)]

  @Test func greedyTakesTheLargestAndOfTiesTheFirst() {
    let probe = SamplerProbe(vocabularySize: 5)
    var random = RandomGenerator(seed: 1)
    let before = random.state
    let settings = SamplerSettings(temperature: 0, topK: 0, topP: 1)
    #expect(probe.choose([1, 5, 2, 5, 5], settings, &random) == 1)
    #expect(probe.choose([-1, -5, -2, -5, -5], settings, &random) == 0)
    #expect(probe.choose([0, 0, 0, 0, 0], settings, &random) == 0)
    #expect(probe.choose([0, 0, 0, 0, 1e-30], settings, &random) == 4)
    // Greedy uses no random number.
    #expect(random.state == before)
  }

  @Test(arguments: [(1, [1]), (2, [1, 3]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (0, [0, 1, 2, 3]), (9, [0, 1, 2, 3])])
  func topKKeepsTheLikeliest(k: Int, expected: [Int]) {
    #expect(SamplerProbe(vocabularySize: 4).support(logits, topK: k) == Set(expected))
  }

  @Test func topKKeepsExactlyKOfTiesTheFirst() {
    let probe = SamplerProbe(vocabularySize: 40)
    let flat = [Float](repeating: 0.25, count: 40)
    for k in [1, 2, 16, 17, 39] { #expect(probe.support(flat, topK: k) == Set(0..<k)) }
    var uneven = flat
    uneven[37] = 1
    uneven[12] = -1
    #expect(probe.support(uneven, topK: 3) == [37, 0, 1])
  }

  @Test(
    arguments: [
      (0, [1]), (0.39, [1]), (0.41, [1, 3]), (0.69, [1, 3]), (0.71, [0, 1, 3]), (0.89, [0, 1, 3]), (0.91, [0, 1, 2, 3]),
      (1, [0, 1, 2, 3]),
    ] as [(Float, [Int])])
  func topPKeepsTheSmallestSetThatReachesIt(p: Float, expected: [Int]) {
    #expect(SamplerProbe(vocabularySize: 4).support(logits, topP: p) == Set(expected))
  }

  @Test func topPOfTiesKeepsTheFirst() {
    let flat = [Float](repeating: 3, count: 20)
    let probe = SamplerProbe(vocabularySize: 20)
    #expect(probe.support(flat, topP: 0) == [0])
    #expect(probe.support(flat, topP: 0.24) == Set(0..<5))
    #expect(probe.support(flat, topP: 0.26) == Set(0..<6))
    #expect(probe.support(flat, topP: 0.999) == Set(0..<20))
  }

  /// Top-p looks at what top-k left: of 0.4, 0.3 the shares are 4/7 and 3/7.
  @Test func topKComesBeforeTopP() {
    let probe = SamplerProbe(vocabularySize: 4)
    #expect(probe.support(logits, topK: 2, topP: 0.5) == [1])
    #expect(probe.support(logits, topK: 2, topP: 0.6) == [1, 3])
  }

  /// Temperature comes before top-p: at temperature 1/2 the probabilities are squared and normed.
  @Test func temperatureComesBeforeTopP() {
    let probe = SamplerProbe(vocabularySize: 4)
    // Squares 0.16, 0.09, 0.04, 0.01 of 0.30: shares 0.53, 0.30, 0.13, 0.03.
    #expect(probe.support(logits, temperature: 0.5, topP: 0.5) == [1])
    #expect(probe.support(logits, temperature: 0.5, topP: 0.8) == [1, 3])
  }

  /// Draws follow the softmax: a chi-square over 50,000 draws, far outside chance if they do not (9 degrees of freedom, 0.999 at 27.9).
  @Test(arguments: [0.5, 1, 2] as [Float])
  func frequenciesFollowTheSoftmax(temperature: Float) {
    let logits: [Float] = [0.1, -1, 2, 0.5, 1.5, -0.3, 0, 0.7, 1.1, -2]
    let weights = logits.map { exp(Double($0) / Double(temperature)) }
    let total = weights.reduce(0, +)
    let probe = SamplerProbe(vocabularySize: 10)
    var random = RandomGenerator(seed: 99)
    let draws = 50_000
    var counts = [Double](repeating: 0, count: 10)
    for _ in 0..<draws {
      counts[probe.choose(logits, SamplerSettings(temperature: temperature, topK: 0, topP: 1), &random)] += 1
    }
    let chiSquare = zip(counts, weights).reduce(0) { sum, pair in
      let expected = pair.1 / total * Double(draws)
      return sum + (pair.0 - expected) * (pair.0 - expected) / expected
    }
    #expect(chiSquare < 27.9)
  }

  /// The walk, checked number by number against a plain one in double precision with the same uniform numbers.
  @Test func drawIsTheCumulativeWalk() {
    let probe = SamplerProbe(vocabularySize: 100)
    var random = RandomGenerator(seed: 4)
    var source = RandomGenerator(seed: 5)
    for _ in 0..<500 {
      let logits = (0..<100).map { _ in source.uniform() * 8 - 4 }
      var twin = random
      let token = probe.choose(logits, SamplerSettings(temperature: 1, topK: 0, topP: 1), &random)
      let weights = logits.map { exp(Double($0)) }
      let target = Double(twin.uniform()) * weights.reduce(0, +)
      var sum = 0.0
      let expected = weights.firstIndex { weight in
        sum += weight
        return target < sum
      }
      #expect(token == expected)
      #expect(random.state == twin.state)
    }
  }

  @Test func extremeLogitsAreFine() {
    let probe = SamplerProbe(vocabularySize: 3)
    var random = RandomGenerator(seed: 1)
    let tiny = SamplerSettings(temperature: 1e-38, topK: 0, topP: 1)
    let huge = SamplerSettings(temperature: 100, topK: 2, topP: 0.9)
    for _ in 0..<100 {
      #expect(probe.choose([3e38, -3e38, 0], SamplerSettings(temperature: 1, topK: 0, topP: 1), &random) == 0)
      #expect(probe.choose([1, 2, 1], tiny, &random) == 1)
      #expect([0, 1].contains(probe.choose([3e38, 3e38, -3e38], huge, &random)))
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], [0, 7, 15, 16, 36])
  func nonFiniteLogitsAreReported(bad: Float, place: Int) {
    for kernels in kernelSets {
      let probe = SamplerProbe(vocabularySize: 37, kernels: kernels)
      var logits = [Float](repeating: 1, count: 37)
      logits[place] = bad
      var random = RandomGenerator(seed: 1)
      for temperature in [0, 1] as [Float] {
        #expect(probe.choose(logits, SamplerSettings(temperature: temperature, topK: 5, topP: 0.5), &random) == -1)
      }
      #expect(probe.nats(logits, of: 3) == nil)
    }
  }

  @Test func natsAreTheNegativeLogarithm() throws {
    let probe = SamplerProbe(vocabularySize: 4)
    for (token, probability) in [0.2, 0.4, 0.1, 0.3].enumerated() {
      let nats = try #require(probe.nats(logits, of: token))
      #expect(abs(nats + log(probability)) < 1e-6)
    }
  }

  /// A vocabulary of many sizes, against a plain sampler that sorts: the same sets, whatever k and p, on every kernel set.
  @Test(arguments: [2, 15, 16, 33, 256, 1000])
  func agreesWithAPlainSampler(vocabularySize: Int) {
    for kernels in kernelSets {
      let probe = SamplerProbe(vocabularySize: vocabularySize, kernels: kernels)
      var source = RandomGenerator(seed: UInt64(vocabularySize))
      for trial in 0..<60 {
        // Coarse values make ties.
        let logits = (0..<vocabularySize).map { _ in Float(Int(source.uniform() * 12)) * 0.5 }
        let k = trial % 3 == 0 ? 0 : 1 + Int(source.uniform() * Float(vocabularySize))
        let p: Float = trial % 4 == 0 ? 1 : source.uniform()
        let order = (0..<vocabularySize).sorted { (-logits[$0], $0) < (-logits[$1], $1) }
        var kept = k == 0 ? order : Array(order.prefix(k))
        if p < 1 {
          let total = kept.reduce(0) { $0 + exp(Double(logits[$1])) }
          var mass = 0.0
          var count = 0
          while count == 0 || mass < Double(p) * total {
            mass += exp(Double(logits[kept[count]]))
            count += 1
          }
          // A share that is p within rounding may fall on either side.
          if abs(mass - Double(p) * total) < 1e-4 * total { continue }
          let last = exp(Double(logits[kept[count - 1]]))
          if abs(mass - last - Double(p) * total) < 1e-4 * total { continue }
          kept = Array(kept.prefix(count))
        }
        let allowed = Set(kept)
        var random = RandomGenerator(seed: UInt64(trial))
        var seen: Set<Int> = []
        for _ in 0..<(vocabularySize < 40 ? 400 : 40) {
          let token = probe.choose(logits, SamplerSettings(temperature: 1, topK: k, topP: p), &random)
          #expect(allowed.contains(token))
          seen.insert(token)
        }
        if allowed.count == 1 { #expect(seen == allowed) }
      }
    }
  }
}
