/// What a stream has done since it was created or reset.
public struct StreamStatistics: Sendable {
  public var frames: UInt64
  public var blocks: UInt64
  /// Times that the network produced a value that is not finite.
  public var numericErrors: UInt64
  public var worstBlockSeconds: Double
  public var totalSeconds: Double

  @_noLocks
  public init() {
    frames = 0
    blocks = 0
    numericErrors = 0
    worstBlockSeconds = 0
    totalSeconds = 0
  }

  public var meanBlockSeconds: Double {
    @_noLocks get { blocks == 0 ? 0 : totalSeconds / Double(blocks) }
  }
}
