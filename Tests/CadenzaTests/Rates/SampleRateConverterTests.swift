import Testing

@testable import Cadenza

@Suite("Whole sounds at another rate")
struct SampleRateConverterTests {
  static let cases = Rates.all + [Rates(from: 16_000, to: 8000), Rates(from: 8000, to: 16_000)]

  func convert(_ samples: [Float], _ rates: Rates, pieces: [Int]) throws -> [Float] {
    let converter = try SampleRateConverter(from: rates.from, to: rates.to)
    var converted: [Float] = []
    var (position, turn) = (0, 0)
    while position < samples.count {
      let count = min(pieces[turn % pieces.count], samples.count - position)
      converted += converter.convert(Array(samples[position..<position + count]))
      position += count
      turn += 1
    }
    return converted + converter.finish()
  }

  /// Sample n of the result is where n · from / to was: from the beginning, where silence comes before, to the last sample,
  /// behind which the sound is turned about its end.
  @Test(arguments: cases)
  func soundsKeepTheirTimeAndLength(_ rates: Rates) throws {
    let hertz = 0.02 * Double(rates.lower)
    for length in [1, 2, 400 * rates.from / rates.lower, 401 * rates.from / rates.lower + 1] {
      let input = sine(hertz / Double(rates.from), count: length, phase: 0)
      let output = try convert(input, rates, pieces: [length])
      #expect(output.count == RateRatio.quotient(length * rates.to, rates.from))
      guard length > 2 else { continue }
      let expected = sine(hertz / Double(rates.to), count: output.count, phase: 0)
      let lower = output.count * 40 * rates.from / rates.lower / length
      for index in output.indices {
        // A sine that begins has a bend there; one that ends is bent very little.
        let tolerance: Float = index < lower ? 0.02 : index + lower >= output.count ? 0.01 : 1e-5
        #expect(abs(output[index] - expected[index]) < tolerance, "\(index) of \(output.count)")
      }
    }
  }

  @Test(arguments: cases)
  func piecesDoNotMatter(_ rates: Rates) throws {
    let input = sine(0.0371, count: 900)
    let expected = try convert(input, rates, pieces: [900]).bits
    for pieces in [[1], [7], [64], [3, 1, 100, 17, 64, 2]] {
      #expect(try convert(input, rates, pieces: pieces).bits == expected)
    }
  }

  /// A second sound through the same converter is not touched by the first.
  @Test func oneSoundAfterAnother() throws {
    let converter = try SampleRateConverter(from: 44_100, to: 16_000)
    let first = converter.convert(sine(0.01, count: 777)) + converter.finish()
    _ = converter.convert([Float](repeating: 1, count: 300)) + converter.finish()
    #expect((converter.convert(sine(0.01, count: 777)) + converter.finish()).bits == first.bits)
    #expect(converter.finish().isEmpty)
  }

  @Test func equalRatesPassSamplesAsTheyAre() throws {
    let converter = try SampleRateConverter(from: 16_000, to: 16_000)
    let input = sine(0.123, count: 100)
    #expect((converter.convert(input) + converter.finish()).bits == input.bits)
  }

  /// Whatever comes in, what comes out is finite.
  @Test func wildSamplesAreTamed() throws {
    let converter = try SampleRateConverter(from: 44_100, to: 48_000)
    let wild: [Float] = (0..<500).map { [.nan, .infinity, -.infinity, 1e38, -1e38, 0][$0 % 6] }
    for sample in converter.convert(wild) + converter.finish() { #expect(abs(sample) < 4) }
  }

  @Test(arguments: [(999, 16_000), (16_000, 768_001), (0, 16_000), (16_000, -1), (Int.max, Int.min)])
  func absurdRatesAreRefused(from: Int, to: Int) {
    do throws(Failure) {
      _ = try SampleRateConverter(from: from, to: to)
      Issue.record("accepted")
    } catch {
      #expect(error.status == .invalidArgument)
      #expect(error.message.contains("expected 1000 to 768000"))
    }
  }
}
