import Cadenza

/// All that a host does to a stream while it generates: conditions, notes, a latent that moves.
struct HostScore {
  var schedule: ConditionSchedule
  var notes: NoteSchedule?
  var latents: LatentPath?
  var morph: Morph?

  /// Does what is due at `position`; returns how many of the next `limit` frames to generate before it must be called again.
  mutating func apply(to stream: Stream, at position: Int, limit: Int) throws -> Int {
    var count = min(limit, try schedule.apply(to: stream, at: position))
    if let quiet = try latents?.apply(to: stream, at: position) { count = min(count, quiet) }
    if let quiet = try morph?.apply(to: stream, at: position) { count = min(count, quiet) }
    if let asked = try notes?.ask(stream, from: position, limit: count) { count = asked }
    return count
  }
}
