import Cadenza

/// A model described, for people and for programs.
enum ModelDocument {
  // MARK: For people

  static func text(_ model: Model, path: String) -> String {
    let configuration = model.configuration
    var lines: [String] = []
    func row(_ label: String, _ text: String) { lines.append(Text.padded(label, 14) + text) }

    lines.append(Text.printable(configuration.name.isEmpty ? path : configuration.name))
    for line in configuration.description.split(separator: "\n") { lines.append("  " + Text.printable(String(line))) }
    lines.append("")
    row("file", Text.printable(path))
    if !configuration.license.isEmpty { row("licence", Text.printable(configuration.license)) }
    row("network", "\(kind(configuration.network)), \(Text.grouped(model.parameterCount)) parameters")
    lines += layers(configuration)
    row("past", receptiveField(model))
    row("codec", codec(configuration.codec))
    if case .notes(let notes) = configuration.codec { lines += NoteCodecDocument.lines(notes) }
    lines.append("")
    if configuration.conditions.isEmpty {
      row("conditions", "none")
    } else {
      lines.append("conditions    (--set NAME=VALUE)")
      for condition in configuration.conditions { lines += describe(condition) }
    }
    lines.append("")
    let sampling = configuration.sampling
    row(
      "sampling",
      "temperature \(Text.plain(sampling.temperature)), top-k \(sampling.topK == 0 ? "off" : String(sampling.topK)), "
        + "top-p \(sampling.topP >= 1 ? "off" : Text.plain(sampling.topP))")
    let choice: StaticString
    if case .notes = configuration.codec { choice = "choice" } else { choice = "sample" }
    lines += describe(configuration.training, of: choice)
    row(
      "memory",
      "\(Text.bytes(model.weightBytes)) of weights, \(Text.bytes(model.streamBytes)) for each stream")
    row("kernels", model.instructionSet)
    return lines.joined(separator: "\n")
  }

  private static func kind(_ network: NetworkConfiguration) -> String {
    switch network {
    case .waveNet: "wavenet"
    case .recurrent: "recurrent"
    case .transformer: "transformer"
    case .decoder: "decoder"
    }
  }

  private static func initialStates(_ network: RecurrentConfiguration) -> String {
    switch network.initialStates {
    case .zeros: ""
    case .stored: ", with stored initial states"
    case .conditions: ", with initial states that the conditions make"
    }
  }

  private static func layers(_ configuration: Configuration) -> [String] {
    var lines: [String] = []
    switch configuration.network {
    case .waveNet(let network):
      let (count, reach) = (network.dilations.count, dilations(network.dilations))
      lines.append("  \(count) layers of kernel \(network.kernelSize), dilations \(reach)")
    case .recurrent(let network):
      let names = network.layers.map { layer in
        "\(layer.isBidirectional ? "bidirectional " : "")\(layer.cell == .lstm ? "lstm" : "gru") \(layer.channels)"
      }
      lines.append("  \(names.joined(separator: ", "))\(initialStates(network))")
      if case .fields(let heads) = network.head {
        lines.append("  \(heads.count) fields: \(zip(network.inputFields, heads).map(field).joined(separator: "; "))")
      } else if case .linear(_, let noise) = network.head, noise > 0 {
        lines.append("  noise of standard deviation \(Text.plain(noise)) around its values")
      }
    case .transformer(let network):
      let window = Text.grouped(network.window)
      lines.append(
        "  \(network.layerCount) layers of \(network.channels) channels, \(network.heads) heads, window \(window)")
      let norm = network.normalization == .pre ? "before" : "after"
      let activation = network.activation == .relu ? "relu" : "gelu"
      lines.append("  \(positions(network)) positions, normalised \(norm) each sublayer, \(activation)")
    case .decoder(let network):
      lines.append("  \(network.layers.count) layers: \(network.layers.map { "\($0.kind)" }.joined(separator: ", "))")
    }
    let rows = LayerShapes(configuration).rows
    let width = rows.map(\.name.count).max() ?? 0
    for row in rows {
      let shape = row.shape.map(String.init).joined(separator: " x ")
      let times = row.count > 1 ? ", \(row.count) times" : ""
      lines.append("    \(Text.padded(row.name, width))  \(shape)\(row.bias ? " + bias" : "")\(times)")
    }
    return lines
  }

