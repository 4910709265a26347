import Testing

@testable import Cadenza

/// Every encoder against PyTorch in float64, given the same recording or melody.
@Suite("Encoders beside PyTorch")
struct EncoderParityTests {
  @Test func casesAreThere() {
    #expect(Reference.encoders.filter { $0.name.hasPrefix("encoder-recurrent") }.count >= 2)
  }

  /// Numbers within 1e-5 of the largest number's magnitude.
  @Test(arguments: Reference.encoders)
  func latentsAgree(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    let tensors = try reference.read()
    let latent = try #require(tensors["latent"])
    let encoded: [Float]
    if let tokens = tensors["tokens"] {
      encoded = try encode(model, tokens.values.map { Int($0) })
    } else {
      let samples = try #require(tensors["samples"]).values.map { Float($0) }
      let conditions = model.configuration.conditions.map { condition in
        tensors["conditions.\(condition.name)"].map { $0.values.map { Float($0) } } ?? condition.defaultValue
      }
      encoded = try samples.withUnsafeBufferPointer { buffer in
        try model.encode(buffer, sampleRate: model.sampleRate, conditions: conditions)
      }
    }
    try #require(encoded.count == latent.values.count)
    let largest = latent.values.map(abs).max() ?? 1
    let worst = zip(encoded, latent.values).map { abs(Double($0) - $1) }.max() ?? .infinity
    print("encoder parity \(reference.name): \(worst / largest)")
    #expect(worst / largest <= 1e-5, "largest difference \(worst) beside a largest number of \(largest)")
    #expect(largest > 0.01)
  }

  /// Another melody has another latent: the comparison can fail.
  @Test func anotherMelodyIsSeen() throws {
    let reference = try Reference.named("encoder-recurrent-lstm")
    let model = try Model(path: reference.modelPath)
    let tensors = try reference.read()
    var tokens = try #require(tensors["tokens"]).values.map { Int($0) }
    let latent = try encode(model, tokens)
    tokens[20] = tokens[20] == 5 ? 6 : 5
    let other = try encode(model, tokens)
    #expect(zip(latent, other).contains { abs($0 - $1) > 1e-3 })
  }

  private func encode(_ model: Model, _ tokens: [Int]) throws -> [Float] {
    guard case .recurrent(let encoder) = try #require(model.plan.encoding).encoder else {
      Issue.record("not an encoder of melodies")
      return []
    }
    try #require(tokens.count == encoder.tokenCount)
    return try encoder.encode(tokens, model.plan.kernels)
  }
}
