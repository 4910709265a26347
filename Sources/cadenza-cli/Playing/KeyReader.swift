import Glibc

/// A key that was pressed.
enum Key: Equatable {
  case character(Character)
  case up
  case down
  case left
  case right
}

/// Keys from standard input: single ones where that is a terminal, and characters where it is a pipe. Anything else there is left alone.
final class KeyReader {
  private let isTerminal = StandardStreams.isTerminal(STDIN_FILENO)
  private let isPipe: Bool
  private var hasEnded = false
  /// The beginning of a key that sends several bytes.
  private var sequence: [UInt8] = []

  init() {
    var facts = stat()
    isPipe = fstat(STDIN_FILENO, &facts) == 0 && facts.st_mode & S_IFMT == S_IFIFO
  }

  deinit { RawTerminal.leave() }

  /// Whether keys may come.
  var isListening: Bool { isTerminal || (isPipe && !hasEnded) }

  /// Waits for keys, `milliseconds` at most, or for a signal; returns those that came.
  func wait(milliseconds: Int32) -> [Key] {
    if isTerminal { RawTerminal.enter() }
    guard isPipe && !hasEnded || isTerminal && RawTerminal.isOurs else {
      poll(nil, 0, milliseconds)
      return []
    }
    var place = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&place, 1, milliseconds) > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(STDIN_FILENO, &bytes, bytes.count)
    if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) {
      // A terminal that has gone away is told by a signal; until that comes, nobody asks it again at once.
      hasEnded = true
      if isTerminal { poll(nil, 0, milliseconds) }
    }
    return bytes.prefix(max(0, count)).compactMap { key(after: $0) }
  }

  /// Arrow keys send ESC [ A and its kin, or ESC O A; any other such sequence ends with a letter or ~, and is no key here.
  private func key(after byte: UInt8) -> Key? {
    if byte == 0x1B {
      sequence = [byte]
      return nil
    }
    if sequence.count == 1 && (byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O")) {
      sequence.append(byte)
      return nil
    }
    if sequence.count == 2 {
      // Digits and semicolons come before the last.
      if (0x30...0x3F).contains(byte) { return nil }
      sequence = []
      switch byte {
      case UInt8(ascii: "A"): return .up
      case UInt8(ascii: "B"): return .down
      case UInt8(ascii: "C"): return .right
      case UInt8(ascii: "D"): return .left
      default: return nil
      }
    }
    sequence = []
    return (0x20..<0x7F).contains(byte) ? .character(Character(UnicodeScalar(byte))) : nil
  }
}
