import CadenzaKernels
import Testing

@testable import Cadenza

/// What a transformer does beside its numbers, which are compared with PyTorch's in ParityTests.
@Suite("Transformers")
struct TransformerTests {
  private static let relative = ["transformer-relative", "transformer-odd-heads"]
  private static let all =
    relative + [
      "transformer-learned-post", "transformer-sinusoidal-no-biases", "transformer-attention-biases-only", "transformer-f16",
      "transformer-smallest", "transformer-every-option",
    ]

  private static func model(_ name: String) throws -> Model { try Model(path: Reference.named(name).modelPath) }

  private static func tokens(_ count: Int, below vocabularySize: Int, seed: UInt64) -> [Int] {
    var random = RandomGenerator(seed: seed)
    return (0..<count).map { _ in Int(random.next() % UInt64(vocabularySize)) }
  }

  /// The prediction after `tokens`.
  private static func prediction(_ model: Model, after tokens: [Int]) throws -> [UInt32] {
    let probe = try #require(NetworkProbe(model))
    var last: [Float] = []
    for token in tokens {
      last = probe.predict()
      probe.accept(token: token)
    }
    last = probe.predict()
    return last.bits
  }

  /// The layers' windows are all that a prediction knows; where positions are relative it does not even know what time it is,
  /// nor where in the rings the windows lie. And it does know the last token of its reach: the comparison can fail.
  @Test(arguments: relative)
  func whatIsOutOfReachDoesNotMatter(name: String) throws {
    let model = try Self.model(name)
    let vocabularySize = try #require(model.vocabularySize)
    let reach = try #require(model.receptiveField)
    let recent = Self.tokens(reach, below: vocabularySize, seed: 1)
    let expected = try Self.prediction(model, after: Self.tokens(3, below: vocabularySize, seed: 2) + recent)
    for prefix in [1, 30, 64, 129] {
      let older = Self.tokens(prefix, below: vocabularySize, seed: UInt64(3 + prefix))
      #expect(try Self.prediction(model, after: older + recent) == expected)
    }
    let changed = [(recent[0] + 1) % vocabularySize] + recent.dropFirst()
    #expect(try Self.prediction(model, after: [0] + changed) != expected)
  }

  /// Absolute positions: the same moment, another past out of reach.
  @Test(arguments: ["transformer-learned-post", "transformer-sinusoidal-no-biases"])
  func absolutePositionsTellTheTime(name: String) throws {
    let model = try Self.model(name)
    let vocabularySize = try #require(model.vocabularySize)
    let recent = Self.tokens(try #require(model.receptiveField), below: vocabularySize, seed: 1)
    let first = try Self.prediction(model, after: Self.tokens(70, below: vocabularySize, seed: 2) + recent)
    #expect(try Self.prediction(model, after: Self.tokens(70, below: vocabularySize, seed: 3) + recent) == first)
    #expect(try Self.prediction(model, after: Self.tokens(71, below: vocabularySize, seed: 3) + recent) != first)
  }

  /// A step in units is the step; and one that was begun is begun anew, with whatever element, after its time was restored.
  @Test(arguments: all)
  func unitsMakeTheStep(name: String) throws {
    let model = try Self.model(name)
    let plan = model.plan
    let network = plan.network
    let vocabularySize = try #require(model.vocabularySize)
    let probe = try #require(NetworkProbe(model))
    let state = try #require(ck_allocate(plan.layout.count * 4)).assumingMemoryBound(to: Float.self)
    let h = try #require(ck_allocate(RowOrder.padded(plan.conditionChannels) * 4)).assumingMemoryBound(to: Float.self)
    defer {
      ck_free(state)
      ck_free(h)
    }
    for (input, condition) in zip(plan.conditions, model.configuration.conditions) {
      input.write(condition.defaultValue, to: h)
    }
    var element = plan.codec.silence
    network.begin(state, &element, plan.kernels)
    network.condition(state, h, plan.kernels)
    #expect(network.unitCount > 0)
    for (time, token) in Self.tokens(100, below: vocabularySize, seed: 4).enumerated() {
      if time % 5 == 0 {
        var other = plan.codec.element(of: (element.token + 1) % vocabularySize)
        network.start(state, &other, plan.kernels)
        for unit in 0..<(time % (network.unitCount + 1)) { network.work(state, unit, plan.kernels) }
        network.restore(state, time: UInt64(time))
      }
      network.start(state, &element, plan.kernels)
      for unit in 0..<network.unitCount { network.work(state, unit, plan.kernels) }
      let logits = network.predict(state, plan.kernels)
      #expect((0..<vocabularySize).map { logits[$0] }.bits == probe.predict().bits)
      element = plan.codec.element(of: token)
      probe.accept(token: token)
    }
  }

  /// A state that was saved at any moment, before the window is full, while the ring turns, and after, goes on as the stream.
  @Test(arguments: all)
  func savedStatesGoOn(name: String) throws {
    let model = try Self.model(name)
    var options = StreamOptions(for: model)
    options.seed = 11
    options.smoothingSeconds = 0
    let stream = try Stream(model: model, options: options)
    let other = try Stream(model: model, options: options)
    for frames in [0, 1, 17, 46, 63, 64, 100] {
      _ = stream.take(frames)
      let state = stream.savedState()
      let expected = stream.take(150)
      _ = other.take(13)
      #expect(other.load(state) == .ok)
      #expect(other.take(150, blocks: [7, 1, 50]).bits == expected.bits)
    }
  }

  /// Positions stay numbers however long a stream runs, or a forged state says it ran.
  @Test(arguments: all, [1 << 31, 1 << 40, 1 << 62, UInt64.max - 3, UInt64.max])
  func anyTimeIsPlayed(name: String, time: UInt64) throws {
    let model = try Self.model(name)
    let plan = model.plan
    let state = try #require(ck_allocate(plan.layout.count * 4)).assumingMemoryBound(to: Float.self)
    defer { ck_free(state) }
    var element = plan.codec.silence
    plan.network.begin(state, &element, plan.kernels)
    plan.network.restore(state, time: time)
    let vocabularySize = try #require(model.vocabularySize)
    for token in Self.tokens(80, below: vocabularySize, seed: 9) {
      plan.network.feed(state, plan.codec.element(of: token), plan.kernels)
      let logits = plan.network.predict(state, plan.kernels)
      for index in 0..<vocabularySize { #expect(logits[index].isFinite) }
    }
  }
}
