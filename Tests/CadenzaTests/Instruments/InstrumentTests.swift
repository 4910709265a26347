import Testing

@testable import Cadenza

/// Notes on tones that are constants, so that each number of the output is known.
@Suite("Instrument")
struct InstrumentTests {
  /// No more than this between neighbours: a full attack's steepest, for voices that add up to `level` at most.
  func largestStep(_ level: Float) -> Float { level * .pi / 2 / Float(ToneModel.attack) + 1e-5 }

  func steps(_ samples: [Float]) -> Float { zip(samples, samples.dropFirst()).map { abs($1 - $0) }.max() ?? 0 }

  @Test func aNoteBeginsAndEndsOnItsFrame() throws {
    let level = try ToneModel.level(64)
    #expect(level > 0.5)
    let stream = try ToneModel.stream()
    #expect(stream.noteOn(frame: 10, voice: 0, pitch: 64, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 500, voice: 0, pitch: 64) == .ok)
    let samples = stream.take(2000)
    // The attack's first sample is its level 0.
    #expect(samples[...10].allSatisfy { $0 == 0 })
    #expect(samples[11] > 0)
    #expect(samples[(10 + ToneModel.attack)...500].allSatisfy { $0 == level })
    #expect(samples[501] < level)
    #expect(samples[500 + ToneModel.release - 1] > 0)
    #expect(samples[(500 + ToneModel.release)...].allSatisfy { $0 == 0 })
    #expect(steps(samples) <= largestStep(level))
  }

  @Test func loudnessIsTheSquareOfVelocity() throws {
    let level = try ToneModel.level(60)
    for velocity in [1, 0.5, 0.25, 0.1] as [Float] {
      let stream = try ToneModel.stream()
      #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: velocity) == .ok)
      #expect(abs(stream.take(100)[99] - level * velocity * velocity) < 1e-7)
    }
  }

  @Test func velocityZeroEndsTheNote() throws {
    let stream = try ToneModel.stream()
    #expect(stream.noteOn(frame: 0, voice: 3, pitch: 60, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 100, voice: 3, pitch: 60, velocity: 0) == .ok)
    let samples = stream.take(100 + ToneModel.release + 5)
    #expect(samples[99] > 0)
    #expect(samples.suffix(5).allSatisfy { $0 == 0 })
  }

