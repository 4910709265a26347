import Testing

@testable import CadenzaMidi

@Suite("Notes of MIDI files")
struct MidiNoteTests {
  /// Starts, ends and pitches of a file of one track and channel 0: (time since the event before, bytes).
  private func notes(_ events: [(Int, [UInt8])]) throws -> [[Int]] {
    var bytes: [UInt8] = []
    for (wait, event) in events { bytes += [UInt8(wait)] + event }
    return try MidiBytes.notes(bytes + MidiBytes.end).map { [$0.start, $0.end, Int($0.pitch)] }
  }

  private func on(_ pitch: UInt8) -> [UInt8] { [0x90, pitch, 64] }
  private func off(_ pitch: UInt8) -> [UInt8] { [0x80, pitch, 64] }
  private func control(_ number: UInt8, _ value: UInt8) -> [UInt8] { [0xB0, number, value] }

  @Test("a note off ends the oldest note of its pitch; one too many does nothing")
  func pairs() throws {
    #expect(
      try notes([(0, on(60)), (10, on(60)), (10, off(60)), (10, off(60)), (10, off(60)), (10, on(61)), (5, off(61))])
        == [[0, 20, 60], [10, 30, 60], [50, 55, 61]])
  }

  @Test("a note of no length is one; what nobody ends ends with the piece")
  func ends() throws {
    #expect(try notes([(3, on(60)), (0, off(60)), (4, on(62)), (9, on(63))]) == [[3, 3, 60], [7, 16, 62], [16, 16, 63]])
  }

  @Test("the pedal holds notes until it is released, or their key is struck again")
  func pedal() throws {
    #expect(
      try notes([
        (0, control(64, 63)), (0, on(60)), (5, off(60)),  // not down
        (5, control(64, 64)), (0, on(60)), (5, off(60)), (5, on(62)), (5, off(62)), (5, on(60)), (5, off(60)),
        (5, control(64, 0)), (5, on(65)), (5, off(65)),
      ]) == [[0, 5, 60], [10, 30, 60], [20, 40, 62], [30, 40, 60], [45, 50, 65]])
    // A key that is still down when the pedal goes up sounds on.
    #expect(try notes([(0, control(64, 127)), (0, on(60)), (9, control(64, 0)), (9, off(60))]) == [[0, 18, 60]])
    // The pedal was pressed between the note's beginning and its end.
    #expect(try notes([(0, on(60)), (1, control(64, 127)), (1, off(60)), (7, control(64, 1))]) == [[0, 9, 60]])
    // Never released: until the end of the piece.
    #expect(try notes([(0, control(64, 127)), (0, on(60)), (1, off(60)), (9, off(1))]) == [[0, 10, 60]])
  }

  @Test("the pedal of one channel does not hold another's notes")
  func pedalOfAnotherChannel() throws {
    let bytes: [UInt8] = [0, 0xB1, 64, 127, 0, 0x90, 60, 1, 0, 0x91, 60, 1, 5, 0x80, 60, 0, 5, 0x81, 60, 0, 5, 0xB1, 64, 0]
    #expect(try MidiBytes.notes(bytes + MidiBytes.end).map(\.end) == [5, 15])
  }

  @Test("the pedal of one track holds the notes of its channel in all tracks of its port")
  func pedalOfAnotherTrack() throws {
    func part(_ port: [UInt8]) -> [UInt8] { MidiBytes.track(port + [0, 0x90, 60, 1, 5, 0x80, 60, 0] + MidiBytes.end) }
    let pedal = MidiBytes.track([0, 0xB0, 64, 127, 50, 0xB0, 64, 0] + MidiBytes.end)
    let file = try MidiFile(bytes: MidiBytes.header(tracks: 3) + pedal + part([]) + part([0, 0xFF, 0x21, 1, 7]))
    #expect(file.notes().map(\.end) == [50, 5])
    #expect(file.notes().map(\.track) == [1, 2])
  }

  @Test("all notes off, all sound off, and all controllers reset")
  func allOff() throws {
    for number in UInt8(123)...127 {
      #expect(
        try notes([(0, on(60)), (0, on(62)), (5, control(number, 0)), (5, off(60)), (5, on(60)), (5, off(60))])
          == [[0, 5, 60], [0, 5, 62], [15, 20, 60]])
    }
    // The pedal holds what "all notes off" lets go, and "all sound off" ends.
    let held = [(0, control(64, 127)), (0, on(60)), (5, control(123, 0)), (5, on(62))]
    #expect(try notes(held + [(5, control(120, 0)), (9, on(64))]) == [[0, 15, 60], [10, 15, 62], [24, 24, 64]])
    #expect(try notes(held + [(5, control(121, 0)), (9, off(62))]) == [[0, 15, 60], [10, 24, 62]])
  }

  @Test("notes of type 1 come in the order of their time, and know their track and channel")
  func tracks() throws {
    let first = MidiBytes.track([10, 0x92, 60, 1, 10, 0x82, 60, 0] + MidiBytes.end)
    let second = MidiBytes.track([5, 0x93, 60, 2, 20, 0x83, 60, 0] + MidiBytes.end)
    #expect(
      try MidiFile(bytes: MidiBytes.header(tracks: 2) + first + second).notes() == [
        MidiNote(start: 5, end: 25, track: 1, channel: 3, pitch: 60, velocity: 2),
        MidiNote(start: 10, end: 20, track: 0, channel: 2, pitch: 60, velocity: 1),
      ])
  }

  @Test("100,000 overlapping notes take a moment, not an hour")
  func many() throws {
    // One pitch, a pedal that never rests, and "all notes off" between: whatever is looked through must shrink.
    var events: [UInt8] = [0, 0xB0, 64, 127]
    for index in 0..<100_000 {
      events += [1, 0x90, 60, 1]
      if index % 3 == 0 { events += [0, 0x80, 60, 0, 0, 0xB0, 64, 0, 0, 64, 127] }
      if index % 7 == 0 { events += [0, 0xB0, 123, 0] }
    }
    let notes = try MidiBytes.notes(events + MidiBytes.end)
    #expect(notes.count == 100_000)
    #expect(notes.allSatisfy { $0.end >= $0.start })
  }
}
