/// A Standard MIDI File of type 0 or 1 (MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0).
///
/// Kept are notes, controllers, programs, tempos, signatures, ports and names of tracks. Pressure, pitch bends, system exclusive
/// messages and other meta events are read over.
public struct MidiFile: Equatable, Sendable {
  /// 0: one track; 1: tracks that sound together.
  public var format: Int
  /// How long a tick is.
  public var division: MidiDivision
  /// In the order of the file.
  public var tracks: [MidiTrack]

  /// A file of more bytes is refused: what is read takes some 20 times as many.
  public static let maximumByteCount = 16 << 20

  /// A file of these tracks.
  public init(format: Int = 1, division: MidiDivision, tracks: [MidiTrack]) {
    self.format = format
    self.division = division
    self.tracks = tracks
  }

  /// Reads the bytes of a file.
  public init(bytes: [UInt8]) throws(MidiFailure) {
    var reader = MidiReader(bytes)
    self = try reader.readFile()
  }

  /// The file's bytes.
  public var bytes: [UInt8] { MidiWriter.bytes(of: self) }

  /// When the last track ends.
  public var endTick: Int { tracks.reduce(0) { max($0, $1.endTick) } }

  /// The events of all tracks in the order of their time; those of one moment in the order of the tracks.
  public func merged() -> [(track: Int, event: MidiEvent)] {
    var events: [(track: Int, event: MidiEvent)] = []
    events.reserveCapacity(tracks.reduce(0) { $0 + $1.events.count })
    for (index, track) in tracks.enumerated() {
      for event in track.events { events.append((index, event)) }
    }
    var order = Array(events.indices)
    order.sort { (events[$0].event.tick, $0) < (events[$1].event.tick, $1) }
    return order.map { events[$0] }
  }
}

/// A track: a part of the piece, or its tempos.
public struct MidiTrack: Equatable, Sendable {
  /// "" where the file gives none.
  public var name: String
  /// In the order of their ticks.
  public var events: [MidiEvent]
  /// When the track ends: not before its last event.
  public var endTick: Int

  /// A track of these events.
  public init(name: String = "", events: [MidiEvent] = [], endTick: Int = 0) {
    self.name = name
    self.events = events
    self.endTick = endTick
  }
}

/// How long a tick is.
public enum MidiDivision: Equatable, Sendable {
  /// Ticks a quarter note, 1 … 32,767; tempo says how long that is.
  case beats(ticksPerBeat: Int)
  /// Ticks of a film's frame (SMPTE): 24, 25, 29 (which means 30,000 / 1,001) or 30 frames a second of 1 … 255 ticks. Tempo has no
  /// meaning then.
  case frames(framesPerSecond: Int, ticksPerFrame: Int)
}
