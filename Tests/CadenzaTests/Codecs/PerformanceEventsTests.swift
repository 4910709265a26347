import Testing

@testable import Cadenza

@Suite("Performance events")
struct PerformanceEventsTests {
  // The 388 tokens: note on 0 ... 127, note off 128 ... 255, time shifts 256 ... 355, velocities 356 ... 387.
  private static let off = 128
  private static let shift = 255
  private static let velocity = 356

  private func events(_ notes: [PieceNote]) -> [TickEvent] { PieceNote.events(notes) }

  private func tokens(_ notes: [PieceNote], ticks: Int, _ probe: NoteCodecProbe) -> [Int] {
    probe.codec.encode(events(notes), ticks: UInt64(ticks), probe.memory).map(\.token)
  }

  @Test func startTokens() {
    #expect(NoteCodecProbe(NoteCodecSamples.performance).first.map(\.token) == [355], "the longest time shift")
    // 11 on, 11 off, 7 shifts, 3 velocities, the end.
    #expect(NoteCodecProbe(NoteCodecSamples.performanceWithEnd).first.map(\.token) == [32])
  }

  /// Class b of B is velocity 1 + ⌊(2b + 1) · 127 / (2B)⌋, and v is of class ⌊(v − 1) · B / 127⌋.
  @Test func velocityClasses() {
    let classes = NoteCodecConfiguration.VelocityClasses(count: 32)
    #expect((0..<32).map { classes.velocity(ofClass: $0) }.prefix(4) == [2, 6, 10, 14])
    #expect(classes.velocity(ofClass: 15) == 62 && classes.velocity(ofClass: 31) == 126)
    #expect(
      classes.index(of: 1) == 0 && classes.index(of: 64) == 15 && classes.index(of: 65) == 16 && classes.index(of: 127) == 31)
    #expect(classes.index(of: 0) == 0 && classes.index(of: -9) == 0 && classes.index(of: 500) == 31)
    for count in 1...63 {
      let classes = NoteCodecConfiguration.VelocityClasses(count: count)
      for index in 0..<count { #expect(classes.index(of: classes.velocity(ofClass: index)) == index) }
    }
    for count in 1...127 {
      let classes = NoteCodecConfiguration.VelocityClasses(count: count)
      let indices = (1...127).map { classes.index(of: $0) }
      #expect(indices == indices.sorted() && indices.first == 0 && indices.last == count - 1)
      for index in 0..<count { #expect((1...127).contains(classes.velocity(ofClass: index))) }
    }
    #expect(NoteCodecConfiguration.VelocityClasses(lowest: 20, highest: 29, count: 5).velocity(ofClass: 4) == 29)
  }

  @Test func everyToken() {
    let probe = NoteCodecProbe(NoteCodecSamples.performance)
    probe.play([60])
    probe.play([Self.velocity + 31, 64, Self.shift + 100, Self.off + 60, Self.shift + 1, 127, 0])
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/64", "0 on 0:64/126", "100 off 0:60", "101 on 0:127/126", "101 on 0:0/126",
      ])
    #expect(probe.script.tick == 101 && probe.codec.position(probe.memory) == 8)
  }

  @Test func theEnd() {
    let probe = NoteCodecProbe(NoteCodecSamples.performanceWithEnd)
    probe.play([0, 10, 22 + 6, 32, 1, 23])
    #expect(probe.read().map(\.description) == ["0 on 0:40/64", "0 on 0:50/64", "7 off 0:40", "7 off 0:50", "7 end"])
  }

  /// The order that FORMAT.md states.
  @Test func aMomentAsWritten() {
    let probe = NoteCodecProbe(NoteCodecSamples.performance)
    let written = tokens(
      [
        PieceNote(voice: 0, begin: 0, end: 120, pitch: 67, velocity: 64),
        PieceNote(voice: 0, begin: 0, end: 120, pitch: 60, velocity: 62),
        PieceNote(voice: 0, begin: 120, end: 371, pitch: 72, velocity: 126),
        PieceNote(voice: 0, begin: 120, end: 371, pitch: 60, velocity: 126),
        PieceNote(voice: 0, begin: 120, end: 371, pitch: 64, velocity: 2),
      ], ticks: 400, probe)
    let (off, shift, velocity) = (Self.off, Self.shift, Self.velocity)
    let first = [60, 67, shift + 100, shift + 20]
    let second = [off + 60, off + 67, velocity + 31, 60, velocity, 64, velocity + 31, 72]
    let last = [shift + 100, shift + 100, shift + 51, off + 60, off + 64, off + 72, shift + 29]
    #expect(written == first + second + last)
  }

  @Test(arguments: 1...6)
  func piecesComeBack(seed: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.performance)
    let classes = NoteCodecConfiguration.VelocityClasses(count: 32)
    var random = RandomGenerator(seed: UInt64(seed))
    let ticks = 4_000
    var notes: [PieceNote] = []
    for pitch in 0..<128 where random.below(3) > 0 {
      var begin = random.below(400)
      while begin < ticks {
        let end = min(ticks, begin + random.within(1...700))
        notes.append(
          PieceNote(
            voice: 0, begin: begin, end: end, pitch: pitch, velocity: classes.velocity(ofClass: random.below(32))))
        begin = end + random.below(500)
      }
    }
    let elements = probe.codec.encode(events(notes), ticks: UInt64(ticks), probe.memory)
    let played = PieceNote.notes(probe.playAndRead(elements), end: ticks)
    #expect(played == notes.sorted() && notes.count > 300)
    #expect(probe.script.tick == UInt64(ticks))
  }

  /// 128 notes of two velocities are more than 256 choices: a tick passes among them, and the piece is as long nevertheless.
  @Test func tooManyChoicesAtOnce() {
    let probe = NoteCodecProbe(NoteCodecSamples.performance)
    probe.play([Int](repeating: 60, count: 255))
    #expect(probe.script.tick == 0)
    probe.play([61])
    #expect(probe.script.tick == 1)
    probe.play([Int](repeating: Self.off + 5, count: 255) + [Self.shift + 1] + [Int](repeating: 388, count: 255))
    #expect(probe.script.tick == 2)
    probe.play([-1])
    #expect(probe.script.tick == 3)

    probe.reset()
    let notes = (0..<128).map {
      PieceNote(voice: 0, begin: 0, end: 10, pitch: $0, velocity: $0 % 2 == 0 ? 2 : 126)
    }
    probe.play(probe.codec.encode(events(notes), ticks: 20, probe.memory))
    #expect(probe.script.tick == 20)
  }

  /// Later pieces go on where the first ended: the velocity is remembered, and what sounds can end.
  @Test func inTwoPieces() {
    let probe = NoteCodecProbe(NoteCodecSamples.performance)
    let on = TickEvent(tick: 0, isOn: true, voice: 3, pitch: 60, velocity: 126)
    let off = TickEvent(tick: 5, isOn: false, voice: 3, pitch: 60, velocity: 0)
    #expect(probe.codec.encode([off], ticks: 5, probe.memory).map(\.token) == [Self.shift + 5], "nothing sounds yet")
    probe.play(probe.codec.encode([on], ticks: 10, probe.memory))
    let second = probe.codec.encode(
      [off, TickEvent(tick: 6, isOn: true, voice: 0, pitch: 62, velocity: 125)], ticks: 6, probe.memory)
    #expect(second.map(\.token) == [Self.shift + 5, Self.off + 60, Self.shift + 1], "what begins at the end is left out")
    probe.play(second)
    #expect(probe.read().map(\.description) == ["0 on 0:60/126", "15 off 0:60"])
  }

  /// Voices become one; a pitch that two of them share begins again.
  @Test func voicesAreMerged() {
    let probe = NoteCodecProbe(NoteCodecSamples.performance)
    let notes = [
      PieceNote(voice: 0, begin: 0, end: 10, pitch: 60, velocity: 62),
      PieceNote(voice: 1, begin: 4, end: 6, pitch: 60, velocity: 62),
      PieceNote(voice: 2, begin: 4, end: 8, pitch: 60, velocity: 62),
    ]
    probe.play(probe.codec.encode(events(notes), ticks: 12, probe.memory))
    #expect(
      PieceNote.notes(probe.read(), end: 12) == [
        PieceNote(voice: 0, begin: 0, end: 4, pitch: 60, velocity: 64),
        PieceNote(voice: 0, begin: 4, end: 8, pitch: 60, velocity: 64),
      ])
  }

  @Test func pitchesBeyondTheRange() {
    let probe = NoteCodecProbe(NoteCodecSamples.performanceWithEnd)
    // 40 ... 50: an A is 45, a G sharp 44; D sharp and E of the octave are the ones without.
    let pitches = [69, 20, 51, 0].map { PieceNote(voice: 0, begin: $0, end: $0 + 1, pitch: $0, velocity: 64) }
    probe.play(probe.codec.encode(events(pitches), ticks: 80, probe.memory))
    let played = PieceNote.notes(probe.read(), end: 80)
    #expect(played.map(\.pitch) == [48, 44, 50, 45] && played.map(\.begin) == [0, 20, 51, 69])
  }
}
