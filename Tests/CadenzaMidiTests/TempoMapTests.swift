import Testing

@testable import CadenzaMidi

@Suite("Time in MIDI files")
struct TempoMapTests {
  private func file(_ division: MidiDivision, _ tracks: [[MidiEvent]]) -> MidiFile {
    MidiFile(division: division, tracks: tracks.map { MidiTrack(events: $0) })
  }

  private func tempo(_ tick: Int, _ microseconds: UInt32) -> MidiEvent {
    MidiEvent(tick: tick, .tempo(microsecondsPerBeat: microseconds))
  }

  @Test("without a tempo it is 120")
  func standard() {
    let map = TempoMap(file(.beats(ticksPerBeat: 480), [[]]))
    #expect(map.seconds(at: 960) == 1 && map.beat(at: 960) == 2 && map.firstTempo == 120)
  }

  @Test("tempos change the time of what follows, whichever track they stand in")
  func changes() {
    let map = TempoMap(
      file(
        .beats(ticksPerBeat: 100),
        [[tempo(100, 1_000_000), tempo(300, 7), tempo(300, 250_000)], [tempo(200, 2_000_000)]]))
    #expect([0, 50, 100, 150, 200, 300, 400].map { map.seconds(at: $0) } == [0, 0.25, 0.5, 1, 1.5, 3.5, 3.75])
    #expect(map.beat(at: 350) == 3.5)
    #expect(abs(TempoMap(file(.beats(ticksPerBeat: 100), [[tempo(0, 600_000)]])).firstTempo - 100) < 1e-9)
  }

  @Test("film frames are seconds, and tempo changes nothing")
  func filmFrames() {
    let map = TempoMap(file(.frames(framesPerSecond: 25, ticksPerFrame: 40), [[tempo(0, 1_000_000)]]))
    #expect(map.seconds(at: 2500) == 2.5 && map.beat(at: 2500) == 5)
    let drop = TempoMap(file(.frames(framesPerSecond: 29, ticksPerFrame: 100), [[]]))
    #expect(abs(drop.seconds(at: 3_000_000) - 1001) < 1e-9)
  }

  @Test("bars by their time signatures")
  func bars() {
    func signature(_ tick: Int, _ numerator: UInt8, _ power: UInt8) -> MidiEvent {
      MidiEvent(tick: tick, .timeSignature(numerator: numerator, denominatorPower: power))
    }
    let none = BarLines(file(.beats(ticksPerBeat: 10), [[]]))
    #expect([0, 1, 5].map { none.tick(ofBar: $0) } == [0, 40, 200])
    // Two bars of 3/4, one of 6/8 that is cut short after 20 ticks, then 4/4.
    let lines = BarLines(file(.beats(ticksPerBeat: 10), [[signature(0, 3, 2), signature(80, 4, 2)], [signature(60, 6, 3)]]))
    #expect((0...5).map { lines.tick(ofBar: $0) } == [0, 30, 60, 80, 120, 160])
    #expect(lines.tick(ofBar: Int.max) > 1 << 60)
    #expect(BarLines(file(.frames(framesPerSecond: 25, ticksPerFrame: 40), [[]])).tick(ofBar: 3) == 6000)
  }
}
