extension EncoderConfiguration {
  /// Reads and checks an encoder of a model with these conditions and this codec.
  init(
    _ value: JsonValue, conditions: [ConditionConfiguration], codec: CodecConfiguration
  ) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("recurrent") {
      try self.init(recurrent: value, conditions, codec)
    } else {
      throw kind.unknownKind("\"layers\" or \"recurrent\"")
    }
  }

  /// The index of the latent that an encoder names.
  private static func readLatent(_ value: JsonValue, _ conditions: [ConditionConfiguration]) throws(Failure) -> Int {
    guard value.kind == .string else { throw value.unexpected("the name of a latent") }
    for (index, condition) in conditions.enumerated() where condition.name.utf8.elementsEqual(value.text) {
      guard case .latent = condition.kind else { break }
      return index
    }
    throw Failure(.format, "\(value.place) is \(value.found), expected the name of a condition of the kind \"latent\"")
  }

  private init(
    recurrent value: JsonValue, _ conditions: [ConditionConfiguration], _ codec: CodecConfiguration
  ) throws(Failure) {
    let object = try ConfigurationObject(
      value, keys: ["kind", "latent", "steps", "input", "vocabulary_size", "layers", "head", "biases", "initial_states"])
    guard case .notes(let notes) = codec, notes.isGrid, let vocabularySize = notes.fields[0] else {
      throw Failure(
        .format, "\(value.place).kind is \"recurrent\", but codec.kind \"\(codec.kind)\" has no grid whose steps it could read")
    }
    let latentValue = try object.required("latent")
    let latent = try EncoderConfiguration.readLatent(latentValue, conditions)
    guard conditions[latent].framesPerValue == nil else {
      throw Failure(.format, "\(latentValue.place) is local, expected a global latent: a melody has one")
    }
    let stepsValue = try object.required("steps")
    let steps = try stepsValue.whole(1...1_024)
    guard steps % notes.voiceCount == 0 else {
      throw Failure(.format, "\(stepsValue.place) is \(steps), expected a multiple of \(notes.voiceCount), the codec's voices")
    }
    let sizeValue = try object.required("vocabulary_size")
    guard try sizeValue.whole(JsonValue.channels) == vocabularySize else {
      throw Failure(
        .format, "\(sizeValue.place) is \(sizeValue.found), expected \(vocabularySize), the number of tokens of the codec")
    }
    let inputValue = try object.required("input")
    let input = try RecurrentConfiguration.readInput(inputValue)
    switch input {
    case .embedding, .oneHot: break
    case .vector, .fields:
      throw Failure(.format, "\(inputValue.place) takes no tokens, expected \"embedding\" or \"one_hot\"")
    }
    var layers: [RecurrentConfiguration.Layer] = []
    for layer in try object.required("layers").list(upTo: 64) {
      layers.append(try RecurrentConfiguration.readLayer(layer, hasWindow: true))
    }
    let size = conditions[latent].size
    let head = try ConfigurationObject(object.required("head"), keys: ["kind", "channels"])
    guard try head.required("kind").isText("linear") else { throw try head.required("kind").unexpected("\"linear\"") }
    let channels = try head.required("channels")
    guard try channels.whole(JsonValue.channels) == size else { throw channels.unexpected("\(size), the size of the latent") }
    let biases = try BiasList(object.optional("biases"), names: ["layers", "head"], absent: [true, true])
    self.init(
      kind: .recurrent(
        RecurrentConfiguration(
          vocabularySize: vocabularySize, input: input, layers: layers, head: .linear(channels: size, noise: 0),
          window: steps, layerBiases: biases[0], headBias: biases[1],
          initialStates: try object.optional("initial_states")?.boolean() ?? false ? .stored : .zeros)),
      latent: latent)
  }
}

extension NoteCodecConfiguration {
  /// Tokens of a step of the grid.
  fileprivate var voiceCount: Int {
    if case .choraleGrid(let vocabulary) = kind { return vocabulary.voices.count }
    return 1
  }
}
