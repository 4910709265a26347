import Cadenza

/// A note that was composed, as a line for people.
enum NoteLine {
  /// `pitch` as it sounds; `voices` are the composer's names.
  static func text(beat: Double, voice: Int, pitch: Int, velocity: Int, voices: [String]) -> String {
    let name = voices.indices.contains(voice) ? voices[voice] : "\(voice)"
    return "beat \(Text.padded(Text.fixed(beat, 3), 9, right: true))  \(Text.padded(name, 12))  "
      + "\(Text.padded(Text.noteName(pitch), 4))  velocity \(velocity)"
  }
}
