import Testing

@testable import Cadenza

@Suite("Conditions")
struct ConditionTests {
  func stream(_ name: String, seed: UInt64 = 7) throws -> Stream {
    let model = try Model(path: Reference.named(name).modelPath)
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.seed = seed
    return try Stream(model: model, options: options)
  }

  /// A condition set between blocks counts from the next block on: as if it had been the network's from that sample.
  @Test func aChangeTakesEffectAtTheNextBlock() throws {
    let changed = try stream("wavenet-class-conditions")
    let twin = try stream("wavenet-class-conditions")
    #expect(changed.take(100).bits == twin.take(100).bits)
    #expect(changed.setCondition(0, [1]) == .ok)
    let after = changed.take(300)
    #expect(after.bits != twin.take(300).bits)

    // The same with another split after the change.
    let again = try stream("wavenet-class-conditions")
    _ = again.take(100, blocks: [13])
    #expect(again.setCondition(0, [1]) == .ok)
    #expect(again.take(300, blocks: [1, 90]).bits == after.bits)
  }

  @Test func ofSeveralValuesTheLatestCounts() throws {
    let many = try stream("wavenet-class-conditions")
    let one = try stream("wavenet-class-conditions")
    for value in [2, 0, 1, 2, 1] as [Float] { #expect(many.setCondition(0, [value]) == .ok) }
    #expect(one.setCondition(0, [1]) == .ok)
    #expect(many.take(200).bits == one.take(200).bits)
  }

  @Test func conditionsSurviveAReset() throws {
    let stream = try stream("wavenet-class-conditions", seed: 4)
    #expect(stream.setCondition(0, [2]) == .ok)
    let first = stream.take(150)
    #expect(stream.reset(seed: 4) == .ok)
    #expect(stream.take(150).bits == first.bits)
  }

  /// Queued values of a local condition play one after another, each for its frames; checked against the network run by hand.
  @Test(arguments: [[64], [1], [5, 3], [1000]])
  func localValuesPlayInTurn(blocks: [Int]) throws {
    let stream = try stream("wavenet-local-vector")
    let model = stream.model
    let index = try #require(model.configuration.conditions.firstIndex { $0.framesPerValue != nil })
    let condition = model.configuration.conditions[index]
    let frames = try #require(condition.framesPerValue)
    let width = condition.defaultValue.count
    let values = (0..<5).map { value in (0..<width).map { Float(value * 3 + $0) * 0.3 - 1 } }
    #expect(stream.setCondition(index, values.flatMap { $0 }) == .ok)
    #expect(stream.setParameter(.temperature, 0) == .ok)
    let played = stream.take(frames * 7, blocks: blocks)

    let probe = try #require(NetworkProbe(model))
    var expected: [Float] = []
    for frame in 0..<(frames * 7) {
      if frame % frames == 0 {
        var conditions = model.configuration.conditions.map { $0.defaultValue }
        conditions[index] = values[min(frame / frames, 4)]  // the last one holds
        probe.set(conditions)
      }
      let logits = probe.predict()
      let token = logits.indices.max { (logits[$0], $1) < (logits[$1], $0) } ?? 0
      probe.accept(token: token)
      expected.append(model.plan.codec.element(of: token).value)
    }
    #expect(played.bits == expected.bits)
  }

  @Test func aFullQueueRefusesAll() throws {
    let stream = try stream("wavenet-local-vector")
    let index = try #require(stream.model.configuration.conditions.firstIndex { $0.framesPerValue != nil })
    let condition = stream.model.configuration.conditions[index]
    let width = condition.defaultValue.count
    let capacity = condition.queueCapacity
    let value = [Float](repeating: 0.1, count: width)
    for _ in 0..<(capacity - 1) { #expect(stream.setCondition(index, value) == .ok) }
    #expect(stream.setCondition(index, value + value) == .state)
    #expect(stream.setCondition(index, value) == .ok)
    #expect(stream.setCondition(index, value) == .state)
    _ = stream.take(1)
    #expect(stream.setCondition(index, value) == .ok)
  }

  @Test func wrongValuesAreRefused() throws {
    let stream = try stream("wavenet-local-and-global")
    let twin = try self.stream("wavenet-local-and-global")
    for (index, condition) in stream.model.configuration.conditions.enumerated() {
      let width = condition.defaultValue.count
      #expect(stream.setCondition(index, [Float](repeating: .nan, count: width)) == .invalidArgument)
      #expect(stream.setCondition(index, [Float](repeating: 1e30, count: width + 1)) == .invalidArgument)
      if case .classes = condition.kind {
        for value in [-1, 0.5, Float(condition.size), 1e30, .infinity] as [Float] {
          #expect(stream.setCondition(index, [value]) == .invalidArgument)
        }
      }
    }
    #expect(stream.setCondition(-1, [0]) == .invalidArgument)
    #expect(stream.setCondition(99, [0]) == .invalidArgument)
    #expect(stream.take(200).bits == twin.take(200).bits)
  }
}
