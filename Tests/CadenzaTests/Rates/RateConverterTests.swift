import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

/// Two rates, in Hz.
struct Rates: CustomTestStringConvertible, Sendable {
  let from: Int
  let to: Int
  var lower: Int { min(from, to) }
  var testDescription: String { "\(from) -> \(to)" }

  static let all: [Rates] = [
    (16_000, 44_100), (16_000, 48_000), (16_000, 22_050), (48_000, 16_000), (44_100, 48_000), (48_000, 44_100),
    (16_001, 96_000),
    (96_000, 16_001), (22_050, 44_100), (16_000, 96_000), (44_099, 44_100), (11_025, 192_000), (16_000, 767_999),
    (768_000, 44_101),
  ].map { Rates(from: $0.0, to: $0.1) }
}

@Suite("Sample-rate conversion")
struct RateConverterTests {
  /// A converted sine, from where the filter is filled, and its frequency in cycles a sample of the output.
  func converted(_ rates: Rates, fraction: Double, count: Int = 3000) -> (samples: [Float], frequency: Double) {
    let hertz = fraction * Double(rates.lower)
    let probe = RateConverterProbe(from: rates.from, to: rates.to)
    let settled = 2 * probe.converter.latency + 2
    let needed = (count + settled) * rates.from / rates.to + 2
    let input = sine(hertz / Double(rates.from), count: needed)
    return (Array(probe.pull(settled + count, from: input)[settled...]), hertz / Double(rates.to))
  }

  /// All that is not the sine counts as noise: images, aliases, rounding.
  @Test(arguments: Rates.all)
  func sinesAreCleanAndFlat(_ rates: Rates) {
    for fraction in [0.003, 0.05, 0.1234, 0.2, 0.25, 0.31, 0.4, 0.43, 0.45] {
      let (samples, frequency) = converted(rates, fraction: fraction)
      let (amplitude, signalToNoise) = measure(samples, frequency: frequency)
      #expect(signalToNoise > 100, "\(signalToNoise) dB at \(fraction)")
      if fraction <= 0.4 {
        #expect(abs(20 * log10(amplitude / 0.9)) < 0.1, "\(amplitude / 0.9) at \(fraction)")
      }
    }
  }

  /// What the output's rate cannot hold is gone, from 0.55 of it up to half of the input's.
  @Test(arguments: Rates.all.filter { Double($0.from) > 1.1 * Double($0.to) })
  func aliasesAreGone(_ rates: Rates) {
    let highest = 0.5 * Double(rates.from) / Double(rates.to)
    for fraction in [0.55, 0.6, 0.75, 0.99, 1.0, 1.3, 2.45, highest * 0.999] where fraction >= 0.55 && fraction < highest {
      let (samples, _) = converted(rates, fraction: fraction, count: 1000)
      #expect(decibels(power(samples) / (0.9 * 0.9 / 2)) < -100, "\(fraction)")
    }
  }

  /// The mirror images of a sine about the multiples of the input's rate, each alone.
  @Test(arguments: Rates.all.filter { $0.from < $0.to })
  func imagesAreGone(_ rates: Rates) {
    for fraction in [0.05, 0.25, 0.4, 0.45] {
      // So many that no window is too wide to tell a sine from its image.
      let (samples, _) = converted(rates, fraction: fraction, count: max(3000, 240 * rates.to / rates.from))
      for multiple in 1...3 {
        for image in [Double(multiple) - fraction, Double(multiple) + fraction] {
          let frequency = image * Double(rates.from) / Double(rates.to)
          // Near the output's own half, or near another image, the fit would not see it alone.
          guard frequency < 0.49 else { continue }
          var (cosine, sine) = (0.0, 0.0)
          for (index, sample) in samples.enumerated() {
            let windowed = window(index, samples.count) * Double(sample)
            cosine += windowed * cos(2 * .pi * frequency * Double(index))
            sine += windowed * sin(2 * .pi * frequency * Double(index))
          }
          let amplitude = 2 / Double(samples.count) * (cosine * cosine + sine * sine).squareRoot()
          #expect(20 * log10(amplitude / 0.9) < -100, "\(fraction), \(image)")
        }
      }
    }
  }

