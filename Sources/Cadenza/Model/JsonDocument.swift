/// What a JSON value is. Numbers written without fraction and exponent are integers.
enum JsonKind: UInt8 {
  case null
  case `false`
  case `true`
  case integer
  case fraction
  case string
  case list
  case object
}

/// A JSON text that has been read: its values in the order of the text, and the bytes of its strings and numbers.
final class JsonDocument: Sendable {
  struct Node: Sendable {
    let kind: JsonKind
    /// Where the value begins in the text that was read.
    let position: UInt32
    /// String, number: where its bytes begin in `text`. List, object: how many elements or members it has.
    var first: UInt32
    /// String, number: how many bytes. List, object: the node after its last.
    var second: UInt32

    /// Each fits, since a text has at most `JsonReader.maximumByteCount` bytes.
    init(kind: JsonKind, position: Int, first: Int, second: Int) {
      self.kind = kind
      self.position = UInt32(position)
      self.first = UInt32(first)
      self.second = UInt32(second)
    }
  }

  /// A list is followed by its elements, an object by its keys and values in turn.
  let nodes: [Node]
  /// Unescaped strings, and numbers as written.
  let text: [UInt8]

  /// `title` says in sentences what the text is: "the header".
  static func read(_ bytes: UnsafeRawBufferPointer, title: StaticString) throws(Failure) -> JsonDocument {
    // Not an initialiser: Embedded Swift leaks an object whose initialiser throws.
    var reader = JsonReader(bytes, title: title)
    try reader.readDocument()
    return JsonDocument(nodes: reader.nodes, text: reader.text)
  }

  private init(nodes: [Node], text: [UInt8]) {
    self.nodes = nodes
    self.text = text
  }

  var root: JsonValue { JsonValue(document: self, index: 0) }

  /// The node after the value at `index` and all that it holds.
  func end(_ index: Int) -> Int {
    let node = nodes[index]
    return node.kind == .list || node.kind == .object ? Int(node.second) : index + 1
  }

  /// Among string nodes, in document order, one whose bytes an earlier one has too.
  static func duplicate(among strings: ArraySlice<Int>, nodes: [Node], text: [UInt8]) -> Int? {
    guard strings.count > 1 else { return nil }
    var sorted = Array(strings)
    sorted.sort { left, right in
      let order = compare(nodes[left], nodes[right], text)
      return order < 0 || (order == 0 && left < right)
    }
    for position in 1..<sorted.count where compare(nodes[sorted[position - 1]], nodes[sorted[position]], text) == 0 {
      return sorted[position]
    }
    return nil
  }

  /// Negative, 0 or positive: the order of two strings by their bytes.
  static func compare(_ left: Node, _ right: Node, _ text: [UInt8]) -> Int {
    let shared = min(left.second, right.second)
    var (leftPosition, rightPosition) = (Int(left.first), Int(right.first))
    for _ in 0..<shared {
      let difference = Int(text[leftPosition]) - Int(text[rightPosition])
      if difference != 0 { return difference }
      leftPosition += 1
      rightPosition += 1
    }
    return Int(left.second) - Int(right.second)
  }

  /// nil where the digits go beyond Int.
  static func integer(_ text: some Sequence<UInt8>) -> Int? {
    var isNegative = false
    var value = 0
    for byte in text {
      if byte == UInt8(ascii: "-") {
        isNegative = true
        continue
      }
      let digit = Int(byte) - Int(UInt8(ascii: "0"))
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      // Downwards, since Int reaches one further there.
      let (sum, carry) = product.subtractingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    if isNegative { return value }
    let (positive, overflow) = (0).subtractingReportingOverflow(value)
    return overflow ? nil : positive
  }
}
