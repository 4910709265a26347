import ArgumentParser
import Cadenza
import Glibc

/// A latent as typed: numbers, a file of numbers, or a draw.
enum LatentArgument: ExpressibleByArgument {
  case numbers([Float])
  case file(String)
  case draw(seed: UInt64)

  init?(argument: String) {
    if argument.hasPrefix("random:") {
      guard let seed = UInt64(argument.dropFirst("random:".count)) else { return nil }
      self = .draw(seed: seed)
    } else if let numbers = LatentArgument.numbers(in: argument) {
      self = .numbers(numbers)
    } else {
      guard !argument.isEmpty else { return nil }
      self = .file(argument)
    }
  }

  /// The numbers of a text that holds nothing but them, commas, brackets and white space: typed, or a list in JSON. nil: it holds more,
  /// or none.
  static func numbers(in text: some StringProtocol) -> [Float]? {
    let words = text.split { $0 == "," || $0 == "[" || $0 == "]" || $0.isWhitespace }
    let numbers = words.compactMap { Float($0) }
    return numbers.count == words.count && !numbers.isEmpty && numbers.allSatisfy(\.isFinite) ? numbers : nil
  }

  /// The numbers for latent `index` of a model, `size` of them.
  func values(index: Int, size: Int) throws -> [Float] {
    switch self {
    case .draw(let seed):
      return Latent.draw(seed: seed, index: index, count: size)
    case .numbers(let numbers):
      guard numbers.count == size else {
        throw CommandFailure(
          .wrongUsage, "--latent has \(numbers.count) numbers, expected \(size), the size of the model's latent")
      }
      return numbers
    case .file(let path):
      guard let numbers = LatentArgument.numbers(in: try TextFile.read(path, limit: 16 << 20)) else {
        throw CommandFailure("\"\(path)\" holds something else than a latent: expected \(size) numbers, as a list in JSON")
      }
      guard numbers.count == size else {
        throw CommandFailure("\"\(path)\" holds \(numbers.count) numbers, expected \(size), the size of the model's latent")
      }
      return numbers
    }
  }
}