  @Test func voicesAddUpAndAreTheirOwn() throws {
    let levels = try [60, 62, 64].map(ToneModel.level)
    let stream = try ToneModel.stream()
    for pitch in [60, 62, 64] { #expect(stream.noteOn(frame: 0, voice: 0, pitch: pitch, velocity: 1) == .ok) }
    #expect(abs(stream.take(100)[99] - levels.reduce(0, +)) < 1e-6)
    // Another part's note of the same pitch is another note.
    #expect(stream.noteOn(frame: 0, voice: 1, pitch: 60, velocity: 1) == .ok)
    #expect(abs(stream.take(100)[99] - levels.reduce(0, +) - levels[0]) < 1e-6)
    #expect(stream.noteOff(frame: 0, voice: 1, pitch: 60) == .ok)
    #expect(stream.noteOff(frame: 0, voice: 2, pitch: 62) == .ok)  // does not sound
    #expect(abs(stream.take(1000)[999] - levels.reduce(0, +)) < 1e-6)
  }

  /// The oldest of notes that are held makes way: it fades for 40 samples, and then the new one begins.
  @Test func theOldestVoiceIsTakenOver() throws {
    let levels = try [60, 62, 64].map(ToneModel.level)
    let stream = try ToneModel.stream(voices: 2)
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 10, voice: 0, pitch: 62, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 200, voice: 0, pitch: 64, velocity: 1) == .ok)
    let samples = stream.take(400)
    #expect(abs(samples[200] - levels[0] - levels[1]) < 1e-6)
    #expect(samples[200 + ToneModel.takeOver] == levels[1])
    #expect(samples[200 + ToneModel.takeOver + 1] != levels[1])
    #expect(abs(samples[399] - levels[1] - levels[2]) < 1e-6)
    #expect(steps(samples) <= largestStep(0.7))
  }

  /// A note that has ended makes way before one that is held, the one that has faded furthest first.
  @Test func theVoiceThatHasFadedFurthestIsTakenOver() throws {
    let levels = try [60, 62, 64].map(ToneModel.level)
    let stream = try ToneModel.stream(voices: 3)
    for pitch in [60, 62, 64] { #expect(stream.noteOn(frame: 0, voice: 0, pitch: pitch, velocity: 1) == .ok) }
    #expect(stream.noteOff(frame: 100, voice: 0, pitch: 64) == .ok)
    #expect(stream.noteOff(frame: 150, voice: 0, pitch: 62) == .ok)
    _ = stream.take(200)
    #expect(stream.noteOn(frame: 0, voice: 1, pitch: 60, velocity: 1) == .ok)
    let samples = stream.take(150 + ToneModel.release)
    // 62 fades as long as ever; 64 is gone as soon as it can be.
    let silent = try #require(samples.lastIndex { abs($0 - 2 * levels[0]) > 1e-6 })
    #expect(silent == 150 + ToneModel.release - 200 - 1)
    #expect(steps(samples) <= largestStep(0.7))
    let early = samples[ToneModel.takeOver]
    let fading = Float(1 + cosine(.pi * Double(50 + ToneModel.takeOver) / Double(ToneModel.release))) / 2
    #expect(abs(early - levels[0] - levels[1] * fading) < 1e-5)
  }

  @Test func aNoteThatIsStruckAgainFadesBesideTheNewOne() throws {
    let level = try ToneModel.level(64)
    let stream = try ToneModel.stream(voices: 2)
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 64, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 100, voice: 0, pitch: 64, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 900, voice: 0, pitch: 64) == .ok)
    let samples = stream.take(1700)
    #expect(samples[100] == level)
    #expect(samples[100 + ToneModel.attack] > 1.9 * level)
    #expect(samples[800] == level)
    #expect(samples[(900 + ToneModel.release)...].allSatisfy { $0 == 0 })
    #expect(steps(samples) <= largestStep(2 * level))
  }

  /// However many notes come: no more voices sound than there are, the last ones asked for win, and nothing jumps.
  @Test func aStormOfNotesStaysBounded() throws {
    let level = try ToneModel.level(64)
    let stream = try ToneModel.stream(voices: 3)
    let core = try #require(stream.player.notes)
    var samples: [Float] = []
    for turn in 0..<300 {
      for note in 0..<7 {
        #expect(
          stream.noteOn(frame: note, voice: (turn + note) % 16, pitch: 60 + (turn * note) % 6, velocity: 1) == .ok)
        if note % 3 == 0 {
          #expect(stream.noteOff(frame: note, voice: (turn + note + 3) % 16, pitch: 60 + turn % 6) == .ok)
        }
      }
      samples += stream.take(8 + turn % 30)
      #expect(core.pointee.instrument.soundingCount <= 3)
    }
    #expect(samples.allSatisfy { abs($0) <= 3 * level + 1e-5 })
    #expect(steps(samples) <= largestStep(3 * level))
    #expect(!core.pointee.instrument.isSilent)
    for pitch in 0..<128 { for part in 0..<16 { core.pointee.instrument.noteOff(voice: part, pitch: pitch) } }
    _ = stream.take(ToneModel.release + ToneModel.takeOver)
    #expect(core.pointee.instrument.isSilent)
    #expect(stream.take(10).allSatisfy { $0 == 0 })
  }

  /// Sixty-four notes on one frame for four voices: those four are begun that were asked for last.
  @Test func theLastOfManyNotesOnOneFrameSound() throws {
    let level = try ToneModel.level(62)
    let stream = try ToneModel.stream(voices: 4)
    for part in 0..<16 {
      for pitch in [60, 62] { #expect(stream.noteOn(frame: 5, voice: part, pitch: pitch, velocity: 1) == .ok) }
    }
    for part in 12..<16 { #expect(stream.noteOn(frame: 5, voice: part, pitch: 62, velocity: 1) == .ok) }
    let samples = stream.take(100)
    #expect(samples[...5].allSatisfy { $0 == 0 })
    #expect(abs(samples[99] - 4 * level) < 1e-5)
  }

  @Test func aNoteEndedBeforeItBeginsIsNotHeard() throws {
    let stream = try ToneModel.stream(voices: 1)
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 0, voice: 0, pitch: 60) == .ok)
    #expect(stream.take(100).allSatisfy { $0 == 0 })
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 100, voice: 0, pitch: 62, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 110, voice: 0, pitch: 62) == .ok)
    let samples = stream.take(300)
    #expect(samples[99] > 0)
    #expect(samples[(100 + ToneModel.takeOver)...].allSatisfy { $0 == 0 })
  }

  // MARK: Conditions

  @Test func conditionsHoldForLaterNotes() throws {
    let plain = try ToneModel.level(60)
    let stream = try ToneModel.stream()
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
    _ = stream.take(100)
    #expect(stream.setCondition(0, [-1]) == .ok)
    #expect(stream.take(50)[49] == plain)  // it sounds on as it began
    #expect(stream.noteOff(frame: 0, voice: 0, pitch: 60) == .ok)
    _ = stream.take(ToneModel.release)
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
    #expect(stream.take(100)[99] < 0)
  }

  @Test func eachVoiceHasItsConditions() throws {
    let plain = try ToneModel.level(60)
    let stream = try ToneModel.stream()
    // What was set for all before is overruled; what is set for all later overrules.
    #expect(stream.setCondition(0, [0.3]) == .ok)
    #expect(stream.setInstrumentCondition(voice: 5, index: 0, values: [0], count: 1) == .ok)
    #expect(stream.noteOn(frame: 0, voice: 5, pitch: 60, velocity: 1) == .ok)
    #expect(stream.take(100)[99] == plain)
    #expect(stream.noteOn(frame: 0, voice: 4, pitch: 60, velocity: 1) == .ok)
    #expect(stream.take(100)[99] > 2.2 * plain)
    #expect(stream.reset(seed: 0) == .ok)
    #expect(stream.setInstrumentCondition(voice: Stream.allVoices, index: 0, values: [0], count: 1) == .ok)
    #expect(stream.noteOn(frame: 0, voice: 4, pitch: 60, velocity: 1) == .ok)
    #expect(stream.take(100)[99] == plain)
  }

  @Test func badConditionsAreRefused() throws {
    let stream = try ToneModel.stream()
    for (voice, index, value, count) in [
      (16, 0, 0, 1), (-1, 0, 0, 1), (0, 1, 0, 1), (0, 2, 0, 1), (0, -1, 0, 1), (0, 0, .nan, 1), (0, 0, 0, 2), (0, 0, 0, 0),
    ] as [(Int, Int, Float, Int)] {
      #expect(
        stream.setInstrumentCondition(voice: voice, index: index, values: [value, 0], count: count) == .invalidArgument)
    }
    #expect(stream.setCondition(1, [0]) == .invalidArgument)  // pitch
    #expect(stream.setCondition(0, [.infinity]) == .invalidArgument)
    let plain = try Stream(model: stream.model, options: StreamOptions(for: stream.model))
    #expect(plain.setInstrumentCondition(voice: 0, index: 0, values: [0], count: 1) == .state)
  }

  // MARK: The queue

  @Test func notesWaitBeyondTheBlock() throws {
    let stream = try ToneModel.stream()
    #expect(stream.noteOn(frame: 250, voice: 0, pitch: 60, velocity: 1) == .ok)
    #expect(stream.noteOff(frame: 249, voice: 0, pitch: 60) == .invalidArgument)
    let samples = stream.take(400, blocks: [100])
    #expect(samples[...250].allSatisfy { $0 == 0 })
    #expect(samples[251] != 0)
  }

  @Test func badNotesAreRefusedAndTheQueueIsFinite() throws {
    let stream = try ToneModel.stream()
    let bad: [(Int, Int, Int, Float)] = [
      (-1, 0, 60, 1), (StreamOptions.maximumFrames + 1, 0, 60, 1), (0, -1, 60, 1), (0, 16, 60, 1), (0, 0, -1, 1),
      (0, 0, 128, 1), (0, 0, 60, -0.1), (0, 0, 60, 1.1), (0, 0, 60, .nan), (0, 0, 60, .infinity),
    ]
    for (frame, voice, pitch, velocity) in bad {
      #expect(stream.noteOn(frame: frame, voice: voice, pitch: pitch, velocity: velocity) == .invalidArgument)
    }
    for (frame, voice, pitch, _) in bad.prefix(6) {
      #expect(stream.noteOff(frame: frame, voice: voice, pitch: pitch) == .invalidArgument)
    }
    for index in 0..<256 { #expect(stream.noteOff(frame: index / 2, voice: 0, pitch: 60) == .ok) }
    #expect(stream.noteOn(frame: 500, voice: 0, pitch: 60, velocity: 1) == .state)
    #expect(stream.take(1) == [0])  // two leave
    #expect(stream.noteOn(frame: 500, voice: 0, pitch: 60, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 500, voice: 0, pitch: 62, velocity: 1) == .ok)
    #expect(stream.noteOn(frame: 500, voice: 0, pitch: 64, velocity: 1) == .state)
    #expect(stream.reset(seed: 1) == .ok)
    #expect(stream.take(1000).allSatisfy { $0 == 0 })
    let plain = try Stream(model: stream.model, options: StreamOptions(for: stream.model))
    #expect(plain.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .state)
    #expect(plain.noteOff(frame: 0, voice: 0, pitch: 60) == .state)
  }

  // MARK: What it cannot do

  @Test func audioCannotBeGiven() throws {
    let stream = try ToneModel.stream()
    var nats = 5.0
    #expect(stream.prime([0, 0.1]) == .unsupported)
    #expect(stream.endAudio() == .unsupported)
    let status = [Float](repeating: 0, count: 4).withUnsafeBufferPointer {
      stream.score($0.baseAddress!, frames: 4, nats: &nats)
    }
    #expect(status == .unsupported)
    #expect(nats == 0)
  }

  @Test func modelsThatCannotPlayNotesAreRefused() throws {
    for (name, word) in [
      ("wavenet-plain", "pitch"), ("lstm-conditions", "chord"), ("wavenet-vector-condition", "pitch"),
    ] {
      let model = try Model(path: Reference.named(name).modelPath)
      var options = StreamOptions(for: model)
      options.voices = 1
      for refused in [
        failure { _ = try Stream(model: model, options: options) },
        failure { _ = try InstrumentOptions(for: model).check(for: model) },
      ] {
        #expect(refused?.status == .unsupported)
        #expect(refused?.message.contains(word) == true)
      }
    }
    let vector = try load(SmallModel.bytes(replacing: #""kind":"class","size":3"#, with: #""kind":"vector","size":3"#))
    let refused = failure { _ = try InstrumentOptions(for: vector).check(for: vector) }
    #expect(refused?.status == .unsupported)
    #expect(refused?.message.contains("of numbers, expected classes") == true)
    let composer = try load(
      SmallModel.bytes(
        replacing: #"{"kind":"mu_law","sample_rate":16000,"levels":4}"#,
        with: #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62]}"#))
    let refusedComposer = failure { _ = try InstrumentOptions(for: composer).check(for: composer) }
    #expect(refusedComposer?.status == .unsupported)
    #expect(refusedComposer?.message.contains("composes") == true)
  }

  @Test func optionsOutOfRangeAreRefused() throws {
    let model = try load(ToneModel.bytes())
    #expect(try InstrumentOptions(for: model).check(for: model) == 1)
    let changes: [(inout InstrumentOptions) -> Void] = [
      { $0.voices = 0 }, { $0.voices = 65 }, { $0.topK = -1 }, { $0.temperature = .nan }, { $0.topP = 2 }, { $0.gain = 17 },
      { $0.attackSeconds = 0 }, { $0.attackSeconds = .nan }, { $0.releaseSeconds = 11 }, { $0.transpose = 128 },
      { $0.transpose = -128 },
    ]
    for change in changes {
      var options = InstrumentOptions(for: model)
      change(&options)
      #expect(failure { _ = try options.check(for: model) }?.status == .invalidArgument)
    }
    for voices in [-1, 65] {
      var options = StreamOptions(for: model)
      options.voices = voices
      #expect(failure { _ = try Stream(model: model, options: options) }?.status == .invalidArgument)
    }
    let stream = try ToneModel.stream()
    #expect(failure { try stream.setInstrument(model, options: InstrumentOptions(for: model)) }?.status == .unsupported)
  }
}

/// How `call` failed; nil where it did not.
func failure(_ call: () throws -> Void) -> Failure? {
  do {
    try call()
    return nil
  } catch {
    return error as? Failure
  }
}
