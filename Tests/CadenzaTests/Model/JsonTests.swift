import Testing

@testable import Cadenza

@Suite struct JsonTests {
  private func read(_ bytes: [UInt8]) throws(Failure) -> JsonDocument {
    try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in
      try JsonDocument.read(UnsafeRawBufferPointer(buffer), title: "the text")
    }
  }

  private func read(_ text: String) throws(Failure) -> JsonDocument { try read(Array(text.utf8)) }

  // MARK: What is JSON

  @Test(arguments: [
    "{}", "[]", "null", "true", "false", "0", "-0", "-1", "1.5", "-0.0", "1e5", "1E+5", "1e-5", "0e0", "0.5e10", #""""#,
    " \t\r\n{ \t\r\n} \t\r\n", "[1,2,3]", "[ 1 , 2 , 3 ]", #"{"a":1}"#, #"{ "a" : 1 , "b" : [ { } , [ ] ] }"#,
    #"["\"\\\/\b\f\n\r\t"]"#, #""\u0041\u00e9\u20AC""#, #""\ud83d\ude00""#, #""\u0000""#, "\"\u{7F}\"", "\"é€😀\"",
    "9223372036854775807", "-9223372036854775808", "1e308", "5e-324", "1e-999", #"{"":0}"#, #"{"a":1,"A":2}"#,
    #"{"a":{"a":{"a":1}}}"#,
  ])
  func accepts(text: String) throws {
    _ = try read(text)
  }

  @Test(arguments: [
    // Structure.
    ("", "byte 0: expected a value, found the end"), ("   ", "byte 3: expected a value, found the end"),
    ("{", "expected a key in quotes"), ("[", "expected a value"), ("}", "expected a value"), ("]", "expected a value"),
    ("[1", "expected a comma or a closing bracket, found the end"), ("[1,", "expected a value"),
    ("[1,]", "expected a value, found \"]\""), ("[,1]", "expected a value"), ("[1 2]", "expected a comma"),
    ("[1}", "expected a comma or a closing bracket, found \"}\""), (#"{"a":1]"#, "expected a comma or a closing brace"),
    (#"{"a"}"#, "expected a colon"), (#"{"a":}"#, "expected a value"), (#"{"a":1,}"#, "expected a key in quotes"),
    (#"{,"a":1}"#, "expected a key"), ("{a:1}", "expected a key in quotes, found \"a\""), ("{1:1}", "expected a key"),
    ("{'a':1}", "expected a key"), ("{null:1}", "expected a key"), (#"{"a":1 "b":2}"#, "expected a comma"),
    (#"{"a" 1}"#, "expected a colon"), ("{} {}", "byte 3: expected nothing after the value"),
    ("1 2", "expected nothing after"), ("{}x", "expected nothing after"), ("{}\0", "expected nothing after"),
    ("[] //x", "expected nothing after"), ("/**/[]", "expected a value"),
    // Words.
    ("nul", "expected a value"), ("nulL", "expected a value"), ("True", "expected a value"), ("tru", "expected a value"),
    ("truee", "expected nothing after"), ("NaN", "expected a value"), ("Infinity", "expected a value"),
    ("-Infinity", "expected a digit"), ("undefined", "expected a value"),
    // Numbers.
    ("01", "needless zero"), ("-01", "needless zero"), ("00", "needless zero"), ("-", "expected a digit"),
    ("+1", "expected a value"), (".5", "expected a value"), ("1.", "expected a digit"), ("1.e5", "expected a digit"),
    ("1e", "expected a digit"), ("1e+", "expected a digit"), ("1e5.5", "expected nothing after"), ("--1", "expected a digit"),
    ("0x10", "expected nothing after"), ("1_000", "expected nothing after"), ("1,5", "expected nothing after"),
    ("9223372036854775808", "does not fit in 64 bits"), ("-9223372036854775809", "does not fit in 64 bits"),
    ("100000000000000000000000", "does not fit in 64 bits"), ("1e309", "too large"), ("-1e999999999999", "too large"),
    // Strings.
    (#"""#, "byte 0: a string without its closing"), (#""abc"#, "without its closing"), (#""a\""#, "without its closing"),
    (#"["\x41"]"#, "after a backslash"), (#""\u12""#, "four hexadecimal digits"), (#""\u12g4""#, "four hexadecimal digits"),
    (#""\U0041""#, "after a backslash"), (#""\"#, "after a backslash, found the end"), (#""\u"#, "four hexadecimal"),
    (#""\ud800""#, "surrogate without its partner"), (#""\udc00""#, "surrogate without its partner"),
    (#""\ud800\u0041""#, "surrogate without"), (#""\ud800\ud800""#, "surrogate without"), (#""\udc00\ud800""#, "surrogate"),
    (#""\ud800\n""#, "surrogate without"), (#""\ud800x""#, "surrogate without"), ("\"\n\"", "control character 10"),
    ("\"\t\"", "control character 9"), ("\"a\0b\"", "control character 0"), ("'a'", "expected a value"),
    // Duplicates.
    (#"{"a":1,"a":2}"#, "byte 7: the key \"a\" is given twice"), (#"{"a":1,"\u0061":2}"#, "given twice"),
    (#"{"":1,"":2}"#, "given twice"), (#"[{"b":{"x":0,"y":0,"x":0}}]"#, "\"x\" is given twice"),
    (#"{"é":1,"\u00e9":2}"#, "given twice"), (#"{"😀":1,"\ud83d\ude00":2}"#, "given twice"),
  ])
  func refuses(text: String, sentence: String) {
    let failure = #expect(throws: Failure.self) { try read(text) }
    #expect(failure?.status == .format)
    #expect(failure?.message.contains(sentence) == true, "\(failure?.message ?? "")")
    #expect(failure?.message.hasPrefix("the text, byte ") == true)
  }

  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
      [0xE1, 0x80], [0xE1, 0x80, 0x41], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
      [0xF0, 0x8F, 0xBF, 0xBF], [0xF1, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
      [0xC2, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func refusesBrokenUtf8(bytes: [UInt8]) {
    let failure = #expect(throws: Failure.self) { try read([0x22] + bytes + [0x22]) }
    #expect(failure?.message.contains("not valid UTF-8") == true)
    // Also where the text ends in the middle of it.
    #expect(throws: Failure.self) { try read([0x22] + bytes) }
  }

  @Test(
    arguments: [
      [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF],
      [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
    ] as [[UInt8]])
  func acceptsTheEdgesOfUtf8(bytes: [UInt8]) throws {
    #expect(try Array(read([0x22] + bytes + [0x22]).root.text) == bytes)
  }

  // MARK: Limits

  @Test func nesting() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    }
    _ = try read(nested(64, "[", "]"))
    _ = try read(nested(64, #"{"a":"#, "}"))
    for text in [nested(65, "[", "]"), nested(65, #"{"a":"#, "}"), String(repeating: "[", count: 1_000_000)] {
      let failure = #expect(throws: Failure.self) { try read(text) }
      #expect(failure?.message.contains("nested more than 64 deep") == true)
    }
  }

  @Test func size() {
    let failure = #expect(throws: Failure.self) { try read([UInt8](repeating: 0x20, count: 8 << 20 | 1)) }
    #expect(failure?.message.contains("expected at most 8388608") == true)
  }

  /// A hostile object of very many keys is not quadratic: this takes a fraction of a second in a debug build.
  @Test func manyKeys() throws {
    var text: [UInt8] = [UInt8(ascii: "{")]
    for number in 0..<50_000 { text += Array("\"\(number % 49_999)\":0,".utf8) }
    text[text.count - 1] = UInt8(ascii: "}")
    let failure = #expect(throws: Failure.self) { try read(text) }
    #expect(failure?.message.contains("the key \"0\" is given twice") == true)
  }

  // MARK: What the values are

  @Test func values() throws {
    let document = try read(
      #"{"i":-12,"f":0.5,"e":1e2,"s":"a\u00e9\ud83d\ude00\n\/","l":[1,[2,{"x":3}],"z"],"t":true,"n":null,"o":{"k":"v"}}"#)
    let root = document.root
    #expect(root.kind == .object && root.count == 8)
    #expect(root["i"]?.integer == -12 && root["i"]?.double == -12)
    #expect(root["f"]?.integer == nil && root["f"]?.double == 0.5)
    #expect(root["e"]?.integer == nil && root["e"]?.double == 100)
    #expect(root["s"].map { String(decoding: $0.text, as: UTF8.self) } == "aé😀\n/")
    #expect(root["s"]?.integer == nil && root["s"]?.double == nil && root["s"]?.count == 0)
    #expect(root["t"]?.kind == .true && root["n"]?.kind == .null)
    #expect(root["o"]?["k"]?.isText("v") == true && root["o"]?["k"]?.isText("w") == false)
    #expect(root["missing"] == nil)
    #expect(root["l"]?.elements.map(\.kind) == [.integer, .list, .string])
    #expect(root["i"]?.elements.map(\.kind) == [])
    #expect(root["l"]?.members.map(\.key.kind) == [])
    #expect(root.members.map { String(decoding: $0.key.text, as: UTF8.self) } == ["i", "f", "e", "s", "l", "t", "n", "o"])
  }

  @Test func paths() throws {
    let root = try read(#"{"a":1,"network":{"dilations":[1,[2,{"x":3}],4]}}"#).root
    #expect(root.path.bytes.isEmpty)
    let dilations = try #require(root["network"]?["dilations"])
    #expect(String(decoding: dilations.path.bytes, as: UTF8.self) == "network.dilations")
    let elements = Array(dilations.elements)
    #expect(String(decoding: elements[2].path.bytes, as: UTF8.self) == "network.dilations[2]")
    let x = try #require(Array(elements[1].elements)[1]["x"])
    #expect(String(decoding: x.path.bytes, as: UTF8.self) == "network.dilations[1][1].x")
  }

  /// Every text cut short anywhere is refused, not read past.
  @Test func prefixes() throws {
    let text = Array(#"{"a":[1,-2.5e+3,"\u00e9\ud83d\ude00é😀",true,false,null,{"b":{}}]}"#.utf8)
    _ = try read(text)
    for count in 0..<text.count { #expect(throws: Failure.self) { try read(Array(text[..<count])) } }
  }
}
