import Testing

@testable import Cadenza

/// What a composer's stream promises, over every codec of notes and every kind of network.
@Suite("Composer")
struct ComposerTests {
  static let frames = 150_000

  @Test(arguments: ComposerModel.all)
  func blockSizesDoNotMatter(_ composer: ComposerModel) throws {
    let model = try composer.model()
    let expected = try composer.stream(model: model).compose(ComposerTests.frames, blocks: [4_096])
    #expect(expected.events.count > 2)
    for blocks in [[64], [7, 1, 100, 4_097, 33], [Self.frames]] {
      #expect(try composer.stream(model: model).compose(Self.frames, blocks: blocks).events == expected.events)
    }
    #expect(expected.sound.allSatisfy { $0 == 0 })
  }

  /// A parameter that the host changes at a frame changes the music from there on, the same way whatever the blocks before and after.
  @Test(arguments: ComposerModel.all)
  func changesFallOnTheirFrames(_ composer: ComposerModel) throws {
    let model = try composer.model()
    func play(_ blocks: [Int]) throws -> [Cadenza.Stream.Happening] {
      let stream = try composer.stream(model: model)
      return stream.compose(
        Self.frames, blocks: blocks,
        before: { frame in
          if frame == 60_000 {
            #expect(stream.setParameter(.temperature, 0.3) == .ok)
            #expect(stream.setParameter(.tempo, 171.5) == .ok)
          }
        }
      ).events
    }
    let expected = try play([60_000])
    #expect(try play([1_000]) == expected)
    #expect(try play([30, 70, 400]) == expected)
    let unchanged = try composer.stream(model: model).compose(Self.frames, blocks: [60_000]).events
    #expect(unchanged != expected)
    #expect(unchanged.prefix { $0.frame < 60_000 } == expected.prefix { $0.frame < 60_000 })
  }

  /// Every event lies on the first frame at which its beat has come: after any time, at any rate.
  @Test(arguments: [(8_000, 120 as Float), (44_100, 97.25), (96_000, 333)])
  func eventsFallOnTheFramesOfTheirBeats(_ rate: Int, _ tempo: Float) throws {
    for composer in [ComposerModel.performance, .chorale] {
      let stream = try composer.stream(sampleRate: rate)
      #expect(stream.setParameter(.tempo, tempo) == .ok)
      let events = stream.compose(rate * 60, blocks: [rate]).events
      #expect(events.count > 50)
      let steps = Int((Double(tempo) * 65_536).rounded())
      let ticksPerBeat = composer.name == "performance" ? 50 : 4
      for event in events {
        let tick = Int((Double(bitPattern: event.beat) * Double(ticksPerBeat)).rounded())
        let length = steps * ticksPerBeat
        #expect(Int(event.frame) == (tick * 60 * rate * 65_536 + length - 1) / length)
      }
    }
  }

  /// Over an hour too.
  @Test func anHourIsExact() throws {
    let stream = try ComposerModel.melody.stream(sampleRate: 8_000)
    #expect(stream.setParameter(.tempo, 61) == .ok)
    let events = stream.compose(8_000 * 3_600, blocks: [1 << 20]).events
    let last = try #require(events.last)
    #expect(last.frame > 8_000 * 3_590)
    for event in events {
      let tick = Int(Double(bitPattern: event.beat) * 4)
      #expect(Int(event.frame) == (tick * 60 * 8_000 + 61 * 4 - 1) / (61 * 4))
    }
  }

  @Test(arguments: ComposerModel.all)
  func everyNoteEnds(_ composer: ComposerModel) throws {
    for temperature in [0, 1, 5] as [Float] {
      var sounding: Set<UInt32> = []
      var last: UInt64 = 0
      for event in try composer.stream(temperature: temperature).compose(400_000, blocks: [4_096]).events {
        #expect(event.frame >= last)
        last = event.frame
        let note = event.voice * 128 + event.pitch
        #expect(event.pitch < 128 && event.voice < 16)
        if event.kind == 0 {
          #expect(sounding.insert(note).inserted)
          #expect(Float(bitPattern: event.velocity) > 0 && Float(bitPattern: event.velocity) <= 1)
        } else if event.kind == 1 {
          #expect(sounding.remove(note) != nil)
          #expect(event.velocity == 0)
        }
      }
    }
  }

  @Test func seedsDecide() throws {
    let composer = ComposerModel.performance
    let first = try composer.stream(seed: 1).compose(100_000).events
    #expect(try composer.stream(seed: 1).compose(100_000).events == first)
    #expect(try composer.stream(seed: 2).compose(100_000).events != first)
  }

