/// A note that begins or ends in a piece that is given, on the codec's ticks.
struct TickEvent {
  /// From the beginning of the piece.
  var tick: UInt64
  var isOn: Bool
  var voice: Int
  /// MIDI.
  var pitch: Int
  /// MIDI; 0 ends the note, whatever `isOn` says.
  var velocity: Int

  init(tick: UInt64, isOn: Bool, voice: Int, pitch: Int, velocity: Int) {
    self.tick = tick
    self.isOn = isOn
    self.voice = voice
    self.pitch = pitch
    self.velocity = velocity
  }
}
