import CadenzaKernels
import Testing

@testable import Cadenza

/// Streams of recurrent networks over frames.
@Suite("Spectrogram streams")
struct FrameSequenceTests {
  static let shapes = SpectrogramModel.shapes.indices

  private static func stream(
    _ shape: Int, seed: UInt64 = 1, rate: Int = 0, ahead: Int = 0, temperature: Float = 1
  ) throws -> Stream {
    let model = try SpectrogramModel.model(SpectrogramModel.shapes[shape])
    var options = StreamOptions(for: model)
    options.seed = seed
    options.sampleRate = rate
    options.renderAheadFrames = ahead
    options.temperature = temperature
    options.smoothingSeconds = 0
    return try Stream(model: model, options: options)
  }

  /// What a stream plays is what its network and its codec give by hand: every element fed, limited, sounded, with the latency before.
  @Test(arguments: shapes)
  func playsItsFrames(_ shape: Int) throws {
    let stream = try Self.stream(shape, temperature: 0)
    guard case .spectrogram(let configuration) = stream.model.configuration.codec else { return }
    let network = try #require(NetworkProbe(stream.model))
    let codec = SpectrogramProbe(configuration)
    var sound: [Float] = []
    for _ in 0..<20 {
      let element = network.predict().map { max(-1, min(1, $0)) }
      network.accept(element)
      for first in stride(from: 0, to: element.count, by: configuration.frameNumbers) {
        if let hop = codec.add(Array(element[first..<(first + configuration.frameNumbers)])) { sound += hop }
      }
    }
    #expect(stream.latency == configuration.columns * configuration.hop + configuration.frameSize / 2)
    let heard = stream.take(stream.latency + sound.count)
    #expect(heard.prefix(stream.latency).allSatisfy { $0 == 0 })
    #expect(Array(heard.dropFirst(stream.latency)).bits == sound.bits)
    #expect(power(sound) > 1e-6)
  }

  @Test(arguments: shapes)
  func blocksDoNotMatter(_ shape: Int) throws {
    for rate in [0, 44_100] {
      let expected = try Self.stream(shape, rate: rate).take(3_000, blocks: [3_000])
      #expect(power(expected) > 1e-7)
      for blocks in [[1], [7], [64], [13, 1, 250]] {
        #expect(try Self.stream(shape, rate: rate).take(3_000, blocks: blocks).bits == expected.bits)
      }
    }
  }

  @Test(arguments: shapes)
  func resetsAndSeeds(_ shape: Int) throws {
    let stream = try Self.stream(shape)
    let first = stream.take(1_500)
    #expect(stream.reset(seed: 1) == .ok)
    #expect(stream.take(1_500).bits == first.bits)
    #expect(stream.reset(seed: 2) == .ok)
    let other = stream.take(1_500)
    #expect((other.bits != first.bits) == (SpectrogramModel.shapes[shape].noise > 0))
  }

  /// A state saved anywhere, in the middle of an element too, goes on with the same bits; and saving changes nothing.
  @Test(arguments: shapes)
  func statesGoOn(_ shape: Int) throws {
    let whole = try Self.stream(shape).take(1_600)
    for place in [0, 1, 15, 16, 49, 100, 700] {
      let stream = try Self.stream(shape)
      let begun = stream.take(place)
      #expect(begun.bits == Array(whole.prefix(place)).bits)
      let state = stream.savedState()
      let other = try Self.stream(shape, seed: 9)
      _ = other.take(333)
      #expect(other.load(state) == .ok)
      #expect(stream.take(800).bits == Array(whole[place..<(place + 800)]).bits)
      #expect(other.take(800).bits == Array(whole[place..<(place + 800)]).bits)
    }
  }

  /// Numbers of a state that cannot be are refused: any damage, with its checksum made good.
  @Test func hostileStatesAreRefused() throws {
    let stream = try Self.stream(0)
    _ = stream.take(200)
    let state = stream.savedState()
    var refused = 0
    for place in stride(from: 72, to: min(state.count, 400), by: 4) {
      var bytes = state
      for index in 0..<4 { bytes[place + index] = 0xFF }
      let sum = bytes.dropFirst(SavedHeader.byteCount).withContiguousStorageIfAvailable {
        fingerprint(UnsafeRawBufferPointer($0))
      }
      for index in 0..<8 { bytes[24 + index] = UInt8(truncatingIfNeeded: (sum ?? 0) >> UInt64(8 * index)) }
      let other = try Self.stream(0)
      if other.load(bytes) != .ok { refused += 1 }
      #expect(other.take(300).allSatisfy { $0.isFinite })
    }
    #expect(refused > 10)
  }

  @Test func rendersAhead() throws {
    let expected = try Self.stream(0).take(2_000)
    let stream = try Self.stream(0, ahead: 512)
    stream.renderMode = .offline
    #expect(stream.take(2_000).bits == expected.bits)
  }

