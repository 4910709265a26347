import Glibc

/// Numbers and names as a person reads them.
enum Text {
  /// `value` with `digits` decimals.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "–" }
    var buffer = [CChar](repeating: 0, count: 400)
    _ = withVaList([Int32(clamping: digits), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Three significant digits, no exponent: `0.0123`, `1.23`, `12.3`, `123`, `12345`.
  static func significant(_ value: Double) -> String {
    let magnitude = value.magnitude
    if magnitude == 0 { return "0" }
    if magnitude >= 99.95 { return fixed(value, 0) }
    if magnitude >= 9.995 { return fixed(value, 1) }
    if magnitude >= 0.9995 { return fixed(value, 2) }
    return fixed(value, magnitude >= 0.09995 ? 3 : 4)
  }

  /// `1,234,567`.
  static func grouped(_ number: Int) -> String {
    var text = ""
    for (position, digit) in String(number.magnitude).reversed().enumerated() {
      if position > 0 && position % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
  }

  /// `812 bytes`, `4.9 MB`.
  static func bytes(_ count: Int) -> String {
    switch count {
    case ..<1000: "\(count) bytes"
    case ..<1_000_000: significant(Double(count) / 1e3) + " KB"
    case ..<1_000_000_000: significant(Double(count) / 1e6) + " MB"
    default: significant(Double(count) / 1e9) + " GB"
    }
  }

  /// `57.3 ns`, `38.2 us`, `1.02 ms`.
  static func duration(nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<999.5: significant(nanoseconds) + " ns"
    case ..<999_500: significant(nanoseconds * 1e-3) + " us"
    default: significant(nanoseconds * 1e-6) + " ms"
    }
  }

  /// `value` the way it was written: `0.9`, `1`, `440`.
  static func plain(_ value: Float) -> String {
    value == value.rounded() && value.magnitude < 1e7 ? String(Int(value)) : "\(value)"
  }

  /// A MIDI pitch as musicians call it: 60 is `C4`.
  static func noteName(_ pitch: Int) -> String {
    let names = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    guard (0...127).contains(pitch) else { return String(pitch) }
    return names[pitch % 12] + String(pitch / 12 - 1)
  }

  /// Text from a file or a stranger, safe for a terminal: control characters become `?`.
  static func printable(_ text: String, keepingNewlines: Bool = false) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      result.append(isControl && !(keepingNewlines && scalar == "\n") ? "?" : scalar)
    }
    return String(result)
  }

  /// `piano, guitar, flute`; a long list ends with how many more there are.
  static func list(_ names: [String], limit: Int = 24) -> String {
    let shown = names.prefix(limit).map { printable($0) }.joined(separator: ", ")
    return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
  }

  static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - text.count))
    return right ? spaces + text : text + spaces
  }
}
