import Testing

@testable import Cadenza

@Suite("Note and chord tokens")
struct NoteTokensTests {
  // 60; 60 64 67; end; rest; 0 63 64 127; then 61 ... 72.
  private let probe = NoteCodecProbe(NoteCodecSamples.tokens)

  @Test func startTokens() {
    #expect(probe.first.map(\.token) == [2], "the end, since there is one")
    func start(_ tokens: [NoteCodecConfiguration.NoteToken]) -> [Int] {
      NoteCodecProbe(.init(kind: .noteTokens(.init(stepsPerBeat: 2, tokens: tokens)))).first.map(\.token)
    }
    #expect(start([.notes(PitchSet([60])), .notes(PitchSet())]) == [1])
    #expect(start([.notes(PitchSet([60])), .notes(PitchSet([61]))]) == [0])
  }

  @Test func steps() {
    probe.play([0, 1, 3, 4, 0, 0, 2, 0])
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/90", "1 off 0:60", "1 on 0:60/90", "1 on 0:64/90", "1 on 0:67/90", "2 off 0:60", "2 off 0:64", "2 off 0:67",
        "3 on 0:0/90", "3 on 0:63/90", "3 on 0:64/90", "3 on 0:127/90", "4 off 0:0", "4 off 0:63", "4 off 0:64", "4 off 0:127",
        "4 on 0:60/90", "5 off 0:60", "5 on 0:60/90", "6 off 0:60", "6 end",
      ])
    #expect(probe.codec.position(probe.memory) == 6)
  }

  @Test(arguments: 1...6)
  func piecesComeBack(seed: Int) {
    var random = RandomGenerator(seed: UInt64(seed))
    guard case .noteTokens(let vocabulary) = probe.configuration.kind else { return }
    var notes: [PieceNote] = []
    var expected: [Int] = []
    for step in 0..<300 {
      var token = random.below(vocabulary.tokens.count)
      if token == 2 { token = 3 }
      expected.append(token)
      guard case .notes(let pitches) = vocabulary.tokens[token] else { continue }
      for pitch in pitches.pitches { notes.append(PieceNote(voice: 0, begin: step, end: step + 1, pitch: pitch, velocity: 90)) }
    }
    let elements = probe.codec.encode(PieceNote.events(notes), ticks: 300, probe.memory)
    #expect(elements.map(\.token) == expected)
    #expect(PieceNote.notes(probe.playAndRead(elements), end: 300) == notes.sorted())
    #expect(probe.script.tick == 300)
  }

  /// The token that the fewest pitches tell apart; a note that no token has is left out rather than replaced by another.
  @Test func whatTheTableLacks() {
    func token(_ pitches: [Int]) -> Int {
      let events = pitches.map { TickEvent(tick: 0, isOn: true, voice: $0 % 4, pitch: $0, velocity: 80) }
      return probe.codec.encode(events, ticks: 1, probe.memory)[0].token
    }
    #expect(token([60, 64, 67]) == 1 && token([67, 64, 60]) == 1)
    #expect(token([60, 64, 67, 70]) == 1 && token([60, 67]) == 0, "the first of three that differ by one")
    #expect(token([50]) == 3 && token([]) == 3)
    #expect(token([0, 63, 64]) == 4)
  }

  /// Long notes begin at their step, and that is all that this codec can say.
  @Test func longNotes() {
    let notes = [
      PieceNote(voice: 0, begin: 1, end: 5, pitch: 62, velocity: 80),
      PieceNote(voice: 2, begin: 3, end: 4, pitch: 63, velocity: 80),
    ]
    let tokens = probe.codec.encode(PieceNote.events(notes), ticks: 6, probe.memory).map(\.token)
    #expect(tokens == [3, 6, 3, 7, 3, 3])
  }
}
