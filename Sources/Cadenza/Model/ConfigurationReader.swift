extension Configuration {
  /// Reads and checks a file's metadata: `format`, `cadenza.version`, and the configuration under `cadenza.config`.
  init(_ file: SafetensorsFile) throws(Failure) {
    guard let metadata = file.metadataMembers else {
      throw Failure(.format, "the file has no __metadata__, expected a Cadenza model's")
    }
    guard let format = file.metadata("format"), format.isText("cadenza") else {
      let found = file.metadata("format").map { $0.found } ?? "nothing"
      throw Failure(.format, "format in __metadata__ is \(found), expected \"cadenza\": this is not a Cadenza model")
    }
    guard let version = file.metadata("cadenza.version") else {
      throw Failure(.format, "cadenza.version is missing in __metadata__, expected \"1\"")
    }
    guard version.isText("1") else {
      throw Failure(.unsupported, "cadenza.version is \(version.found), expected \"1\"")
    }
    for (key, _) in metadata where key.hasPrefix("cadenza.") {
      guard key.isText("cadenza.version") || key.isText("cadenza.config") else {
        throw Failure(.format, "the key \(quoted: key.text) in __metadata__ is unknown")
      }
    }
    guard let config = file.metadata("cadenza.config") else {
      throw Failure(.format, "cadenza.config is missing in __metadata__, expected the configuration")
    }
    let document = try config.text.withUnsafeBufferPointer { (text) throws(Failure) in
      try JsonDocument.read(UnsafeRawBufferPointer(text), title: "cadenza.config")
    }
    try self.init(document.root)
  }

  /// Reads and checks a configuration.
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(
      value, keys: ["name", "description", "license", "network", "codec", "encoder", "conditions", "sampling", "training"])
    name = try object.text("name")
    description = try object.text("description")
    license = try object.text("license")
    let networkValue = try object.required("network")
    let codecValue = try object.required("codec")
    network = try NetworkConfiguration(networkValue)
    codec = try CodecConfiguration(codecValue)
    let conditionValues = object.optional("conditions")
    conditions = try ConditionConfiguration.list(conditionValues)
    encoder = nil
    if let encoderValue = object.optional("encoder") {
      encoder = try EncoderConfiguration(encoderValue, conditions: conditions, codec: codec)
    }
    sampling = try SamplingConfiguration(object.optional("sampling"))
    training = try TrainingConfiguration(object.optional("training"))
    try checkThatCodecFits()
    try checkThatConditionsFit(conditionValues)
    try checkThatInitialStatesFit()
    try checkThatEmbeddingsFit()
  }

  /// What the network predicts is what the codec turns into sound.
  private func checkThatCodecFits() throws(Failure) {
    if case .decoder = network {
      switch codec {
      case .waveform, .harmonic, .spectrogram: break
      case .muLaw, .notes:
        throw Failure(.format, "codec.kind is \"\(codec.kind)\", expected one of frames, since network.kind is \"decoder\"")
      }
    }
    switch codec {
    case .muLaw(_, let levels):
      try checkThatElementsAreOfOneField()
      try checkThatElementsAreNumbers()
      guard let vocabularySize = network.predictedVocabularySize else {
        throw Failure(.format, "network.head is linear, expected softmax, since codec.kind is \"mu_law\"")
      }
      guard vocabularySize == levels else {
        throw Failure(
          .format, "network.vocabulary_size is \(vocabularySize), expected \(levels), which is codec.levels")
      }
    case .waveform(_, let range):
      if try checkThatFramesFit(1) { return }
      try checkThatElementsAreOfOneField()
      guard network.predictedVocabularySize == nil else {
        throw Failure(
          .format, "network predicts tokens, expected a linear head with 1 channel, since codec.kind is \"waveform\"")
      }
      try checkThatElementsAreNumbers()
      guard range == nil else {
        throw Failure(.format, "codec.range is given, but network.kind is \"\(network.kind)\": only a decoder has one")
      }
    case .harmonic(let harmonic):
      guard try checkThatFramesFit(harmonic.frameSize) else {
        throw Failure(
          .format, "network.kind is \"\(network.kind)\", expected \"decoder\", since codec.kind is \"harmonic\"")
      }
      guard let pitch = conditions.first(where: { $0.name.utf8.elementsEqual("pitch".utf8) }), case .classes = pitch.kind else {
        throw Failure(
          .format, "conditions have no class condition \"pitch\", which codec.kind \"harmonic\" takes its frequency from")
      }
    case .spectrogram(let spectrogram):
      if try checkThatFramesFit(spectrogram.frameNumbers) {
        guard spectrogram.columns == 1 else {
          throw Failure(
            .format,
            "codec.columns is \(spectrogram.columns), expected 1, since network.kind is \"decoder\": its steps are frames")
        }
        return
      }
      try checkThatElementsFit(spectrogram)
    case .notes(let notes):
      try checkThatFieldsFit(notes)
    }
  }

  /// A decoder's last layer gives frames of so many numbers, and a clip that is not too long. False where the network is no decoder.
  private func checkThatFramesFit(_ frameSize: Int) throws(Failure) -> Bool {
    guard case .decoder(let decoder) = network else { return false }
    let shape = try decoder.output(conditionChannels: conditions.reduce(0) { $0 + $1.channels })
    guard shape.width == frameSize else {
      throw Failure(
        .format,
        "network.layers end with \(shape.text), expected bins x channels to be \(frameSize), a frame of codec.kind \"\(codec.kind)\""
      )
    }
    let clip = LayerShapeChain.numbers(shape.steps ?? 1, codec.hop, 1)
    guard let clip, clip <= Configuration.maximumClipSamples else {
      throw Failure(
        .unsupported,
        "the model decodes \(shape.steps ?? 0) frames of \(codec.hop) samples, at most \(Configuration.maximumClipSamples) samples are allowed"
      )
    }
    return true
  }

  /// Of a decoder: FORMAT.md, Layers.
  static let maximumClipSamples = 1 << 24

  /// A recurrent network over frames takes and predicts all numbers of an element.
  private func checkThatElementsFit(_ spectrogram: SpectrogramConfiguration) throws(Failure) {
    guard case .recurrent(let recurrent) = network, case .vector(let taken) = recurrent.input,
      case .linear(let predicted, _) = recurrent.head
    else {
      throw Failure(
        .format,
        "network.kind is \"\(network.kind)\", expected \"recurrent\" with a vector input and a linear head, since codec.kind is \"spectrogram\""
      )
    }
    let expected = spectrogram.elementNumbers
    let shape: Sentence =
      "\(spectrogram.columns) x \(spectrogram.bins) bins x \(spectrogram.numbersPerBin)"
    guard taken == expected else {
      throw Failure(
        .format, "network.input.channels is \(taken), expected \(expected), which is \(shape) of codec \"spectrogram\"")
    }
    guard predicted == expected else {
      throw Failure(
        .format, "network.head.channels is \(predicted), expected \(expected), which is \(shape) of codec \"spectrogram\"")
    }
    if case .none = spectrogram.phase {
      throw Failure(
        .unsupported,
        "codec.phase is \"none\", which needs a whole clip: expected \"phase\" or \"instantaneous_frequency\", since network.kind is \"recurrent\""
      )
    }
  }

  /// A composer's network takes and predicts the fields of its codec.
  private func checkThatFieldsFit(_ notes: NoteCodecConfiguration) throws(Failure) {
    let expected = notes.fields
    let predicted = network.predictedFields
    guard predicted.count == expected.count else {
      let (found, wanted) = (predicted.count, expected.count)
      throw Failure(
        .format, "the network's number of fields is \(found), expected \(wanted), since codec.kind is \"\(notes.kindName)\"")
    }
    if expected.count == 1, let size = expected[0] {
      guard let vocabularySize = predicted[0] else {
        throw Failure(.format, "network.head is linear, expected softmax, since codec.kind is \"\(notes.kindName)\"")
      }
      guard vocabularySize == size else {
        throw Failure(
          .format,
          "network.vocabulary_size is \(vocabularySize), expected \(size), the number of tokens of codec \"\(notes.kindName)\"")
      }
    }
    for (index, size) in expected.enumerated() where predicted[index] != size {
      let (found, wanted) = (NetworkConfiguration.head(predicted[index]), NetworkConfiguration.head(size))
      let name = NoteCodecConfiguration.NoteMatrixFields.names[index]
      throw Failure(.format, "network.head.fields[\(index)] is \(found), expected \(wanted), as codec.\(name) has it")
    }
    if case .recurrent(let recurrent) = network, case .vector = recurrent.input {
      throw Failure(
        .format, "network.input takes values, expected tokens, since codec.kind is \"\(notes.kindName)\": notes have no value")
    }
  }

  /// States that are made of the conditions need some.
  private func checkThatInitialStatesFit() throws(Failure) {
    guard case .recurrent(let recurrent) = network, recurrent.initialStates == .conditions, conditions.isEmpty else { return }
    throw Failure(.format, "network.initial_states is \"conditions\", but the model has none")
  }

  /// What an embedding is, its encoder says.
  private func checkThatEmbeddingsFit() throws(Failure) {
    for (index, condition) in conditions.enumerated() where condition.isEmbedding && encoder?.latent != index {
      throw Failure(
        .format, "conditions[\(index)] is a local latent, an embedding, expected an encoder whose latent it is")
    }
  }

  /// A composer has no samples that a value could last for, and nothing else has a grid that a condition could follow.
  private func checkThatConditionsFit(_ value: JsonValue?) throws(Failure) {
    guard let value else { return }
    for element in value.elements {
      switch codec {
      case .muLaw, .waveform, .harmonic, .spectrogram:
        guard let follows = element["follows"] else { continue }
        throw Failure(.format, "\(follows.place) is \(follows.found), but codec.kind \"\(codec.kind)\" has no grid to follow")
      case .notes(let notes):
        if let frames = element["frames_per_value"] {
          throw Failure(.format, "\(frames.place) is given, but a composer's conditions are global: expected no such key")
        }
        guard let follows = element["follows"], !notes.isGrid else { continue }
        throw Failure(.format, "\(follows.place) is \(follows.found), but codec.kind \"\(codec.kind)\" has no grid to follow")
      }
    }
  }
}

