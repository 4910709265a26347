import Testing

@testable import Cadenza

@Suite("Pitches of an instrument")
struct PitchTableTests {
  @Test func labelsThatAreNumbersArePitches() {
    #expect(PitchTable.numbers(["36", "37", "038"]) == [36, 37, 38])
    #expect(PitchTable.numbers(["0", "127"]) == [0, 127])
    for labels in [[], [""], ["36", "C2"], ["128"], ["-1"], ["3.5"], [" 36"], ["99999999999999999999"]] {
      #expect(PitchTable.numbers(labels) == nil)
    }
  }

  @Test func whatAModelHasIsPlayedAsItIs() {
    let pitches = Array(36...84)
    for pitch in 36...84 { #expect(PitchTable.nearestClass(to: pitch, of: pitches) == pitch - 36) }
  }

  /// Beyond its range, by octaves to the nearest one, however far.
  @Test func whatAModelLacksIsMovedByOctaves() {
    let pitches = Array(36...84)
    for (wanted, played) in [
      (35, 47), (24, 36), (25, 37), (0, 36), (11, 47), (-127, 41), (85, 73), (96, 84), (97, 73), (127, 79), (254, 74),
    ] {
      #expect(PitchTable.nearestClass(to: wanted, of: pitches) == played - 36, "\(wanted)")
    }
  }

  @Test func wherePitchesAreFewTheNearestIsPlayed() {
    // C, D and E in disorder: an F is nearest to the E, a C sharp lies between two and takes the lower.
    let pitches = [64, 60, 62]
    for (wanted, played) in [(60, 1), (65, 0), (61, 1), (63, 2), (72, 1), (50, 2), (76, 0), (70, 0), (1, 1)] {
      #expect(PitchTable.nearestClass(to: wanted, of: pitches) == played, "\(wanted)")
    }
  }

  @Test(arguments: [0, 12, -12, 127, -127])
  func transposingComesFirst(transpose: Int) throws {
    let condition = ConditionConfiguration(
      name: "pitch", kind: .classes(labels: [], embeddingChannels: nil), size: 128, framesPerValue: nil, defaultValue: [0])
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 1024)
    var arena = Arena(filling: memory)
    let table = PitchTable(condition, transpose: transpose, arena: &arena)
    #expect(arena.byteCount <= 1024)
    for pitch in 0..<128 {
      let wanted = pitch + transpose
      let played = Int(table.pitchClass(of: pitch))
      #expect((played - wanted) % 12 == 0)
      if (0..<128).contains(wanted) { #expect(played == wanted) }
    }
  }
}