  /// sin⁶, of mean 1: its side lobes fall so fast that the sine itself does not reach the images' frequencies.
  func window(_ index: Int, _ count: Int) -> Double {
    let x = sin(.pi * (Double(index) + 0.5) / Double(count))
    return x * x * x * x * x * x * 16 / 5
  }

  @Test(arguments: Rates.all)
  func constantsPassExactly(_ rates: Rates) {
    let probe = RateConverterProbe(from: rates.from, to: rates.to)
    let settled = 2 * probe.converter.latency + 2
    let count = (settled + 500) * rates.from / rates.to + 2
    let samples = probe.pull(settled + 500, from: [Float](repeating: 0.75, count: count))[settled...]
    for sample in samples { #expect(abs(sample - 0.75) < 1e-6) }
  }

  /// Input sample n is at output sample n · to / from + latency: an impulse's peak, its mirror symmetry and its value.
  @Test(arguments: Rates.all)
  func impulsesAreWhereTheLatencySays(_ rates: Rates) throws {
    let ratio = RateRatio(from: rates.from, to: rates.to)
    guard ratio.input <= 5000, ratio.output <= 5000 else { return }
    let probe = RateConverterProbe(from: rates.from, to: rates.to)
    let latency = probe.converter.latency
    let lowerInOutput = rates.from < rates.to ? RateRatio.quotient(40 * rates.to, rates.from) : 40
    #expect(latency == lowerInOutput)
    for turn in [0, 1, 2] {
      let probe = RateConverterProbe(from: rates.from, to: rates.to)
      var input = [Float](repeating: 0, count: ratio.input * turn + 1)
      input[ratio.input * turn] = 1
      let center = ratio.output * turn + latency
      let output = probe.pull(center + latency + 1, from: input)
      let peak = try #require(output.indices.max { abs(output[$0]) < abs(output[$1]) })
      #expect(peak == center)
      #expect(abs(Double(output[center]) - min(1, Double(rates.to) / Double(rates.from))) < 1e-3)
      for away in 0..<latency where center - away >= 0 {
        #expect(abs(output[center - away] - output[center + away]) < 2e-7)
      }
      // Silence before and after.
      for index in 0..<max(0, center - latency) { #expect(output[index] == 0) }
    }
  }

  /// An hour, output by output: whole numbers do not drift.
  @Test(arguments: [Rates(from: 8000, to: 11_025), Rates(from: 16_001, to: 9600)])
  func anHourDoesNotDrift(_ rates: Rates) {
    let probe = RateConverterProbe(from: rates.from, to: rates.to)
    var pushed = 0
    for output in 0..<(3600 * rates.to) {
      let needed = probe.converter.needed
      pushed += needed
      for _ in 0..<needed { probe.converter.push(0) }
      probe.converter.advance()
      if output % rates.to == 0 { #expect(pushed == output * rates.from / rates.to + 1) }
    }
    #expect(pushed == (3600 * rates.to - 1) * rates.from / rates.to + 1)
    // It is where it began: an hour is a whole number of seconds.
    #expect(probe.converter.phase == 0)
  }

  @Test(arguments: Rates.all)
  func everyInstructionSetGivesTheSameBits(_ rates: Rates) {
    let input = noise(400 + 500 * rates.from / rates.to)
    let outputs = kernelSets.map { kernels in
      RateConverterProbe(from: rates.from, to: rates.to, kernels: kernels).pull(500, from: input).bits
    }
    for output in outputs { #expect(output == outputs[0]) }
    #expect(Set(outputs[0]).count > 300)
  }

  /// White noise, −1 … 1.
  func noise(_ count: Int) -> [Float] {
    var random = RandomGenerator(seed: 5)
    return (0..<count).map { _ in 2 * random.uniform() - 1 }
  }

  @Test(arguments: Rates.all)
  func savedStatesContinue(_ rates: Rates) {
    let input = noise(1000 + 700 * rates.from / rates.to)
    for moment in [0, 1, 77, 300] {
      let first = RateConverterProbe(from: rates.from, to: rates.to)
      var position = 0
      _ = first.pull(moment, from: input, at: &position)
      var bytes = [UInt8](repeating: 0, count: first.converter.savedByteCount)
      bytes.withUnsafeMutableBytes { buffer in
        var writer = ByteWriter(buffer.baseAddress!)
        first.converter.save(&writer)
      }
      let second = RateConverterProbe(from: rates.from, to: rates.to)
      _ = second.pull(33, from: input)
      let accepted = bytes.withUnsafeBytes { buffer in
        var (check, load) = (ByteReader(buffer.baseAddress!), ByteReader(buffer.baseAddress!))
        return second.converter.read(&check, isLoading: false) && second.converter.read(&load, isLoading: true)
      }
      #expect(accepted)
      var other = position
      #expect(second.pull(200, from: input, at: &other).bits == first.pull(200, from: input, at: &position).bits)
    }
  }

  /// The bound that the header states, over the whole range of rates.
  @Test func memoryIsBounded() {
    var rates: [(Int, Int)] = [
      (1000, 768_000), (768_000, 1000), (768_000, 1001), (767_999, 768_000), (768_000, 767_999), (1000, 767_999),
    ]
    var random = RandomGenerator(seed: 1)
    for _ in 0..<2000 {
      rates.append((1000 + Int(random.uniform() * 767_000), 1000 + Int(random.uniform() * 767_000)))
    }
    for (from, to) in rates where from != to {
      var measuring = Arena.measuring()
      _ = AlignedConverter(RateRatio(from: from, to: to), kernels: ck_kernels_choose(), arena: &measuring)
      #expect(measuring.byteCount <= 2_000_000, "\(from) -> \(to): \(measuring.byteCount)")
    }
  }

  /// The functions that the filter is made of, against the system's and against known values.
  @Test func designFunctionsKeepTheirStatedErrors() {
    for step in -40_000...40_000 {
      let x = Double(step) * 0.00123
      let reduced = x - 2 * (x / 2).rounded()
      #expect(abs(ck_sine_of_pi(x) - sin(.pi * reduced)) < 1e-15)
    }
    for whole in -5...5 { #expect(ck_sine_of_pi(Double(whole)) == 0) }
    #expect(abs(ck_sine_of_pi(0.5) - 1) < 1e-15)
    // Abramowitz and Stegun, table 9.8 and 9.11, to the digits that double precision has.
    #expect(ck_bessel_i0(0) == 1)
    for (x, value) in [
      (1.0, 1.2660658777520083356), (5.0, 27.239871823604444895), (12.0, 18948.925349296308860), (20.0, 43558282.559553533272),
    ] {
      #expect(abs(ck_bessel_i0(x) / value - 1) < 1e-14)
    }
  }

  @Test func dotProductsAgreeOnEverySet() {
    let values = noise(4096 + 1)
    for count in stride(from: 0, through: 2048, by: 16) {
      let c = ck_allocate(max(64, count * 4))!.assumingMemoryBound(to: Float.self)
      defer { ck_free(c) }
      for index in 0..<count { c[index] = values[4096 - index] }
      let exact = (0..<count).reduce(0.0) { $0 + Double(values[$1 + 1]) * Double(c[$1]) }
      let results = values.withUnsafeBufferPointer { x in
        kernelSets.map { ck_dot($0, x.baseAddress! + 1, c, count) }
      }
      for result in results {
        #expect(result.bitPattern == results[0].bitPattern)
        #expect(abs(Double(result) - exact) < 1e-4)
      }
    }
  }
}