extension Configuration {
  /// Where there are no frames, vectors are of one number.
  private func checkThatElementsAreNumbers() throws(Failure) {
    guard case .recurrent(let recurrent) = network else { return }
    if case .vector(let channels) = recurrent.input, channels != 1 {
      throw Failure(.format, "network.input.channels is \(channels), expected 1, since codec.kind is \"\(codec.kind)\"")
    }
    if case .linear(let channels, _) = recurrent.head, channels != 1 {
      throw Failure(.format, "network.head.channels is \(channels), expected 1, since codec.kind is \"\(codec.kind)\"")
    }
  }

  /// Sound is one number at a time.
  private func checkThatElementsAreOfOneField() throws(Failure) {
    guard case .recurrent(let recurrent) = network, case .fields(let fields) = recurrent.head else { return }
    throw Failure(
      .format,
      "network.head has the kind \"fields\" (\(fields.count)), expected one prediction, since codec.kind is \"\(codec.kind)\"")
  }
}

extension NetworkConfiguration {
  /// The size of the softmax, nil where the network predicts values.
  fileprivate var predictedVocabularySize: Int? {
    switch self {
    case .waveNet(let waveNet):
      return waveNet.vocabularySize
    case .transformer(let transformer):
      return transformer.vocabularySize
    case .recurrent(let recurrent):
      if case .softmax = recurrent.head { return recurrent.vocabularySize }
      return nil
    case .decoder:
      return nil
    }
  }
}

