/// Reads a JSON text exactly as RFC 8259 defines it, and refuses what it leaves to the implementation: keys given twice,
/// surrogates without their partner, whole numbers beyond 64 bits, numbers beyond a Double's range.
///
/// The time it takes is linear in the text, but for sorting the keys of an object; its stack is bounded by the depth.
struct JsonReader {
  static let maximumByteCount = 8 << 20
  static let maximumDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private let title: StaticString
  private var position = 0
  private(set) var nodes: [JsonDocument.Node] = []
  private(set) var text: [UInt8] = []
  /// Nodes of the keys of all objects that are still open, the innermost object's last.
  private var keys: [Int] = []

  init(_ bytes: UnsafeRawBufferPointer, title: StaticString) {
    self.bytes = bytes
    self.title = title
  }

  mutating func readDocument() throws(Failure) {
    guard bytes.count <= JsonReader.maximumByteCount else {
      throw Failure(.format, "\(title) is \(bytes.count) bytes long, expected at most \(JsonReader.maximumByteCount)")
    }
    try readValue(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw unexpected("nothing after the value") }
  }

  // MARK: Values

  private mutating func readValue(depth: Int) throws(Failure) {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): try readObject(depth: depth + 1)
    case UInt8(ascii: "["): try readList(depth: depth + 1)
    case UInt8(ascii: "\""): try readString()
    case UInt8(ascii: "t"): try readWord("true", .true)
    case UInt8(ascii: "f"): try readWord("false", .false)
    case UInt8(ascii: "n"): try readWord("null", .null)
    case UInt8(ascii: "-"): try readNumber()
    case let byte? where isDigit(byte): try readNumber()
    default: throw unexpected("a value")
    }
  }

  private mutating func readObject(depth: Int) throws(Failure) {
    let index = try open(.object, depth: depth)
    let firstKey = keys.count
    skipSpace()
    if next == UInt8(ascii: "}") {
      position += 1
      return
    }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
      keys.append(nodes.count)
      try readString()
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw unexpected("a colon after the key") }
      position += 1
      try readValue(depth: depth)
      nodes[index].first += 1
      skipSpace()
      if next == UInt8(ascii: "}") { break }
      guard next == UInt8(ascii: ",") else { throw unexpected("a comma or a closing brace") }
      position += 1
    }
    position += 1
    nodes[index].second = UInt32(nodes.count)
    try refuseDuplicates(from: firstKey)
    keys.removeLast(keys.count - firstKey)
  }

  private mutating func readList(depth: Int) throws(Failure) {
    let index = try open(.list, depth: depth)
    skipSpace()
    if next == UInt8(ascii: "]") {
      position += 1
      return
    }
    while true {
      try readValue(depth: depth)
      nodes[index].first += 1
      skipSpace()
      if next == UInt8(ascii: "]") { break }
      guard next == UInt8(ascii: ",") else { throw unexpected("a comma or a closing bracket") }
      position += 1
    }
    position += 1
    nodes[index].second = UInt32(nodes.count)
  }

  /// Steps over the opening bracket and adds the node, empty as yet.
  private mutating func open(_ kind: JsonKind, depth: Int) throws(Failure) -> Int {
    guard depth <= JsonReader.maximumDepth else {
      throw failure("nested more than \(JsonReader.maximumDepth) deep")
    }
    let index = nodes.count
    nodes.append(JsonDocument.Node(kind: kind, position: position, first: 0, second: index + 1))
    position += 1
    return index
  }

  private mutating func readWord(_ word: StaticString, _ kind: JsonKind) throws(Failure) {
    let count = word.utf8CodeUnitCount
    guard bytes.count - position >= count else { throw unexpected("a value") }
    for offset in 0..<count where bytes[position + offset] != word.utf8Start[offset] { throw unexpected("a value") }
    nodes.append(JsonDocument.Node(kind: kind, position: position, first: 0, second: 0))
    position += count
  }

  private func refuseDuplicates(from firstKey: Int) throws(Failure) {
    let duplicate = JsonDocument.duplicate(among: keys[firstKey...], nodes: nodes, text: text)
    guard let duplicate else { return }
    let node = nodes[duplicate]
    let key = text[Int(node.first)..<Int(node.first) + Int(node.second)]
    throw Failure(.format, "\(title), byte \(Int(node.position)): the key \(quoted: key) is given twice")
  }

  // MARK: Numbers

  private mutating func readNumber() throws(Failure) {
    let start = position
    var kind = JsonKind.integer
    if next == UInt8(ascii: "-") { position += 1 }
    if next == UInt8(ascii: "0") {
      position += 1
      if let digit = next, isDigit(digit) { throw failure("a number begins with a needless zero") }
    } else {
      try skipDigits()
    }
    if next == UInt8(ascii: ".") {
      kind = .fraction
      position += 1
      try skipDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      kind = .fraction
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      try skipDigits()
    }

    let written = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    if kind == .integer {
      guard JsonDocument.integer(written) != nil else {
        throw Failure(.format, "\(title), byte \(start): the whole number \(quoted: written) does not fit in 64 bits")
      }
    } else {
      guard DecimalNumber.double(written).isFinite else {
        throw Failure(.format, "\(title), byte \(start): the number \(quoted: written) is too large")
      }
    }
    nodes.append(JsonDocument.Node(kind: kind, position: start, first: text.count, second: written.count))
    text.append(contentsOf: written)
  }

  private mutating func skipDigits() throws(Failure) {
    guard let digit = next, isDigit(digit) else { throw unexpected("a digit") }
    while let digit = next, isDigit(digit) { position += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  // MARK: Strings

  private mutating func readString() throws(Failure) {
    let start = position
    let first = text.count
    position += 1
    while true {
      let run = position
      while let byte = next, byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        position += 1
      }
      text.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[run..<position]))
      guard let byte = next else {
        throw Failure(.format, "\(title), byte \(start): a string without its closing quotation mark")
      }
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") {
        try readEscape()
      } else if byte < 0x20 {
        throw failure("a string holds the control character \(Int(byte)), which must be escaped")
      } else {
        try readScalar()
      }
    }
    position += 1
    nodes.append(JsonDocument.Node(kind: .string, position: start, first: first, second: text.count - first))
  }

  /// One scalar beyond ASCII, as RFC 3629 writes it: the shortest form, no surrogates, nothing past U+10FFFF.
  private mutating func readScalar() throws(Failure) {
    let lead = bytes[position]
    let count: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF:
      count = 2
    case 0xE0...0xEF:
      count = 3
      if lead == 0xE0 { second = 0xA0...0xBF }
      if lead == 0xED { second = 0x80...0x9F }
    case 0xF0...0xF4:
      count = 4
      if lead == 0xF0 { second = 0x90...0xBF }
      if lead == 0xF4 { second = 0x80...0x8F }
    default:
      throw failure("a string is not valid UTF-8")
    }
    guard bytes.count - position >= count, second.contains(bytes[position + 1]) else {
      throw failure("a string is not valid UTF-8")
    }
    for offset in 2..<max(2, count) where bytes[position + offset] & 0xC0 != 0x80 {
      throw failure("a string is not valid UTF-8")
    }
    for offset in 0..<count { text.append(bytes[position + offset]) }
    position += count
  }

  private mutating func readEscape() throws(Failure) {
    position += 1
    let byte = next
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte ?? 0)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      try readEscapedScalar()
      return
    default: throw unexpected("one of \" \\ / b f n r t u after a backslash")
    }
    position += 1
  }

  private mutating func readEscapedScalar() throws(Failure) {
    let start = position - 1
    var scalar = try readHexadecimal()
    if scalar >= 0xD800 && scalar < 0xE000 {
      var low: UInt32 = 0
      if scalar < 0xDC00 && next == UInt8(ascii: "\\") {
        position += 1
        if next == UInt8(ascii: "u") { low = try readHexadecimal() }
      }
      guard low >= 0xDC00 && low < 0xE000 else {
        throw Failure(.format, "\(title), byte \(start): an escaped surrogate without its partner")
      }
      scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
    }
    append(scalar)
  }

  /// The four digits after `u`, on which the position stands.
  private mutating func readHexadecimal() throws(Failure) -> UInt32 {
    position += 1
    var value: UInt32 = 0
    for _ in 0..<4 {
      switch next {
      case let digit? where isDigit(digit): value = value << 4 | UInt32(digit - UInt8(ascii: "0"))
      case let digit? where digit >= UInt8(ascii: "a") && digit <= UInt8(ascii: "f"):
        value = value << 4 | UInt32(digit - UInt8(ascii: "a") + 10)
      case let digit? where digit >= UInt8(ascii: "A") && digit <= UInt8(ascii: "F"):
        value = value << 4 | UInt32(digit - UInt8(ascii: "A") + 10)
      default: throw unexpected("four hexadecimal digits after \\u")
      }
      position += 1
    }
    return value
  }

  private mutating func append(_ scalar: UInt32) {
    switch scalar {
    case 0..<0x80:
      text.append(UInt8(truncatingIfNeeded: scalar))
    case 0x80..<0x800:
      text.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
      text.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    case 0x800..<0x10000:
      text.append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
      text.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      text.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    default:
      text.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
      text.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
      text.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      text.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
  }

  // MARK: Position

  private var next: UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private func failure(_ what: Sentence) -> Failure {
    Failure(.format, "\(title), byte \(position): \(what)")
  }

  private func unexpected(_ expected: StaticString) -> Failure {
    guard let byte = next else { return failure("expected \(expected), found the end of the text") }
    return failure("expected \(expected), found \(quoted: CollectionOfOne(byte))")
  }
}
