/// A stack of LSTM and GRU layers. See FORMAT.md.
public struct RecurrentConfiguration: Sendable {
  public enum Input: Sendable {
    case embedding(channels: Int)
    case oneHot
    case vector(channels: Int)
    case fields([InputField])
  }
  /// One field of an element, as layer 0 reads it.
  public enum InputField: Sendable {
    case embedding(size: Int, channels: Int)
    case oneHot(size: Int)
    case value
  }
  public enum Cell: Sendable, BitwiseCopyable {
    case lstm
    case gru
  }
  public struct Layer: Sendable {
    public var cell: Cell
    /// Of each direction.
    public var channels: Int
    public var isBidirectional: Bool

    public init(cell: Cell, channels: Int, isBidirectional: Bool = false) {
      self.cell = cell
      self.channels = channels
      self.isBidirectional = isBidirectional
    }

    /// What the layer above reads.
    public var outputChannels: Int { isBidirectional ? 2 * channels : channels }
  }
  public enum Head: Sendable {
    case softmax
    /// `noise`: a standard deviation.
    case linear(channels: Int, noise: Float)
    case fields([HeadField])
  }
  public enum HeadField: Sendable {
    case softmax(size: Int)
    case linear(noise: Float)
  }

  /// nil where neither input nor head speaks of tokens, and for several fields, which have sizes of their own.
  public var vocabularySize: Int?
  public var input: Input
  public var layers: [Layer]
  public var head: Head
  /// Elements over which every prediction is made anew; nil: the layers remember.
  public var window: Int?
  public var layerBiases: Bool
  public var headBias: Bool
  public var initialStates: Bool

  public init(
    vocabularySize: Int?, input: Input, layers: [Layer], head: Head, window: Int?, layerBiases: Bool, headBias: Bool,
    initialStates: Bool
  ) {
    self.vocabularySize = vocabularySize
    self.input = input
    self.layers = layers
    self.head = head
    self.window = window
    self.layerBiases = layerBiases
    self.headBias = headBias
    self.initialStates = initialStates
  }
}

extension RecurrentConfiguration {
  /// The fields of an element as layer 0 reads them: one, unless the input is of several.
  public var inputFields: [InputField] {
    switch input {
    case .embedding(let channels): [.embedding(size: vocabularySize ?? 0, channels: channels)]
    case .oneHot: [.oneHot(size: vocabularySize ?? 0)]
    case .vector: [.value]
    case .fields(let fields): fields
    }
  }

  /// The tensor that holds the embedding of field `index`.
  func embeddingName(_ index: Int) -> Sentence {
    if case .fields = input { return "input.fields.\(index).embedding.weight" }
    return "input.embedding.weight"
  }
}

extension RecurrentConfiguration.InputField {
  /// Columns of layer 0's input weights.
  public var channels: Int {
    switch self {
    case .embedding(_, let channels): channels
    case .oneHot(let size): size
    case .value: 1
    }
  }
}

extension RecurrentConfiguration.HeadField {
  /// Outputs of the head.
  public var size: Int {
    switch self {
    case .softmax(let size): size
    case .linear: 1
    }
  }
}
