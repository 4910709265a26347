@testable import CadenzaMidi

/// Files by hand, byte by byte: what the reader is held to is not what the writer writes.
enum MidiBytes {
  static func header(format: Int = 1, tracks: Int, division: Int = 480) -> [UInt8] {
    Array("MThd".utf8) + [0, 0, 0, 6] + word(format) + word(tracks) + word(division)
  }

  static func track(_ events: [UInt8]) -> [UInt8] {
    Array("MTrk".utf8) + word(events.count >> 16) + word(events.count & 0xFFFF) + events
  }

  static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)] }

  static let end: [UInt8] = [0x00, 0xFF, 0x2F, 0x00]

  /// A file of one track of type 0 at 480 ticks a beat.
  static func single(_ events: [UInt8]) -> [UInt8] { header(format: 0, tracks: 1) + track(events) }

  static func notes(_ events: [UInt8]) throws -> [MidiNote] { try MidiFile(bytes: single(events)).notes() }

  /// What the reader says against `bytes`; nil where it takes them.
  static func refusal(_ bytes: [UInt8]) -> String? {
    do throws(MidiFailure) {
      _ = try MidiFile(bytes: bytes)
      return nil
    } catch {
      return error.message
    }
  }

  /// Two parts and a track of tempos, with all that is kept.
  static let piece = MidiFile(
    division: .beats(ticksPerBeat: 480),
    tracks: [
      MidiTrack(
        name: "Übung",
        events: [
          MidiEvent(tick: 0, .tempo(microsecondsPerBeat: 600_000)),
          MidiEvent(tick: 0, .timeSignature(numerator: 3, denominatorPower: 2)),
          MidiEvent(tick: 0, .keySignature(sharps: -3, isMinor: true)),
          MidiEvent(tick: 1440, .tempo(microsecondsPerBeat: 300_000)),
        ], endTick: 1440),
      MidiTrack(
        name: "soprano",
        events: [
          MidiEvent(tick: 0, .program(channel: 0, number: 52)),
          MidiEvent(tick: 0, .noteOn(channel: 0, pitch: 72, velocity: 80)),
          MidiEvent(tick: 480, .noteOff(channel: 0, pitch: 72, velocity: 0)),
          MidiEvent(tick: 480, .noteOn(channel: 0, pitch: 74, velocity: 81)),
          MidiEvent(tick: 960, .noteOff(channel: 0, pitch: 74, velocity: 33)),
        ], endTick: 1920),
      MidiTrack(
        events: [
          MidiEvent(tick: 0, .port(1)),
          MidiEvent(tick: 240, .controller(channel: 15, number: 64, value: 127)),
          MidiEvent(tick: 240, .noteOn(channel: 15, pitch: 0, velocity: 1)),
          MidiEvent(tick: 0x1000_0000 + 960, .noteOff(channel: 15, pitch: 0, velocity: 64)),
        ], endTick: 0x2000_0960),
    ])
}
