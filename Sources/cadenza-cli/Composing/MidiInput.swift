import CadenzaMidi
import Glibc

/// Reads the MIDI file that an argument names.
enum MidiInput {
  /// "-" is standard input.
  static func read(_ path: String) throws -> MidiFile {
    let name = path == "-" ? "standard input" : "\"\(path)\""
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw CommandFailure("cannot read \(name): \(SystemError.current)") }
    defer { if path != "-" { close(descriptor) } }
    var existing = stat()
    if fstat(descriptor, &existing) == 0 && existing.st_mode & S_IFMT == S_IFDIR {
      throw CommandFailure("cannot read \(name): it is a folder; expected a MIDI file")
    }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    // One byte too many is enough to be refused.
    while bytes.count <= MidiFile.maximumByteCount {
      try Interruption.check()
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { break }
      if count > 0 {
        bytes += piece[..<count]
      } else if errno != EINTR {
        throw CommandFailure("cannot read \(name): \(SystemError.current)")
      }
    }
    do throws(MidiFailure) {
      return try MidiFile(bytes: bytes)
    } catch {
      throw CommandFailure("cannot read \(name) as a MIDI file: \(error.message)")
    }
  }
}
