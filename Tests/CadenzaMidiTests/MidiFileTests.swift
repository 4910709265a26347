import Testing

@testable import CadenzaMidi

@Suite("Standard MIDI Files, read and written")
struct MidiFileTests {
  @Test("running status, and a note on of velocity 0, which is a note off")
  func runningStatus() throws {
    let file = try MidiFile(
      bytes: MidiBytes.single(
        [0x00, 0x93, 60, 100, 0x60, 60, 0, 0x00, 62, 90, 0x83, 0x60, 0x83, 62, 64] + MidiBytes.end))
    #expect(
      file.tracks == [
        MidiTrack(
          events: [
            MidiEvent(tick: 0, .noteOn(channel: 3, pitch: 60, velocity: 100)),
            MidiEvent(tick: 0x60, .noteOff(channel: 3, pitch: 60, velocity: 0)),
            MidiEvent(tick: 0x60, .noteOn(channel: 3, pitch: 62, velocity: 90)),
            MidiEvent(tick: 0x60 + 480, .noteOff(channel: 3, pitch: 62, velocity: 64)),
          ], endTick: 0x60 + 480)
      ])
    #expect(file.format == 0 && file.division == .beats(ticksPerBeat: 480))
  }

  @Test("what is not kept is passed over: other chunks, meta events, system exclusive messages, pressure, bends")
  func unknown() throws {
    let events: [UInt8] =
      [0x00, 0xFF, 0x01, 3, 65, 66, 67, 0x00, 0xFF, 0x7F, 0x81, 0x00] + [UInt8](repeating: 0xFF, count: 128)
      + [0x00, 0xF0, 3, 1, 2, 0xF7, 0x00, 0xF7, 1, 0xF8] + [0x00, 0xA0, 60, 1, 0x00, 0xD0, 5, 0x00, 0xE0, 0, 64]
      // Running status goes on behind a meta event, as files have it.
      + [0x05, 0x90, 60, 1, 0x00, 0xFF, 0x06, 0, 0x05, 61, 1] + MidiBytes.end
      + [0xFF, 0xFF]  // behind the end
    let other = Array("XFIH".utf8) + [0, 0, 0, 2, 0xAB, 0xCD]
    let longHeader = Array("MThd".utf8) + [0, 0, 0, 8, 0, 1, 0, 1, 1, 0xE0, 9, 9]
    let file = try MidiFile(bytes: longHeader + other + MidiBytes.track(events) + [1, 2, 3])
    #expect(
      file.tracks == [
        MidiTrack(
          events: [
            MidiEvent(tick: 5, .noteOn(channel: 0, pitch: 60, velocity: 1)),
            MidiEvent(tick: 10, .noteOn(channel: 0, pitch: 61, velocity: 1)),
          ], endTick: 10)
      ])
  }

  @Test("names are UTF-8, or else Latin-1; the first counts; signatures are kept where they make sense")
  func texts() throws {
    let events: [UInt8] =
      [0x00, 0xFF, 0x03, 2, 0xC3, 0xBC, 0x00, 0xFF, 0x03, 1, 65, 0x00, 0xFF, 0x58, 4, 6, 3, 24, 8]
      + [0x00, 0xFF, 0x58, 4, 0, 3, 24, 8, 0x00, 0xFF, 0x58, 4, 4, 200, 24, 8, 0x00, 0xFF, 0x59, 2, 0xFE, 1]
      + [0x00, 0xFF, 0x59, 2, 8, 0, 0x00, 0xFF, 0x59, 2, 7, 2] + MidiBytes.end
    let file = try MidiFile(bytes: MidiBytes.single(events))
    #expect(file.tracks[0].name == "ü")
    #expect(
      file.tracks[0].events.map(\.message) == [
        .timeSignature(numerator: 6, denominatorPower: 3), .keySignature(sharps: -2, isMinor: true),
      ])
    #expect(try MidiFile(bytes: MidiBytes.single([0x00, 0xFF, 0x03, 1, 0xFC] + MidiBytes.end)).tracks[0].name == "ü")
    let long = [0x00, 0xFF, 0x03, 0x83, 0x00] + [UInt8](repeating: 65, count: 384) + MidiBytes.end
    #expect(try MidiFile(bytes: MidiBytes.single(long)).tracks[0].name.utf8.count == 256)
  }

  @Test("what is written reads back as it was, times of more than 2^28 ticks included")
  func roundTrip() throws {
    let piece = MidiBytes.piece
    #expect(try MidiFile(bytes: piece.bytes) == piece)
    for division in [
      MidiDivision.beats(ticksPerBeat: 1), .beats(ticksPerBeat: 32767), .frames(framesPerSecond: 29, ticksPerFrame: 80),
      .frames(framesPerSecond: 25, ticksPerFrame: 255),
    ] {
      var other = piece
      other.division = division
      #expect(try MidiFile(bytes: other.bytes) == other)
    }
  }

  @Test("the bytes that are written, one by one")
  func written() {
    let file = MidiFile(
      division: .beats(ticksPerBeat: 480),
      tracks: [
        MidiTrack(
          name: "A",
          events: [
            MidiEvent(tick: 0, .noteOn(channel: 1, pitch: 60, velocity: 80)),
            MidiEvent(tick: 200, .noteOff(channel: 1, pitch: 60, velocity: 0)),
            MidiEvent(tick: 200, .tempo(microsecondsPerBeat: 500_000)),
            MidiEvent(tick: 200, .noteOn(channel: 1, pitch: 61, velocity: 80)),
          ], endTick: 300)
      ])
    let events: [UInt8] =
      [0x00, 0xFF, 0x03, 1, 65, 0x00, 0x91, 60, 80, 0x81, 0x48, 60, 0, 0x00, 0xFF, 0x51, 3, 0x07, 0xA1, 0x20]
      + [0x00, 0x91, 61, 80, 0x64, 0xFF, 0x2F, 0]
    #expect(file.bytes == MidiBytes.header(tracks: 1) + MidiBytes.track(events))
  }

  @Test("what no file can hold is brought into range, and nothing traps")
  func writtenOutOfRange() throws {
    let file = MidiFile(
      division: .beats(ticksPerBeat: 1 << 40),
      tracks: [
        MidiTrack(
          events: [
            MidiEvent(tick: 50, .noteOn(channel: 200, pitch: 200, velocity: 0)),
            MidiEvent(tick: 10, .tempo(microsecondsPerBeat: 0)),
            MidiEvent(tick: -5, .timeSignature(numerator: 0, denominatorPower: 255)),
          ], endTick: -1)
      ])
    let read = try MidiFile(bytes: file.bytes)
    #expect(read.division == .beats(ticksPerBeat: 32767))
    #expect(
      read.tracks[0].events == [
        MidiEvent(tick: 50, .noteOn(channel: 8, pitch: 127, velocity: 1)),
        MidiEvent(tick: 50, .tempo(microsecondsPerBeat: 1)),
        MidiEvent(tick: 50, .timeSignature(numerator: 1, denominatorPower: 8)),
      ])
  }

  @Test(
    "damaged files get a sentence with the place",
    arguments: [
      ([], "at byte 0, the file ends: it is empty"),
      (Array("RIFF0000RMIDdata".utf8), "at byte 0, there is no header; expected \"MThd\" and ten bytes behind it"),
      (
        Array(MidiBytes.header(tracks: 1).prefix(13)),
        "at byte 0, there is no header; expected \"MThd\" and ten bytes behind it"
      ),
      (
        Array("MThd".utf8) + [0, 0, 0, 5, 0, 1, 0, 1, 1, 0xE0],
        "at byte 4, the header's length is 5, expected 6 (or more, and no more than the file's 6)"
      ),
      (
        Array("MThd".utf8) + [0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 0, 1, 1, 0xE0],
        "at byte 4, the header's length is 4294967295, expected 6 (or more, and no more than the file's 6)"
      ),
      (
        MidiBytes.header(format: 2, tracks: 1),
        "at byte 8, the file is of type 2, pieces one after another; expected type 0 or 1"
      ),
      (MidiBytes.header(format: 3, tracks: 1), "at byte 8, the file's type is 3, expected 0 or 1"),
      (MidiBytes.header(tracks: 0), "at byte 10, the number of tracks is 0, expected 1 or more"),
      (
        MidiBytes.header(format: 0, tracks: 2),
        "at byte 10, the number of tracks is 2, expected 1 in a file of type 0"
      ),
      (MidiBytes.header(tracks: 1, division: 0), "at byte 12, a beat has 0 ticks, expected 1 or more"),
      (
        MidiBytes.header(tracks: 1, division: 0xE700),
        "at byte 12, time counts 25 frames a second of 0 ticks, expected 24, 25, 29 or 30 of 1 or more"
      ),
      (
        MidiBytes.header(tracks: 1, division: 0x8010),
        "at byte 12, time counts 128 frames a second of 16 ticks, expected 24, 25, 29 or 30 of 1 or more"
      ),
      (
        MidiBytes.header(tracks: 2) + MidiBytes.track(MidiBytes.end), "at byte 26, the file ends after 1 of its 2 tracks"
      ),
      (
        MidiBytes.header(tracks: 1) + Array("MTrk".utf8) + [0x7F, 0, 0, 0],
        "at byte 14, a track says that it has 2130706432 bytes; the file has 0 more"
      ),
      (
        MidiBytes.header(tracks: 1) + Array("Junk".utf8) + [0, 0, 0, 1],
        "at byte 14, a chunk says that it has 1 bytes; the file has 0 more"
      ),
      (MidiBytes.single([0x00, 60, 100]), "at byte 23, a track begins with data (60), expected the status of an event"),
      (MidiBytes.single([0x00, 0x90, 60]), "at byte 25, a track ends in the middle of an event"),
      (MidiBytes.single([0x00]), "at byte 23, a track ends in the middle of an event"),
      (MidiBytes.single([0x81, 0x80, 0x80, 0x80, 0x00]), "at byte 22, a time has more than four bytes"),
      (MidiBytes.single([0x00, 0x90, 60, 200]), "at byte 25, a velocity is 200, expected 0 to 127"),
      (MidiBytes.single([0x00, 0xB0, 60, 128]), "at byte 25, a controller's value is 128, expected 0 to 127"),
      (
        MidiBytes.single([0x00, 0xF4]), "at byte 23, there is the status 244, which has no place in a file; the file is damaged"
      ),
      (
        MidiBytes.single([0x00, 0xFF, 0x01, 9, 1]),
        "at byte 25, a meta event says that it has 9 bytes; the track has 1 more"
      ),
      (
        MidiBytes.single([0x00, 0xF0, 0xFF, 0xFF, 0xFF, 0x7F]),
        "at byte 24, a system exclusive message says that it has 268435455 bytes; the track has 0 more"
      ),
      (MidiBytes.single([0x00, 0xFF, 0x51, 2, 1, 1]), "at byte 23, a tempo has 2 bytes, expected 3"),
      (
        MidiBytes.single([0x00, 0xFF, 0x51, 3, 0, 0, 0]),
        "at byte 23, a tempo has 0 microseconds a beat, expected 1 or more"
      ),
    ] as [([UInt8], String)])
  func damaged(bytes: [UInt8], sentence: String) {
    #expect(MidiBytes.refusal(bytes) == sentence)
  }

  @Test("a file that ends anywhere but at its end is refused")
  func truncated() {
    let bytes = MidiBytes.piece.bytes
    #expect(MidiBytes.refusal(bytes) == nil)
    for length in bytes.indices { #expect(MidiBytes.refusal(Array(bytes.prefix(length))) != nil, "\(length) bytes") }
  }

  @Test("a track that says no end ends where its chunk does")
  func withoutEnd() throws {
    let file = try MidiFile(bytes: MidiBytes.single([0x07, 0x90, 60, 100]))
    #expect(file.tracks[0].endTick == 7 && file.tracks[0].events.count == 1)
  }

  @Test("a file of more than 16 MiB is refused")
  func tooLarge() {
    let bytes = MidiBytes.single(MidiBytes.end) + [UInt8](repeating: 0, count: MidiFile.maximumByteCount)
    #expect(MidiBytes.refusal(bytes) == "at byte 16777216, the file goes on; expected 16777216 bytes at most")
  }
}
