import Testing

@testable import Cadenza

/// What a stream promises, where it plays notes: on networks with random weights, whose every bit counts.
@Suite("Streams of notes")
struct InstrumentStreamTests {
  static let names = ["gru-f16", "wavenet-class-conditions", "wavenet-bf16"]

  /// Notes on (velocity above 0) and off, by frame: more than three voices can play, struck again, within a block and far apart.
  static let score: [(frame: Int, voice: Int, pitch: Int, velocity: Float)] = [
    (0, 0, 60, 1), (3, 1, 64, 0.7), (3, 2, 67, 0.3), (90, 0, 60, 0), (91, 0, 72, 0.9), (200, 3, 48, 0.5), (200, 1, 64, 0.8),
    (211, 2, 67, 0), (400, 0, 72, 0), (401, 1, 64, 0), (401, 5, 30, 1), (520, 5, 31, 1), (560, 5, 30, 0), (1100, 6, 90, 0.6),
    (1101, 5, 31, 0), (1101, 3, 48, 0), (1400, 6, 90, 0),
  ]
  static let frames = 2000

  func stream(_ name: String, sampleRate: Int = 0, voices: Int = 3, seed: UInt64 = 7) throws -> Stream {
    let model = try Model(path: Reference.named(name).modelPath)
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.voices = voices
    options.sampleRate = sampleRate
    options.seed = seed
    return try Stream(model: model, options: options)
  }

  /// Plays frames `from` ..< `to` of the score in blocks of these sizes, each note asked for before its block.
  func play(_ stream: Stream, from: Int = 0, to: Int = frames, blocks: [Int]) -> [Float] {
    var samples: [Float] = []
    var done = from
    var turn = 0
    while done < to {
      let count = min(blocks[turn % blocks.count], to - done)
      turn += 1
      for note in Self.score where note.frame >= done && note.frame < done + count { ask(stream, note, from: done) }
      samples += stream.take(count, blocks: [count])
      done += count
    }
    return samples
  }

  func ask(_ stream: Stream, _ note: (frame: Int, voice: Int, pitch: Int, velocity: Float), from now: Int) {
    let frame = note.frame - now
    let status =
      note.velocity > 0
      ? stream.noteOn(frame: frame, voice: note.voice, pitch: note.pitch, velocity: note.velocity)
      : stream.noteOff(frame: frame, voice: note.voice, pitch: note.pitch)
    #expect(status == .ok)
  }

  @Test(arguments: names, [0, 44100, 8000, 16001])
  func blockSizesDoNotMatter(name: String, sampleRate: Int) throws {
    let expected = play(try stream(name, sampleRate: sampleRate), blocks: [Self.frames])
    #expect(expected.contains { $0 != 0 })
    for blocks in [[1], [7], [64], [3, 1, 100, 17, 64, 2]] {
      #expect(play(try stream(name, sampleRate: sampleRate), blocks: blocks).bits == expected.bits)
    }
    // All of it asked for before the first block.
    let ahead = try stream(name, sampleRate: sampleRate)
    for note in Self.score { ask(ahead, note, from: 0) }
    #expect(ahead.take(Self.frames, blocks: [33]).bits == expected.bits)
  }

  /// Saved anywhere, with notes that sound, fade, make way and wait, it goes on with the same bits.
  @Test(arguments: names, [0, 44100])
  func savedStatesContinue(name: String, sampleRate: Int) throws {
    let whole = play(try stream(name, sampleRate: sampleRate), blocks: [64])
    for moment in [0, 1, 4, 95, 201, 230, 402, 530, 1101, 1300, 1999] {
      let first = try stream(name, sampleRate: sampleRate)
      for note in Self.score { ask(first, note, from: 0) }
      _ = first.take(moment)
      let saved = first.savedState()
      let second = try stream(name, sampleRate: sampleRate, seed: 99)
      #expect(second.noteOn(frame: 0, voice: 9, pitch: 50, velocity: 1) == .ok)
      _ = second.take(37)
      #expect(second.load(saved) == .ok)
      #expect(second.savedState() == saved)
      #expect(second.take(Self.frames - moment, blocks: [5]).bits == Array(whole[moment...]).bits)
      #expect(first.take(Self.frames - moment).bits == Array(whole[moment...]).bits)
    }
  }