extension NetworkConfiguration {
  /// For each field of a prediction the size of its softmax, nil where it is a value.
  fileprivate var predictedFields: [Int?] {
    guard case .recurrent(let recurrent) = self, case .fields(let fields) = recurrent.head else {
      return [predictedVocabularySize]
    }
    return fields.map { field in
      if case .softmax(let size) = field { return size }
      return nil
    }
  }

  /// A field of a head, for sentences.
  fileprivate static func head(_ size: Int?) -> Sentence {
    if let size { return "a softmax over \(size)" }
    return "linear"
  }
}

extension CodecConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("mu_law") {
      let object = try ConfigurationObject(value, keys: ["kind", "sample_rate", "levels"])
      let sampleRate = try object.required("sample_rate").whole(CodecConfiguration.sampleRates)
      self = .muLaw(sampleRate: sampleRate, levels: try object.required("levels").whole(2...65_536))
    } else if kind.isText("waveform") {
      let object = try ConfigurationObject(value, keys: ["kind", "sample_rate", "range"])
      self = .waveform(
        sampleRate: try object.required("sample_rate").whole(CodecConfiguration.sampleRates),
        range: try CodecConfiguration.range(object.optional("range")))
    } else if kind.isText("harmonic") {
      self = .harmonic(try HarmonicConfiguration(value))
    } else if kind.isText("spectrogram") {
      self = .spectrogram(try SpectrogramConfiguration(value))
    } else if let notes = try NoteCodecConfiguration(value, kind: kind) {
      self = .notes(notes)
    } else {
      throw kind.unknownKind(
        """
        "mu_law", "waveform", "harmonic", "spectrogram", "performance_events", "melody_steps", "chorale_grid", "note_tokens" or "note_matrix"
        """)
    }
  }

  static let sampleRates = 1_000...768_000

  /// Two numbers, the smaller one first.
  private static func range(_ value: JsonValue?) throws(Failure) -> ClosedRange<Float>? {
    guard let value else { return nil }
    guard value.kind == .list, value.count == 2 else { throw value.unexpected("a list of 2 numbers") }
    var numbers: [Float] = []
    for element in value.elements { numbers.append(Float(try element.number())) }
    guard numbers[0] < numbers[1], (numbers[1] - numbers[0]).isFinite, numbers[1] - numbers[0] > 1e-30 else {
      throw value.unexpected("two numbers, the smaller one first")
    }
    return numbers[0]...numbers[1]
  }
}

extension SamplingConfiguration {
  init(_ value: JsonValue?) throws(Failure) {
    self.init()
    guard let value else { return }
    let object = try ConfigurationObject(value, keys: ["temperature", "top_k", "top_p"])
    if let temperature = object.optional("temperature") { self.temperature = Float(try temperature.number(upTo: 100)) }
    if let topK = object.optional("top_k") { self.topK = try topK.whole(0...16_777_216) }
    if let topP = object.optional("top_p") { self.topP = Float(try topP.number(upTo: 1)) }
  }
}

extension TrainingConfiguration {
  init(_ value: JsonValue?) throws(Failure) {
    self.init()
    guard let value else { return }
    let object = try ConfigurationObject(value, keys: ["data", "recipe", "steps", "validation_nats"])
    data = try object.text("data")
    recipe = try object.text("recipe")
    if let steps = object.optional("steps") { self.steps = try steps.number() }
    if let nats = object.optional("validation_nats") { validationNats = try nats.number() }
  }
}
