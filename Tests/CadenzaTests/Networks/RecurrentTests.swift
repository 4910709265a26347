import Testing

@testable import Cadenza

/// What windows, fields and noise promise beside parity.
@Suite("Recurrent networks")
struct RecurrentTests {
  /// Random weights for a stack over 20 tokens, the same for every window.
  private static func bytes(layers: String, shapes: [SmallModel.Shape], window: Int?, biases: Bool = true) -> [UInt8] {
    let windowKey = window.map { "\"window\":\($0)," } ?? ""
    let configuration = """
      {"network":{"kind":"recurrent","vocabulary_size":20,"input":{"kind":"embedding","channels":6},"layers":\(layers),\
      \(windowKey)"head":{"kind":"softmax"},"initial_states":true},"codec":{"kind":"mu_law","sample_rate":16000,"levels":20},\
      "conditions":[{"name":"pitch","kind":"class","size":3}]}
      """
    var writer = SafetensorsWriter(configuration: configuration)
    var random = RandomGenerator(seed: 17)
    for (name, shape) in shapes {
      let count = shape.reduce(1, *)
      writer.add(name, .float32, shape: shape, values: (0..<count).map { _ in random.uniform() * 2 - 1 })
    }
    return writer.file()
  }

  private static func layer(_ place: String, gates: Int, channels: Int, inputs: Int) -> [SmallModel.Shape] {
    let rows = gates * channels
    return [
      (place + ".input.weight", [rows, inputs]), (place + ".input.bias", [rows]),
      (place + ".recurrent.weight", [rows, channels]), (place + ".recurrent.bias", [rows]),
      (place + ".initial.hidden", [channels]),
    ] + (gates == 4 ? [(place + ".initial.cell", [channels])] : [])
  }

  /// An LSTM of 18 below a GRU of 21.
  private static func forward(window: Int?) throws -> Model {
    try load(
      bytes(
        layers: #"[{"kind":"lstm","channels":18},{"kind":"gru","channels":21}]"#,
        shapes: [("input.embedding.weight", [20, 6])] + layer("layers.0", gates: 4, channels: 18, inputs: 9)
          + layer("layers.1", gates: 3, channels: 21, inputs: 18) + [("head.weight", [20, 21]), ("head.bias", [20])],
        window: window))
  }

  /// The same, both ways.
  private static func bothWays(window: Int) throws -> Model {
    try load(
      bytes(
        layers: #"[{"kind":"lstm","channels":18,"bidirectional":true},{"kind":"gru","channels":21,"bidirectional":true}]"#,
        shapes: [("input.embedding.weight", [20, 6])] + layer("layers.0", gates: 4, channels: 18, inputs: 9)
          + layer("layers.0.backward", gates: 4, channels: 18, inputs: 9)
          + layer("layers.1", gates: 3, channels: 21, inputs: 36)
          + layer("layers.1.backward", gates: 3, channels: 21, inputs: 36)
          + [("head.weight", [20, 42]), ("head.bias", [20])],
        window: window))
  }

  private static func tokens(_ count: Int, seed: UInt64) -> [Int] {
    var random = RandomGenerator(seed: seed)
    return (0..<count).map { _ in Int(random.uniform() * 20) }
  }

  /// Step t of a window of W is step W of a network that remembers, and that heard what the window holds: W − t times the element of
  /// step 0, then the tokens since. To the bit: both add up in the same order.
  @Test(arguments: [1, 2, 4, 5, 16, 23])
  func aWindowIsANetworkThatBeginsAnew(window: Int) throws {
    let windowed = try Self.forward(window: window)
    let plain = try Self.forward(window: nil)
    let tokens = Self.tokens(40, seed: 3)
    let probe = try #require(NetworkProbe(windowed))
    probe.set([[2]])
    for step in 0..<40 {
      let prediction = probe.predict()
      let twin = try #require(NetworkProbe(plain))
      twin.set([[2]])
      let heard = tokens[max(0, step - window)..<step]
      let first = NetworkProbe.first(plain.plan)[0].token
      // The window's elements: what step 0 was fed, as often as the tokens leave room for it.
      let elements = (Array(repeating: first, count: window) + heard).suffix(window)
      var expected: [Float] = []
      for element in elements {
        twin.accept(token: element)
        expected = twin.predict()
      }
      #expect(prediction.bits == expected.bits, "step \(step)")
      probe.accept(token: tokens[step])
    }
  }