  @Test(arguments: ComposerModel.all)
  func resetBeginsAgain(_ composer: ComposerModel) throws {
    let stream = try composer.stream(seed: 3)
    let first = stream.compose(70_000).events
    #expect(stream.reset(seed: 3) == .ok)
    #expect(stream.compose(70_000).events == first)
  }

  /// Saved at any frame, also where a step is under way, the state continues in another stream; the first is not disturbed.
  @Test(arguments: ComposerModel.all)
  func savedStatesContinue(_ composer: ComposerModel) throws {
    let model = try composer.model()
    let undisturbed = try composer.stream(seed: 11, model: model).compose(90_000, blocks: [90_000]).events
    for moment in [0, 1, 63, 64, 65, 12_345, 23_999, 30_000] {
      let first = try composer.stream(seed: 11, model: model)
      let before = first.compose(moment, blocks: [1_000]).events
      let saved = first.savedState()
      let second = try composer.stream(seed: 99, model: model)
      _ = second.compose(5_000)
      #expect(second.load(saved) == .ok)
      let shift = { (event: Cadenza.Stream.Happening) in
        var event = event
        event.frame += UInt64(moment)
        return event
      }
      let rest = first.compose(90_000 - moment, blocks: [77]).events.map(shift)
      #expect(before + rest == undisturbed)
      #expect(second.compose(90_000 - moment, blocks: [1_024]).events.map(shift) == rest)
    }
  }

  @Test func statesOfOthersAndDamagedStatesAreRefused() throws {
    let stream = try ComposerModel.chorale.stream()
    _ = stream.compose(50_000)
    let saved = stream.savedState()
    #expect(try ComposerModel.melody.stream().load(saved) == .format)
    #expect(try ComposerModel.chorale.stream(sampleRate: 44_100).load(saved) == .format)
    #expect(stream.load(Array(saved.dropLast())) == .format)
    for place in stride(from: 0, to: saved.count, by: max(1, saved.count / 300)) {
      var damaged = saved
      damaged[place] ^= 0x40
      #expect(stream.load(damaged) == .format)
    }
    #expect(stream.load(saved) == .ok)
  }

  /// Numbers that index memory are checked, also where the checksum fits.
  @Test(arguments: ComposerModel.all)
  func forgedStatesDoNoHarm(_ composer: ComposerModel) throws {
    let model = try composer.model()
    let stream = try composer.stream(model: model)
    _ = stream.compose(30_000)
    let saved = stream.savedState()
    // What lies ahead of the script, its beginning, and some of the rest.
    let places = Array(stride(from: 32, to: 320, by: 4)) + Array(stride(from: 320, to: saved.count - 4, by: 1_012))
    for place in places {
      for bits in [0xFFFF_FFFF, 0x0001_0000, 0x7FC0_0000] as [UInt32] {
        var forged = saved
        forged.withUnsafeMutableBytes { bytes in
          bytes.storeBytes(of: bits.littleEndian, toByteOffset: place, as: UInt32.self)
          let sum = fingerprint(UnsafeRawBufferPointer(rebasing: bytes[SavedHeader.byteCount...]))
          bytes.storeBytes(of: sum.littleEndian, toByteOffset: 24, as: UInt64.self)
        }
        if stream.load(forged) == .ok { _ = stream.compose(3_000, blocks: [1_000]) }
      }
    }
  }

  // MARK: Pieces that are given

  /// A scale on the melody's grid: 60 62 64 65, a beat each at tempo 120.
  static let scale: [NoteEvent] = [60, 62, 64, 65].enumerated().flatMap { index, pitch in
    [
      NoteEvent(frame: UInt64(index) * 24_000, kind: .noteOn, voice: 0, pitch: pitch, velocity: 0.5),
      NoteEvent(frame: UInt64(index + 1) * 24_000, kind: .noteOff, voice: 0, pitch: pitch, velocity: 0),
    ]
  }

  @Test func aPieceIsContinued() throws {
    let composer = ComposerModel.melody
    let plain = try composer.stream(seed: 5).compose(100_000).events
    let primed = try composer.stream(seed: 5)
    #expect(primed.prime(Self.scale, frames: 96_000) == .ok)
    let events = primed.compose(100_000).events
    #expect(events.map(\.pitch) != plain.map(\.pitch))
    // Its time goes on behind the piece.
    #expect(try Double(bitPattern: #require(events.first).beat) >= 4)
    let again = try composer.stream(seed: 5)
    #expect(again.prime(Self.scale, frames: 96_000) == .ok)
    #expect(again.compose(100_000, blocks: [13]).events == events)
  }

