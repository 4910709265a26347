import Glibc

/// What the system says of the last failed call.
enum SystemError {
  static var current: String { text(errno) }

  static func text(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    let sentence = String(cString: text)
    return sentence.prefix(1).lowercased() + sentence.dropFirst()
  }
}
