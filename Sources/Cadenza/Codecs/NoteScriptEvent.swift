/// Something that a script says: a note begins or ends, or the piece does.
struct NoteScriptEvent {
  /// When, in ticks of the codec since the beginning.
  var tick: UInt64
  var kind: NoteEvent.Kind
  var voice: Int
  /// MIDI.
  var pitch: Int
  /// MIDI, 1 … 127; 0 but for a note on.
  var velocity: Int

  @_noLocks
  init(tick: UInt64, kind: NoteEvent.Kind, voice: Int, pitch: Int, velocity: Int) {
    self.tick = tick
    self.kind = kind
    self.voice = voice
    self.pitch = pitch
    self.velocity = velocity
  }
}
