extension TransformerConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(
      value,
      keys: [
        "kind", "vocabulary_size", "channels", "layers", "heads", "feedforward_channels", "window", "positions",
        "position_count", "normalization", "activation", "biases",
      ])
    let channels = try object.required("channels").whole(JsonValue.channels)
    let heads = try object.required("heads").whole(JsonValue.channels)
    guard channels % heads == 0 else {
      throw Failure(.format, "\(value.place).heads is \(heads), expected a divisor of channels, \(channels)")
    }
    let window = try object.required("window").whole(1...8_192)
    let hidden = try TransformerConfiguration.readFeedforwardChannels(object, value, channels: channels)
    let biases = try BiasList(
      object.optional("biases"), names: ["attention", "feedforward", "head"], absent: [true, true, true])
    self.init(
      vocabularySize: try object.required("vocabulary_size").whole(JsonValue.channels), channels: channels,
      layerCount: try object.required("layers").whole(1...64), heads: heads, feedforwardChannels: hidden, window: window,
      positions: try TransformerConfiguration.readPositions(object, window: window),
      normalization: try TransformerConfiguration.readNormalization(object.optional("normalization")),
      activation: try TransformerConfiguration.readActivation(object.optional("activation")), attentionBias: biases[0],
      feedforwardBias: biases[1], headBias: biases[2])
  }

  private static func readFeedforwardChannels(
    _ object: ConfigurationObject, _ network: JsonValue, channels: Int
  ) throws(Failure) -> Int {
    if let given = try object.whole("feedforward_channels", JsonValue.channels) { return given }
    guard 4 * channels <= JsonValue.channels.upperBound else {
      let limit = JsonValue.channels.upperBound
      throw Failure(
        .format,
        "\(network.place) has no key \"feedforward_channels\", and its default, 4 x \(channels), is more than \(limit)")
    }
    return 4 * channels
  }

  private static func readPositions(_ object: ConfigurationObject, window: Int) throws(Failure) -> Positions {
    let positions = try object.required("positions")
    if positions.isText("learned") {
      return .learned(count: try object.required("position_count").whole(window...65_536))
    }
    let isRelative = positions.isText("relative")
    guard isRelative || positions.isText("sinusoidal") else {
      throw positions.unexpected("\"relative\", \"learned\" or \"sinusoidal\"")
    }
    if let count = object.optional("position_count") {
      throw Failure(.format, "\(count.place) is \(count.found), but \(positions.place) is \(positions.found), not \"learned\"")
    }
    return isRelative ? .relative : .sinusoidal
  }

  private static func readNormalization(_ value: JsonValue?) throws(Failure) -> Normalization {
    guard let value else { return .pre }
    if value.isText("pre") { return .pre }
    if value.isText("post") { return .post }
    throw value.unexpected("\"pre\" or \"post\"")
  }

  private static func readActivation(_ value: JsonValue?) throws(Failure) -> Activation {
    guard let value else { return .relu }
    if value.isText("relu") { return .relu }
    if value.isText("gelu") { return .gelu }
    throw value.unexpected("\"relu\" or \"gelu\"")
  }
}
