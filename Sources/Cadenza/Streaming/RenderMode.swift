/// What a stream that renders ahead does where a block is not ready: the `cadenza_render_mode` of the C header, value for value.
public enum RenderMode: Int32, Sendable {
  /// The rest of the block is silent: an audio thread never waits.
  case realtime = 0
  /// `Stream.generate` waits for it, so nothing is ever missing; for hosts that write files.
  case offline = 1
}
