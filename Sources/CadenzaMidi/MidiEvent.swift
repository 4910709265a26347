/// One event of a track, and when it happens.
public struct MidiEvent: Equatable, Sendable {
  /// Ticks since the beginning of the piece.
  public var tick: Int
  /// What it says.
  public var message: MidiMessage

  /// An event as told.
  public init(tick: Int, _ message: MidiMessage) {
    self.tick = tick
    self.message = message
  }
}

/// What an event says, as far as notes and their time depend on it. Channels are 0 … 15, all else 0 … 127 where no unit is named.
public enum MidiMessage: Equatable, Sendable {
  /// Velocity 1 … 127: what a file writes as a note on of velocity 0 is a note off.
  case noteOn(channel: UInt8, pitch: UInt8, velocity: UInt8)
  /// The velocity is that of letting go.
  case noteOff(channel: UInt8, pitch: UInt8, velocity: UInt8)
  /// A knob or a pedal is moved.
  case controller(channel: UInt8, number: UInt8, value: UInt8)
  /// The channel's sound changes.
  case program(channel: UInt8, number: UInt8)
  /// Of a quarter note, 1 … 2²⁴ − 1.
  case tempo(microsecondsPerBeat: UInt32)
  /// The denominator is 2 to this power, 0 … 8: 3/4 is (3, 2).
  case timeSignature(numerator: UInt8, denominatorPower: UInt8)
  /// Sharps −7 … 7; below 0 they are flats.
  case keySignature(sharps: Int8, isMinor: Bool)
  /// The events of the track that follow go to the sixteen channels of this port.
  case port(UInt8)
}
