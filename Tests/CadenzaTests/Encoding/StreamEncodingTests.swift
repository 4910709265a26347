import Testing

@testable import Cadenza

/// Recordings that streams sound like: a small WaveNet autoencoder, whose rows last 16 samples.
@Suite("Encoded recordings in streams")
struct StreamEncodingTests {
  private func autoencoder() throws -> Model { try Model(path: try Reference.named("wavenet-embedding").modelPath) }

  private func recording(_ frames: Int, seed: UInt64) -> [Float] {
    var random = RandomGenerator(seed: seed)
    return (0..<frames).map { _ in random.uniform() * 2 - 1 }
  }

  private func stream(
    _ model: Model, voices: Int = 0, sampleRate: Int = 0, ahead: Int = 0, temperature: Float = 1
  ) throws -> Cadenza.Stream {
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.seed = 5
    options.voices = voices
    options.sampleRate = sampleRate
    options.renderAheadFrames = ahead
    options.temperature = temperature
    return try Stream(model: model, options: options)
  }

  private func encode(_ stream: Cadenza.Stream, _ slot: Int, _ samples: [Float]) throws {
    try samples.withUnsafeBufferPointer { try stream.encode(slot: slot, $0) }
  }

  private func encode(_ model: Model, _ samples: [Float]) throws -> [Float] {
    try samples.withUnsafeBufferPointer { try model.encode($0) }
  }

  private func sound(
    _ stream: Cadenza.Stream, _ frames: Int, blocks: [Int] = [64], before: (Int) -> Void = { _ in }
  ) -> [UInt32] {
    var output = [Float](repeating: .nan, count: frames)
    var done = 0
    var turn = 0
    while done < frames {
      let count = min(blocks[turn % blocks.count], frames - done)
      before(done)
      output.withUnsafeMutableBufferPointer { #expect(stream.generate(into: $0.baseAddress! + done, frames: count) == .ok) }
      done += count
      turn += 1
    }
    return output.map(\.bitPattern)
  }

  /// The greedy sound is what the network chooses, sample by sample, under row ⌊n / 16⌋, the last one on and on.
  @Test func rowsFollowOneAnother() throws {
    let model = try autoencoder()
    let samples = recording(16 * 5 + 7, seed: 1)
    let rows = try encode(model, samples)
    #expect(rows.count == 5 * 6)
    let stream = try stream(model, temperature: 0)
    try encode(stream, 0, samples)
    let heard = sound(stream, 130, blocks: [7])
    let probe = try #require(NetworkProbe(model))
    var expected: [UInt32] = []
    for step in 0..<130 {
      let row = min(step / 16, 4)
      probe.set([Array(rows[row * 6..<(row + 1) * 6]), [3]])
      let logits = probe.predict()
      let token = logits.firstIndex(of: logits.max()!)!
      probe.accept(token: token)
      expected.append(model.plan.codec.element(of: token).value.bitPattern)
    }
    #expect(heard == expected)
    // The control: without a recording it is another sound.
    #expect(sound(try self.stream(model, temperature: 0), 130) != expected)
  }

  @Test func endsOfTheMixAreTheSlotsAlone() throws {
    let model = try autoencoder()
    let (first, second) = (recording(400, seed: 1), recording(300, seed: 2))
    func mixed(_ mix: Float, _ slots: [[Float]?]) throws -> [UInt32] {
      let stream = try stream(model)
      for (slot, samples) in slots.enumerated() {
        if let samples { try encode(stream, slot, samples) }
      }
      #expect(stream.setParameter(.mix, mix) == .ok)
      return sound(stream, 1_000)
    }
    let one = try mixed(0, [first, nil])
    let other = try mixed(0, [second, nil])
    #expect(try mixed(0, [first, second]) == one)
    #expect(try mixed(1, [first, second]) == other)
    #expect(try mixed(1, [nil, second]) == other)
    let half = try mixed(0.5, [first, second])
    #expect(half != one && half != other)
    #expect(try mixed(0, [nil, second]) == sound(try stream(model), 1_000))
  }

  @Test(arguments: [0, 22_050]) func blocksDoNotMatter(_ rate: Int) throws {
    let model = try autoencoder()
    func played(_ blocks: [Int], ahead: Int = 0) throws -> [UInt32] {
      let stream = try stream(model, sampleRate: rate, ahead: ahead)
      if ahead > 0 { stream.renderMode = .offline }
      try encode(stream, 0, recording(1_500, seed: 3))
      try encode(stream, 1, recording(900, seed: 4))
      return sound(stream, 2_048, blocks: blocks) { frame in
        // At multiples of 512, where every split has a block begin.
        if frame % 512 == 0 && ahead == 0 { #expect(stream.setParameter(.mix, Float(frame) / 2_048) == .ok) }
      }
    }
    let expected = try played([512])
    #expect(try played([1]) == expected)
    #expect(try played([128, 7, 377]) == expected)
    #expect(try played([512], ahead: 700) != expected)
  }

  @Test func notesBeginAtTheFirstRow() throws {
    let model = try autoencoder()
    let stream = try stream(model, voices: 2, temperature: 0)
    try encode(stream, 0, recording(2_000, seed: 5))
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 4, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 900, voice: 0, pitch: 4) == .ok)
    let first = sound(stream, 5_000)
    #expect(stream.noteOn(frame: 100, voice: 0, pitch: 4, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 1_000, voice: 0, pitch: 4) == .ok)
    let second = sound(stream, 5_100)
    #expect(Array(second[100...]) == first)
    #expect(first.contains { $0 != 0 })
    let silentModel = try self.stream(model, voices: 2, temperature: 0)
    #expect(silentModel.noteOn(frame: 0, voice: 0, pitch: 4, velocity: 1) == .ok)
    #expect(silentModel.noteOff(frame: 900, voice: 0, pitch: 4) == .ok)
    #expect(sound(silentModel, 5_000) != first)
  }

