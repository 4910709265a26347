import Testing

@testable import Cadenza

/// The reader's own text-to-Double against the standard library's, which rounds correctly too.
@Suite struct DecimalNumberTests {
  @Test(
    arguments: [
      ("0", 0x0000_0000_0000_0000), ("-0.0", 0x8000_0000_0000_0000), ("1", 0x3FF0_0000_0000_0000),
      ("0.1", 0x3FB9_9999_9999_999A), ("0.9", 0x3FEC_CCCC_CCCC_CCCD), ("3.141592653589793", 0x4009_21FB_5444_2D18),
      ("1e22", 0x4480_F0CF_064D_D592), ("1e23", 0x44B5_2D02_C7E1_4AF6), ("123456789012345678", 0x437B_69B4_BA63_0F35),
      ("1.7976931348623157e308", 0x7FEF_FFFF_FFFF_FFFF), ("1.7976931348623158e308", 0x7FEF_FFFF_FFFF_FFFF),
      ("2.2250738585072014e-308", 0x0010_0000_0000_0000), ("2.2250738585072011e-308", 0x000F_FFFF_FFFF_FFFF),
      ("4.9e-324", 0x0000_0000_0000_0001), ("2.5e-324", 0x0000_0000_0000_0001), ("2.4e-324", 0x0000_0000_0000_0000),
      // Halfway between 1 and its successor: to even, and up once anything follows.
      ("1.00000000000000011102230246251565404236316680908203125", 0x3FF0_0000_0000_0000),
      ("1.00000000000000011102230246251565404236316680908203126", 0x3FF0_0000_0000_0001),
      ("1.00000000000000033306690738754696212708950042724609375", 0x3FF0_0000_0000_0002),
      // Half of the smallest value, exactly: to zero, which is even.
      (halfOfTheSmallest, 0x0000_0000_0000_0000), (halfOfTheSmallest.replacing("e", with: "1e"), 0x0000_0000_0000_0001),
      (halfPastTheLargest + ".0", 0x7FF0_0000_0000_0000), (nearlyHalfPastTheLargest + ".0", 0x7FEF_FFFF_FFFF_FFFF),
    ] as [(String, UInt64)])
  func bits(text: String, expected: UInt64) {
    #expect(DecimalNumber.double(text.utf8).bitPattern == expected)
  }

  @Test(arguments: ["1e309", "1e999999999999999999999", "123456789e400"])
  func tooLarge(text: String) {
    #expect(DecimalNumber.double(text.utf8) == .infinity)
    #expect(DecimalNumber.double("-\(text)".utf8) == -.infinity)
  }

  @Test(arguments: ["1e-400", "1e-999999999999999999999", "0e999999999", "0.000e-5"])
  func zero(text: String) {
    #expect(DecimalNumber.double(text.utf8) == 0)
  }

  @Test func exponentsThatDigitsMakeUpFor() {
    let zeros = String(repeating: "0", count: 100_000)
    #expect(DecimalNumber.double("0.\(zeros)1e100001".utf8) == 1)
    #expect(DecimalNumber.double("1\(zeros)e-100000".utf8) == 1)
    #expect(DecimalNumber.double("0.\(String(repeating: "9", count: 100_000))".utf8) == 1)
  }

  /// Every sixteenth pattern of exponents, printed short and long, and random digits: the standard library agrees.
  @Test func agreesWithTheStandardLibrary() throws {
    var generator = SplitMix(seed: 1)
    for round in 0..<20_000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      #expect(DecimalNumber.double("\(value)".utf8).bitPattern == value.bitPattern)

      var text = round % 2 == 0 ? "-" : ""
      text += "\(generator.next() % 10)."
      for _ in 0..<generator.next() % 40 { text += "\(generator.next() % 10)" }
      text += "\(generator.next() % 10)e\(Int(generator.next() % 660) - 340)"
      let expected = try #require(Double(text))
      #expect(DecimalNumber.double(text.utf8).bitPattern == expected.bitPattern, "\(text)")
    }
  }

  /// Exact midpoints between neighbours are where a careless reader errs.
  @Test func midpoints() throws {
    var generator = SplitMix(seed: 2)
    for _ in 0..<200 {
      // significand + ½, exact in decimal: an odd 54-bit number times a power of two that has few digits.
      let significand = generator.next() >> 11 | 1 << 52
      let whole = significand * 2 + 1
      let text = "\(whole)"
      let expected = try #require(Double(text))
      #expect(DecimalNumber.double("\(text).0".utf8).bitPattern == expected.bitPattern)
      #expect(DecimalNumber.double("\(text).\(String(repeating: "0", count: 900))1".utf8) > Double(significand * 2))
    }
  }
}

/// 2^-1075.
private let halfOfTheSmallest =
  "2.47032822920623272088284396434110686182529901307162382212792841250337753635104375932649918180817996"
  + "1898982823477228588654633283551779698981993873980053909390631503565951557022639229085839244910518443"
  + "5931802849936536152500319370457678249219365623669863658480757001585769269903706311928279558551332927"
  + "8343384093519780155312465972635795746227664652728272200563740064854999770965994704540208281662262378"
  + "5739345073633900796776193057750674017632467360096895134053553745851666113422376667860416215968046191"
  + "4467291840300530057530849048765391711386591646239524912623653881879636239373280423891018672348497668"
  + "2350898633885879256283027559956575244555072551893136908362547791869486679949683240497058210285131854"
  + "51396213837722826145437693412532098591327667236328125e-324"

/// 2^1024 − 2^970, halfway between the largest value and what would follow it.
private let halfPastTheLargest =
  "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070"
  + "9633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447"
  + "5730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904"
  + "174497792"

/// One less.
private let nearlyHalfPastTheLargest =
  "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070"
  + "9633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447"
  + "5730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904"
  + "174497791"

struct SplitMix {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
