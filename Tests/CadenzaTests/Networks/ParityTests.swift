import Foundation
import Testing

@testable import Cadenza

/// Every network against PyTorch in float64, fed the same tokens under the same conditions.
@Suite("Parity with PyTorch")
struct ParityTests {
  @Test func casesAreThere() throws {
    #expect(Reference.all.count >= 40)
    #expect(Reference.all.filter(\.hasFields).count >= 3)
    let models = try FileManager.default.contentsOfDirectory(
      atPath: Reference.root.appendingPathComponent("Examples/models").path)
    for model in models where model.hasSuffix(".safetensors") {
      _ = try Reference.named("shipped-" + model.dropLast(".safetensors".count))
    }
  }

  /// Logits within 1e-5 of the largest logit's magnitude: a softmax looks at differences, so that is what errors are relative to.
  @Test(arguments: Reference.all)
  func logitsAgree(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    let tensors = try reference.read()
    let logits = try #require(tensors["logits"])
    let inputs = try #require(tensors["tokens"] ?? tensors["samples"] ?? tensors["elements"])
    let isTokens = tensors["tokens"] != nil
    let fieldCount = inputs.shape.count == 2 ? inputs.shape[1] : 1
    let width = logits.shape[1]
    let largest = logits.values.map(abs).max() ?? 1
    let probe = try #require(NetworkProbe(model))
    var worst = 0.0
    var previous: [[Float]] = []
    for step in 0..<logits.shape[0] {
      let conditions = try model.configuration.conditions.map { condition -> [Float] in
        let values = try #require(tensors["conditions.\(condition.name)"])
        let count = condition.defaultValue.count
        return (0..<count).map { Float(values.values[step * count + $0]) }
      }
      if conditions != previous {
        probe.set(conditions)
        previous = conditions
      }
      let predicted = probe.predict()
      #expect(predicted.count == width)
      for (index, value) in predicted.enumerated() {
        let difference = abs(Double(value) - logits.values[step * width + index])
        worst = difference.isNaN ? .infinity : max(worst, difference)
      }
      if fieldCount > 1 {
        probe.accept((0..<fieldCount).map { Float(inputs.values[step * fieldCount + $0]) })
      } else if isTokens {
        probe.accept(token: Int(inputs.values[step]))
      } else {
        probe.accept(sample: Float(inputs.values[step]))
      }
    }
    #expect(worst / largest <= 1e-5, "largest difference \(worst) beside a largest logit of \(largest)")
  }

  /// A copy with a weight changed must be told from the original: the comparison can fail.
  @Test func aWrongWeightIsSeen() throws {
    let reference = try Reference.named("wavenet-plain")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: reference.modelPath)))
    let place = bytes.count - 4 * 7
    bytes.withUnsafeMutableBytes { memory in
      let value = Float(bitPattern: memory.loadUnaligned(fromByteOffset: place, as: UInt32.self))
      memory.storeBytes(of: (value + 0.05).bitPattern, toByteOffset: place, as: UInt32.self)
    }
    let model = try Model(path: reference.modelPath)
    let changed = try bytes.withUnsafeBytes { memory throws(Failure) in try Model(bytes: memory) }
    let probe = try #require(NetworkProbe(model))
    let changedProbe = try #require(NetworkProbe(changed))
    var differs = false
    for token in 0..<30 {
      differs = differs || probe.predict() != changedProbe.predict()
      probe.accept(token: token)
      changedProbe.accept(token: token)
    }
    #expect(differs)
  }

  /// Every instruction set that this machine runs gives the same bits, at every logit of every step.
  @Test(arguments: Reference.all)
  func instructionSetsAgreeBitForBit(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    let probes = ["portable", "avx2", "avx512", "neon"].compactMap { NetworkProbe(model, instructionSet: $0) }
    #expect(!probes.isEmpty)
    var random = RandomGenerator(seed: 5)
    for _ in 0..<(reference.isShipped ? 40 : 120) {
      let predictions = probes.map { $0.predict().map(\.bitPattern) }
      for prediction in predictions { #expect(prediction == predictions[0]) }
      let uniforms = (0..<probes[0].plan.fields.count).map { _ in random.uniform() }
      for probe in probes {
        var remaining = uniforms
        probe.accept { remaining.removeFirst() }
      }
    }
  }

  /// A step taken in units gives the bits of one taken at once.
  @Test(arguments: Reference.all)
  func unitsOfWorkMakeTheSameStep(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    let whole = try #require(NetworkProbe(model))
    let sliced = try #require(NetworkProbe(model))
    var random = RandomGenerator(seed: 6)
    for _ in 0..<40 {
      #expect(whole.predict().bits == sliced.predict(inUnits: true).bits)
      let uniforms = (0..<whole.plan.fields.count).map { _ in random.uniform() }
      for probe in [whole, sliced] {
        var remaining = uniforms
        probe.accept { remaining.removeFirst() }
      }
    }
  }
}
