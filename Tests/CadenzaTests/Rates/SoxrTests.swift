import Foundation
import Testing

@testable import Cadenza

/// The same sound through this converter and through libsoxr's best (Tests/Fixtures/rates/README.md).
@Suite("Sample-rate conversion beside libsoxr")
struct SoxrTests {
  static let cases: [Rates] = [
    (16_000, 44_100), (16_000, 48_000), (16_000, 22_050), (48_000, 16_000), (44_100, 48_000), (22_050, 44_100),
    (16_001, 96_000),
  ].map { Rates(from: $0.0, to: $0.1) }

  /// The sound of Tests/numerics/soxr_reference.py.
  func sound(_ rates: Rates) -> [Float] {
    let count = 1000 * rates.from / rates.lower
    let fractions = [0.01, 0.05, 0.11, 0.17, 0.21, 0.25, 0.3]
    return (0..<count).map { index in
      var sum = 0.0
      for (number, fraction) in fractions.enumerated() {
        sum += sin(2 * .pi * fraction * Double(rates.lower) / Double(rates.from) * Double(index) + Double(number))
      }
      let window = sin(.pi * (Double(index) + 0.5) / Double(count))
      return Float(sum * window * window * window * window / Double(fractions.count))
    }
  }

  func reference(_ rates: Rates) throws -> [Float] {
    let path = Reference.root.appendingPathComponent("Tests/Fixtures/rates/\(rates.from)-\(rates.to).f32")
    let bytes = try [UInt8](Data(contentsOf: path))
    return stride(from: 0, to: bytes.count, by: 4).map { at in
      let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * $1) }
      return Float(bitPattern: word)
    }
  }

  func difference(_ samples: [Float], _ expected: [Float]) -> Double {
    let pairs = zip(samples, expected)
    return decibels(power(pairs.map { $0 - $1 }) / power(expected))
  }

  @Test(arguments: cases)
  func agreesToAHundredDecibels(_ rates: Rates) throws {
    let expected = try reference(rates)
    let converter = try SampleRateConverter(from: rates.from, to: rates.to)
    let samples = converter.convert(sound(rates)) + converter.finish()
    #expect(abs(samples.count - expected.count) <= 1)
    let found = difference(samples, expected)
    #expect(found < -100, "\(found) dB")
    // A control: a thousandth louder would be seen.
    #expect(difference(samples.map { $0 * 1.001 }, expected) > -65)
  }

  /// The stream's own converter gives the same, late by its latency.
  @Test(arguments: cases)
  func agreesBehindTheLatency(_ rates: Rates) throws {
    let expected = try reference(rates)
    let probe = RateConverterProbe(from: rates.from, to: rates.to)
    let latency = probe.converter.latency
    let samples = probe.pull(expected.count + latency, from: sound(rates))
    #expect(difference(Array(samples[latency...]), expected) < -100)
  }
}
