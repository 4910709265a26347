import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

/// Numbers in memory as kernels want it: aligned, and zero where nothing was put.
private final class Numbers {
  let base: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    base = ck_allocate(count * 4)!.assumingMemoryBound(to: Float.self)
  }

  convenience init(_ values: [Float]) {
    self.init(count: RowOrder.padded(values.count))
    for (index, value) in values.enumerated() { base[index] = value }
  }

  deinit { ck_free(base) }

  var bits: [UInt32] { (0..<count).map { base[$0].bitPattern } }
}

@Suite("Kernels of a transformer")
struct AttentionKernelTests {
  @Test(arguments: [1, 5, 16, 17, 256, 300])
  func normalizationAgrees(count: Int) {
    var random = RandomGenerator(seed: UInt64(count))
    for (scale, shift) in [(1, 0), (100, 1000), (1e-4, 0)] as [(Float, Float)] {
      let values = (0..<count).map { _ in (random.uniform() * 2 - 1) * scale + shift }
      let (x, weight, bias) = (
        Numbers(values), Numbers(values.map { _ in random.uniform() + 0.5 }), Numbers(values.map { _ in random.uniform() })
      )
      let mean = values.reduce(0) { $0 + Double($1) } / Double(count)
      let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
      var results: [[UInt32]] = []
      for kernels in kernelSets {
        let y = Numbers(count: RowOrder.padded(count))
        ck_normalize(kernels, x.base, weight.base, bias.base, count, y.base)
        for (index, value) in values.enumerated() {
          let normal = (Double(value) - mean) / (variance + 1e-5).squareRoot()
          let exact = normal * Double(weight.base[index]) + Double(bias.base[index])
          // The mean is rounded to a unit in its last place, which the division by the deviation makes larger.
          let error = 2e-6 + 3e-7 * abs(mean) / (variance + 1e-5).squareRoot()
          #expect(abs(Double(y.base[index]) - exact) < error)
        }
        for index in count..<y.count { #expect(y.base[index] == 0) }
        results.append(y.bits)
        // In place.
        let z = Numbers(values)
        ck_normalize(kernels, z.base, weight.base, bias.base, count, z.base)
        #expect(z.bits == y.bits)
      }
      for result in results { #expect(result == results[0]) }
    }
  }

  /// The errors that Kernels.inc states.
  @Test func geluKeepsItsStatedErrors() {
    let values: [Float] = (-160_000...160_000).map { Float($0) * 1e-4 } + [-1e30, -100, 100, 1e30, -.infinity, .infinity, .nan]
    var results: [[UInt32]] = []
    for kernels in kernelSets {
      let x = Numbers(values)
      ck_gelu(kernels, x.base, x.count)
      results.append(x.bits)
      for (index, value) in values.enumerated() {
        let result = Double(x.base[index])
        if value.isNaN {
          #expect(result.isNaN)
          continue
        }
        let exact = value == -.infinity ? 0 : Double(value) * 0.5 * erfc(-Double(value) / 2.0.squareRoot())
        let bound: Double =
          switch value {
          case 1...: 4e-7 * exact
          case -1..<1: 1.2e-7
          case -5..<(-1): 1.2e-6 * abs(exact)
          default: 1e-11
          }
        #expect(result == exact || abs(result - exact) <= bound, "at \(value)")
      }
    }
    for result in results { #expect(result == results[0]) }
  }

  struct Shape: CustomTestStringConvertible {
    var heads: Int
    var channels: Int
    var window: Int
    var isRelative: Bool
    var elementType = ElementType.float32

    var testDescription: String { "\(heads) heads of \(channels), window \(window)\(isRelative ? ", relative" : "")" }
  }

  /// Steps of attention against plain sums in double precision, through several turns of the ring; all sets the same bits.
  @Test(
    arguments: [
      Shape(heads: 1, channels: 1, window: 1, isRelative: true), Shape(heads: 3, channels: 5, window: 20, isRelative: true),
      Shape(heads: 2, channels: 16, window: 64, isRelative: false), Shape(heads: 1, channels: 33, window: 65, isRelative: true),
      Shape(heads: 5, channels: 32, window: 100, isRelative: true, elementType: .bfloat16),
      Shape(heads: 2, channels: 48, window: 63, isRelative: true),
    ])
  func attentionAgrees(_ shape: Shape) throws {
    let (heads, channels, window) = (shape.heads, shape.channels, shape.window)
    let slots = (window + 63) & ~63
    let stride = RowOrder.padded(channels)
    let rows = heads * stride
    var random = RandomGenerator(seed: UInt64(heads * 1000 + window))

    let relativeBytes = (0..<(heads * window * channels)).flatMap { _ -> [UInt8] in
      let bits = (random.uniform() * 2 - 1).bitPattern
      if shape.elementType == .float32 { return withUnsafeBytes(of: bits.littleEndian) { [UInt8]($0) } }
      return withUnsafeBytes(of: UInt16(bits >> 16).littleEndian) { [UInt8]($0) }
    }
    try relativeBytes.withUnsafeBytes { memory in
      let tensor = Tensor(
        name: "r", elementType: shape.elementType, shape: [heads, window, channels], bytes: memory)
      let ages = (0..<slots).map { slots - 1 - $0 < window ? slots - 1 - $0 : nil }
      let parts = (0..<heads).map { MatrixPart(tensor, rows: ages, group: $0) }
      var measuring = Arena.measuring()
      _ = measuring.pack(parts, columns: channels)
      let storage = try #require(ck_allocate(measuring.byteCount))
      defer { ck_free(storage) }
      var arena = Arena(filling: storage)
      let relative = arena.pack(parts, columns: channels)
      var attention = ck_attention(
        heads: Int32(heads), channels: Int32(channels), window: Int32(window), slots: Int32(slots),
        scale: 1 / Float(channels).squareRoot(), reserved: 0, relative: shape.isRelative ? UnsafePointer(relative) : nil)

      let rings = kernelSets.map { _ in (keys: Numbers(count: heads * slots * channels), values: Numbers(count: rows * slots)) }
      let scores = Numbers(count: (heads + 1) * slots + RowOrder.padded(heads))
      // What scratch holds must not matter.
      for index in 0..<scores.count { scores.base[index] = .nan }
      var past: [[Float]] = []
      for time in 0..<(2 * slots + 70) {
        var qkv = [Float](repeating: 0, count: 3 * rows)
        for part in 0..<(3 * heads) {
          for channel in 0..<channels { qkv[part * stride + channel] = random.uniform() * 4 - 2 }
        }
        past.append(qkv)
        var results: [[UInt32]] = []
        for (kernels, ring) in zip(kernelSets, rings) {
          let (input, y) = (Numbers(qkv), Numbers(count: rows))
          ck_attend(
            kernels, &attention, UInt64(time), input.base, ring.keys.base, ring.values.base, scores.base, y.base)
          results.append(y.bits)
          // Plain sums take a while; a set's bits are compared at every step.
          guard results.count == 1, time < 5 || time % 7 == 0 || time % slots < 2 else { continue }
          for head in 0..<heads {
            let exact = exactAttention(shape, past, tensor, head: head)
            for channel in 0..<stride {
              #expect(abs(Double(y.base[head * stride + channel]) - (channel < channels ? exact[channel] : 0)) < 5e-6)
            }
          }
        }
        for result in results { #expect(result == results[0], "at step \(time)") }
      }
    }
  }

  private func exactAttention(_ shape: Shape, _ past: [[Float]], _ relative: Tensor, head: Int) -> [Double] {
    let stride = RowOrder.padded(shape.channels)
    let rows = shape.heads * stride
    let query = past[past.count - 1][(head * stride)...]
    let distances = 0..<min(past.count, shape.window)
    let scores = distances.map { distance -> Double in
      let key = past[past.count - 1 - distance][(rows + head * stride)...]
      var sum = 0.0
      for channel in 0..<shape.channels {
        let row = (head * shape.window + distance) * shape.channels + channel
        let r = shape.isRelative ? Double(relative.value(at: row)) : 0
        sum += Double(query[query.startIndex + channel]) * (Double(key[key.startIndex + channel]) + r)
      }
      return sum / Double(shape.channels).squareRoot()
    }
    let largest = scores.max() ?? 0
    let powers = scores.map { exp($0 - largest) }
    let total = powers.reduce(0, +)
    return (0..<shape.channels).map { channel in
      distances.reduce(0) { $0 + powers[$1] / total * Double(past[past.count - 1 - $1][2 * rows + head * stride + channel]) }
    }
  }
}
