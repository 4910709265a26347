import Testing

@testable import Cadenza

/// What a stream promises, on every network that the parity fixtures hold.
@Suite("Stream")
struct StreamTests {
  static let cases = Reference.all.filter { !$0.isShipped && !$0.hasFields }

  func stream(_ reference: Reference, seed: UInt64 = 7, temperature: Float = 1, topK: Int = 0, topP: Float = 1) throws -> Stream
  {
    let model = try Model(path: reference.modelPath)
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.seed = seed
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    return try Stream(model: model, options: options)
  }

  @Test(arguments: cases)
  func blockSizesDoNotMatter(_ reference: Reference) throws {
    let expected = try stream(reference).take(700, blocks: [700])
    for blocks in [[1], [7], [64], [4096], [3, 1, 100, 17, 64, 2]] {
      #expect(try stream(reference).take(700, blocks: blocks).bits == expected.bits)
    }
    for sample in expected { #expect(sample >= -1 && sample <= 1) }
  }

  @Test(
    arguments: cases.filter { $0.name.hasPrefix("wavenet-plain") || $0.name == "lstm-embedding" || $0.name == "stack-one-hot" })
  func samplerOptionsKeepBlockInvariance(_ reference: Reference) throws {
    for (temperature, topK, topP) in [(0, 0, 1), (0.7, 5, 1), (1.3, 0, 0.6), (1, 9, 0.9)] as [(Float, Int, Float)] {
      let make = { try stream(reference, temperature: temperature, topK: topK, topP: topP) }
      let expected = try make().take(400, blocks: [400])
      #expect(try make().take(400, blocks: [11, 1]).bits == expected.bits)
    }
  }

  @Test func seedsDecide() throws {
    let reference = try Reference.named("wavenet-plain")
    let first = try stream(reference, seed: 1).take(500)
    #expect(try stream(reference, seed: 1).take(500).bits == first.bits)
    #expect(try stream(reference, seed: 2).take(500).bits != first.bits)
  }

  @Test(arguments: cases)
  func resetBeginsAgain(_ reference: Reference) throws {
    let stream = try stream(reference, seed: 3)
    let first = stream.take(333)
    #expect(stream.reset(seed: 3) == .ok)
    #expect(stream.statistics.frames == 0)
    #expect(stream.take(333).bits == first.bits)
    #expect(stream.statistics.frames == 333)
    #expect(stream.statistics.blocks == 6)
  }

  /// Saved at any moment, the state continues in another stream with the same bits.
  @Test(arguments: cases)
  func savedStatesContinue(_ reference: Reference) throws {
    for moment in [0, 1, 15, 16, 17, 250] {
      let first = try stream(reference, seed: 11)
      _ = first.take(moment)
      let saved = first.savedState()
      let expected = first.take(300)
      let second = try stream(reference, seed: 99)
      _ = second.take(37)
      #expect(second.load(saved) == .ok)
      #expect(second.take(300, blocks: [5]).bits == expected.bits)
      // The first is not disturbed by being saved.
      #expect(first.load(saved) == .ok)
      #expect(first.take(300).bits == expected.bits)
    }
  }

  @Test func savedStatesHoldParametersAndConditions() throws {
    let reference = try Reference.named("wavenet-local-and-global")
    let first = try stream(reference)
    #expect(first.setParameter(.temperature, 0.5) == .ok)
    #expect(first.setParameter(.gain, 0.25) == .ok)
    for (index, condition) in first.model.configuration.conditions.enumerated() {
      let values = [Float](repeating: 1, count: condition.defaultValue.count * (condition.framesPerValue == nil ? 1 : 3))
      #expect(first.setCondition(index, values) == .ok)
    }
    _ = first.take(10)
    let saved = first.savedState()
    let expected = first.take(200)
    let second = try stream(reference)
    #expect(second.load(saved) == .ok)
    #expect(second.parameter(.temperature) == 0.5)
    #expect(second.take(200).bits == expected.bits)
  }

  @Test func statesOfOthersAndDamagedStatesAreRefused() throws {
    let stream = try stream(Reference.named("wavenet-plain"))
    let twin = try self.stream(Reference.named("wavenet-plain"))
    let saved = stream.savedState()
    let foreign = try self.stream(Reference.named("wavenet-no-biases")).savedState()
    #expect(stream.load(foreign) == .format)
    #expect(stream.load([]) == .format)
    #expect(stream.load(Array(saved.dropLast())) == .format)
    #expect(stream.load(saved + [0]) == .format)
    for place in stride(from: 0, to: saved.count, by: max(1, saved.count / 200)) {
      var damaged = saved
      damaged[place] ^= 0x10
      #expect(stream.load(damaged) == .format)
    }
    #expect(stream.take(200).bits == twin.take(200).bits)
  }

  /// A forged state with a correct checksum: numbers that index memory are checked all the same.
  @Test func forgedStatesAreRefused() throws {
    for name in ["wavenet-convolution-input", "lstm-embedding", "wavenet-local-and-global"] {
      let stream = try stream(Reference.named(name))
      let saved = stream.savedState()
      // The element to feed, then counts and values of conditions and the input's tokens, each with absurd numbers.
      for place in stride(from: 32, to: min(saved.count, 1200), by: 4) {
        for bits in [0xFFFF_FFFF, 0x7FFF_FFFF, 0x0001_0000, 0x7FC0_0000] as [UInt32] {
          var forged = saved
          forged.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: bits, toByteOffset: place, as: UInt32.self)
            let checksum = fingerprint(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[32...]))
            bytes.storeBytes(of: checksum, toByteOffset: 24, as: UInt64.self)
          }
          if stream.load(forged) == .ok { _ = stream.take(40) }
        }
      }
      #expect(stream.load(saved) == .ok)
    }
  }

  /// Priming with what a stream generated leaves it where generating had.
  @Test(arguments: cases.filter { !$0.hasFrames && !$0.composes })
  func primingIsGeneratingWithGivenSamples(_ reference: Reference) throws {
    let first = try stream(reference, seed: 5)
    let head = first.take(150)
    let second = try stream(reference, seed: 5)
    #expect(second.prime(Array(head[..<60])) == .ok)
    #expect(second.prime(Array(head[60...])) == .ok)
    // The random generators differ by the numbers drawn: greedy from here on.
    #expect(first.setParameter(.temperature, 0) == .ok)
    #expect(second.setParameter(.temperature, 0) == .ok)
    #expect(second.take(150).bits == first.take(150).bits)
  }

  /// Scores are the logits' own: summed here from PyTorch's.
  @Test(arguments: ["wavenet-plain", "wavenet-kernel3-odd-shapes", "lstm-embedding"])
  func scoresAreSummedLogLikelihoods(name: String) throws {
    let reference = try Reference.named(name)
    let tensors = try reference.read()
    let tokens = try #require(tensors["tokens"]).values.map { Int($0) }
    let logits = try #require(tensors["logits"])
    let stream = try stream(reference)
    #expect(stream.model.configuration.conditions.isEmpty)
    guard case .muLaw(_, let levels) = stream.model.configuration.codec else { return }
    var expected = 0.0
    let width = logits.shape[1]
    for (step, token) in tokens.enumerated() {
      let row = (0..<width).map { logits.values[step * width + $0] }
      let largest = row.max() ?? 0
      expected += logSumOfExponentials(row, largest) - row[token]
    }
    let samples = tokens.map { MuLaw.decode($0, levels: levels) }
    var nats = 0.0
    let status = samples.withUnsafeBufferPointer { stream.score($0.baseAddress!, frames: $0.count, nats: &nats) }
    #expect(status == .ok)
    #expect(abs(nats / expected - 1) < 1e-5)
  }

  func logSumOfExponentials(_ row: [Double], _ largest: Double) -> Double {
    largest + logarithm(row.reduce(0) { $0 + exponential($1 - largest) })
  }

  @Test func valuesCannotBeScored() throws {
    let stream = try stream(Reference.named("gru-waveform"))
    var nats = 5.0
    let status = [Float](repeating: 0, count: 8).withUnsafeBufferPointer {
      stream.score($0.baseAddress!, frames: 8, nats: &nats)
    }
    #expect(status == .unsupported)
    #expect(nats == 0)
  }

  @Test func badPromptsChangeNothing() throws {
    let stream = try stream(Reference.named("wavenet-plain"))
    let twin = try self.stream(Reference.named("wavenet-plain"))
    #expect(stream.prime([0, 0.5, .nan]) == .invalidArgument)
    #expect(stream.prime([.infinity]) == .invalidArgument)
    let one: [Float] = [0]
    #expect(one.withUnsafeBufferPointer { stream.prime($0.baseAddress!, frames: 1 << 40) } == .invalidArgument)
    #expect(one.withUnsafeBufferPointer { stream.prime($0.baseAddress!, frames: -1) } == .invalidArgument)
    #expect(stream.take(100).bits == twin.take(100).bits)
  }

  @Test func gainScalesAndNothingElse() throws {
    let reference = try Reference.named("lstm-embedding")
    let plain = try stream(reference).take(200)
    let loud = try stream(reference)
    #expect(loud.setParameter(.gain, 2) == .ok)
    #expect(loud.take(200) == plain.map { $0 * 2 })
  }

  @Test func parametersOutOfRangeAreRefused() throws {
    let stream = try stream(Reference.named("lstm-embedding"))
    let bad: [(Parameter, [Float])] = [
      (.temperature, [-0.1, 101, .nan, .infinity]), (.topK, [-1, 0.5, 2e7, .nan, .infinity, -.infinity]),
      (.topP, [-0.01, 1.01, .nan]), (.gain, [-1, 17, .nan]),
    ]
    for (parameter, values) in bad {
      let before = stream.parameter(parameter)
      for value in values { #expect(stream.setParameter(parameter, value) == .invalidArgument) }
      #expect(stream.parameter(parameter) == before)
    }
  }

  @Test func optionsOutOfRangeAreRefused() throws {
    let model = try Model(path: Reference.named("wavenet-plain").modelPath)
    let changes: [(Status, (inout StreamOptions) -> Void)] = [
      (.invalidArgument, { $0.sampleRate = 999 }), (.invalidArgument, { $0.inputSampleRate = 768_001 }),
      (.invalidArgument, { $0.renderAheadFrames = -1 }), (.invalidArgument, { $0.renderAheadFrames = (1 << 24) + 1 }),
      (.invalidArgument, { $0.smoothingSeconds = -0.1 }), (.invalidArgument, { $0.smoothingSeconds = 1.1 }),
      (.invalidArgument, { $0.smoothingSeconds = .nan }), (.invalidArgument, { $0.outputLimit = 0 }),
      (.invalidArgument, { $0.outputLimit = 17 }), (.invalidArgument, { $0.outputLimit = .nan }),
      (.invalidArgument, { $0.dcBlockerHertz = -1 }), (.invalidArgument, { $0.dcBlockerHertz = 1_600 }),
      (.invalidArgument, { $0.dcBlockerHertz = .infinity }),
      (.invalidArgument, { $0.temperature = -1 }), (.invalidArgument, { $0.temperature = .nan }),
      (.invalidArgument, { $0.topK = -1 }), (.invalidArgument, { $0.topP = 2 }), (.invalidArgument, { $0.gain = .infinity }),
      (.invalidArgument, { $0.maximumBlockFrames = -1 }),
    ]
    for (status, change) in changes {
      var options = StreamOptions(for: model)
      change(&options)
      do {
        _ = try Stream(model: model, options: options)
        Issue.record("accepted")
      } catch {
        #expect(error.status == status)
        #expect(!error.message.isEmpty)
      }
    }
  }

  @Test func absurdFrameCountsAreRefused() throws {
    let stream = try stream(Reference.named("wavenet-plain"))
    var sample: Float = 42
    #expect(stream.generate(into: &sample, frames: 1 << 40) == .invalidArgument)
    #expect(stream.generate(into: &sample, frames: -1) == .invalidArgument)
    #expect(stream.generate(into: &sample, frames: 0) == .ok)
    #expect(sample == 42)
    #expect(stream.statistics.blocks == 0)
  }
}
