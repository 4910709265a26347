import Testing

@testable import Cadenza

@Suite("Voices on a grid")
struct StepGridTests {
  // Of the melody: hold, off, then 48 ... 84.
  private static func token(_ pitch: Int) -> Int { pitch - 46 }

  @Test func startTokens() {
    #expect(NoteCodecProbe(NoteCodecSamples.melody).first.map(\.token) == [1])
    #expect(NoteCodecProbe(NoteCodecSamples.chorale).first.map(\.token) == [1], "the end, since there is one")
    var chorale = NoteCodecSamples.chorale
    guard case .choraleGrid(var grid) = chorale.kind else { return }
    grid.voices[0].symbols.removeAll { $0 == .end }
    chorale.kind = .choraleGrid(grid)
    // 24 + 24 + 24 tokens, then the bass's hold and off.
    #expect(NoteCodecProbe(chorale).first.map(\.token) == [73])
  }

  @Test func melody() {
    let probe = NoteCodecProbe(NoteCodecSamples.melody)
    probe.play([0, 1, Self.token(60), 0, Self.token(60), Self.token(72), 0, 0, 1, 1, 0])
    #expect(
      probe.read().map(\.description) == [
        "2 on 0:60/80", "4 off 0:60", "4 on 0:60/80", "5 off 0:60", "5 on 0:72/80", "8 off 0:72",
      ])
    #expect(probe.script.tick == 11 && probe.codec.position(probe.memory) == 11)
  }

  /// Hold, for ever: the note ends in time.
  @Test func holdingOn() {
    let probe = NoteCodecProbe(NoteCodecSamples.melody)
    probe.play([Self.token(60)] + [Int](repeating: 0, count: 100) + [Self.token(62)])
    #expect(probe.read().map(\.description) == ["0 on 0:60/80", "32 off 0:60", "101 on 0:62/80"])
  }

  /// Four voices in turn: 24 tokens of the soprano, alto and tenor each, 31 of the bass.
  @Test func chorale() {
    let probe = NoteCodecProbe(NoteCodecSamples.chorale)
    var ranges: [String] = []
    var steps: [UInt64] = []
    for token in [3, 24, 71, 75, 2, 47, 48, 72] {
      let (first, count) = probe.codec.choices(probe.memory)
      ranges.append("\(first)+\(count)")
      steps.append(probe.codec.position(probe.memory))
      probe.play([token])
    }
    #expect(ranges == ["0+25", "25+24", "49+24", "73+31", "0+25", "25+24", "49+24", "73+31"])
    #expect(steps == [0, 0, 0, 0, 1, 1, 1, 1])
    // 24 is the soprano's, 48 the alto's, 72 the tenor's: of another voice than the one whose turn it is, they hold.
    #expect(probe.read().map(\.description) == ["0 on 0:60/100", "0 on 2:48/100", "0 on 3:36/100"])
    #expect(probe.script.tick == 2)
  }

  @Test func voicesCross() {
    let probe = NoteCodecProbe(NoteCodecSamples.chorale)
    // Soprano 60, alto 65, tenor 60, bass 64: the same pitch in two voices is two notes.
    probe.play([3, 25 + 12, 49 + 10, 75 + 28, 2, 25 + 23, 49 + 23, 73])
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/100", "0 on 1:65/100", "0 on 2:60/100", "0 on 3:64/100", "1 off 1:65", "1 off 2:60",
      ])
  }

  @Test func theEnd() {
    let probe = NoteCodecProbe(NoteCodecSamples.chorale)
    probe.play([3, 25, 50, 75, 1, 26, 50, 75, 4])
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/100", "0 on 1:53/100", "0 on 2:69/100", "0 on 3:36/100", "1 off 0:60", "1 off 1:53", "1 off 2:69",
        "1 off 3:36", "1 end",
      ])
    #expect(probe.script.hasEnded && probe.script.tick == 1)
  }

  private static func randomVoice(_ voice: Int, _ pitches: [Int], steps: Int, _ random: inout RandomGenerator) -> [PieceNote] {
    var notes: [PieceNote] = []
    var begin = random.below(4)
    while begin < steps {
      let end = min(steps, begin + random.within(1...12))
      notes.append(PieceNote(voice: voice, begin: begin, end: end, pitch: pitches[random.below(pitches.count)], velocity: 0))
      begin = end + (random.below(3) == 0 ? random.below(6) : 0)
    }
    return notes
  }

  @Test(arguments: 1...8)
  func piecesComeBack(seed: Int) {
    var random = RandomGenerator(seed: UInt64(seed))
    for configuration in [NoteCodecSamples.melody, NoteCodecSamples.chorale, NoteCodecSamples.held] {
      guard case .melodySteps(let grid) = configuration.kind.asGrid else { return }
      let probe = NoteCodecProbe(configuration)
      let steps = 200
      var notes: [PieceNote] = []
      for (voice, description) in grid.voices.enumerated() {
        notes += Self.randomVoice(voice, description.pitches.pitches, steps: steps, &random)
      }
      for index in notes.indices { notes[index].velocity = grid.velocity }
      let elements = probe.codec.encode(PieceNote.events(notes), ticks: UInt64(steps), probe.memory)
      #expect(elements.count == steps * grid.voices.count)
      let played = PieceNote.notes(probe.playAndRead(elements), end: steps)
      #expect(played == notes.sorted())
      #expect(probe.script.tick == UInt64(steps))
    }
  }

  /// A rest is "off" once, where a note ends, and else "hold".
  @Test func rests() {
    let probe = NoteCodecProbe(NoteCodecSamples.melody)
    let notes = [
      PieceNote(voice: 0, begin: 2, end: 4, pitch: 60, velocity: 9),
      PieceNote(voice: 0, begin: 7, end: 8, pitch: 61, velocity: 9),
    ]
    let tokens = probe.codec.encode(PieceNote.events(notes), ticks: 10, probe.memory).map(\.token)
    #expect(tokens == [0, 0, Self.token(60), 0, 1, 0, 0, Self.token(61), 1, 0])
  }

  /// 27 tokens each. The soprano: 60 is 1, held 14; the bass: 36 is 27 + 14, held 27 + 1.
  @Test func heldPitches() {
    let probe = NoteCodecProbe(NoteCodecSamples.held)
    #expect(probe.first.map(\.token) == [27])
    // Both begin, both hold, the soprano holds what does not sound and the bass strikes again, both rest, and rest on.
    probe.play([1, 41, 14, 28, 15, 41, 0, 27, 0, 27])
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/100", "0 on 1:36/100", "2 off 0:60", "2 on 0:61/100", "2 off 1:36", "2 on 1:36/100", "3 off 0:61",
        "3 off 1:36",
      ])
  }

  /// A note is its pitch and then what holds it, a rest is "off" at every step; what sounded before is held.
  @Test func heldPitchesOfPieces() {
    let probe = NoteCodecProbe(NoteCodecSamples.held)
    let notes = [PieceNote(voice: 0, begin: 1, end: 3, pitch: 60, velocity: 9)]
    let tokens = probe.codec.encode(PieceNote.events(notes), ticks: 4, probe.memory).map(\.token)
    #expect(tokens == [0, 27, 1, 27, 14, 27, 0, 27])
    probe.play([1, 41, 14])
    #expect(probe.codec.encode([], ticks: 1, probe.memory).map(\.token) == [28, 14, 28], "a step under way is held to its end")
  }

  /// What sounds when a piece is given goes on until the piece says that it ends, or begins another.
  @Test func inTwoPieces() {
    let probe = NoteCodecProbe(NoteCodecSamples.melody)
    let off = TickEvent(tick: 2, isOn: false, voice: 0, pitch: 60, velocity: 0)
    #expect(probe.codec.encode([off], ticks: 3, probe.memory).map(\.token) == [0, 0, 0], "nothing sounds yet")
    probe.play([Self.token(60)])
    #expect(probe.codec.encode([off], ticks: 4, probe.memory).map(\.token) == [0, 0, 1, 0])
    #expect(probe.codec.encode([], ticks: 2, probe.memory).map(\.token) == [0, 0])
    let other = TickEvent(tick: 2, isOn: false, voice: 0, pitch: 61, velocity: 0)
    #expect(probe.codec.encode([other], ticks: 3, probe.memory).map(\.token) == [0, 0, 0], "61 does not sound")
  }

  /// A melody takes the highest note that begins, and every one that begins later.
  @Test func chordsBecomeAMelody() {
    let probe = NoteCodecProbe(NoteCodecSamples.melody)
    let notes = [
      PieceNote(voice: 1, begin: 0, end: 9, pitch: 60, velocity: 9),
      PieceNote(voice: 0, begin: 0, end: 2, pitch: 67, velocity: 9),
      PieceNote(voice: 0, begin: 3, end: 4, pitch: 50, velocity: 9),
    ]
    let short = [true, false].map { TickEvent(tick: 4, isOn: $0, voice: 0, pitch: 24, velocity: 9) }
    let tokens = probe.codec.encode(PieceNote.events(notes) + short, ticks: 6, probe.memory).map(\.token)
    #expect(
      tokens == [Self.token(67), 0, 1, Self.token(50), Self.token(48), 1], "24 is a C: two octaves higher; it lasts a step")
  }

  /// Where a step is under way its other voices hold.
  @Test func aStepUnderWay() {
    let probe = NoteCodecProbe(NoteCodecSamples.chorale)
    probe.play([3, 25])
    let tokens = probe.codec.encode([TickEvent(tick: 0, isOn: true, voice: 3, pitch: 40, velocity: 1)], ticks: 1, probe.memory)
      .map(\.token)
    #expect(tokens == [49, 73, 2, 47, 49, 75 + 4])
  }

  @Test func voicesThatThereAreNot() {
    let probe = NoteCodecProbe(NoteCodecSamples.chorale)
    let events = (4..<16).map { TickEvent(tick: 0, isOn: true, voice: $0, pitch: 60, velocity: 80) }
    #expect(probe.codec.encode(events, ticks: 1, probe.memory).map(\.token) == [2, 47, 49, 73])
  }
}

extension NoteCodecConfiguration.Kind {
  /// A grid as a melody's, whichever it is.
  fileprivate var asGrid: Self {
    if case .choraleGrid(let grid) = self { return .melodySteps(grid) }
    return self
  }
}
