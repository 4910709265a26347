import CadenzaKernels
import Foundation

@testable import Cadenza

/// `count` samples of a sine of `frequency` cycles a sample.
func sine(_ frequency: Double, count: Int, amplitude: Double = 0.9, phase: Double = 0.3) -> [Float] {
  (0..<count).map { Float(amplitude * sin(2 * .pi * frequency * Double($0) + phase)) }
}

/// How much of `samples` is a sine of `frequency` cycles a sample: its amplitude by least squares, and its power over that of
/// all the rest, in decibels.
func measure(_ samples: [Float], frequency: Double) -> (amplitude: Double, signalToNoise: Double) {
  var (cc, ss, cs, xc, xs) = (0.0, 0.0, 0.0, 0.0, 0.0)
  for (index, sample) in samples.enumerated() {
    let c = cos(2 * .pi * frequency * Double(index))
    let s = sin(2 * .pi * frequency * Double(index))
    (cc, ss, cs) = (cc + c * c, ss + s * s, cs + c * s)
    (xc, xs) = (xc + Double(sample) * c, xs + Double(sample) * s)
  }
  let determinant = cc * ss - cs * cs
  let a = (xc * ss - xs * cs) / determinant
  let b = (xs * cc - xc * cs) / determinant
  var (signal, noise) = (0.0, 0.0)
  for (index, sample) in samples.enumerated() {
    let fitted = a * cos(2 * .pi * frequency * Double(index)) + b * sin(2 * .pi * frequency * Double(index))
    signal += fitted * fitted
    noise += (Double(sample) - fitted) * (Double(sample) - fitted)
  }
  return ((a * a + b * b).squareRoot(), decibels(signal / max(noise, 1e-300)))
}

/// Of a ratio of powers.
func decibels(_ ratio: Double) -> Double { 10 * log10(ratio) }

/// Mean power.
func power(_ samples: some Collection<Float>) -> Double {
  samples.reduce(0) { $0 + Double($1) * Double($1) } / Double(samples.count)
}

/// A converter with memory of its own.
final class RateConverterProbe {
  var converter: RateConverter
  private let memory: UnsafeMutableRawPointer
  /// Bytes that it took.
  let byteCount: Int

  init(from input: Int, to output: Int, kernels: UnsafePointer<ck_kernels> = ck_kernels_choose()) {
    let ratio = RateRatio(from: input, to: output)
    var measuring = Arena.measuring()
    _ = RateConverter(ratio, kernels: kernels, arena: &measuring)
    byteCount = measuring.byteCount
    memory = ck_allocate(measuring.byteCount)!
    var arena = Arena(filling: memory)
    converter = RateConverter(ratio, kernels: kernels, arena: &arena)
  }

  deinit { ck_free(memory) }

  /// The next `count` samples of the output, pulled as a stream pulls them; behind the end of `samples` comes silence.
  func pull(_ count: Int, from samples: [Float], at position: inout Int) -> [Float] {
    (0..<count).map { _ in
      while !converter.isReady {
        converter.push(position < samples.count ? samples[position] : 0)
        position += 1
      }
      return converter.next()
    }
  }

  func pull(_ count: Int, from samples: [Float]) -> [Float] {
    var position = 0
    return pull(count, from: samples, at: &position)
  }
}
