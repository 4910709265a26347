import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

/// A transform with memory of its own.
final class FourierProbe {
  let size: Int
  private let memory: UnsafeMutablePointer<Float>
  private var fourier: ck_fourier
  private let work: UnsafeMutablePointer<Float>

  init(_ size: Int) {
    self.size = size
    memory = .allocate(capacity: ck_fourier_table_count(size))
    fourier = ck_fourier_fill(size, memory)
    work = .allocate(capacity: 2 * size)
  }

  deinit {
    memory.deallocate()
    work.deallocate()
  }

  func forward(_ x: [Float]) -> (real: [Float], imaginary: [Float]) {
    var real = [Float](repeating: .nan, count: size / 2 + 1)
    var imaginary = real
    ck_fourier_forward(&fourier, x, &real, &imaginary, work)
    return (real, imaginary)
  }

  func inverse(_ real: [Float], _ imaginary: [Float]) -> [Float] {
    var x = [Float](repeating: .nan, count: size)
    ck_fourier_inverse(&fourier, real, imaginary, &x, work)
    return x
  }
}

@Suite("Fourier transforms")
struct FourierTransformTests {
  static let sizes = (4...16).map { 1 << $0 }

  private static func noise(_ count: Int) -> [Float] {
    var random = RandomGenerator(seed: UInt64(count))
    return (0..<count).map { _ in 2 * random.uniform() - 1 }
  }

  /// Against the plain sum in double precision, at up to 64 bins.
  @Test(arguments: sizes)
  func isTheTransform(_ size: Int) {
    let x = Self.noise(size)
    let spectrum = FourierProbe(size).forward(x)
    var (error, whole) = (0.0, 0.0)
    for bin in stride(from: 0, through: size / 2, by: max(1, size / 128)) {
      var (real, imaginary) = (0.0, 0.0)
      for (index, value) in x.enumerated() {
        let angle = -2 * Double.pi * Double(index * bin % size) / Double(size)
        real += Double(value) * cos(angle)
        imaginary += Double(value) * sin(angle)
      }
      let (dr, di) = (real - Double(spectrum.real[bin]), imaginary - Double(spectrum.imaginary[bin]))
      error += dr * dr + di * di
      whole += real * real + imaginary * imaginary
    }
    #expect(decibels(error / whole) < -134)
  }

  @Test(arguments: sizes)
  func theInverseIsOne(_ size: Int) {
    let x = Self.noise(size)
    let probe = FourierProbe(size)
    let spectrum = probe.forward(x)
    let back = probe.inverse(spectrum.real, spectrum.imaginary)
    let error = zip(x, back).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
    #expect(decibels(error / Double(size) / power(x)) < -130)
  }

  /// Every bin on its own is a cosine.
  @Test func binsAreCosines() {
    let size = 64
    let probe = FourierProbe(size)
    for bin in 0...(size / 2) {
      var real = [Float](repeating: 0, count: size / 2 + 1)
      let imaginary = real
      real[bin] = 1
      let x = probe.inverse(real, imaginary)
      let scale = bin == 0 || bin == size / 2 ? 1.0 : 2.0
      for index in 0..<size {
        let exact = scale / Double(size) * cos(2 * .pi * Double(bin * index) / Double(size))
        #expect(abs(Double(x[index]) - exact) < 1e-8)
      }
    }
  }

  @Test func anglesAreCountedInTurns() {
    #expect(ck_turn_of(0) == 0)
    #expect(ck_turn_of(0.5) == 1 << 30)
    #expect(ck_turn_of(-0.5) == 3 << 30)
    #expect(ck_turn_of(1) == 1 << 31)
    #expect(ck_turn_of(-1) == 1 << 31)
    #expect(ck_turn_of(7) == 1 << 31)
    #expect(ck_turn_of(.nan) == 0)
    #expect(ck_turn_of(.infinity) == 1 << 31)
  }

  @Test func polarKeepsItsStatedError() {
    let turns = (0..<200_000).map { UInt32(truncatingIfNeeded: $0 * 21_477) }
    let ones = [Float](repeating: 1, count: turns.count)
    var real = ones
    var imaginary = ones
    ck_polar(ones, turns, turns.count, &real, &imaginary)
    var worst = 0.0
    for (index, turn) in turns.enumerated() {
      let angle = Double(turn) * 2 * .pi / 4_294_967_296
      worst = max(worst, abs(Double(real[index]) - cos(angle)), abs(Double(imaginary[index]) - sin(angle)))
    }
    #expect(worst < 3e-7)
  }

  @Test func anglesOfComplexNumbers() {
    var worst = 0.0
    for step in -5_000...5_000 {
      let angle = Double(step) / 5_000
      let found = ck_half_turns(3e-7 * cos(.pi * angle), 3e-7 * sin(.pi * angle))
      worst = max(worst, abs(found - angle).truncatingRemainder(dividingBy: 2))
    }
    #expect(worst < 1e-15)
    #expect(ck_half_turns(0, 0) == 0)
    #expect(ck_half_turns(-2, 0) == 1)
    #expect(ck_half_turns(0, -2) == -0.5)
  }
}
