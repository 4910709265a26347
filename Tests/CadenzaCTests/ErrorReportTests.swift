import CCadenza
import Cadenza
import Testing

@testable import CadenzaC

/// What a `cadenza_error` receives.
@Suite("Error reports")
struct ErrorReportTests {
  /// The text that C would read, and whether every byte behind it is zero.
  private func report(_ text: String) -> (message: [UInt8], restIsZero: Bool) {
    var error = cadenza_error()
    withUnsafeMutableBytes(of: &error) { $0.initializeMemory(as: UInt8.self, repeating: 0xA5) }
    let status = fail(.format, "\(text)", &error)
    #expect(status == CADENZA_ERROR_FORMAT)
    #expect(error.status == CADENZA_ERROR_FORMAT)
    return withUnsafeBytes(of: &error.message) { bytes in
      let message = Array(bytes.prefix { $0 != 0 })
      return (message, bytes.dropFirst(message.count).allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: [0, 1, 100, 510, 511])
  func sentencesThatFitAreWhole(length: Int) {
    let text = String(repeating: "x", count: length)
    let (message, restIsZero) = report(text)
    #expect(message == Array(text.utf8))
    #expect(restIsZero)
  }

  @Test func longSentencesAreCut() {
    let (message, restIsZero) = report(String(repeating: "x", count: 5000))
    #expect(message.count == 511)
    #expect(restIsZero)
  }

  @Test(arguments: ["é", "€", "𝄞"], [0, 1, 2, 3])
  func noCharacterIsCutInTwo(character: String, offset: Int) {
    let (message, restIsZero) = report(String(repeating: "x", count: offset) + String(repeating: character, count: 600))
    #expect(String(validating: message, as: UTF8.self) != nil)
    #expect(message.count > 511 - character.utf8.count && message.count <= 511)
    #expect(restIsZero)
  }

  @Test func successIsEmpty() {
    var error = cadenza_error()
    _ = fail(.io, "something", &error)
    #expect(succeed(&error) == CADENZA_OK)
    #expect(error.status == CADENZA_OK)
    #expect(withUnsafeBytes(of: &error.message) { $0.allSatisfy { $0 == 0 } })
    #expect(fail(.io, "nobody listens", nil) == CADENZA_ERROR_IO)
  }
}
