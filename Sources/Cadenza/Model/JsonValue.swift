/// One value of a JSON document.
struct JsonValue {
  let document: JsonDocument
  let index: Int

  var kind: JsonKind { document.nodes[index].kind }

  /// A string's bytes, or a number's as written; nothing for other kinds.
  var text: ArraySlice<UInt8> {
    let node = document.nodes[index]
    switch node.kind {
    case .string, .integer, .fraction: return document.text[Int(node.first)..<Int(node.first) + Int(node.second)]
    default: return []
    }
  }

  func isText(_ literal: StaticString) -> Bool {
    let node = document.nodes[index]
    guard node.kind == .string, Int(node.second) == literal.utf8CodeUnitCount else { return false }
    for offset in 0..<literal.utf8CodeUnitCount
    where document.text[Int(node.first) + offset] != literal.utf8Start[offset] {
      return false
    }
    return true
  }

  func hasPrefix(_ literal: StaticString) -> Bool {
    let node = document.nodes[index]
    guard node.kind == .string, Int(node.second) >= literal.utf8CodeUnitCount else { return false }
    for offset in 0..<literal.utf8CodeUnitCount
    where document.text[Int(node.first) + offset] != literal.utf8Start[offset] {
      return false
    }
    return true
  }

  /// nil for anything but a number written without fraction and exponent.
  var integer: Int? { kind == .integer ? JsonDocument.integer(text) : nil }

  /// nil for anything but a number.
  var double: Double? { kind == .integer || kind == .fraction ? DecimalNumber.double(text) : nil }

  /// A list's elements or an object's members.
  var count: Int { kind == .list || kind == .object ? Int(document.nodes[index].first) : 0 }

  /// A list's elements; none for other kinds.
  var elements: JsonElements { JsonElements(document: document, index: index + 1, remaining: kind == .list ? count : 0) }

  /// An object's members; none for other kinds.
  var members: JsonMembers { JsonMembers(document: document, index: index + 1, remaining: kind == .object ? count : 0) }

  /// An object's value under a key.
  subscript(key: StaticString) -> JsonValue? {
    for member in members where member.key.isText(key) { return member.value }
    return nil
  }

  /// The way from the document's root, for sentences: `network.dilations[3]`. Empty for the root.
  var path: Sentence {
    var path = Sentence(stringLiteral: "")
    var node = 0
    while node < index {
      let value = JsonValue(document: document, index: node)
      var inside: Int?
      if value.kind == .object {
        for member in value.members where index >= member.key.index && index < document.end(member.value.index) {
          path = path.bytes.isEmpty ? "\(plain: member.key.text)" : "\(path).\(plain: member.key.text)"
          inside = index == member.key.index ? nil : member.value.index
        }
      } else {
        var position = 0
        for element in value.elements {
          if index >= element.index && index < document.end(element.index) {
            path = "\(path)[\(position)]"
            inside = element.index
          }
          position += 1
        }
      }
      guard let inside else { break }
      node = inside
    }
    return path
  }

  /// The value itself, short, for sentences.
  var found: Sentence {
    switch kind {
    case .null: "null"
    case .false: "false"
    case .true: "true"
    case .integer, .fraction: "\(plain: text)"
    case .string: "\(quoted: text)"
    case .list: "a list of \(count)"
    case .object: "an object"
    }
  }
}

struct JsonElements: Sequence, IteratorProtocol {
  fileprivate let document: JsonDocument
  fileprivate var index: Int
  fileprivate var remaining: Int

  fileprivate init(document: JsonDocument, index: Int, remaining: Int) {
    self.document = document
    self.index = index
    self.remaining = remaining
  }

  mutating func next() -> JsonValue? {
    guard remaining > 0 else { return nil }
    remaining -= 1
    let value = JsonValue(document: document, index: index)
    index = document.end(index)
    return value
  }
}

struct JsonMembers: Sequence, IteratorProtocol {
  fileprivate let document: JsonDocument
  fileprivate var index: Int
  fileprivate var remaining: Int

  fileprivate init(document: JsonDocument, index: Int, remaining: Int) {
    self.document = document
    self.index = index
    self.remaining = remaining
  }

  mutating func next() -> (key: JsonValue, value: JsonValue)? {
    guard remaining > 0 else { return nil }
    remaining -= 1
    let key = JsonValue(document: document, index: index)
    let value = JsonValue(document: document, index: index + 1)
    index = document.end(index + 1)
    return (key, value)
  }
}

extension Sentence.Interpolation {
  /// Text that came from a file, shortened to 64 bytes, without quotes.
  mutating func appendInterpolation(plain text: some Sequence<UInt8>) {
    var count = 0
    for byte in text {
      if count == 64 {
        appendLiteral("...")
        return
      }
      bytes.append(byte < 0x20 || byte > 0x7E ? UInt8(ascii: "?") : byte)
      count += 1
    }
  }
}