  // MARK: Priming

  /// A network whose head has no weights but a bias goes on with the sound that the bias means; the seam has no step: what is heard
  /// before it is what was given, to the last hop in which only given frames sound.
  @Test func goesOnWithWhatWasGiven() throws {
    let stream = try Self.stream(0)
    let frameSize = 64
    let sound = sine(0.11, count: 1_003, amplitude: 0.3)
    #expect(stream.prime(sound) == .ok)
    let overlap = stream.primedOverlap
    #expect(overlap == frameSize - 16)
    let heard = stream.take(stream.latency + overlap + 200)
    #expect(heard.prefix(stream.latency).allSatisfy { $0 == 0 })
    // Of the overlap, the first hop is three frames of what was given under one that is new, at its window's foot.
    let first = heard[stream.latency..<(stream.latency + 4)]
    let given = sound[(sound.count - overlap)..<(sound.count - overlap + 4)]
    for (x, y) in zip(first, given) { #expect(abs(x - y) < 0.05) }
    // A step would be as large as the sound itself; a sine of this frequency moves by 0.21 a sample at most.
    for index in (stream.latency + 1)..<heard.count { #expect(abs(heard[index] - heard[index - 1]) < 0.3) }
  }

  /// How given sound is split does not matter, and priming uses no random number.
  @Test(arguments: shapes)
  func primingMayBeSplit(_ shape: Int) throws {
    let sound = sine(0.07, count: 700, amplitude: 0.4)
    let whole = try Self.stream(shape)
    #expect(whole.prime(sound) == .ok)
    let expected = whole.take(900)
    let split = try Self.stream(shape)
    for first in stride(from: 0, to: sound.count, by: 37) {
      #expect(split.prime(Array(sound[first..<min(first + 37, sound.count)])) == .ok)
    }
    #expect(split.take(900).bits == expected.bits)
    #expect(try Self.stream(shape).take(900).bits != expected.bits)
    // Saved while it listens.
    let listening = try Self.stream(shape)
    #expect(listening.prime(Array(sound.prefix(333))) == .ok)
    let state = listening.savedState()
    let other = try Self.stream(shape)
    #expect(other.load(state) == .ok)
    #expect(other.prime(Array(sound.dropFirst(333))) == .ok)
    #expect(other.take(900).bits == expected.bits)
  }

  /// Feeding a network its own sound again brings it to where it was, up to the rounding of an analysis.
  @Test func hearsItself() throws {
    let shape = SpectrogramModel.shapes[1]
    let network = try #require(NetworkProbe(try SpectrogramModel.model(shape)))
    let model = try SpectrogramModel.model(shape)
    guard case .spectrogram(let configuration) = model.configuration.codec else { return }
    let sound = sine(0.05, count: 640, amplitude: 0.5)
    let frames = SpectrogramProbe(configuration).analyse(sound)
    // By hand: the frames that look at given samples alone.
    let count = (sound.count - configuration.frameSize / 2) / configuration.hop + 1
    for index in 0..<count {
      _ = network.predict()
      network.accept(Array(frames[(index * 64)..<(index * 64 + 64)]))
    }
    let next = network.predict().map { max(-1, min(1, $0)) }
    let codec = SpectrogramProbe(configuration)
    var hops: [[Float]] = []
    for index in 0..<count { if let hop = codec.add(Array(frames[(index * 64)..<(index * 64 + 64)])) { hops.append(hop) } }
    let first = try #require(codec.add(next))
    let stream = try Stream(model: model, options: Self.plain(model))
    #expect(stream.prime(sound) == .ok)
    let heard = stream.take(stream.latency + 8)
    // 640 − 32 is a whole number of hops: nothing is skipped.
    #expect(Array(heard.suffix(8)).bits == Array(first.prefix(8)).bits)
  }

  private static func plain(_ model: Model) -> StreamOptions {
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    return options
  }

  @Test func audioTooShortIsSilence() throws {
    let stream = try Self.stream(1)
    #expect(stream.prime([0.5, 0.5]) == .ok)
    #expect(stream.take(600).bits == (try Self.stream(1)).take(600).bits)
  }

  @Test func scoringIsUnsupported() throws {
    let stream = try Self.stream(0)
    var nats = 1.0
    #expect(stream.score([0.1, 0.2], frames: 2, nats: &nats) == .unsupported)
    #expect(nats == 0)
  }

  @Test func whatIsNotFiniteSilences() throws {
    let model = try SpectrogramModel.model(SpectrogramModel.shapes[1], scale: 3e38)
    let stream = try Stream(model: model, options: StreamOptions(for: model))
    var output = [Float](repeating: 1, count: 400)
    #expect(stream.generate(into: &output, frames: 400) == .numeric)
    #expect(output.allSatisfy { $0 == 0 })
  }
}