  /// A piece in two parts is the piece.
  @Test func aPieceMayComeInParts() throws {
    let composer = ComposerModel.chorale
    var piece: [NoteEvent] = []
    for beat in 0..<8 {
      for (voice, pitch) in [(0, 72), (1, 67), (2, 62), (3, 50)] as [(UInt32, UInt32)] {
        piece.append(
          NoteEvent(frame: UInt64(beat) * 24_000, kind: .noteOn, voice: voice, pitch: pitch, velocity: 0.6))
        piece.append(
          NoteEvent(frame: UInt64(beat) * 24_000 + 12_000, kind: .noteOff, voice: voice, pitch: pitch, velocity: 0))
      }
    }
    piece.sort { $0.frame < $1.frame }
    let whole = try composer.stream()
    #expect(whole.prime(piece, frames: 192_000) == .ok)
    let parts = try composer.stream()
    #expect(parts.prime(piece.filter { $0.frame < 96_000 }, frames: 96_000) == .ok)
    let second = piece.filter { $0.frame >= 96_000 }.map { event in
      var event = event
      event.frame -= 96_000
      return event
    }
    #expect(parts.prime(second, frames: 96_000) == .ok)
    #expect(parts.compose(200_000).events == whole.compose(200_000).events)
  }

  /// What was scored in whole is the sum of its choices' likelihoods: more than nothing, and of so many choices as there are steps.
  @Test func piecesAreScored() throws {
    let stream = try ComposerModel.melody.stream()
    var nats = 0.0
    var choices: UInt64 = 0
    let status = Self.scale.withUnsafeBufferPointer {
      stream.scoreEvents($0.baseAddress, count: $0.count, frames: 96_000, nats: &nats, choices: &choices)
    }
    #expect(status == .ok)
    #expect(choices == 16)
    #expect(nats > 0 && nats.isFinite)
    // Scoring feeds as priming does.
    let primed = try ComposerModel.melody.stream()
    #expect(primed.prime(Self.scale, frames: 96_000) == .ok)
    #expect(primed.compose(50_000).events == stream.compose(50_000).events)
    // A network of values has no likelihood.
    let values = try ComposerModel.matrix.stream()
    let refused = Self.scale.withUnsafeBufferPointer {
      values.scoreEvents($0.baseAddress, count: $0.count, frames: 96_000, nats: &nats, choices: &choices)
    }
    #expect(refused == .unsupported)
    #expect(nats == 0 && choices == 0)
  }

  /// Notes that sound where the piece ends sound on.
  @Test func heldNotesSoundOn() throws {
    let stream = try ComposerModel.performance.stream()
    let held = [NoteEvent(frame: 0, kind: .noteOn, voice: 0, pitch: 61, velocity: 1)]
    #expect(stream.prime(held, frames: 48_000) == .ok)
    let events = stream.compose(64).events
    let first = try #require(events.first)
    #expect(first.kind == 0 && first.pitch == 61 && first.frame == 0)
  }

  /// Where music was playing, it ends, each note once, before the piece goes on.
  @Test(arguments: ComposerModel.all)
  func primingInTheMiddleEndsWhatSounds(_ composer: ComposerModel) throws {
    let stream = try composer.stream()
    var sounding: Set<UInt32> = []
    for _ in 0..<6 {
      var events = stream.compose(20_000, blocks: [500]).events
      #expect(stream.prime(Self.scale, frames: 96_000) == .ok)
      events += stream.compose(10_000, blocks: [500]).events
      for event in events where event.kind < 2 {
        let note = event.voice * 128 + event.pitch
        if event.kind == 0 {
          #expect(sounding.insert(note).inserted)
        } else {
          #expect(sounding.remove(note) != nil)
        }
      }
    }
  }

  @Test func badPiecesAreRefused() throws {
    let stream = try ComposerModel.melody.stream()
    let twin = try ComposerModel.melody.stream()
    func refused(_ change: (inout NoteEvent) -> Void, at index: Int = 2) -> Bool {
      var events = Self.scale
      change(&events[index])
      return stream.prime(events, frames: 96_000) == .invalidArgument
    }
    #expect(refused { $0.pitch = 128 })
    #expect(refused { $0.velocity = .nan })
    #expect(refused { $0.velocity = 1.5 })
    #expect(refused { $0.velocity = -0.1 })
    #expect(refused { $0.kind = NoteEvent.Kind(rawValue: 7) })
    #expect(refused { $0.frame = 96_001 })
    #expect(refused { $0.frame = 95_000 })
    #expect(refused { $0.voice = 16 })
    #expect(stream.primeEvents(nil, count: 3, frames: 10) == .invalidArgument)
    #expect(stream.primeEvents(nil, count: -1, frames: 10) == .invalidArgument)
    #expect(stream.prime(Self.scale, frames: .max) == .invalidArgument)
    #expect(stream.compose(50_000).events == twin.compose(50_000).events)
  }

  // MARK: Ends and errors

