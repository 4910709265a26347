/// An object of the configuration, all of whose keys are known.
struct ConfigurationObject {
  private let value: JsonValue

  /// Refuses what is no object, and keys that are not among `keys`.
  init(_ value: JsonValue, keys: [StaticString]) throws(Failure) {
    guard value.kind == .object else { throw value.unexpected("an object") }
    for (key, _) in value.members {
      var isKnown = false
      for known in keys where key.isText(known) { isKnown = true }
      guard isKnown else {
        throw Failure(.format, "\(value.place) has the unknown key \(quoted: key.text), expected any of \(keys)")
      }
    }
    self.value = value
  }

  /// The kind that an object says it is, which decides what other keys it may have.
  static func kind(of value: JsonValue) throws(Failure) -> JsonValue {
    guard value.kind == .object else { throw value.unexpected("an object") }
    guard let kind = value["kind"] else { throw value.missing("kind") }
    guard kind.kind == .string else { throw kind.unexpected("a string") }
    return kind
  }

  func optional(_ key: StaticString) -> JsonValue? { value[key] }

  func required(_ key: StaticString) throws(Failure) -> JsonValue {
    guard let member = value[key] else { throw value.missing(key) }
    return member
  }

  /// Text of at most 64 KiB, empty where the key is absent.
  func text(_ key: StaticString) throws(Failure) -> String {
    guard let member = value[key] else { return "" }
    return try member.string()
  }

  /// A whole number, nil where the key is absent.
  func whole(_ key: StaticString, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
    guard let member = value[key] else { return nil }
    return try member.whole(range)
  }
}

extension JsonValue {
  static let maximumTextByteCount = 65_536

  /// Channels, levels, classes.
  static let channels = 1...65_536

  /// A whole number, written without fraction or exponent.
  func whole(_ range: ClosedRange<Int>) throws(Failure) -> Int {
    guard let integer, range.contains(integer) else {
      if range.lowerBound == range.upperBound { throw unexpected("\(range.lowerBound)") }
      throw unexpected("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// A number from 0 to a whole number.
  func number(upTo limit: Int) throws(Failure) -> Double {
    guard let double, double >= 0, double <= Double(limit) else { throw unexpected("a number from 0 to \(limit)") }
    return double
  }

  func number() throws(Failure) -> Double {
    guard let double else { throw unexpected("a number") }
    return double
  }

  /// Text that survives as a C string.
  func string() throws(Failure) -> String {
    guard kind == .string else { throw unexpected("a string") }
    let bytes = text
    guard bytes.count <= JsonValue.maximumTextByteCount else {
      throw Failure(
        .format, "\(place) is \(bytes.count) bytes long, expected at most \(JsonValue.maximumTextByteCount)")
    }
    for byte in bytes where byte == 0 {
      throw Failure(.format, "\(place) holds the character U+0000, which no text may hold")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A name that programs use: of a condition, say.
  func identifier() throws(Failure) -> String {
    let bytes = text
    var isFine = kind == .string && bytes.count >= 1 && bytes.count <= 64
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): break
      default: isFine = false
      }
    }
    guard isFine else { throw unexpected("1 to 64 characters of a-z, 0-9 and _") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Refuses a string that an earlier one of these nodes is too.
  static func refuseDuplicates(_ strings: [Int], in document: JsonDocument) throws(Failure) {
    let duplicate = JsonDocument.duplicate(among: strings[...], nodes: document.nodes, text: document.text)
    guard let duplicate else { return }
    let value = JsonValue(document: document, index: duplicate)
    throw value.unexpected("each name once")
  }

  func boolean() throws(Failure) -> Bool {
    switch kind {
    case .true: return true
    case .false: return false
    default: throw unexpected("true or false")
    }
  }

  /// A list of at least one and at most `limit` elements.
  func list(upTo limit: Int) throws(Failure) -> JsonElements {
    guard kind == .list else { throw unexpected("a list") }
    guard count >= 1 && count <= limit else { throw unexpected("a list of 1 to \(limit)") }
    return elements
  }

  // MARK: Sentences

  var place: Sentence {
    let path = path
    return path.bytes.isEmpty ? "the configuration" : path
  }

  func unexpected(_ expected: Sentence) -> Failure {
    Failure(.format, "\(place) is \(found), expected \(expected)")
  }

  func missing(_ key: StaticString) -> Failure {
    Failure(.format, "\(place) has no key \"\(key)\"")
  }

  /// This is the value of a key `kind`.
  func unknownKind(_ expected: StaticString) -> Failure {
    Failure(.unsupported, "\(place) is \(found), expected \(expected)")
  }
}

extension Sentence.Interpolation {
  mutating func appendInterpolation(_ keys: [StaticString]) {
    for (position, key) in keys.enumerated() {
      if position > 0 { appendLiteral(", ") }
      appendLiteral(key)
    }
  }
}
