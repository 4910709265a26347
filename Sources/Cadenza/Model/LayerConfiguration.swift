/// One of the layers that decoders and encoders are made of. See FORMAT.md.
public indirect enum LayerConfiguration: Sendable {
  /// W x + b of a vector.
  case dense(channels: Int, bias: Bool)
  /// A vector becomes steps.
  case reshape(steps: Int, bins: Int, channels: Int)
  /// Steps become a vector.
  case flatten
  /// Each output sees a few steps and bins.
  case convolution(Convolution)
  /// Each input reaches a few steps and bins.
  case transposedConvolution(TransposedConvolution)
  /// So many outputs for each step and bin.
  case upsample(factor: LayerExtent, isLinear: Bool)
  /// Mean or largest of `size` steps; 0: of all, which makes a vector.
  case pool(size: Int, isMaximum: Bool)
  /// x + f(x), or W x + b + f(x).
  case residual(layers: [LayerConfiguration], hasShortcut: Bool)
  /// Brought to a mean and a variance.
  case normalization(Normalization)
  /// A function of each number.
  case activation(Activation)
  /// What the host asks for joins in.
  case condition(ConditionMode)

  /// A convolution over steps, and over bins.
  public struct Convolution: Sendable {
    /// What goes before the first step and behind the last one.
    public enum Padding: Sendable {
      /// So many zeros that there are as many outputs as steps, or one for each stride.
      case same
      /// Zeros before the first step only.
      case causal
      /// So many zeros before and behind.
      case zeros(left: Int, right: Int)
    }

    /// Outputs.
    public var channels: Int
    /// Steps and bins that an output sees.
    public var kernel: LayerExtent
    /// Whether the weights have a dimension for bins.
    public var isOverBins: Bool
    /// Distance of what an output sees.
    public var dilation: LayerExtent
    /// Distance of outputs.
    public var stride: LayerExtent
    /// So many groups of channels know nothing of one another.
    public var groups: Int
    /// At the ends. Bins are always padded as `same`.
    public var padding: Padding
    /// Whether it has a bias.
    public var bias: Bool
  }

  /// A transposed convolution over steps, and over bins.
  public struct TransposedConvolution: Sendable {
    /// Outputs.
    public var channels: Int
    /// Outputs that an input reaches.
    public var kernel: LayerExtent
    /// Whether the weights have a dimension for bins.
    public var isOverBins: Bool
    /// Outputs for each input.
    public var stride: LayerExtent
    /// Whether it has a bias.
    public var bias: Bool
  }

  /// Over what a mean and a variance are taken.
  public enum Normalization: Sendable {
    /// Those of the training data, which the file holds.
    case batch
    /// Over the channels of each step and bin.
    case layer
    /// Likewise, the mean of squares only, and no weights.
    case pixel
    /// Over all steps and bins of each channel.
    case instance
  }

  /// A function of each number.
  public enum Activation: Sendable, Equatable {
    /// max(x, 0).
    case rectifier
    /// x, or slope · x below 0.
    case leakyRectifier(slope: Float)
    /// x, or eˣ − 1 below 0.
    case exponentialLinear
    /// Hyperbolic tangent.
    case tanh
    /// 1 / (1 + e⁻ˣ).
    case sigmoid
  }

  /// What is done with h.
  public enum ConditionMode: Sendable {
    /// x + W h + b.
    case add
    /// x ⊙ (1 + v[0 … C)) + v[C … 2C), v = W h + b.
    case modulate
    /// h follows the channels.
    case concatenate
  }
}

/// A size over steps and bins.
public struct LayerExtent: Sendable, Equatable {
  /// Of steps.
  public var steps: Int
  /// Of bins.
  public var bins: Int

  /// A size over both.
  public init(steps: Int, bins: Int = 1) {
    self.steps = steps
    self.bins = bins
  }
}

/// From the vector of the conditions to a clip. See FORMAT.md.
public struct DecoderConfiguration: Sendable {
  /// In order; the shapes chain once `Configuration` has checked them.
  public var layers: [LayerConfiguration]

  /// A configuration as written, unchecked.
  public init(layers: [LayerConfiguration]) {
    self.layers = layers
  }
}

extension LayerConfiguration {
  /// As the model file names it.
  public var kind: StaticString {
    switch self {
    case .dense: "dense"
    case .reshape: "reshape"
    case .flatten: "flatten"
    case .convolution: "convolution"
    case .transposedConvolution: "transposed_convolution"
    case .upsample: "upsample"
    case .pool: "pool"
    case .residual: "residual"
    case .normalization: "normalization"
    case .activation: "activation"
    case .condition: "condition"
    }
  }
}

extension LayerConfiguration.Convolution {
  /// Steps from the first to the last that an output sees.
  var span: Int { dilation.steps * (kernel.steps - 1) }

  /// Zeros before the first step, where there are `steps` of them; nil: not known, with a stride.
  func left(steps: Int?) -> Int {
    switch padding {
    case .causal: return span
    case .zeros(let left, _): return left
    case .same:
      if stride.steps == 1 { return span / 2 }
      return LayerConfiguration.Convolution.before(size: steps ?? 0, stride: stride.steps, span: span)
    }
  }

  /// Zero bins below the first one of `bins`.
  func below(bins: Int) -> Int {
    let span = dilation.bins * (kernel.bins - 1)
    if stride.bins == 1 { return span / 2 }
    return LayerConfiguration.Convolution.before(size: bins, stride: stride.bins, span: span)
  }

  /// What "same" asks for before the first of `size` places: the smaller half of what ⌈size / stride⌉ outputs take.
  private static func before(size: Int, stride: Int, span: Int) -> Int {
    let outputs = (size + stride - 1) / stride
    return max(0, (outputs - 1) * stride + span + 1 - size) / 2
  }
}
