import Testing

@testable import Cadenza

@Suite("Random generator")
struct RandomGeneratorTests {
  /// The published test sequence of SplitMix64 for seed 1234567.
  @Test func splitMixMatchesItsReference() {
    var seed: UInt64 = 1_234_567
    let values = (0..<5).map { _ in RandomGenerator.splitMix64(&seed) }
    #expect(
      values == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
      ])
  }

  /// The published test sequence of xoshiro256++ for the state 1, 2, 3, 4.
  @Test func xoshiroMatchesItsReference() throws {
    var random = try #require(RandomGenerator(state: (1, 2, 3, 4)))
    let values = (0..<4).map { _ in random.next() }
    #expect(values == [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386])
  }

  @Test func uniformIsTheTop24Bits() throws {
    var random = RandomGenerator(seed: 7)
    var twin = random
    for _ in 0..<1000 {
      let value = random.uniform()
      #expect(value == Float(twin.next() >> 40) / Float(1 << 24))
      #expect(value >= 0 && value < 1)
    }
  }

  @Test func zeroStateIsRefused() {
    #expect(RandomGenerator(state: (0, 0, 0, 0)) == nil)
  }

  /// The equation of Box and Muller over the two uniform numbers that come next.
  @Test func normalIsBoxAndMullers() {
    var random = RandomGenerator(seed: 8)
    var twin = random
    for _ in 0..<1000 {
      let first = 1 - Double(twin.uniform())
      let second = Double(twin.uniform())
      let expected = (-2 * logarithm(first)).squareRoot() * cosine(2 * .pi * second)
      #expect(abs(random.normal() - expected) < 1e-13)
    }
  }

  @Test func normalHasTheMomentsOfTheNormalDistribution() {
    var random = RandomGenerator(seed: 9)
    let count = 200_000
    let values = (0..<count).map { _ in random.normal() }
    func moment(_ power: Int) -> Double {
      values.reduce(0) { sum, value in sum + (0..<power).reduce(1.0) { product, _ in product * value } } / Double(count)
    }
    // Five standard errors of each: the variances of x, x², x³ and x⁴ are 1, 2, 15 and 96.
    let error = 5 / Double(count).squareRoot()
    #expect(abs(moment(1)) < error)
    #expect(abs(moment(2) - 1) < error * 1.4143)
    #expect(abs(moment(3)) < error * 3.873)
    #expect(abs(moment(4) - 3) < error * 9.798)
    #expect(values.allSatisfy { abs($0) < 5.8 })
    #expect(abs(Double(values.filter { abs($0) < 1 }.count) / Double(count) - 0.6826895) < error * 0.4655)
  }
}
