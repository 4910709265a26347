/// A stack of LSTM and GRU layers. See FORMAT.md.
public struct RecurrentConfiguration: Sendable {
  /// How an element is read by layer 0.
  public enum Input: Sendable {
    /// A token, looked up in a table of so many columns.
    case embedding(channels: Int)
    /// A token, as a vector of zeros with a one.
    case oneHot
    /// Numbers, as they are.
    case vector(channels: Int)
    /// Several fields, each read in its own way, side by side.
    case fields([InputField])
  }
  /// One field of an element, as layer 0 reads it.
  public enum InputField: Sendable {
    /// A class, looked up in a table of `size` rows and so many columns.
    case embedding(size: Int, channels: Int)
    /// A class of `size`, as a vector of zeros with a one.
    case oneHot(size: Int)
    /// A number, as it is.
    case value
    /// So many numbers, as they are: a frame.
    case frame(channels: Int)
  }
  /// What a layer is made of.
  public enum Cell: Sendable, BitwiseCopyable {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    case lstm
    /// Gated recurrent unit (Cho et al. 2014).
    case gru
  }
  /// One layer of the stack.
  public struct Layer: Sendable {
    /// What it is made of.
    public var cell: Cell
    /// Of each direction.
    public var channels: Int
    /// Whether a second layer of its kind reads the window backward.
    public var isBidirectional: Bool

    /// A layer of so many channels in each direction.
    public init(cell: Cell, channels: Int, isBidirectional: Bool = false) {
      self.cell = cell
      self.channels = channels
      self.isBidirectional = isBidirectional
    }

    /// What the layer above reads.
    public var outputChannels: Int { isBidirectional ? 2 * channels : channels }
  }
  /// What is made of the last layer's output.
  public enum Head: Sendable {
    /// Logits of the tokens.
    case softmax
    /// `noise`: a standard deviation.
    case linear(channels: Int, noise: Float)
    /// Something of its own for each field.
    case fields([HeadField])
  }
  /// What is predicted for one field.
  public enum HeadField: Sendable {
    /// Logits of so many classes.
    case softmax(size: Int)
    /// A number; `noise` is the standard deviation of what is added when it is drawn.
    case linear(noise: Float)
  }

  /// Where the states that a sequence begins with come from.
  public enum InitialStates: Sendable, BitwiseCopyable {
    /// They are zeros.
    case zeros
    /// The file holds them.
    case stored
    /// Each is tanh(W h + b) of the conditions at the beginning.
    case conditions
  }
  /// What step 0 is fed.
  public enum FirstInput: Sendable, BitwiseCopyable {
    /// What the codec says.
    case silence
    /// A vector of zeros in the place of the element's.
    case zeros
  }

  /// nil where neither input nor head speaks of tokens, and for several fields, which have sizes of their own.
  public var vocabularySize: Int?
  /// How an element is read.
  public var input: Input
  /// From the input to the head.
  public var layers: [Layer]
  /// What is predicted.
  public var head: Head
  /// Elements over which every prediction is made anew; nil: the layers remember.
  public var window: Int?
  /// Whether the layers have biases.
  public var layerBiases: Bool
  /// Whether the head has one.
  public var headBias: Bool
  /// The states that a sequence begins with.
  public var initialStates: InitialStates
  /// What step 0 is fed.
  public var firstInput: FirstInput

  /// A configuration as written, unchecked.
  public init(
    vocabularySize: Int?, input: Input, layers: [Layer], head: Head, window: Int?, layerBiases: Bool, headBias: Bool,
    initialStates: InitialStates = .zeros, firstInput: FirstInput = .silence
  ) {
    self.vocabularySize = vocabularySize
    self.input = input
    self.layers = layers
    self.head = head
    self.window = window
    self.layerBiases = layerBiases
    self.headBias = headBias
    self.initialStates = initialStates
    self.firstInput = firstInput
  }
}

extension RecurrentConfiguration {
  /// The fields of an element as layer 0 reads them: one, unless the input is of several.
  public var inputFields: [InputField] {
    switch input {
    case .embedding(let channels): [.embedding(size: vocabularySize ?? 0, channels: channels)]
    case .oneHot: [.oneHot(size: vocabularySize ?? 0)]
    case .vector(1): [.value]
    case .vector(let channels): [.frame(channels: channels)]
    case .fields(let fields): fields
    }
  }

  /// Numbers of a frame; nil where elements are no frames.
  var inputFrameChannels: Int? {
    if case .vector(let channels) = input, channels > 1 { return channels }
    return nil
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
    case .frame(let channels): channels
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