  @Test func seedsAndNotesDecide() throws {
    for name in Self.names {
      let first = play(try stream(name, seed: 1), blocks: [64])
      #expect(play(try stream(name, seed: 1), blocks: [64]).bits == first.bits)
      #expect(play(try stream(name, seed: 2), blocks: [64]).bits != first.bits)
      // The same pitch twice is not the same sound twice; after a reset, it is.
      let again = try stream(name, seed: 1)
      var sounds: [[Float]] = []
      for round in 0..<3 {
        if round == 2 { #expect(again.reset(seed: 1) == .ok) }
        #expect(again.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
        #expect(again.noteOff(frame: 500, voice: 0, pitch: 60) == .ok)
        sounds.append(again.take(2500))
      }
      #expect(sounds[0].bits != sounds[1].bits)
      #expect(sounds[0].bits == sounds[2].bits)
    }
  }

  /// A single held note is what the model's own stream generates under that pitch with the note's seed, once it has faded in.
  @Test(arguments: names)
  func aVoiceIsAStream(name: String) throws {
    let stream = try stream(name, seed: 5)
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 4, velocity: 1) == .ok)
    let attack = 48
    let sound = stream.take(1000)
    var options = StreamOptions(for: stream.model)
    options.smoothingSeconds = 0
    options.seed = Voice.seed(of: 0, 5)
    let alone = try Stream(model: stream.model, options: options)
    let pitch = try #require(stream.model.configuration.pitchCondition)
    #expect(alone.setCondition(pitch, [4]) == .ok)
    let expected = alone.take(1000)
    #expect(sound[attack...].map(\.bitPattern) == expected[attack...].map(\.bitPattern))
    #expect(sound[0] == 0)
  }

  @Test func parametersActOnSoundingNotes() throws {
    let stream = try stream("gru-f16")
    let twin = try self.stream("gru-f16")
    for stream in [stream, twin] {
      #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
      _ = stream.take(100)
    }
    #expect(stream.setParameter(.gain, 2) == .ok)
    #expect(stream.take(100) == twin.take(100).map { $0 * 2 })
    #expect(stream.setParameter(.gain, 1) == .ok)
    #expect(stream.setParameter(.temperature, 0) == .ok)
    #expect(stream.take(300) != twin.take(300))
  }

  @Test func nothingSoundsWithoutANote() throws {
    let stream = try stream("gru-f16", sampleRate: 48000)
    #expect(stream.take(1000).allSatisfy { $0 == 0 })
    #expect(stream.latency == 120)
    #expect(stream.statistics.frames == 1000)
  }

  @Test func statesOfOtherStreamsAreRefused() throws {
    let stream = try stream("gru-f16")
    let saved = stream.savedState()
    let plain = try Stream(model: stream.model, options: StreamOptions(for: stream.model))
    for (other, word) in [
      (plain, "voices"), (try self.stream("gru-f16", voices: 4), "voices"),
      (try self.stream("gru-f16", sampleRate: 44100), "Hz"),
    ] {
      #expect(stream.load(other.savedState()) == .format)
      #expect(other.load(saved) == .format)
      let refused = failure { try saved.withUnsafeBytes { try other.checkState($0) } }
      #expect(refused?.message.contains(word) == true)
    }
    for cut in 0..<min(100, saved.count) { #expect(stream.load(Array(saved[..<cut])) == .format) }
    #expect(stream.load(saved) == .ok)
  }

  /// A forged state with a correct checksum: whatever is taken can be played.
  @Test(arguments: ["wavenet-class-conditions", "gru-f16"])
  func forgedStatesAreHarmless(name: String) throws {
    let stream = try stream(name, sampleRate: 44100)
    for note in Self.score { ask(stream, note, from: 0) }
    _ = stream.take(205)
    let saved = stream.savedState()
    var refused = 0
    let places = Array(stride(from: 48, to: min(saved.count, 1000), by: 4)) + Array(stride(from: 1000, to: saved.count, by: 92))
    for place in places {
      for bits in [0xFFFF_FFFF, 0x7FFF_FFFF, 0x0001_0000, 0x7FC0_0000, 2] as [UInt32] {
        var forged = saved
        forged.withUnsafeMutableBytes { bytes in
          bytes.storeBytes(of: bits, toByteOffset: place, as: UInt32.self)
          let checksum = fingerprint(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[32...]))
          bytes.storeBytes(of: checksum, toByteOffset: 24, as: UInt64.self)
        }
        if stream.load(forged) == .ok { _ = stream.take(30) } else { refused += 1 }
      }
    }
    #expect(refused > 100)
    #expect(stream.load(saved) == .ok)
  }
}
