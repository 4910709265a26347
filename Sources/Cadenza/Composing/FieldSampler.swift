import CadenzaKernels

/// Draws the elements of a composer's step from what the network predicts, field by field.
struct FieldSampler {
  private let kernels: UnsafePointer<ck_kernels>
  private let fields: UnsafeMutablePointer<FieldPrediction>
  private let fieldCount: Int
  /// Scratch, as many numbers each as the largest vocabulary has, in whole panels.
  private let logits: UnsafeMutablePointer<Float>
  private let distances: UnsafeMutablePointer<Float>
  private let masses: UnsafeMutablePointer<Float>

  init(_ plan: ModelPlan, arena: inout Arena) {
    kernels = plan.kernels
    fieldCount = plan.fields.count
    fields = arena.take(FieldPrediction.self, count: fieldCount)
    var size = 0
    for (index, field) in plan.fields.enumerated() {
      if case .softmax(let vocabularySize) = field.kind { size = max(size, vocabularySize) }
      if !arena.isMeasuring { fields[index] = field }
    }
    let padded = Sampler.paddedSize(size)
    logits = arena.take(Float.self, count: padded)
    distances = arena.take(Float.self, count: padded)
    masses = arena.take(Float.self, count: padded)
  }

  /// Whether every field has a likelihood.
  var hasLikelihood: Bool {
    @_noLocks get {
      for index in 0..<fieldCount {
        guard case .softmax = fields[index].kind else { return false }
      }
      return true
    }
  }

  /// The sampler among `count` tokens from `first` on, whose logits it copies to scratch.
  @_noLocks
  private func sampler(_ prediction: UnsafePointer<Float>, first: Int, count: Int) -> Sampler {
    let padded = Sampler.paddedSize(count)
    ck_zero(logits + (padded - 16), 64)
    ck_copy(logits, prediction + first, count * 4)
    return Sampler(kernels: kernels, vocabularySize: count, distances: distances, masses: masses)
  }

  @_noLocks
  func kind(_ index: Int) -> FieldPrediction.Kind { fields[index].kind }

  /// Chooses an element for each field; of the first one among the tokens `choices`. False where the network produced a value that
  /// is not finite: `elements` are as they were then, in part.
  @_noLocks
  func choose(
    _ prediction: UnsafePointer<Float>, among choices: (first: Int, count: Int), _ settings: SamplerSettings,
    _ random: inout RandomGenerator, into elements: UnsafeMutablePointer<Element>
  ) -> Bool {
    for index in 0..<fieldCount {
      let field = fields[index]
      switch field.kind {
      case .softmax(let size):
        let first = index == 0 ? choices.first : 0
        let count = index == 0 ? choices.count : size
        let sampler = sampler(prediction + field.offset, first: first, count: count)
        let token = sampler.choose(logits, settings, &random)
        if token < 0 { return false }
        elements[index] = Element(token: first + token, value: 0)
      case .frame: return false
      case .linear(let noise):
        let value = NoisyValue(noise: noise).choose(prediction[field.offset], settings, &random)
        if !value.isFinite { return false }
        elements[index] = Element(token: 0, value: value)
      }
    }
    return true
  }

  /// The negative log-likelihood of `elements` in nats at temperature 1, or nil where a logit is not finite. Every field has one.
  @_noLocks
  func nats(
    _ prediction: UnsafePointer<Float>, among choices: (first: Int, count: Int), of elements: UnsafePointer<Element>
  ) -> Double? {
    var total = 0.0
    for index in 0..<fieldCount {
      let field = fields[index]
      guard case .softmax(let size) = field.kind else { return nil }
      let first = index == 0 ? choices.first : 0
      let count = index == 0 ? choices.count : size
      let sampler = sampler(prediction + field.offset, first: first, count: count)
      guard let nats = sampler.nats(logits, of: elements[index].token - first) else { return nil }
      total += nats
    }
    return total
  }
}
