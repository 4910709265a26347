import Foundation
import Testing

@testable import Cadenza

/// Decoders against PyTorch in float64: frames, and what codecs make of them.
@Suite("Decoders' parity with PyTorch")
struct DecoderParityTests {
  static let cases = Reference.decoders

  @Test func casesAreThere() { #expect(Self.cases.count >= 10) }

  /// Frames within 1e-5 of the largest number.
  @Test(arguments: cases)
  func framesAgree(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    let tensors = try reference.read()
    let expected = try #require(tensors["frames"])
    let probe = try #require(try DecoderProbe(path: reference.modelPath))
    let frames = probe.frames(try reference.conditions(model, tensors))
    if reference.isShipped {
      #expect(frames.count > expected.values.count)
    } else {
      #expect(frames.count == expected.values.count)
    }
    let largest = expected.values.map(abs).max() ?? 1
    let worst = zip(frames, expected.values).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(worst / largest <= 1e-5, "largest difference \(worst) beside a largest number of \(largest)")
  }

  /// A clip as a stream plays it within 1e-4 of full scale, and then the end.
  @Test(arguments: cases)
  func samplesAgree(_ reference: Reference) throws {
    let tensors = try reference.read()
    guard let expected = tensors["samples"] else { return }
    let model = try Model(path: reference.modelPath)
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    // A trained model's sound is given without its noise.
    options.temperature = 0
    if model.decodesWhole { options.renderAheadFrames = 4096 }
    let stream = try Stream(model: model, options: options)
    stream.renderMode = .offline
    for (index, values) in try reference.conditions(model, tensors).enumerated() {
      #expect(stream.setCondition(index, values) == .ok)
    }
    // What was set counts from the first block on: begun anew, nothing is ahead that does not know it.
    _ = stream.reset(seed: 0)
    let count = expected.values.count
    #expect(reference.isShipped || model.clipFrames == count)
    let samples = stream.take(count)
    let worst = zip(samples, expected.values).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(worst <= 1e-4)
    if !reference.isShipped { #expect(stream.take(100).allSatisfy { $0 == 0 }) }
  }

  /// Every instruction set that this machine runs gives the same bits, and so does a clip that is decoded whole.
  @Test(arguments: cases)
  func setsAndWaysAgreeBitForBit(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    let conditions = try reference.conditions(model, try reference.read())
    var all: [[UInt32]] = []
    for set in ["portable", "avx2", "avx512", "neon"] {
      for isWhole in [false, true] {
        guard let probe = try DecoderProbe(path: reference.modelPath, instructionSet: set, isWhole: isWhole) else { continue }
        all.append(probe.frames(conditions).bits)
      }
    }
    #expect(all.count >= 2)
    for bits in all { #expect(bits == all[0]) }
  }

  /// A copy with a weight changed must be told from the original: the comparison can fail.
  @Test func aWrongWeightIsSeen() throws {
    let reference = try #require(Self.cases.first { $0.name == "decoder-plain" })
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: reference.modelPath)))
    let place = bytes.count - 4 * 7
    bytes.withUnsafeMutableBytes { memory in
      let value = Float(bitPattern: memory.loadUnaligned(fromByteOffset: place, as: UInt32.self))
      memory.storeBytes(of: (value + 0.05).bitPattern, toByteOffset: place, as: UInt32.self)
    }
    let conditions = try reference.conditions(try Model(path: reference.modelPath), try reference.read())
    let right = try #require(try DecoderProbe(path: reference.modelPath)).frames(conditions)
    #expect(right != (try #require(try DecoderProbe(bytes))).frames(conditions))
  }
}

extension Reference {
  /// The row of each condition's value.
  func conditions(_ model: Model, _ tensors: [String: (shape: [Int], values: [Double])]) throws -> [[Float]] {
    try model.configuration.conditions.map { condition in
      let values = try #require(tensors["conditions.\(condition.name)"])
      return values.values.map { Float($0) }
    }
  }
}