  /// What left the window is forgotten, what is in it is not.
  @Test func aWindowForgets() throws {
    let model = try Self.bothWays(window: 9)
    let first = try #require(NetworkProbe(model))
    let second = try #require(NetworkProbe(model))
    let before = (Self.tokens(30, seed: 4), Self.tokens(30, seed: 5))
    let after = Self.tokens(9, seed: 6)
    for step in 0..<30 {
      _ = first.predict()
      _ = second.predict()
      first.accept(token: before.0[step])
      second.accept(token: before.1[step])
    }
    for (step, token) in after.enumerated() {
      #expect(first.predict().bits != second.predict().bits, "step \(step)")
      first.accept(token: token)
      second.accept(token: token)
    }
    #expect(first.predict().bits == second.predict().bits)
  }

  /// All elements of a window are heard under the conditions of now.
  @Test func aWindowIsHeardUnderTheConditionsOfNow() throws {
    let model = try Self.bothWays(window: 7)
    let changed = try #require(NetworkProbe(model))
    let constant = try #require(NetworkProbe(model))
    constant.set([[1]])
    var difference = false
    for (step, token) in Self.tokens(20, seed: 7).enumerated() {
      if step == 12 { changed.set([[1]]) }
      let predictions = (changed.predict().bits, constant.predict().bits)
      if step < 12 { difference = difference || predictions.0 != predictions.1 }
      if step >= 12 { #expect(predictions.0 == predictions.1, "step \(step)") }
      changed.accept(token: token)
      constant.accept(token: token)
    }
    #expect(difference)
  }

  /// A saved state is checked: tokens index tables, the ring's beginning indexes the ring.
  @Test func statesThatCannotBeAreRefused() throws {
    let probe = try #require(NetworkProbe(try Self.bothWays(window: 9)))
    for token in Self.tokens(5, seed: 8) {
      _ = probe.predict()
      probe.accept(token: token)
    }
    let saved = probe.saved
    #expect(probe.accepts(saved: saved))
    for place in 0..<9 {
      #expect(probe.accepts(saved: saved.with(19, at: place)))
      #expect(!probe.accepts(saved: saved.with(20, at: place)))
      #expect(!probe.accepts(saved: saved.with(.max, at: place)))
    }
    // Nine words of elements, in a region of sixteen.
    #expect(saved[16] == 5)
    #expect(probe.accepts(saved: saved.with(8, at: 16)))
    #expect(!probe.accepts(saved: saved.with(9, at: 16)))

    let values = try #require(NetworkProbe(try load(SmallModel.fieldsBytes())))
    let fields = values.saved
    #expect(values.accepts(saved: fields))
    #expect(!values.accepts(saved: fields.with(Float.infinity.bitPattern, at: 0)))
    #expect(!values.accepts(saved: fields.with(8, at: 1)))
    #expect(!values.accepts(saved: fields.with(16, at: 2)))
    #expect(values.accepts(saved: fields.with(7, at: 1).with(15, at: 2)))
  }

  // MARK: Noise

  /// A network that says `value` whatever it hears, with noise around it.
  private static func constant(_ value: Float, noise: String) throws -> Model {
    let configuration = SmallModel.replacing(
      #""linear","channels":1"#, with: #""linear","channels":1,"noise":\#(noise)"#, in: SmallModel.recurrentConfiguration)
    var writer = SafetensorsWriter(configuration: configuration)
    for (name, shape) in SmallModel.recurrentTensors {
      let count = shape.reduce(1, *)
      writer.add(name, .float32, shape: shape, values: [Float](repeating: name == "head.bias" ? value : 0, count: count))
    }
    return try load(writer.file())
  }

  private static func output(_ model: Model, temperature: Float, count: Int, seed: UInt64) throws -> [Float] {
    var options = StreamOptions(for: model)
    options.temperature = temperature
    options.seed = seed
    return try Stream(model: model, options: options).take(count)
  }

  @Test(arguments: [Float(1), 0.5, 0.01])
  func noiseIsTheDeviationTimesTheTemperature(temperature: Float) throws {
    let model = try Self.constant(0.125, noise: "0.25")
    let output = try Self.output(model, temperature: temperature, count: 5_000, seed: 12)
    var random = RandomGenerator(seed: 12)
    for sample in output {
      let value = Float(0.125 + 0.25 * Double(temperature) * random.normal())
      #expect(sample == min(max(value, -1), 1))
    }
  }

  @Test func noNoiseAtTemperatureZeroNorWithoutAny() throws {
    let noisy = try Self.output(try Self.constant(0.125, noise: "0.25"), temperature: 0, count: 100, seed: 12)
    let silent = try Self.output(try Self.constant(0.125, noise: "0"), temperature: 1, count: 100, seed: 12)
    #expect(noisy == silent && noisy.allSatisfy { $0 == 0.125 })
  }
}
