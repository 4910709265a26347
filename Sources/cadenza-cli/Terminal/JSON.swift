/// A JSON value on its way out.
enum JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByNilLiteral
{
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([JSON])
  case object([(key: String, value: JSON)])

  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(arrayLiteral elements: JSON...) { self = .list(elements) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(nilLiteral: ()) { self = .null }

  /// Written as the shortest text that reads back as the same Float.
  static func float(_ value: Float) -> JSON { .number(Double("\(value)") ?? .nan) }
  static func integers(_ values: [Int]) -> JSON { .list(values.map(JSON.integer)) }

  /// Indented text, without a newline at its end.
  var text: String {
    var result = ""
    write(to: &result, indent: "")
    return result
  }

  private func write(to text: inout String, indent: String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .text(let value): JSON.writeQuoted(value, to: &text)
    case .list(let values):
      JSON.writeRows(values, open: "[", close: "]", isFlat: values.allSatisfy(\.isScalar), to: &text, indent: indent) {
        $0.write(to: &$1, indent: $2)
      }
    case .object(let pairs):
      JSON.writeRows(pairs, open: "{", close: "}", isFlat: false, to: &text, indent: indent) {
        JSON.writeQuoted($0.key, to: &$1)
        $1 += ": "
        $0.value.write(to: &$1, indent: $2)
      }
    }
  }

  private var isScalar: Bool {
    switch self {
    case .list, .object: false
    default: true
    }
  }

  private static func writeRows<Row>(
    _ rows: [Row], open: String, close: String, isFlat: Bool, to text: inout String, indent: String,
    write: (Row, inout String, String) -> Void
  ) {
    text += open
    let inner = indent + "  "
    for (position, row) in rows.enumerated() {
      if position > 0 { text += isFlat ? ", " : "," }
      if !isFlat { text += "\n" + inner }
      write(row, &text, inner)
    }
    if !isFlat && !rows.isEmpty { text += "\n" + indent }
    text += close
  }

  private static func writeQuoted(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      default:
        // DEL and the C1 controls are legal in JSON, but not kind to a terminal.
        if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
          let hexadecimal = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }
}
