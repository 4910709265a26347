/// What a model file says about itself: the text under `cadenza.config`, read, checked and typed. See FORMAT.md.
public struct Configuration: Sendable {
  public var name: String
  public var description: String
  public var license: String
  public var network: NetworkConfiguration
  public var codec: CodecConfiguration
  public var conditions: [ConditionConfiguration]
  public var sampling: SamplingConfiguration
  public var training: TrainingConfiguration
}

public enum NetworkConfiguration: Sendable {
  case waveNet(WaveNetConfiguration)
  case recurrent(RecurrentConfiguration)
  case transformer(TransformerConfiguration)
}

public struct WaveNetConfiguration: Sendable {
  public enum Input: Sendable {
    case embedding
    case convolution(kernelSize: Int)
  }

  public var vocabularySize: Int
  public var input: Input
  public var kernelSize: Int
  public var dilations: [Int]
  public var residualChannels: Int
  public var gateChannels: Int
  public var skipChannels: Int
  public var headChannels: Int
  public var inputBias: Bool
  public var gateBias: Bool
  public var residualBias: Bool
  public var skipBias: Bool
  public var headBias: Bool

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

public enum CodecConfiguration: Sendable {
  case muLaw(sampleRate: Int, levels: Int)
  case waveform(sampleRate: Int)
  /// The model is a composer.
  case notes(NoteCodecConfiguration)
}

public struct ConditionConfiguration: Sendable {
  public enum Kind: Sendable {
    /// One of `size` classes, looked up in a table of `embeddingChannels` columns, or one-hot where that is nil.
    case classes(labels: [String], embeddingChannels: Int?)
    case vector
  }

  public var name: String
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

  /// Columns that the condition contributes to h.
  public var channels: Int {
    switch kind {
    case .classes(_, let embeddingChannels): embeddingChannels ?? size
    case .vector: size
    }
  }
}

public struct SamplingConfiguration: Sendable {
  public var temperature: Float = 1
  public var topK: Int = 0
  public var topP: Float = 1

  public init() {}
}

public struct TrainingConfiguration: Sendable {
  public var data: String = ""
  public var recipe: String = ""
  /// 0 where the file does not say.
  public var steps: Double = 0
  public var validationNats: Double = 0

  public init() {}
}
