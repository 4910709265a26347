/// Turns the text of a JSON number into the nearest Double, ties to even: exactly, in every case, whatever the C library's
/// locale. Infinity where the number is beyond Double's range.
enum DecimalNumber {
  /// `text` is a number as RFC 8259 writes it.
  static func double(_ text: some Sequence<UInt8>) -> Double {
    let decimal = Decimal(text)
    let magnitude = decimal.magnitude
    return decimal.isNegative ? -magnitude : magnitude
  }
}

/// digits × 10^exponent, without leading zeros among the digits.
private struct Decimal {
  /// No Double and no midpoint between two Doubles has more than 767 significant digits: past these it only matters whether
  /// anything follows.
  static let maximumDigitCount = 800

  var isNegative = false
  var digits: [UInt8] = []
  var exponent = 0

  init(_ text: some Sequence<UInt8>) {
    var pastPoint = false
    var pastExponentMark = false
    var writtenExponent = 0
    var exponentIsNegative = false
    var somethingFollows = false

    for byte in text {
      switch byte {
      case UInt8(ascii: "-"):
        if pastExponentMark { exponentIsNegative = true } else { isNegative = true }
      case UInt8(ascii: "."):
        pastPoint = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        pastExponentMark = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let digit = byte - UInt8(ascii: "0")
        if pastExponentMark {
          // A text has fewer digits than this, so that an exponent beyond it cannot be made up for.
          if writtenExponent < 100_000_000 { writtenExponent = writtenExponent * 10 + Int(digit) }
          continue
        }
        if pastPoint { exponent -= 1 }
        if digits.isEmpty && digit == 0 { continue }
        if digits.count < Decimal.maximumDigitCount {
          digits.append(digit)
        } else {
          exponent += 1
          if digit != 0 { somethingFollows = true }
        }
      default:
        break
      }
    }
    if somethingFollows {
      digits.append(1)
      exponent -= 1
    }
    exponent += exponentIsNegative ? -writtenExponent : writtenExponent
  }

  var magnitude: Double {
    if digits.isEmpty { return 0 }
    let decimalPlaces = digits.count + exponent
    if decimalPlaces > 310 { return .infinity }
    if decimalPlaces < -330 { return 0 }

    // Both factors exact, so that one operation rounds once (Clinger 1990).
    if digits.count <= 15 && exponent >= -22 && exponent <= 22 {
      var significand = 0.0
      for digit in digits { significand = significand * 10 + Double(digit) }
      var power = 1.0
      for _ in 0..<exponent.magnitude { power *= 10 }
      return exponent < 0 ? significand / power : significand * power
    }

    var numerator = Natural(digits: digits)
    var denominator = Natural(1)
    if exponent < 0 {
      denominator.multiply(byPowerOfTen: -exponent)
    } else {
      numerator.multiply(byPowerOfTen: exponent)
    }
    return Natural.ratio(numerator, denominator)
  }
}

/// A whole number of any size, least significant limb first, without zero limbs at its top.
private struct Natural {
  var limbs: [UInt64]

  init(_ value: UInt64) {
    limbs = value == 0 ? [] : [value]
  }

  init(digits: [UInt8]) {
    self.init(0)
    var chunk: UInt64 = 0
    var scale: UInt64 = 1
    for digit in digits {
      chunk = chunk * 10 + UInt64(digit)
      scale *= 10
      if scale == 1_000_000_000_000_000_000 {
        multiply(by: scale, adding: chunk)
        chunk = 0
        scale = 1
      }
    }
    if scale > 1 { multiply(by: scale, adding: chunk) }
  }

  var bitCount: Int {
    guard let top = limbs.last else { return 0 }
    return limbs.count * 64 - top.leadingZeroBitCount
  }

  mutating func multiply(by factor: UInt64, adding addend: UInt64) {
    var carry = addend
    for index in limbs.indices {
      let product = limbs[index].multipliedFullWidth(by: factor)
      let (low, overflow) = product.low.addingReportingOverflow(carry)
      limbs[index] = low
      carry = product.high &+ (overflow ? 1 : 0)
    }
    if carry != 0 { limbs.append(carry) }
  }

