/// Why a call off the audio thread failed: a status, and a sentence that says what, where and what was expected.
public struct Failure: Error, Sendable {
  /// What kind of failure it is; never above 0.
  public let status: Status
  /// What is wrong, where, and what was expected.
  public let sentence: Sentence

  /// A failure of this kind, with its sentence.
  public init(_ status: Status, _ sentence: Sentence) {
    self.status = status
    self.sentence = sentence
  }

  /// The sentence as text.
  public var message: String { String(decoding: sentence.bytes, as: UTF8.self) }
}

/// Text under construction, as UTF-8 bytes: string interpolation without Foundation and without Unicode tables.
///
///     throw Failure(.format, "tensor \(quoted: name) has shape \(shape), expected \(expected)")
public struct Sentence: ExpressibleByStringInterpolation, Sendable {
  /// UTF-8.
  public var bytes: [UInt8]

  /// A sentence without values.
  public init(stringLiteral value: StaticString) {
    bytes = value.withUTF8Buffer { [UInt8]($0) }
  }

  /// A sentence with values: what the compiler makes of `"…\(value)…"`.
  public init(stringInterpolation: Interpolation) {
    bytes = stringInterpolation.bytes
  }

  /// Collects the pieces of a sentence, as the compiler hands them over.
  public struct Interpolation: StringInterpolationProtocol, Sendable {
    var bytes: [UInt8] = []

    /// Makes room for so many bytes of text and so many values.
    public init(literalCapacity: Int, interpolationCount: Int) {
      bytes.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    /// Text between values.
    public mutating func appendLiteral(_ literal: StaticString) {
      literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// A whole number, in decimal digits.
    public mutating func appendInterpolation(_ number: Int) {
      appendDigits(number.magnitude, negative: number < 0)
    }

    /// A whole number, in decimal digits.
    public mutating func appendInterpolation(_ number: UInt64) {
      appendDigits(UInt(number), negative: false)
    }

    /// Another sentence, as it is.
    public mutating func appendInterpolation(_ sentence: Sentence) {
      bytes.append(contentsOf: sentence.bytes)
    }

    /// Text of the program's own, as it is.
    public mutating func appendInterpolation(_ text: StaticString) {
      appendLiteral(text)
    }

    /// Text of the program's own, as it is; what came from a file is `quoted`.
    public mutating func appendInterpolation(_ text: String) {
      bytes.append(contentsOf: text.utf8)
    }

    /// A shape or another list of numbers: `[64, 32, 2]`.
    public mutating func appendInterpolation(_ numbers: [Int]) {
      bytes.append(UInt8(ascii: "["))
      for (position, number) in numbers.enumerated() {
        if position > 0 { appendLiteral(", ") }
        appendInterpolation(number)
      }
      bytes.append(UInt8(ascii: "]"))
    }

    /// Text that came from a file or a caller: in quotes, shortened to 64 bytes, control characters and broken UTF-8 as `?`.
    public mutating func appendInterpolation(quoted text: some Sequence<UInt8>) {
      bytes.append(UInt8(ascii: "\""))
      var count = 0
      for byte in text {
        if count == 64 {
          appendLiteral("...")
          break
        }
        bytes.append(byte < 0x20 || byte > 0x7E ? UInt8(ascii: "?") : byte)
        count += 1
      }
      bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendDigits(_ magnitude: UInt, negative: Bool) {
      if negative { bytes.append(UInt8(ascii: "-")) }
      var digits: [UInt8] = []
      var rest = magnitude
      repeat {
        digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
        rest /= 10
      } while rest > 0
      bytes.append(contentsOf: digits.reversed())
    }
  }
}
