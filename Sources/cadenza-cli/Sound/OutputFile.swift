import Glibc

/// A file that appears under its name only once it is complete: written under a temporary name beside it, then renamed.
/// What is there already and is no ordinary file, such as a pipe or `/dev/null`, is written to directly.
final class OutputFile {
  let path: String
  let descriptor: Int32
  /// Whether what is written can be gone back to.
  let isOrdinary: Bool

  /// nil once committed, and for what is no ordinary file.
  private var temporaryPath: String?
  private var targetPath: String
  private var isOpen = true

  init(path: String) throws(CommandFailure) {
    self.path = path
    targetPath = path
    var existing = stat()
    let exists = stat(path, &existing) == 0
    if exists && existing.st_mode & S_IFMT == S_IFDIR {
      throw CommandFailure("cannot write \"\(path)\": it is a folder; expected the name of a file")
    }
    if exists && access(path, W_OK) != 0 {
      throw CommandFailure("cannot write \"\(path)\": \(SystemError.current)")
    }
    isOrdinary = !exists || existing.st_mode & S_IFMT == S_IFREG

    guard isOrdinary else {
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
      if descriptor < 0 { throw CommandFailure("cannot write \"\(path)\": \(SystemError.current)") }
      return
    }

    // A link stays a link: what it points to is replaced.
    if exists, let resolved = realpath(path, nil) {
      targetPath = String(cString: resolved)
      free(resolved)
    }
    let temporary = OutputFile.temporaryPath(for: targetPath)
    unlink(temporary)
    descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw CommandFailure("cannot write \"\(path)\": \(SystemError.current)") }
    if exists { fchmod(descriptor, existing.st_mode & 0o777) }
    temporaryPath = temporary
  }

  /// Closes the file and puts it in its place.
  func commit() throws(CommandFailure) {
    guard isOpen else { return }
    // Disks that are full or gone may say so only now.
    let isSynchronized = !isOrdinary || fsync(descriptor) == 0 || errno == EINVAL
    let synchronizing = errno
    isOpen = false
    let isClosed = close(descriptor) == 0
    if !isSynchronized || !isClosed {
      throw CommandFailure("cannot write \"\(path)\": \(SystemError.text(isSynchronized ? errno : synchronizing))")
    }
    guard let temporaryPath else { return }
    if rename(temporaryPath, targetPath) != 0 { throw CommandFailure("cannot write \"\(path)\": \(SystemError.current)") }
    self.temporaryPath = nil
  }

  /// Hidden, in the same folder.
  private static func temporaryPath(for path: String) -> String {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { path[...$0] } ?? ""
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    // Names have at most 255 bytes: a long one is cut to make room for the rest.
    return "\(folder).\(name.prefix(48)).\(getpid()).partial"
  }

  /// What was not committed disappears.
  deinit {
    if isOpen { close(descriptor) }
    if let temporaryPath { unlink(temporaryPath) }
  }
}