  mutating func multiply(byPowerOfTen power: Int) {
    var rest = power
    while rest >= 18 {
      multiply(by: 1_000_000_000_000_000_000, adding: 0)
      rest -= 18
    }
    var factor: UInt64 = 1
    for _ in 0..<rest { factor *= 10 }
    multiply(by: factor, adding: 0)
  }

  /// Shifted left so that it has `wanted` bits, which is no fewer than it has. It is not 0.
  mutating func widen(toBitCount wanted: Int) {
    let shift = wanted - bitCount
    let bits = shift % 64
    if bits > 0 {
      var carry: UInt64 = 0
      for index in limbs.indices {
        let limb = limbs[index]
        limbs[index] = limb << UInt64(bits) | carry
        carry = limb >> UInt64(64 - bits)
      }
      if carry != 0 { limbs.append(carry) }
    }
    limbs.insert(contentsOf: repeatElement(0, count: shift / 64), at: 0)
  }

  /// The Double nearest to numerator / denominator, neither of which is 0.
  static func ratio(_ numerator: Natural, _ denominator: Natural) -> Double {
    // Widen both until the quotient has 63 or 64 bits, one limb, which is more than a Double and its rounding need:
    // one step of long division (Knuth, volume 2, algorithm 4.3.1 D).
    var dividend = numerator
    var divisor = denominator
    let count = max(divisor.limbs.count, numerator.bitCount / 64 + 1)
    dividend.widen(toBitCount: count * 64 + 63)
    divisor.widen(toBitCount: count * 64)
    let exponent = (count * 64 - denominator.bitCount) - (count * 64 + 63 - numerator.bitCount)

    var quotient =
      divisor.limbs[count - 1].dividingFullWidth((dividend.limbs[count], dividend.limbs[count - 1])).quotient
    // The estimate is at most 2 too large.
    while !dividend.subtract(divisor, times: quotient) { quotient -= 1 }
    var isExact = true
    for limb in dividend.limbs where limb != 0 { isExact = false }
    return round(quotient, exponent: exponent, isExact: isExact)
  }

  /// Subtracts a multiple of `other`, unless that is larger.
  private mutating func subtract(_ other: Natural, times factor: UInt64) -> Bool {
    var result = limbs
    var carry: UInt64 = 0
    for index in result.indices {
      let product = (index < other.limbs.count ? other.limbs[index] : 0).multipliedFullWidth(by: factor)
      let (low, carried) = product.low.addingReportingOverflow(carry)
      let (difference, borrowed) = result[index].subtractingReportingOverflow(low)
      result[index] = difference
      carry = product.high &+ (carried ? 1 : 0) &+ (borrowed ? 1 : 0)
    }
    if carry != 0 { return false }
    limbs = result
    return true
  }

  /// The Double nearest to (quotient, and a fraction unless it is exact) × 2^exponent, ties to even.
  private static func round(_ quotient: UInt64, exponent: Int, isExact: Bool) -> Double {
    let bitCount = 64 - quotient.leadingZeroBitCount
    let topExponent = exponent + bitCount - 1
    if topExponent > 1023 { return .infinity }
    let precision = topExponent >= -1022 ? 53 : 53 - (-1022 - topExponent)
    if precision < 0 { return 0 }

    let dropped = UInt64(bitCount - precision)
    let half: UInt64 = 1 << (dropped - 1)
    let kept = dropped == 64 ? 0 : quotient >> dropped
    let rest = dropped == 64 ? quotient : quotient & ((1 << dropped) - 1)
    let roundsUp = rest > half || (rest == half && (!isExact || kept & 1 == 1))
    let significand = roundsUp ? kept + 1 : kept
    // The leading bit, where there is one, adds 1 to the exponent field; so does a carry out of the significand.
    let field = topExponent >= -1022 ? UInt64(topExponent + 1022) : 0
    return Double(bitPattern: field << 52 + significand)
  }
}