  /// `embedding 8 -> softmax 128`.
  private static func field(_ input: RecurrentConfiguration.InputField, _ head: RecurrentConfiguration.HeadField) -> String {
    let read =
      switch input {
      case .embedding(_, let channels): "embedding \(channels)"
      case .oneHot: "one-hot"
      case .value: "value"
      case .frame(let channels): "frame of \(channels)"
      }
    switch head {
    case .softmax(let size): return "\(read) -> softmax \(size)"
    case .linear(let noise): return "\(read) -> linear\(noise > 0 ? ", noise \(Text.plain(noise))" : "")"
    }
  }

  private static func positions(_ network: TransformerConfiguration) -> String {
    switch network.positions {
    case .relative: "relative"
    case .learned: "learned"
    case .sinusoidal: "sinusoidal"
    }
  }

  /// `1 2 4 8 ... 512, 3 times`.
  static func dilations(_ all: [Int]) -> String {
    let period =
      (1...max(1, all.count)).first { period in
        all.count.isMultiple(of: period) && all.indices.allSatisfy { all[$0] == all[$0 % period] }
      } ?? all.count
    let cycle = all.prefix(period)
    let shown =
      cycle.count > 8
      ? cycle.prefix(4).map(String.init).joined(separator: " ") + " ... \(cycle.last ?? 0)"
      : cycle.map(String.init).joined(separator: " ")
    let times = all.count / max(1, period)
    return times > 1 ? "\(shown), \(times) times" : shown
  }

  private static func receptiveField(_ model: Model) -> String {
    if case .decoder = model.configuration.network { return "none: a clip is decoded from the conditions" }
    guard let field = model.receptiveField else { return "unbounded: a recurrent network remembers what it chooses to" }
    if case .recurrent = model.configuration.network {
      return "a window of \(Text.grouped(field)) steps, gone through anew for every prediction"
    }
    if case .notes = model.configuration.codec { return "sees \(Text.grouped(field)) choices" }
    let milliseconds = Double(field) / Double(model.sampleRate) * 1000
    return "sees \(Text.grouped(field)) samples, \(Text.significant(milliseconds)) ms"
  }

  private static func codec(_ codec: CodecConfiguration) -> String {
    switch codec {
    case .muLaw(let rate, let levels): "mu_law, \(Text.grouped(rate)) Hz, \(levels) levels"
    case .waveform(let rate, nil): "waveform, \(Text.grouped(rate)) Hz"
    case .waveform(let rate, .some(let range)):
      "waveform, \(Text.grouped(rate)) Hz, from \(Text.plain(range.lowerBound)) ... \(Text.plain(range.upperBound))"
    case .harmonic(let harmonic):
      "harmonic, \(Text.grouped(harmonic.sampleRate)) Hz, hop \(harmonic.hop), \(harmonic.harmonics) harmonics, "
        + (harmonic.noiseBands == 0 ? "no noise" : "noise of \(harmonic.noiseBands) bands")
    case .spectrogram(let spectrogram): SpectrogramDocument.text(spectrogram)
    case .notes(let notes): NoteCodecDocument.text(notes)
    }
  }

  private static func describe(_ condition: ConditionConfiguration) -> [String] {
    var text = ""
    var labelLines: [String] = []
    switch condition.kind {
    case .classes(let labels, _):
      text = "class 0 ... \(condition.size - 1)"
      if condition.followsPosition {
        text += ", follows the position on the grid"
        break
      }
      let chosen = Int(condition.defaultValue.first ?? 0)
      text += ", default \(labels.indices.contains(chosen) ? Text.printable(labels[chosen]) : String(chosen))"
      labelLines = wrapped(labels.map { Text.printable($0) }, indent: "      ")
    case .latent:
      text = condition.size == 1 ? "a latent of 1 number" : "a latent of \(condition.size) numbers"
      if condition.framesPerValue == nil { text += ", drawn from the seed" }
    case .vector:
      let isZero = condition.defaultValue.allSatisfy { $0 == 0 }
      let numbers = condition.defaultValue.prefix(8).map { Text.plain($0) }.joined(separator: ",")
      text = condition.size == 1 ? "1 number" : "\(condition.size) numbers"
      text += ", default \(isZero ? (condition.size == 1 ? "0" : "zeros") : numbers)"
      if !isZero && condition.defaultValue.count > 8 { text += ",..." }
    }
    if let frames = condition.framesPerValue {
      text += ", a value every \(frames) samples (a list is played in order)"
    }
    return ["  \(Text.printable(condition.name)): \(text)"] + labelLines
  }

