extension ConditionConfiguration {
  static let maximumCount = 256
  /// Of all conditions together.
  static let maximumChannels = 65_536

  /// The list of all conditions, empty where the configuration has none.
  static func list(_ value: JsonValue?) throws(Failure) -> [ConditionConfiguration] {
    guard let value else { return [] }
    guard value.kind == .list else { throw value.unexpected("a list") }
    guard value.count <= maximumCount else { throw value.unexpected("a list of at most \(maximumCount)") }
    var conditions: [ConditionConfiguration] = []
    var names: [Int] = []
    var channels = 0
    var hasEmbedding = false
    for element in value.elements {
      let condition = try ConditionConfiguration(element, channelsBefore: channels)
      channels += condition.channels
      if case .latent = condition.kind, condition.framesPerValue != nil {
        guard !hasEmbedding else {
          throw Failure(.format, "\(element.place) is a second local latent, expected at most one")
        }
        hasEmbedding = true
      }
      conditions.append(condition)
      if let name = element["name"] { names.append(name.index) }
    }
    try JsonValue.refuseDuplicates(names, in: value.document)
    return conditions
  }

  private init(_ value: JsonValue, channelsBefore: Int) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    let name: String
    let isClass = kind.isText("class")
    let size: Int
    var labels: [String] = []
    var embeddingChannels: Int?
    let object: ConfigurationObject
    if isClass {
      object = try ConfigurationObject(
        value,
        keys: ["name", "kind", "size", "labels", "embedding_channels", "follows", "frames_per_value", "default"])
      name = try object.required("name").identifier()
      labels = try ConditionConfiguration.readLabels(object.optional("labels"))
      size = try ConditionConfiguration.readSize(object, labelCount: labels.count)
      embeddingChannels = try object.whole("embedding_channels", JsonValue.channels)
    } else if kind.isText("vector") {
      object = try ConfigurationObject(value, keys: ["name", "kind", "size", "frames_per_value", "default"])
      name = try object.required("name").identifier()
      size = try object.required("size").whole(JsonValue.channels)
    } else if kind.isText("latent") {
      object = try ConfigurationObject(value, keys: ["name", "kind", "size", "frames_per_value"])
      name = try object.required("name").identifier()
      size = try object.required("size").whole(JsonValue.channels)
    } else {
      throw kind.unknownKind("\"class\", \"vector\" or \"latent\"")
    }

    // Before the default values below take memory.
    guard channelsBefore + (embeddingChannels ?? size) <= ConditionConfiguration.maximumChannels else {
      throw Failure(
        .unsupported, "\(value.place) brings the conditions over \(ConditionConfiguration.maximumChannels) channels")
    }
    let followsPosition = isClass ? try ConditionConfiguration.readFollows(object) : false
    let numbers: Kind = kind.isText("latent") ? .latent : .vector
    self.init(
      name: name, kind: isClass ? .classes(labels: labels, embeddingChannels: embeddingChannels) : numbers, size: size,
      framesPerValue: try object.whole("frames_per_value", 1...1_048_576),
      defaultValue: isClass
        ? [Float(try object.whole("default", 0...size - 1) ?? 0)]
        : try ConditionConfiguration.readVector(object.optional("default"), size: size),
      followsPosition: followsPosition)
  }

  /// Whether the codec sets the condition. The host has no say then.
  private static func readFollows(_ object: ConfigurationObject) throws(Failure) -> Bool {
    guard let value = object.optional("follows") else { return false }
    guard value.isText("position") else { throw value.unexpected("\"position\"") }
    for key: StaticString in ["frames_per_value", "default"] {
      guard let excluded = object.optional(key) else { continue }
      throw Failure(.format, "\(excluded.place) is given, but the condition follows the position: the host does not set it")
    }
    return true
  }

  private static func readLabels(_ value: JsonValue?) throws(Failure) -> [String] {
    guard let value else { return [] }
    var labels: [String] = []
    var nodes: [Int] = []
    for element in try value.list(upTo: 65_536) {
      labels.append(try element.string())
      nodes.append(element.index)
    }
    try JsonValue.refuseDuplicates(nodes, in: value.document)
    return labels
  }

  private static func readSize(_ object: ConfigurationObject, labelCount: Int) throws(Failure) -> Int {
    if labelCount == 0 { return try object.required("size").whole(JsonValue.channels) }
    guard let value = object.optional("size") else { return labelCount }
    let size = try value.whole(JsonValue.channels)
    guard size == labelCount else { throw value.unexpected("\(labelCount), the number of labels") }
    return size
  }

  private static func readVector(_ value: JsonValue?, size: Int) throws(Failure) -> [Float] {
    guard let value else { return [Float](repeating: 0, count: size) }
    guard value.kind == .list, value.count == size else { throw value.unexpected("a list of \(size) numbers") }
    var numbers: [Float] = []
    for element in value.elements {
      let number = Float(try element.number())
      guard number.isFinite else { throw element.unexpected("a number that fits in 32 bits") }
      numbers.append(number)
    }
    return numbers
  }
}
