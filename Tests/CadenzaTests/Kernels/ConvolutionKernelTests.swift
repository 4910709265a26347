import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

@Suite("Kernels of convolutions")
struct ConvolutionKernelTests {
  private static func numbers(_ count: Int, _ random: inout RandomGenerator) -> [Float] {
    (0..<count).map { _ in random.uniform() * 2 - 1 }
  }

  private static func function(_ activation: Int32, _ x: Double) -> Double {
    switch activation {
    case CK_RECTIFY: max(x, 0)
    case CK_LEAKY_RECTIFY: x < 0 ? 0.25 * x : x
    case CK_ELU: x < 0 ? exp(x) - 1 : x
    case CK_TANH: tanh(x)
    case CK_SIGMOID: 1 / (1 + exp(-x))
    default: x
    }
  }

  /// Against plain sums; on all sets the same bits; and nothing is written beyond the outputs, which begin anywhere.
  @Test(arguments: [1, 4, 15, 16, 17, 31, 64, 65, 100, 140], [CK_IDENTITY, CK_LEAKY_RECTIFY, CK_ELU, CK_TANH])
  func convolutionAgrees(outputs: Int, activation: Int32) {
    var random = RandomGenerator(seed: UInt64(outputs))
    let (runs, length) = (3, 5)
    let columns = runs * length
    let rows = (outputs + 15) & ~15
    let weights = Self.numbers(outputs * columns, &random)
    let bias = Self.numbers(outputs, &random)
    let inputs = Self.numbers(400, &random)
    let packed = ck_allocate(rows * columns * 4)!.assumingMemoryBound(to: Float.self)
    let biases = ck_allocate(rows * 4)!.assumingMemoryBound(to: Float.self)
    defer {
      ck_free(packed)
      ck_free(biases)
    }
    for row in 0..<outputs {
      biases[row] = bias[row]
      let block = row & ~63
      for column in 0..<columns {
        packed[block * columns + column * min(64, rows - block) + row - block] = weights[row * columns + column]
      }
    }
    let offsets: [Int64] = [2, 11, 40]
    let (count, inputStride, outputStride) = (21, 7, outputs + 3)
    var results: [[UInt32]] = []
    for kernels in kernelSets {
      var y = [Float](repeating: 7, count: count * outputStride + 1)
      offsets.withUnsafeBufferPointer { offsets in
        var convolution = ck_convolution(
          matrix: ck_matrix(
            weights: packed, rows: Int32(rows), columns: Int32(columns), element_type: CK_FLOAT32, reserved: 0),
          offsets: offsets.baseAddress, bias: biases, runs: Int32(runs), run_length: Int32(length),
          outputs: Int32(outputs), activation: activation, slope: 0.25, reserved: 0)
        // From the second number on: not aligned.
        y.withUnsafeMutableBufferPointer {
          ck_convolve(kernels, &convolution, inputs, inputStride, count, $0.baseAddress! + 1, outputStride)
        }
      }
      #expect(y[0] == 7)
      for vector in 0..<count {
        for row in 0..<outputStride {
          let found = y[1 + vector * outputStride + row]
          if row >= outputs {
            #expect(found == 7)
            continue
          }
          var sum = Double(bias[row])
          for run in 0..<runs {
            for place in 0..<length {
              sum +=
                Double(weights[row * columns + run * length + place])
                * Double(inputs[vector * inputStride + Int(offsets[run]) + place])
            }
          }
          #expect(abs(Double(found) - Self.function(activation, sum)) < 3e-6)
        }
      }
      results.append(y.bits)
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test(arguments: [CK_RECTIFY, CK_LEAKY_RECTIFY, CK_ELU, CK_TANH, CK_SIGMOID])
  func activationsAgree(activation: Int32) {
    let values: [Float] = (0..<2_001).map { Float($0 - 1_000) / 100 } + [1e-6, -1e-6, -0.1, -0.0999, -80, 80, .nan]
    var results: [[UInt32]] = []
    for kernels in kernelSets {
      var x = [9] + values + [9]
      x.withUnsafeMutableBufferPointer { ck_activate(kernels, activation, 0.25, $0.baseAddress! + 1, values.count) }
      #expect(x[0] == 9 && x[x.count - 1] == 9)
      for (index, value) in values.enumerated() {
        let found = Double(x[index + 1])
        if value.isNaN {
          #expect(found.isNaN)
        } else {
          #expect(abs(found - Self.function(activation, Double(value))) < 3e-7 * max(1, abs(Double(value))))
        }
      }
      results.append(x.bits)
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test(arguments: [1, 7, 16, 37])
  func rowsAreScaled(channels: Int) {
    var random = RandomGenerator(seed: 3)
    let (scale, shift) = (Self.numbers(channels, &random), Self.numbers(channels, &random))
    let values = Self.numbers(5 * (channels + 2), &random)
    var results: [[UInt32]] = []
    for kernels in kernelSets {
      var x = values
      ck_scale_rows(kernels, scale, shift, 5, channels, &x, channels + 2)
      for (index, value) in values.enumerated() {
        let channel = index % (channels + 2)
        let expected = channel < channels ? value * scale[channel] + shift[channel] : value
        #expect(abs(x[index] - expected) < 1e-6)
      }
      results.append(x.bits)
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test(arguments: [1, 5, 64, 100])
  func harmonicsAgree(frames: Int) {
    var random = RandomGenerator(seed: 4)
    let (from, to) = (Self.numbers(60, &random), Self.numbers(60, &random))
    let padded = (frames + 15) & ~15
    let phases = (0..<padded).map { 0.3 + 0.0071 * Double($0) }
    var results: [[UInt32]] = []
    for kernels in kernelSets {
      var y = [Float](repeating: 0, count: padded)
      ck_harmonics(
        kernels, from, to, 60, phases.map { sin(2 * .pi * $0) }, phases.map { cos(2 * .pi * $0) }, frames, &y)
      for frame in 0..<frames {
        var sum = 0.0
        for k in 0..<60 {
          let amplitude = Double(from[k]) + Double(frame) / Double(frames) * (Double(to[k]) - Double(from[k]))
          sum += amplitude * sin(2 * .pi * Double(k + 1) * phases[frame])
        }
        #expect(abs(Double(y[frame]) - sum) < 1e-5)
      }
      results.append(Array(y[..<frames]).bits)
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test(arguments: [(1, 15), (64, 64), (5, 27), (100, 12)])
  func filterAgrees(count: Int, taps tapCount: Int) {
    var random = RandomGenerator(seed: 5)
    let x = Self.numbers(count, &random)
    let taps = Self.numbers(tapCount, &random)
    let padded = [Float](repeating: 0, count: 16) + taps + [Float](repeating: 0, count: 16)
    let before = Self.numbers(count + tapCount, &random)
    var results: [[UInt32]] = []
    for kernels in kernelSets {
      var y = before
      padded.withUnsafeBufferPointer { ck_filter(kernels, x, count, $0.baseAddress! + 16, tapCount, &y) }
      for n in 0..<(count + tapCount) {
        var sum = Double(before[n])
        for i in 0..<count where n - i >= 0 && n - i < tapCount { sum += Double(x[i]) * Double(taps[n - i]) }
        #expect(abs(Double(y[n]) - sum) < 2e-5)
      }
      results.append(y.bits)
    }
    for result in results { #expect(result == results[0]) }
  }
}
