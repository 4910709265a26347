extension NetworkConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("wavenet") {
      self = .waveNet(try WaveNetConfiguration(value))
    } else if kind.isText("recurrent") {
      self = .recurrent(try RecurrentConfiguration(value))
    } else if kind.isText("transformer") {
      self = .transformer(try TransformerConfiguration(value))
    } else if kind.isText("decoder") {
      self = .decoder(try DecoderConfiguration(value))
    } else {
      throw kind.unknownKind("\"wavenet\", \"recurrent\", \"transformer\" or \"decoder\"")
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

/// Which products have a bias: a list of their names.
struct BiasList {
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
