import Testing

@testable import Cadenza

@Suite("Timeline")
struct TimelineTests {
  /// Tick k comes at the first frame f with f · tempo · ticks a beat / (60 · rate) ≥ k, in whole numbers.
  @Test(arguments: [(120, 50, 48_000), (97, 4, 44_100), (1_000, 500, 8_000), (10, 1, 768_000)])
  func ticksFallWhereTheyShould(_ tempo: Int, _ ticksPerBeat: Int, _ sampleRate: Int) {
    var timeline = Timeline(ticksPerBeat: ticksPerBeat, sampleRate: sampleRate)
    timeline.setTempo(Float(tempo))
    var frame = 0
    for tick in 1...2_000 as ClosedRange<UInt64> {
      let expected = (Int(tick) * 60 * sampleRate + tempo * ticksPerBeat - 1) / (tempo * ticksPerBeat)
      while true {
        let frames = timeline.frames(until: tick, limit: 777)
        if frames == 0 { break }
        timeline.advance(frames: frames)
        frame += frames
      }
      #expect(frame == expected)
      #expect(timeline.tick >= tick)
    }
  }

  /// Moved on by single frames or by blocks, over an hour: the same place.
  @Test func anHourDoesNotDrift() {
    let frames = 3_600 * 44_100
    var timeline = Timeline(ticksPerBeat: 50, sampleRate: 44_100)
    timeline.setTempo(123.5)
    var blocks = timeline
    for _ in 0..<(frames / 441) { timeline.advance(frames: 441) }
    var left = frames
    while left > 0 {
      blocks.advance(frames: min(left, 65_536))
      left -= 65_536
    }
    #expect(timeline.tick == blocks.tick)
    #expect(timeline.phase == blocks.phase)
    // 123.5 beats a minute are 8,093,696 steps of 1/65,536.
    #expect(timeline.tick == 8_093_696 * 50 * 3_600 / (60 * 65_536))
  }

  @Test func framesBecomeTheNearestTicks() {
    var timeline = Timeline(ticksPerBeat: 4, sampleRate: 48_000)
    timeline.setTempo(120)
    #expect(timeline.ticks(frames: 0) == 0)
    #expect(timeline.ticks(frames: 2_999) == 0)
    #expect(timeline.ticks(frames: 3_001) == 1)
    #expect(timeline.ticks(frames: 48_000 * 60) == 480)
  }

  @Test func waitingIsLimited() {
    var timeline = Timeline(ticksPerBeat: 1, sampleRate: 768_000)
    timeline.setTempo(10)
    #expect(timeline.frames(until: UInt64.max / 2, limit: 1_000) == 1_000)
    #expect(timeline.frames(until: 0, limit: 1_000) == 0)
  }
}
