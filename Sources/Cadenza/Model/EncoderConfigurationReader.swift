extension EncoderConfiguration {
  /// Reads and checks an encoder of a model with these conditions and this codec.
  init(
    _ value: JsonValue, conditions: [ConditionConfiguration], codec: CodecConfiguration
  ) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("recurrent") {
      try self.init(recurrent: value, conditions, codec)
    } else if kind.isText("layers") {
      try self.init(layers: value, conditions, codec)
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
    layers value: JsonValue, _ conditions: [ConditionConfiguration], _ codec: CodecConfiguration
  ) throws(Failure) {
    if case .notes = codec {
      throw Failure(
        .format, "\(value.place).kind is \"layers\", but codec.kind \"\(codec.kind)\" is of notes: expected \"recurrent\"")
    }
    let object = try ConfigurationObject(value, keys: ["kind", "latent", "input", "frames", "minimum_frames", "layers"])
    let latent = try EncoderConfiguration.readLatent(try object.required("latent"), conditions)
    let condition = conditions[latent]
    let frames = try object.whole("frames", 1...Configuration.maximumClipSamples)
    var channels = 0
    for condition in conditions {
      if case .latent = condition.kind { continue }
      channels += condition.channels
    }
    let listValue = try object.required("layers")
    let layers = LayersEncoderConfiguration(
      input: try EncoderConfiguration.readInput(try object.required("input"), sampleRate: codec.sampleRate), frames: frames,
      layers: try LayerConfiguration.list(listValue), conditionChannels: channels,
      samplesPerRow: condition.framesPerValue ?? 0)
    let shape = try layers.output(at: listValue.place)
    if let samples = condition.framesPerValue {
      guard case .steps(_, _, _) = shape, shape.width == condition.size else {
        throw Failure(
          .format, "\(listValue.place) ends with \(shape.text), expected steps of \(condition.size), the size of the latent")
      }
      guard layers.reduction == samples else {
        throw Failure(
          .format,
          "\(listValue.place) gives a step for every \(layers.reduction ?? 0) samples, expected \(samples), the latent's frames_per_value"
        )
      }
    } else {
      guard case .vector = shape, shape.width == condition.size else {
        throw Failure(
          .format,
          "\(listValue.place) ends with \(shape.text), expected a vector of \(condition.size), the size of the latent")
      }
    }
    self.init(
      kind: .layers(layers), latent: latent,
      minimumFrames: try object.whole("minimum_frames", 1...Configuration.maximumClipSamples) ?? 1)
  }

  private static func readInput(
    _ value: JsonValue, sampleRate: Int
  ) throws(Failure) -> LayersEncoderConfiguration.Input {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("waveform") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      return .waveform
    }
    guard kind.isText("spectrogram") else { throw kind.unknownKind("\"waveform\" or \"spectrogram\"") }
    let object = try ConfigurationObject(value, keys: ["kind", "frame_size", "hop", "magnitude"])
    let (frameSize, hop) = try SpectrogramConfiguration.readSizes(object)
    return .spectrogram(
      SpectrogramConfiguration(
        sampleRate: sampleRate, frameSize: frameSize, hop: hop,
        magnitude: try SpectrogramConfiguration.readMagnitude(try object.required("magnitude")),
        phase: .none(iterations: SpectrogramConfiguration.defaultIterations)))
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