  /// What is encoded is part of a state, wherever it is saved: also where the mix has changed and is not heard yet.
  @Test(arguments: [0, 2]) func statesHoldWhatIsEncoded(_ voices: Int) throws {
    let model = try autoencoder()
    let stream = try stream(model, voices: voices)
    try encode(stream, 0, recording(1_000, seed: 6))
    try encode(stream, 1, recording(700, seed: 7))
    #expect(stream.setParameter(.mix, 0.25) == .ok)
    if voices > 0 { #expect(stream.noteOn(frame: 3, voice: 0, pitch: 7, velocity: 0.8) == .ok) }
    _ = sound(stream, 333)
    #expect(stream.setParameter(.mix, 0.75) == .ok)
    _ = sound(stream, 5)
    var state = [UInt8](repeating: 0, count: stream.stateByteCount)
    state.withUnsafeMutableBytes { #expect(stream.saveState(into: $0.baseAddress!, capacity: $0.count) == .ok) }
    let expected = sound(stream, 600)
    for filled in [false, true] {
      let other = try self.stream(model, voices: voices)
      if filled { try encode(other, 0, recording(5_000, seed: 8)) }
      #expect(state.withUnsafeBytes { other.loadState($0) } == .ok)
      #expect(other.parameter(.mix) == 0.75)
      #expect(sound(other, 600) == expected)
      // Cut short, longer, damaged: refused, and nothing changes.
      let place = state.count - 30
      for wrong in [Array(state.dropLast(4)), state + [0, 0, 0, 0], state.with(state[place] ^ 1, at: place)] {
        #expect(wrong.withUnsafeBytes { other.loadState($0) } == .format)
      }
    }
  }

  @Test func numbersCanBeGivenBack() throws {
    let model = try autoencoder()
    let samples = recording(640, seed: 9)
    let (one, other) = (try stream(model), try stream(model))
    try encode(one, 0, samples)
    let rows = try encode(model, samples)
    try rows.withUnsafeBufferPointer { try other.setEncoded(slot: 0, $0) }
    #expect(sound(one, 900) == sound(other, 900))
    for wrong in [Array(rows.dropLast()), [Float](repeating: .nan, count: 6)] {
      #expect(throws: Failure.self) { try wrong.withUnsafeBufferPointer { try other.setEncoded(slot: 0, $0) } }
    }
    try other.setEncoded(slot: 0, UnsafeBufferPointer(start: nil, count: 0))
    _ = other.reset(seed: 5)
    #expect(sound(other, 500) == sound(try stream(model), 500))
  }

  @Test func whatCannotBeEncodedIsRefused() throws {
    let model = try autoencoder()
    let stream = try stream(model)
    func sentence(_ samples: [Float], slot: Int = 0, _ model: Model? = nil) -> String {
      do {
        if let model { _ = try encode(model, samples) } else { try encode(stream, slot, samples) }
        return "no failure"
      } catch {
        return (error as? Failure)?.message ?? "\(error)"
      }
    }
    #expect(sentence(recording(15, seed: 1)) == "this recording has 15 frames, the encoder needs 16")
    #expect(sentence([]) == "this recording has 0 frames, the encoder needs 16")
    #expect(sentence([Float](repeating: 9e-5, count: 64)) == "this recording is silent: its peak is below -80 dB")
    let infinite = [Float](repeating: 0.5, count: 64).with(.infinity, at: 9)
    #expect(sentence(infinite) == "this recording holds a sample that is not finite")
    #expect(sentence(recording(64, seed: 1), slot: 2) == "slot is 2, expected 0 or 1")
    let plain = try Model(path: try Reference.named("wavenet-plain").modelPath)
    #expect(sentence(recording(64, seed: 1), plain).hasPrefix("the model has no encoder"))
    let melodies = try Model(path: try Reference.named("encoder-recurrent-lstm").modelPath)
    #expect(sentence(recording(64, seed: 1), melodies) == "the model's encoder takes melodies, and no recordings")
    #expect(try self.stream(plain).setParameter(.mix, 0.5) == .unsupported)
    // An embedding is not the host's.
    #expect(stream.setCondition(0, [Float](repeating: 0, count: 6)) == .unsupported)
  }

  /// A recording that is run in pieces has the bits of one that is run whole.
  @Test func piecesMakeTheSameRows() throws {
    let model = try autoencoder()
    guard case .layers(let encoder) = try #require(model.plan.encoding).encoder else {
      Issue.record("not an encoder of recordings")
      return
    }
    let samples = recording(16 * 40 + 9, seed: 11)
    let whole = try encoder.encode(samples, h: [Float](repeating: 0, count: 16), model.plan.kernels)
    #expect(whole.count == 40 * 6)
    for rows in [1, 3, 7, 39] {
      let pieces = try encoder.encodePieces(
        samples, rowsOfPiece: rows, rows: 40, [Float](repeating: 0, count: 16), model.plan.kernels)
      #expect(pieces.map(\.bitPattern) == whole.map(\.bitPattern))
    }
  }

  // MARK: Melodies

  private func melody(_ pitches: [UInt32]) -> [NoteEvent] {
    // A sixteenth at tempo 120 and 48,000 Hz: 6,000 frames.
    pitches.enumerated().flatMap { index, pitch in
      [
        NoteEvent(frame: UInt64(index) * 12_000, kind: .noteOn, voice: 0, pitch: pitch, velocity: 0.7),
        NoteEvent(frame: UInt64(index) * 12_000 + 9_000, kind: .noteOff, voice: 0, pitch: pitch, velocity: 0),
      ]
    }
  }

  @Test func melodiesSetTheLatent() throws {
    let model = try Model(path: try Reference.named("encoder-recurrent-lstm").modelPath)
    let (a, b) = (melody([60, 62, 64, 67, 65]), melody([72, 71, 55, 60, 58, 66, 70]))
    let latents = try [a, b].map { events in
      try events.withUnsafeBufferPointer { try model.encode($0, frames: 120_000) }
    }
    #expect(latents[0].count == 10 && latents[0] != latents[1])
    func composed(_ prepare: (Cadenza.Stream) throws -> Void) throws -> [Cadenza.Stream.Happening] {
      let stream = try stream(model)
      try prepare(stream)
      return stream.compose(200_000, blocks: [480]).events
    }
    func set(_ stream: Cadenza.Stream, _ values: [Float]) {
      #expect(stream.setCondition(0, values) == .ok)
    }
    func encode(_ stream: Cadenza.Stream, _ slot: Int, _ events: [NoteEvent]) throws {
      try events.withUnsafeBufferPointer { try stream.encode(slot: slot, $0, frames: 120_000) }
    }
    let half = zip(latents[0], latents[1]).map { 0.5 * $0 + 0.5 * $1 }
    let (first, middle) = (try composed { set($0, latents[0]) }, try composed { set($0, half) })
    #expect(!first.isEmpty && first != middle)
    let encoded = try composed { try encode($0, 0, a) }
    #expect(encoded == first)
    let mixed = try composed { stream in
      try encode(stream, 0, a)
      try encode(stream, 1, b)
      #expect(stream.setParameter(.mix, 0.5) == .ok)
    }
    #expect(mixed == middle)
    // What is set last counts.
    let encodedLast = try composed { stream in
      set(stream, latents[1])
      try encode(stream, 0, a)
    }
    #expect(encodedLast == first)
    let setLast = try composed { stream in
      try encode(stream, 0, b)
      set(stream, latents[0])
    }
    #expect(setLast == first)
    let silence = [NoteEvent]()
    #expect(throws: Failure.self) { try silence.withUnsafeBufferPointer { try model.encode($0, frames: 120_000) } }
  }
}