  private static func wrapped(_ words: [String], indent: String) -> [String] {
    var lines: [String] = []
    var line = ""
    for (position, word) in words.enumerated() {
      let piece = position + 1 < words.count ? word + "," : word
      if !line.isEmpty && indent.count + line.count + 1 + piece.count > 96 {
        lines.append(indent + line)
        line = ""
      }
      line += line.isEmpty ? piece : " " + piece
    }
    return line.isEmpty ? lines : lines + [indent + line]
  }

  private static func describe(_ training: TrainingConfiguration, of choice: StaticString) -> [String] {
    var lines: [String] = []
    if !training.data.isEmpty { lines.append(Text.padded("trained on", 14) + Text.printable(training.data)) }
    if !training.recipe.isEmpty { lines.append(Text.padded("recipe", 14) + Text.printable(training.recipe)) }
    if training.steps > 0 { lines.append(Text.padded("steps", 14) + Text.grouped(Int(min(training.steps, 1e15)))) }
    if training.validationNats != 0 {
      let nats = training.validationNats
      lines.append(
        Text.padded("validation", 14)
          + "\(Text.fixed(nats, 4)) nats (\(Text.fixed(nats * 1.4426950408889634, 4)) bits) a \(choice)")
    }
    return lines
  }

  // MARK: For programs

  static func json(_ model: Model, path: String) -> JSON {
    let configuration = model.configuration
    let sampling = configuration.sampling
    let training = configuration.training
    return .object([
      ("file", .text(path)),
      ("name", .text(configuration.name)),
      ("description", .text(configuration.description)),
      ("license", .text(configuration.license)),
      ("sample_rate", .integer(model.sampleRate)),
      ("network", network(configuration)),
      ("codec", codecDocument(configuration.codec)),
      ("conditions", .list(configuration.conditions.map(document))),
      (
        "sampling",
        .object([
          ("temperature", .float(sampling.temperature)), ("top_k", .integer(sampling.topK)), ("top_p", .float(sampling.topP)),
        ])
      ),
      (
        "training",
        .object([
          ("data", .text(training.data)), ("recipe", .text(training.recipe)), ("steps", .number(training.steps)),
          ("validation_nats", .number(training.validationNats)),
        ])
      ),
      ("parameters", .integer(model.parameterCount)),
      ("receptive_field", model.receptiveField.map(JSON.integer) ?? .null),
      ("vocabulary_size", model.vocabularySize.map(JSON.integer) ?? .null),
      ("weight_bytes", .integer(model.weightBytes)),
      ("stream_bytes", .integer(model.streamBytes)),
      ("instruction_set", .text(model.instructionSet)),
    ])
  }

