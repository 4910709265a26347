import Testing

@testable import Cadenza

/// Decoders of random shapes: against plain arithmetic, and one way of running against another.
@Suite("Decoders")
struct DecoderTests {
  static let seeds: [(seed: UInt64, isTwoDimensional: Bool)] =
    (1...40).map { (UInt64($0), $0.isMultiple(of: 3)) }

  static let latent: [Float] = [0.4, -1.1, 0.7]

  @Test(arguments: seeds)
  func framesAreThoseOfPlainArithmetic(_ seed: UInt64, _ isTwoDimensional: Bool) throws {
    let random = RandomDecoder(seed, isTwoDimensional: isTwoDimensional)
    guard random.frameSize > 1 || !isTwoDimensional else { return }
    let probe = try #require(try DecoderProbe(random.file()))
    let frames = probe.frames([Self.latent, [2]])
    let expected = random.clip(latent: Self.latent, pitch: 2)
    try #require(frames.count == expected.count)
    let largest = max(expected.map(abs).max() ?? 1, 0.01)
    let worst = zip(frames, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
    // Normalisations over few channels divide by what may be small.
    #expect(worst / largest <= 1e-4, "\(worst) of \(largest): \(random.layers)")
    // A control: other conditions, another clip.
    let other = random.clip(latent: [-0.9, 0.3, 1.5], pitch: 1)
    #expect(zip(other, expected).contains { abs($0 - $1) > 1e-3 * largest } || largest <= 0.01)
  }

  /// As a stream and whole, on all sets: the same bits.
  @Test(arguments: seeds)
  func streamedAndWholeAgreeBitForBit(_ seed: UInt64, _ isTwoDimensional: Bool) throws {
    let bytes = RandomDecoder(seed, isTwoDimensional: isTwoDimensional, layerCount: 9).file()
    var all: [[UInt32]] = []
    for set in ["portable", "avx2", "avx512", "neon"] {
      for isWhole in [false, true] {
        guard let probe = try DecoderProbe(bytes, instructionSet: set, isWhole: isWhole) else { continue }
        all.append(probe.frames([Self.latent, [1]]).bits)
        // The second clip in the same memory begins as the first one did.
        all.append(probe.frames([Self.latent, [1]]).bits)
      }
    }
    for bits in all { #expect(bits == all[0]) }
  }

  static func stream(_ bytes: [UInt8], rate: Int = 0, voices: Int = 0, ahead: Int = 0) throws -> Stream {
    let model = try bytes.withUnsafeBytes { memory throws(Failure) in try Model(bytes: memory) }
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.sampleRate = rate
    options.voices = voices
    options.renderAheadFrames = ahead
    let stream = try Stream(model: model, options: options)
    if ahead > 0 { stream.renderMode = .offline }
    if voices == 0 { #expect(stream.setCondition(1, [2]) == .ok) }
    #expect(stream.setCondition(0, latent) == .ok)
    return stream
  }

  /// Blocks of any sizes, saved and loaded anywhere, at any rate.
  @Test(arguments: seeds.prefix(16))
  func splitsAndSavedStatesGiveTheSameBits(_ seed: UInt64, _ isTwoDimensional: Bool) throws {
    let bytes = RandomDecoder(seed, isTwoDimensional: isTwoDimensional).file()
    for rate in [0, 11_025] {
      let whole = try Self.stream(bytes, rate: rate)
      let count = min(3_000, (whole.model.clipFrames ?? 0) * 2 + 200)
      let expected = whole.take(count, blocks: [count]).bits
      #expect(try Self.stream(bytes, rate: rate).take(count, blocks: [1, 7, 64, 3]).bits == expected)
      var random = RandomGenerator(seed: seed)
      for _ in 0..<4 {
        let place = Int(random.next() % UInt64(count))
        let first = try Self.stream(bytes, rate: rate)
        _ = first.take(place)
        let state = first.savedState()
        #expect(Array(expected[place...]) == first.take(count - place).bits)
        let second = try Self.stream(bytes, rate: rate)
        _ = second.take(Int(random.next() % 300))
        #expect(second.load(state) == .ok)
        #expect(Array(expected[place...]) == second.take(count - place).bits)
      }
    }
  }

  /// A clip ends with the status, and silence behind it; a reset begins it again.
  @Test func aClipEnds() throws {
    let bytes = RandomDecoder(2, isTwoDimensional: false).file()
    let stream = try Self.stream(bytes)
    let count = try #require(stream.model.clipFrames)
    var output = [Float](repeating: .nan, count: count + 10)
    #expect(stream.generate(into: &output, frames: count) == .ok)
    let clip = Array(output[..<count])
    #expect(clip.contains { $0 != 0 })
    #expect(stream.generate(into: &output, frames: 10) == .end)
    #expect(output[..<10].allSatisfy { $0 == 0 })
    #expect(stream.generate(into: &output, frames: 10) == .end)
    #expect(stream.reset(seed: 1) == .ok)
    #expect(stream.generate(into: &output, frames: count) == .ok)
    #expect(Array(output[..<count]).bits == clip.bits)
    // The block in which it ends says so.
    #expect(stream.reset(seed: 1) == .ok)
    #expect(stream.generate(into: &output, frames: count + 1) == .end)
    #expect(output[count] == 0)
    // Ahead of time too.
    let ahead = try Self.stream(bytes, ahead: 256)
    #expect(ahead.reset(seed: 1) == .ok)
    #expect(ahead.generate(into: &output, frames: count) == .ok)
    #expect(Array(output[..<count]).bits == clip.bits)
    #expect(ahead.generate(into: &output, frames: 10) == .end)
  }

  /// A latent that moves changes what follows, and nothing before.
  @Test func aLatentMoves() throws {
    let random = (1...100).lazy.map { RandomDecoder($0, isTwoDimensional: false) }.first { $0.frames > 60 }
    let bytes = try #require(random).file()
    let still = try Self.stream(bytes)
    let count = try #require(still.model.clipFrames)
    let clip = still.take(count).bits
    let moved = try Self.stream(bytes)
    let half = count / 2
    #expect(moved.take(half).bits == Array(clip[..<half]))
    #expect(moved.setCondition(0, [-1.5, 2, 0.1]) == .ok)
    #expect(moved.take(count - half).bits != Array(clip[half...]))
  }

  /// A voice whose clip is over is free for the next note; a note is what a stream of the same conditions plays.
  @Test func notesEndWithTheirClips() throws {
    let bytes = RandomDecoder(2, isTwoDimensional: false).file()
    let stream = try Self.stream(bytes, voices: 1)
    let count = try #require(stream.model.clipFrames)
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 62, velocity: 1) == .ok)
    let first = stream.take(count)
    #expect(first.contains { $0 != 0 })
    #expect(stream.take(50).allSatisfy { $0 == 0 })
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 62, velocity: 1) == .ok)
    #expect(stream.take(count).bits == first.bits)
    // Under an envelope: beyond its attack of 3 ms, the clip itself.
    let alone = try Self.stream(bytes).take(count)
    for frame in min(24, count - 1)..<count { #expect(abs(first[frame] - alone[frame]) <= 1e-6) }
  }

  @Test func whatADecoderCannotDoIsRefused() throws {
    let stream = try Self.stream(RandomDecoder(2, isTwoDimensional: false).file())
    #expect(stream.prime([0, 0.5]) == .unsupported)
    var nats = 0.0
    #expect(stream.score([0, 0.5], frames: 2, nats: &nats) == .unsupported)
  }
}
