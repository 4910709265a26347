/// What a model file says about itself: the text under `cadenza.config`, read, checked and typed. See FORMAT.md.
public struct Configuration: Sendable {
  /// "" where the file gives none; so for description and license.
  public var name: String
  /// What the model is, for people.
  public var description: String
  /// Under which licence the model may be used.
  public var license: String
  /// What predicts.
  public var network: NetworkConfiguration
  /// What turns choices into sound or notes.
  public var codec: CodecConfiguration
  /// What the host may set, in the order of their indices.
  public var conditions: [ConditionConfiguration]
  /// The sampler's defaults.
  public var sampling: SamplingConfiguration
  /// What turns a recording, or a melody, into the value of a latent; nil: nothing does.
  public var encoder: EncoderConfiguration?
  /// How the model was made.
  public var training: TrainingConfiguration
}

/// The kinds of networks, each with what describes it. See FORMAT.md.
public enum NetworkConfiguration: Sendable {
  /// Dilated causal convolutions.
  case waveNet(WaveNetConfiguration)
  /// A stack of LSTM and GRU layers.
  case recurrent(RecurrentConfiguration)
  /// Attention over a bounded window.
  case transformer(TransformerConfiguration)
  /// From the conditions to a whole clip.
  case decoder(DecoderConfiguration)
}

/// Dilated causal convolutions with gates, residual and skip connections (van den Oord et al. 2016). See FORMAT.md.
public struct WaveNetConfiguration: Sendable {
  /// How a token is read.
  public enum Input: Sendable {
    /// Looked up in a table.
    case embedding
    /// One-hot, through a causal convolution over so many tokens.
    case convolution(kernelSize: Int)
  }

  /// Tokens.
  public var vocabularySize: Int
  /// How a token is read.
  public var input: Input
  /// Samples that a layer's convolution takes together: 2 or 3.
  public var kernelSize: Int
  /// For each layer the distance of these samples.
  public var dilations: [Int]
  /// Width of what the layers hand on.
  public var residualChannels: Int
  /// Width inside a layer.
  public var gateChannels: Int
  /// Width of what the layers add up for the head.
  public var skipChannels: Int
  /// Width between the two products of the head.
  public var headChannels: Int
  /// Whether the input's convolution has a bias.
  public var inputBias: Bool
  /// Whether the gates have biases.
  public var gateBias: Bool
  /// Whether the residual products have.
  public var residualBias: Bool
  /// Whether the skip products have.
  public var skipBias: Bool
  /// Whether the head's products have.
  public var headBias: Bool

  /// A configuration as written, unchecked.
  public init(
    vocabularySize: Int, input: Input, kernelSize: Int, dilations: [Int], residualChannels: Int, gateChannels: Int,
    skipChannels: Int, headChannels: Int, inputBias: Bool, gateBias: Bool, residualBias: Bool, skipBias: Bool,
    headBias: Bool
  ) {
    self.vocabularySize = vocabularySize
    self.input = input
    self.kernelSize = kernelSize
    self.dilations = dilations
    self.residualChannels = residualChannels
    self.gateChannels = gateChannels
    self.skipChannels = skipChannels
    self.headChannels = headChannels
    self.inputBias = inputBias
    self.gateBias = gateBias
    self.residualBias = residualBias
    self.skipBias = skipBias
    self.headBias = headBias
  }
}

/// The codecs, each with what describes it. See FORMAT.md.
public enum CodecConfiguration: Sendable {
  /// A choice is one of `levels` levels of a sample, spaced by the µ-law. `sampleRate` is in Hz.
  case muLaw(sampleRate: Int, levels: Int)
  /// The network predicts the sample itself. `sampleRate` is in Hz. What it predicts within `range` means −1 … 1; nil: it is the sample.
  case waveform(sampleRate: Int, range: ClosedRange<Float>? = nil)
  /// A frame is harmonics of the note, and noise.
  case harmonic(HarmonicConfiguration)
  /// A frame is a column of a spectrum.
  case spectrogram(SpectrogramConfiguration)
  /// The model is a composer.
  case notes(NoteCodecConfiguration)
}

/// Something that a model is told while it generates: an instrument, a pitch.
public struct ConditionConfiguration: Sendable {
  /// What a condition's value is.
  public enum Kind: Sendable {
    /// One of `size` classes, looked up in a table of `embeddingChannels` columns, or one-hot where that is nil.
    case classes(labels: [String], embeddingChannels: Int?)
    /// `size` numbers.
    case vector
    /// `size` numbers, which are drawn from a standard normal distribution where the host does not set them. A local one is an
    /// embedding.
    case latent
  }

  /// "pitch".
  public var name: String
  /// What a value is.
  public var kind: Kind
  /// Classes, or numbers of a vector.
  public var size: Int
  /// nil: global.
  public var framesPerValue: Int?
  /// A class: one number, its index. A vector: `size` numbers.
  public var defaultValue: [Float]
  /// Classes of a composer on a grid: not the host but the codec sets it, to the number of the step that is chosen, modulo
  /// `size`.
  public var followsPosition: Bool

  /// A condition as written, unchecked.
  public init(
    name: String, kind: Kind, size: Int, framesPerValue: Int?, defaultValue: [Float], followsPosition: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.size = size
    self.framesPerValue = framesPerValue
    self.defaultValue = defaultValue
    self.followsPosition = followsPosition
  }

  /// Whether it is what an encoder makes of a recording, row by row: a local latent.
  public var isEmbedding: Bool {
    guard case .latent = kind else { return false }
    return framesPerValue != nil
  }

  /// Columns that the condition contributes to h.
  public var channels: Int {
    switch kind {
    case .classes(_, let embeddingChannels): embeddingChannels ?? size
    case .vector, .latent: size
    }
  }
}

/// How the sampler draws, unless the host says otherwise.
public struct SamplingConfiguration: Sendable {
  /// Divides the logits; 0: greedy.
  public var temperature: Float = 1
  /// Draw among the k likeliest only; 0: off.
  public var topK: Int = 0
  /// Draw among the smallest set whose probability reaches this; 1: off.
  public var topP: Float = 1

  /// Draws from all, as predicted.
  public init() {}
}

/// How a model was made, as far as its file says.
public struct TrainingConfiguration: Sendable {
  /// What it was trained on; "" where the file does not say.
  public var data: String = ""
  /// How; "" where the file does not say.
  public var recipe: String = ""
  /// 0 where the file does not say.
  public var steps: Double = 0
  /// Mean negative log-likelihood of a sample of held-out data, in nats; 0 where the file does not say.
  public var validationNats: Double = 0

  /// Nothing said.
  public init() {}
}