  private static func network(_ configuration: Configuration) -> JSON {
    let shapes = LayerShapes(configuration).rows.map { row in
      JSON.object([
        ("name", .text(row.name)), ("shape", .integers(row.shape)), ("bias", .bool(row.bias)), ("count", .integer(row.count)),
      ])
    }
    var pairs: [(key: String, value: JSON)] = [("kind", .text(kind(configuration.network)))]
    switch configuration.network {
    case .waveNet(let network):
      pairs += [
        ("layers", .integer(network.dilations.count)), ("kernel_size", .integer(network.kernelSize)),
        ("dilations", .integers(network.dilations)), ("residual_channels", .integer(network.residualChannels)),
        ("gate_channels", .integer(network.gateChannels)), ("skip_channels", .integer(network.skipChannels)),
        ("head_channels", .integer(network.headChannels)),
      ]
    case .recurrent(let network):
      pairs.append(
        (
          "layers",
          .list(
            network.layers.map {
              .object([
                ("kind", .text($0.cell == .lstm ? "lstm" : "gru")), ("channels", .integer($0.channels)),
                ("bidirectional", .bool($0.isBidirectional)),
              ])
            })
        ))
      pairs.append(("window", network.window.map(JSON.integer) ?? .null))
      pairs.append(("fields", fields(network)))
    case .transformer(let network):
      pairs += [
        ("layers", .integer(network.layerCount)), ("channels", .integer(network.channels)),
        ("heads", .integer(network.heads)), ("feedforward_channels", .integer(network.feedforwardChannels)),
        ("window", .integer(network.window)), ("positions", .text(positions(network))),
        ("normalization", .text(network.normalization == .pre ? "pre" : "post")),
        ("activation", .text(network.activation == .relu ? "relu" : "gelu")),
      ]
    case .decoder(let network):
      pairs.append(("layers", .list(network.layers.map { .text("\($0.kind)") })))
    }
    return .object(pairs + [("products", .list(shapes))])
  }

  /// What is read and predicted of each field of an element: one, unless it has several.
  private static func fields(_ network: RecurrentConfiguration) -> JSON {
    let heads: [RecurrentConfiguration.HeadField] =
      switch network.head {
      case .softmax: [.softmax(size: network.vocabularySize ?? 0)]
      case .linear(_, let noise): [.linear(noise: noise)]
      case .fields(let fields): fields
      }
    return .list(
      zip(network.inputFields, heads).map { input, head in
        let read: (kind: JSON, channels: Int) =
          switch input {
          case .embedding(_, let channels): ("embedding", channels)
          case .oneHot(let size): ("one_hot", size)
          case .value: ("value", 1)
          case .frame(let channels): ("frame", channels)
          }
        var pairs: [(key: String, value: JSON)] = [("input", read.kind), ("channels", .integer(read.channels))]
        switch head {
        case .softmax(let size): pairs += [("head", "softmax"), ("size", .integer(size))]
        case .linear(let noise): pairs += [("head", "linear"), ("noise", .float(noise))]
        }
        return .object(pairs)
      })
  }

  private static func codecDocument(_ codec: CodecConfiguration) -> JSON {
    switch codec {
    case .muLaw(let rate, let levels):
      .object([("kind", "mu_law"), ("sample_rate", .integer(rate)), ("levels", .integer(levels))])
    case .waveform(let rate, let range):
      .object([
        ("kind", "waveform"), ("sample_rate", .integer(rate)),
        ("range", range.map { .list([.float($0.lowerBound), .float($0.upperBound)]) } ?? .null),
      ])
    case .harmonic(let harmonic):
      .object([
        ("kind", "harmonic"), ("sample_rate", .integer(harmonic.sampleRate)), ("hop", .integer(harmonic.hop)),
        ("harmonics", .integer(harmonic.harmonics)), ("noise_bands", .integer(harmonic.noiseBands)),
      ])
    case .spectrogram(let spectrogram): SpectrogramDocument.json(spectrogram)
    case .notes(let notes): NoteCodecDocument.json(notes)
    }
  }

  private static func document(_ condition: ConditionConfiguration) -> JSON {
    var pairs: [(key: String, value: JSON)] = [("name", .text(condition.name))]
    switch condition.kind {
    case .classes(let labels, _):
      pairs += [
        ("kind", "class"), ("size", .integer(condition.size)),
        ("labels", labels.isEmpty ? .null : .list(labels.map(JSON.text))),
        ("default", .integer(Int(condition.defaultValue.first ?? 0))),
      ]
    case .latent:
      pairs += [("kind", "latent"), ("size", .integer(condition.size))]
    case .vector:
      pairs += [
        ("kind", "vector"), ("size", .integer(condition.size)),
        ("default", .list(condition.defaultValue.map(JSON.float))),
      ]
    }
    if condition.followsPosition { pairs.append(("follows", "position")) }
    pairs.append(("frames_per_value", condition.framesPerValue.map(JSON.integer) ?? .null))
    return .object(pairs)
  }
}
