import Glibc

/// Small files of text.
enum TextFile {
  /// The text of the file, of at most `limit` bytes.
  static func read(_ path: String, limit: Int) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandFailure("cannot read \"\(path)\": \(SystemError.current)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { break }
      if count > 0 {
        bytes += piece[..<count]
        guard bytes.count <= limit else { throw CommandFailure("\"\(path)\" has more than \(Text.grouped(limit)) bytes") }
      } else if errno != EINTR {
        throw CommandFailure("cannot read \"\(path)\": \(SystemError.current)")
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
