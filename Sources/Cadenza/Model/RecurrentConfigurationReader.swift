extension RecurrentConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(
      value, keys: ["kind", "input", "vocabulary_size", "layers", "head", "window", "biases", "initial_states", "first_input"])
    let inputValue = try object.required("input")
    let input = try RecurrentConfiguration.readInput(inputValue)
    let window = try object.whole("window", 1...1_024)
    var layers: [Layer] = []
    for layer in try object.required("layers").list(upTo: 64) {
      layers.append(try RecurrentConfiguration.readLayer(layer, hasWindow: window != nil))
    }
    let headValue = try object.required("head")
    let head = try RecurrentConfiguration.readHead(headValue)
    try RecurrentConfiguration.checkThatFieldsFit(inputValue, input, headValue, head)
    let biases = try BiasList(object.optional("biases"), names: ["layers", "head"], absent: [true, true])
    self.init(
      vocabularySize: try RecurrentConfiguration.readVocabularySize(object, value, input, head), input: input,
      layers: layers, head: head, window: window, layerBiases: biases[0], headBias: biases[1],
      initialStates: try RecurrentConfiguration.readInitialStates(object),
      firstInput: try RecurrentConfiguration.readFirstInput(object))
  }

  private static func readInitialStates(_ object: ConfigurationObject) throws(Failure) -> InitialStates {
    guard let value = object.optional("initial_states") else { return .zeros }
    if value.isText("conditions") { return .conditions }
    guard value.kind != .string else { throw value.unexpected("true, false or \"conditions\"") }
    return try value.boolean() ? .stored : .zeros
  }

  private static func readFirstInput(_ object: ConfigurationObject) throws(Failure) -> FirstInput {
    guard let value = object.optional("first_input") else { return .silence }
    if value.isText("zeros") { return .zeros }
    guard value.isText("silence") else { throw value.unexpected("\"silence\" or \"zeros\"") }
    return .silence
  }

  /// Fields of an element, and of a head.
  private static let maximumFieldCount = 16
  /// Numbers of an element: a codec of frames asks for no more.
  private static let maximumVectorChannels = 65_536 * 1_024
  /// Standard deviations that a linear head may have; its values are about 1.
  private static let maximumNoise = 100

  static func readInput(_ value: JsonValue) throws(Failure) -> Input {
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
      return .vector(channels: try object.required("channels").whole(1...maximumVectorChannels))
    }
    if kind.isText("fields") {
      let object = try ConfigurationObject(value, keys: ["kind", "fields"])
      var fields: [InputField] = []
      for field in try object.required("fields").list(upTo: maximumFieldCount) { fields.append(try readInputField(field)) }
      return .fields(fields)
    }
    throw kind.unknownKind("\"embedding\", \"one_hot\", \"vector\" or \"fields\"")
  }

  private static func readInputField(_ value: JsonValue) throws(Failure) -> InputField {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("embedding") {
      let object = try ConfigurationObject(value, keys: ["kind", "size", "channels"])
      return .embedding(
        size: try object.required("size").whole(JsonValue.channels),
        channels: try object.required("channels").whole(JsonValue.channels))
    }
    if kind.isText("one_hot") {
      let object = try ConfigurationObject(value, keys: ["kind", "size"])
      return .oneHot(size: try object.required("size").whole(JsonValue.channels))
    }
    if kind.isText("value") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      return .value
    }
    throw kind.unknownKind("\"embedding\", \"one_hot\" or \"value\"")
  }

  static func readLayer(_ value: JsonValue, hasWindow: Bool) throws(Failure) -> Layer {
    let object = try ConfigurationObject(value, keys: ["kind", "channels", "bidirectional"])
    let kind = try ConfigurationObject.kind(of: value)
    let cell: Cell
    if kind.isText("lstm") {
      cell = .lstm
    } else if kind.isText("gru") {
      cell = .gru
    } else {
      throw kind.unknownKind("\"lstm\" or \"gru\"")
    }
    let isBidirectional = try object.optional("bidirectional")?.boolean() ?? false
    if isBidirectional && !hasWindow {
      throw Failure(
        .format, "\(value.place) is bidirectional, which needs network.window: its backward direction has to begin somewhere")
    }
    return Layer(
      cell: cell, channels: try object.required("channels").whole(JsonValue.channels), isBidirectional: isBidirectional)
  }

  private static func readHead(_ value: JsonValue) throws(Failure) -> Head {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("softmax") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      return .softmax
    }
    if kind.isText("linear") {
      let object = try ConfigurationObject(value, keys: ["kind", "channels", "noise"])
      return .linear(
        channels: try object.required("channels").whole(1...maximumVectorChannels), noise: try readNoise(object))
    }
    if kind.isText("fields") {
      let object = try ConfigurationObject(value, keys: ["kind", "fields"])
      var fields: [HeadField] = []
      for field in try object.required("fields").list(upTo: maximumFieldCount) { fields.append(try readHeadField(field)) }
      return .fields(fields)
    }
    throw kind.unknownKind("\"softmax\", \"linear\" or \"fields\"")
  }

  private static func readHeadField(_ value: JsonValue) throws(Failure) -> HeadField {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("softmax") {
      let object = try ConfigurationObject(value, keys: ["kind", "size"])
      return .softmax(size: try object.required("size").whole(JsonValue.channels))
    }
    if kind.isText("linear") {
      return .linear(noise: try readNoise(try ConfigurationObject(value, keys: ["kind", "noise"])))
    }
    throw kind.unknownKind("\"softmax\" or \"linear\"")
  }

  private static func readNoise(_ object: ConfigurationObject) throws(Failure) -> Float {
    guard let noise = object.optional("noise") else { return 0 }
    return Float(try noise.number(upTo: maximumNoise))
  }

  /// As many fields in the head as in the input, and each head's prediction is what its input reads.
  private static func checkThatFieldsFit(
    _ inputValue: JsonValue, _ input: Input, _ headValue: JsonValue, _ head: Head
  ) throws(Failure) {
    switch (input, head) {
    case (.fields(let inputs), .fields(let heads)):
      guard inputs.count == heads.count else {
        throw Failure(
          .format, "\(headValue.place) has \(heads.count) fields, expected \(inputs.count), as many as \(inputValue.place)")
      }
      for index in inputs.indices {
        switch (inputs[index], heads[index]) {
        case (.value, .linear): continue
        case (.embedding(let size, _), .softmax(let predicted)), (.oneHot(let size), .softmax(let predicted)):
          guard predicted == size else {
            throw Failure(
              .format,
              "\(headValue.place).fields[\(index)].size is \(predicted), expected \(size), as in \(inputValue.place)")
          }
        case (.value, .softmax), (.frame, .softmax):
          throw Failure(
            .format,
            "\(headValue.place).fields[\(index)] is a softmax, expected linear, since the input of the field is a value")
        case (_, .linear):
          throw Failure(
            .format,
            "\(headValue.place).fields[\(index)] is linear, expected a softmax, since the input of the field is a token")
        }
      }
    case (.fields, _):
      throw Failure(.format, "\(headValue.place) is of one field, expected \"fields\", as in \(inputValue.place)")
    case (_, .fields):
      throw Failure(.format, "\(inputValue.place) is of one field, expected \"fields\", as in \(headValue.place)")
    default:
      return
    }
  }

  /// Required where input or head speaks of tokens, refused where neither does and where fields have sizes of their own.
  private static func readVocabularySize(
    _ object: ConfigurationObject, _ network: JsonValue, _ input: Input, _ head: Head
  ) throws(Failure) -> Int? {
    switch (input, head) {
    case (.fields, _):
      guard let vocabularySize = object.optional("vocabulary_size") else { return nil }
      throw Failure(
        .format, "\(vocabularySize.place) is \(vocabularySize.found), but fields state their sizes themselves")
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
