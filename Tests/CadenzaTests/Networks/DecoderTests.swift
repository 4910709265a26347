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
    #expect(probe.isWithinState)
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

  /// A decoder of samples, of as many ticks and more.
  static func decoder(ticks: Int, frames: Int) throws -> (bytes: [UInt8], probe: DecoderProbe) {
    for seed in 1...100 {
      let random = RandomDecoder(UInt64(seed), isTwoDimensional: false)
      guard random.frames >= frames, let probe = try DecoderProbe(random.file()), probe.decoder.tickCount >= ticks,
        !probe.decoder.isWhole
      else { continue }
      return (random.file(), probe)
    }
    throw DecoderProbe.ProbeError.noDecoder
  }

  /// A latent that moves changes what follows: the tick after the one that is made already, to the bit, and nothing before.
  @Test func aLatentMoves() throws {
    let (bytes, probe) = try Self.decoder(ticks: 6, frames: 60)
    let perTick = probe.decoder.framesPerTick
    let moved: [Float] = [-1.5, 2, 0.1]
    let clip = probe.frames([Self.latent, [2]])
    for place in [1, 2 * perTick - 1, 2 * perTick, 2 * perTick + 1] {
      let stream = try Self.stream(bytes)
      var output = stream.take(place)
      #expect(stream.setCondition(0, moved) == .ok)
      output += stream.take(clip.count - place)
      let tick = (place + perTick - 1) / perTick + 1
      let expected = probe.frames([Self.latent, [2]], changes: [tick: [moved, [2]]])
      #expect(output.bits == expected.map { min(max($0, -1), 1) }.bits, "\(place)")
      // A control: it is heard, and not too soon.
      #expect(output[..<(tick * perTick)].map { $0 } == clip[..<(tick * perTick)].map { min(max($0, -1), 1) })
      #expect(expected[(tick * perTick)...] != clip[(tick * perTick)...])
    }
  }

  /// Numbers that are none stop the sound, and not the host: also what was saved then loads, and stops again.
  @Test func whatIsNotFiniteIsAFailure() throws {
    for codec in [
      #"{"kind":"waveform","sample_rate":8000}"#,
      #"{"kind":"harmonic","sample_rate":8000,"hop":5,"harmonics":2,"noise_bands":3}"#,
      #"{"kind":"spectrogram","sample_rate":8000,"frame_size":16,"hop":4,"magnitude":[-4,2],"phase":"instantaneous_frequency"}"#,
    ] {
      let channels = codec.contains("waveform") ? 1 : codec.contains("harmonic") ? 6 : 16
      var writer = SafetensorsWriter(
        configuration: """
          {"network":{"kind":"decoder","layers":[{"kind":"dense","channels":\(32 * channels)},\
          {"kind":"reshape","steps":32,\(channels == 16 ? #""bins":8,"channels":2"# : #""channels":\#(channels)"#)}]},\
          "codec":\(codec),"conditions":[{"name":"z","kind":"latent","size":1},{"name":"pitch","kind":"class","size":1,"labels":["60"]}]}
          """)
      // From step 4 on, numbers that twice are none.
      writer.add(
        "layers.0.weight", .float32, shape: [32 * channels, 2],
        values: (0..<(32 * channels)).flatMap { [$0 < 4 * channels ? 0.1 : 3e38, 0] as [Float] })
      writer.add("layers.0.bias", .float32, shape: [32 * channels], values: [Float](repeating: 0, count: 32 * channels))
      let file = writer.file()
      let model = try file.withUnsafeBytes { memory throws(Failure) in try Model(bytes: memory) }
      let stream = try Stream(model: model, options: StreamOptions(for: model))
      #expect(stream.setCondition(0, [2]) == .ok)
      var output = [Float](repeating: .nan, count: 40)
      #expect(stream.generate(into: &output, frames: 40) == .numeric, "\(codec)")
      #expect(output.allSatisfy { $0.isFinite })
      let second = try Stream(model: model, options: StreamOptions(for: model))
      #expect(second.load(stream.savedState()) == .ok, "\(codec)")
      #expect(second.generate(into: &output, frames: 1) == .numeric)
      // A control: of other numbers it makes a sound, before and after.
      #expect(stream.reset(seed: 1) == .ok)
      #expect(stream.setCondition(0, [2e-38]) == .ok)
      #expect(stream.generate(into: &output, frames: 32) == .ok, "\(codec)")
      #expect(output.contains { $0 != 0 })
    }
  }

  /// Of a hop that is played, what is still to come is played as it is: a state where that is no number is refused.
  @Test func samplesThatAreNoNumbersAreRefused() throws {
    let random = (1...40).lazy.map { RandomDecoder($0, isTwoDimensional: true) }.first { $0.frameSize > 4 && $0.frames > 9 }
    let bytes = try #require(random).file(hop: 5)
    let stream = try Self.stream(bytes)
    _ = stream.take(7)
    let state = stream.savedState()
    let next = try #require(stream.take(1).first)
    #expect(next != 0)
    var places = 0
    for place in stride(from: SavedHeader.byteCount, to: state.count, by: 4) {
      let bits = state.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
      if bits != next.bitPattern.littleEndian { continue }
      places += 1
      for (number, status) in [(Float.nan, Status.format), (.infinity, .format), (next, .ok)] {
        var forged = state
        forged.withUnsafeMutableBytes { forged in
          forged.storeBytes(of: number.bitPattern.littleEndian, toByteOffset: place, as: UInt32.self)
          let sum = fingerprint(UnsafeRawBufferPointer(rebasing: forged[SavedHeader.byteCount...]))
          forged.storeBytes(of: sum.littleEndian, toByteOffset: 24, as: UInt64.self)
        }
        #expect(stream.load(forged) == status)
      }
    }
    #expect(places == 1)
  }

  /// A voice whose clip is over is free for the next note; a note is what a stream of the same conditions plays.
  @Test func notesEndWithTheirClips() throws {
    // Longer than the attack.
    let (bytes, _) = try Self.decoder(ticks: 2, frames: 60)
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
    for frame in 24..<count { #expect(abs(first[frame] - alone[frame]) <= 1e-6) }
  }

  @Test func whatADecoderCannotDoIsRefused() throws {
    let stream = try Self.stream(RandomDecoder(2, isTwoDimensional: false).file())
    #expect(stream.prime([0, 0.5]) == .unsupported)
    var nats = 0.0
    #expect(stream.score([0, 0.5], frames: 2, nats: &nats) == .unsupported)
  }
}
