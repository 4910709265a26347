extension NetworkConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("wavenet") {
      self = .waveNet(try WaveNetConfiguration(value))
    } else if kind.isText("recurrent") {
      self = .recurrent(try RecurrentConfiguration(value))
    } else {
      throw kind.unknownKind("\"wavenet\" or \"recurrent\"")
    }
  }
}

extension WaveNetConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(
      value,
      keys: [
        "kind", "vocabulary_size", "input", "kernel_size", "dilations", "residual_channels", "gate_channels",
        "skip_channels", "head_channels", "biases",
      ])
    let input = try WaveNetConfiguration.readInput(try object.required("input"))
    let kernelSize = try object.required("kernel_size").whole(2...3)
    var dilations: [Int] = []
    for dilation in try object.required("dilations").list(upTo: 1_024) {
      dilations.append(try dilation.whole(1...1_048_576))
    }
    let residualChannels = try object.required("residual_channels").whole(JsonValue.channels)
    let skipChannels = try object.required("skip_channels").whole(JsonValue.channels)
    let names: [StaticString] = ["input", "gate", "residual", "skip", "head"]
    let biases = try BiasList(object.optional("biases"), names: names, absent: [false, true, true, true, true])
    if case .embedding = input, biases[0] {
      throw Failure(.format, "\(value.place).biases names \"input\", but an embedding input has no bias")
    }
    self.init(
      vocabularySize: try object.required("vocabulary_size").whole(JsonValue.channels), input: input,
      kernelSize: kernelSize, dilations: dilations, residualChannels: residualChannels,
      gateChannels: try object.whole("gate_channels", JsonValue.channels) ?? residualChannels,
      skipChannels: skipChannels, headChannels: try object.whole("head_channels", JsonValue.channels) ?? skipChannels,
      inputBias: biases[0], gateBias: biases[1], residualBias: biases[2], skipBias: biases[3], headBias: biases[4])
  }

  private static func readInput(_ value: JsonValue) throws(Failure) -> Input {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("embedding") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      return .embedding
    }
    if kind.isText("convolution") {
      let object = try ConfigurationObject(value, keys: ["kind", "kernel_size"])
      return .convolution(kernelSize: try object.required("kernel_size").whole(1...64))
    }
    throw kind.unknownKind("\"embedding\" or \"convolution\"")
  }
}

extension RecurrentConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(
      value, keys: ["kind", "input", "vocabulary_size", "layers", "head", "biases", "initial_states"])
    let input = try RecurrentConfiguration.readInput(try object.required("input"))
    var layers: [Layer] = []
    for layer in try object.required("layers").list(upTo: 64) {
      layers.append(try RecurrentConfiguration.readLayer(layer))
    }
    let head = try RecurrentConfiguration.readHead(try object.required("head"))
    let biases = try BiasList(object.optional("biases"), names: ["layers", "head"], absent: [true, true])
    self.init(
      vocabularySize: try RecurrentConfiguration.readVocabularySize(object, value, input, head), input: input,
      layers: layers, head: head, layerBiases: biases[0], headBias: biases[1],
      initialStates: try object.optional("initial_states")?.boolean() ?? false)
  }

  private static func readInput(_ value: JsonValue) throws(Failure) -> Input {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("embedding") {
      let object = try ConfigurationObject(value, keys: ["kind", "channels"])
      return .embedding(channels: try object.required("channels").whole(JsonValue.channels))
    }
    if kind.isText("one_hot") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      return .oneHot
    }
    if kind.isText("vector") {
      let object = try ConfigurationObject(value, keys: ["kind", "channels"])
      return .vector(channels: try object.required("channels").whole(1...1))
    }
    throw kind.unknownKind("\"embedding\", \"one_hot\" or \"vector\"")
  }

  private static func readLayer(_ value: JsonValue) throws(Failure) -> Layer {
    let object = try ConfigurationObject(value, keys: ["kind", "channels"])
    let kind = try ConfigurationObject.kind(of: value)
    let cell: Cell
    if kind.isText("lstm") {
      cell = .lstm
    } else if kind.isText("gru") {
      cell = .gru
    } else {
      throw kind.unknownKind("\"lstm\" or \"gru\"")
    }
    return Layer(cell: cell, channels: try object.required("channels").whole(JsonValue.channels))
  }

  private static func readHead(_ value: JsonValue) throws(Failure) -> Head {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("softmax") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      return .softmax
    }
    if kind.isText("linear") {
      let object = try ConfigurationObject(value, keys: ["kind", "channels"])
      return .linear(channels: try object.required("channels").whole(1...1))
    }
    throw kind.unknownKind("\"softmax\" or \"linear\"")
  }

  /// Required where input or head speaks of tokens, refused where neither does.
  private static func readVocabularySize(
    _ object: ConfigurationObject, _ network: JsonValue, _ input: Input, _ head: Head
  ) throws(Failure) -> Int? {
    switch (input, head) {
    case (.vector, .linear):
      guard let vocabularySize = object.optional("vocabulary_size") else { return nil }
      throw Failure(
        .format, "\(vocabularySize.place) is \(vocabularySize.found), but neither input nor head speaks of tokens")
    case (_, .linear):
      throw Failure(
        .unsupported, "\(network.place) has an input of tokens and a linear head, whose values no codec turns into tokens")
    default:
      return try object.required("vocabulary_size").whole(JsonValue.channels)
    }
  }
}

/// Which products have a bias: a list of their names.
private struct BiasList {
  private var isNamed: [Bool]

  init(_ value: JsonValue?, names: [StaticString], absent: [Bool]) throws(Failure) {
    guard let value else {
      isNamed = absent
      return
    }
    guard value.kind == .list else { throw value.unexpected("a list of any of \(names)") }
    isNamed = [Bool](repeating: false, count: names.count)
    for element in value.elements {
      var position: Int?
      for (candidate, name) in names.enumerated() where element.isText(name) { position = candidate }
      guard let position else { throw element.unexpected("any of \(names)") }
      guard !isNamed[position] else { throw element.unexpected("each name once") }
      isNamed[position] = true
    }
  }

  subscript(position: Int) -> Bool { isNamed[position] }
}