  @Test func aPieceEnds() throws {
    let (network, tensors) = (ComposerModel.melody.network, ComposerModel.melody.tensors)
    let ending = ComposerModel(
      name: "ending", codec: #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62,64,65,67,"end"]}"#,
      network: network, tensors: tensors)
    let stream = try ending.stream(seed: 2)
    let (_, events, status) = stream.compose(48_000 * 60)
    #expect(status == .end)
    #expect(events.last?.kind == 2)
    #expect(events.filter { $0.kind == 2 }.count == 1)
    #expect(events.filter { $0.kind == 0 }.count == events.filter { $0.kind == 1 }.count)
    #expect(stream.compose(1_000).status == .end)
    #expect(stream.prime(Self.scale, frames: 96_000) == .state)
    #expect(stream.reset(seed: 2) == .ok)
    #expect(stream.compose(48_000 * 60).events == events)
  }

  @Test func valuesThatAreNotFiniteEndTheMusic() throws {
    var broken = ComposerModel.melody
    broken = ComposerModel(name: "broken", codec: broken.codec, network: broken.network, tensors: broken.tensors)
    var writer = SafetensorsWriter(
      configuration: "{\"network\":\(broken.network),\"codec\":\(broken.codec)}")
    for (name, shape) in broken.tensors {
      let value: Float = name == "head.weight" ? 3e38 : name.hasSuffix("bias") ? 3e38 : 1
      writer.add(name, shape: shape, values: [Float](repeating: value, count: shape.reduce(1, *)))
    }
    let stream = try broken.stream(model: load(writer.file()))
    let (sound, events, status) = stream.compose(10_000)
    #expect(status == .numeric)
    #expect(sound.allSatisfy { $0 == 0 })
    #expect(events.filter { $0.kind == 0 }.count == events.filter { $0.kind == 1 }.count)
    #expect(stream.prime(Self.scale, frames: 96_000) == .state)
  }

  @Test func whatOnlySoundsIsUnsupportedAndTheOtherWayRound() throws {
    let composer = try ComposerModel.melody.stream()
    #expect(composer.prime([0, 0, 0]) == .unsupported)
    let sound = try Stream(model: load(SmallModel.bytes()), options: StreamOptions())
    #expect(sound.prime(Self.scale, frames: 96_000) == .unsupported)
    #expect(sound.setParameter(.tempo, 120) == .unsupported)
    var count = 7
    var event = NoteEvent(frame: 0, kind: .end, voice: 0, pitch: 0, velocity: 0)
    #expect(sound.readEvents(into: &event, capacity: 1, count: &count) == .unsupported)
    #expect(count == 0)
  }

  @Test func conditionsThatFollowAreNotTheHosts() throws {
    let stream = try ComposerModel.chorale.stream()
    #expect(stream.setCondition(0, [3]) == .unsupported)
    #expect(stream.setCondition(1, [2]) == .ok)
    #expect(try ComposerModel.chorale.stream().compose(150_000).events != stream.compose(150_000).events)
  }

  /// A reader with little room gets the rest at the next call.
  @Test func eventsMayBeReadInParts() throws {
    let stream = try ComposerModel.chorale.stream()
    var sound = [Float](repeating: 0, count: 100_000)
    let status = sound.withUnsafeMutableBufferPointer { stream.generate(into: $0.baseAddress!, frames: 100_000) }
    #expect(status == .ok)
    let expected = try ComposerModel.chorale.stream().compose(100_000, blocks: [100_000]).events
    var events: [Cadenza.Stream.Happening] = []
    var room = [NoteEvent](repeating: NoteEvent(frame: 0, kind: .end, voice: 0, pitch: 0, velocity: 0), count: 3)
    while true {
      var count = 0
      room.withUnsafeMutableBufferPointer { _ = stream.readEvents(into: $0.baseAddress!, capacity: 3, count: &count) }
      if count == 0 { break }
      events += room[0..<count].map { Cadenza.Stream.Happening($0, from: 0) }
    }
    #expect(events == expected)
  }

  @Test func aBlockOfTooManyEventsSaysSo() throws {
    let stream = try ComposerModel.chorale.stream(temperature: 3)
    #expect(stream.setParameter(.tempo, 1_000) == .ok)
    var sound = [Float](repeating: 0, count: 48_000 * 120)
    _ = sound.withUnsafeMutableBufferPointer { stream.generate(into: $0.baseAddress!, frames: $0.count) }
    var count = 0
    var room = [NoteEvent](repeating: NoteEvent(frame: 0, kind: .end, voice: 0, pitch: 0, velocity: 0), count: 5_000)
    let status = room.withUnsafeMutableBufferPointer {
      stream.readEvents(into: $0.baseAddress!, capacity: 5_000, count: &count)
    }
    #expect(status == .eventsLost)
    #expect(count == EventBuffer.capacity)
  }
}
