/// A decoder-only transformer: see FORMAT.md.
public struct TransformerConfiguration: Sendable {
  public enum Positions: Sendable {
    /// Scores depend on the distance.
    case relative
    /// Rows of a table of `count`, modulo which steps count.
    case learned(count: Int)
    case sinusoidal
  }
  public enum Normalization: Sendable, BitwiseCopyable {
    /// Before each sublayer, and once more before the head.
    case pre
    /// After each sublayer.
    case post
  }
  public enum Activation: Sendable, BitwiseCopyable {
    case relu
    case gelu
  }

  public var vocabularySize: Int
  public var channels: Int
  public var layerCount: Int
  /// A divisor of `channels`.
  public var heads: Int
  public var feedforwardChannels: Int
  /// Steps that a step attends to, itself among them.
  public var window: Int
  public var positions: Positions
  public var normalization: Normalization
  public var activation: Activation
  public var attentionBias: Bool
  public var feedforwardBias: Bool
  public var headBias: Bool

  /// Channels of one head.
  public var headChannels: Int { channels / heads }

  public init(
    vocabularySize: Int, channels: Int, layerCount: Int, heads: Int, feedforwardChannels: Int, window: Int,
    positions: Positions, normalization: Normalization, activation: Activation, attentionBias: Bool, feedforwardBias: Bool,
    headBias: Bool
  ) {
    self.vocabularySize = vocabularySize
    self.channels = channels
    self.layerCount = layerCount
    self.heads = heads
    self.feedforwardChannels = feedforwardChannels
    self.window = window
    self.positions = positions
    self.normalization = normalization
    self.activation = activation
    self.attentionBias = attentionBias
    self.feedforwardBias = feedforwardBias
    self.headBias = headBias
  }
}
