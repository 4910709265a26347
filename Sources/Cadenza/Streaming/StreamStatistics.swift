/// What a stream has done since it was created or reset.
public struct StreamStatistics: Sendable {
  /// Generated, at the stream's sample rate.
  public var frames: UInt64
  /// Calls that asked for at least one frame.
  public var blocks: UInt64
  /// Times that the network produced a value that is not finite.
  public var numericErrors: UInt64
  /// Blocks that were not whole; of a stream that renders ahead.
  public var underruns: UInt64
  /// Frames that those blocks lacked.
  public var underrunFrames: UInt64
  /// Frames that are ready now; of a stream that renders ahead.
  public var framesAhead: UInt64
  /// The longest call.
  public var worstBlockSeconds: Double
  /// Spent in all calls.
  public var totalSeconds: Double

  /// Nothing done yet.
  @_noLocks
  public init() {
    frames = 0
    blocks = 0
    numericErrors = 0
    underruns = 0
    underrunFrames = 0
    framesAhead = 0
    worstBlockSeconds = 0
    totalSeconds = 0
  }

  /// Spent in a call on average; 0 before the first.
  public var meanBlockSeconds: Double {
    @_noLocks get { blocks == 0 ? 0 : totalSeconds / Double(blocks) }
  }
}
