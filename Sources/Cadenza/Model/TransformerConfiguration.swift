/// A decoder-only transformer: see FORMAT.md.
public struct TransformerConfiguration: Sendable {
  /// How a step knows where it is.
  public enum Positions: Sendable {
    /// Scores depend on the distance.
    case relative
    /// Rows of a table of `count`, modulo which steps count.
    case learned(count: Int)
    /// Sines and cosines of the step's number (Vaswani et al. 2017).
    case sinusoidal
  }
  /// Where layer normalisation stands.
  public enum Normalization: Sendable, BitwiseCopyable {
    /// Before each sublayer, and once more before the head.
    case pre
    /// After each sublayer.
    case post
  }
  /// The function between the two products of the feed-forward sublayer.
  public enum Activation: Sendable, BitwiseCopyable {
    /// max(x, 0).
    case relu
    /// x Φ(x), Φ the distribution function of the normal distribution.
    case gelu
  }

  /// Tokens.
  public var vocabularySize: Int
  /// Width of what the layers hand on.
  public var channels: Int
  /// Layers, each attention and feed-forward.
  public var layerCount: Int
  /// A divisor of `channels`.
  public var heads: Int
  /// Width between the two products of the feed-forward sublayer.
  public var feedforwardChannels: Int
  /// Steps that a step attends to, itself among them.
  public var window: Int
  /// How a step knows where it is.
  public var positions: Positions
  /// Where layer normalisation stands.
  public var normalization: Normalization
  /// The function of the feed-forward sublayer.
  public var activation: Activation
  /// Whether the products of the attention have biases.
  public var attentionBias: Bool
  /// Whether those of the feed-forward sublayer have.
  public var feedforwardBias: Bool
  /// Whether the head has one.
  public var headBias: Bool

  /// Channels of one head.
  public var headChannels: Int { channels / heads }

  /// A configuration as written, unchecked.
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
