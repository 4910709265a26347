import CadenzaKernels

/// The bytes of a model file, read from a path and owned.
///
/// Read, not mapped: a mapped file that someone shortens while a host plays it ends the host with SIGBUS, and the engine needs
/// the bytes only while it loads.
struct ModelFile: ~Copyable {
  static let maximumByteCount = 2 << 30

  let bytes: UnsafeRawBufferPointer

  init(path: String) throws(Failure) {
    // A zero byte would cut the path short, and another file would be read.
    for byte in path.utf8 where byte == 0 {
      throw Failure(.io, "\(quoted: path.utf8) cannot be read: a path cannot hold a zero byte")
    }
    var terminated: [CChar] = []
    for byte in path.utf8 { terminated.append(CChar(bitPattern: byte)) }
    terminated.append(0)
    try self.init(terminatedPath: terminated)
  }

  /// `path` ends in a zero byte. Any bytes: file systems do not ask for UTF-8.
  init(path: UnsafePointer<CChar>) throws(Failure) {
    var terminated: [CChar] = []
    var position = 0
    while path[position] != 0 {
      terminated.append(path[position])
      position += 1
    }
    terminated.append(0)
    try self.init(terminatedPath: terminated)
  }

  private init(terminatedPath path: [CChar]) throws(Failure) {
    var memory: UnsafeMutableRawPointer?
    var size = 0
    var systemError: Int32 = 0
    let result = ck_file_read(path, ModelFile.maximumByteCount, &memory, &size, &systemError)
    guard result == CK_FILE_OK, let memory else {
      throw ModelFile.failure(result, path, size: size, systemError: Int(systemError))
    }
    bytes = UnsafeRawBufferPointer(start: memory, count: size)
  }

  deinit { ck_file_release(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }

  private static func failure(_ result: ck_file_result, _ path: [CChar], size: Int, systemError: Int) -> Failure {
    let name: [UInt8] = path.dropLast().map { UInt8(bitPattern: $0) }
    switch Int(result) {
    case Int(CK_FILE_MISSING): return Failure(.io, "\(quoted: name) cannot be opened: there is no such file")
    case Int(CK_FILE_DENIED): return Failure(.io, "\(quoted: name) cannot be opened: permission denied")
    case Int(CK_FILE_DIRECTORY): return Failure(.io, "\(quoted: name) is a directory, expected a model file")
    case Int(CK_FILE_NOT_REGULAR): return Failure(.io, "\(quoted: name) is a device or a pipe, expected a model file")
    case Int(CK_FILE_TOO_LARGE):
      return Failure(.io, "\(quoted: name) is \(size) bytes long, expected at most \(maximumByteCount)")
    case Int(CK_FILE_NO_MEMORY): return Failure(.outOfMemory, "\(quoted: name) does not fit into memory")
    case Int(CK_FILE_BAD_NAME):
      return Failure(.io, "\(quoted: name) cannot be opened: the path is empty, too long, or a loop of links")
    case Int(CK_FILE_TOO_MANY_OPEN):
      return Failure(.io, "\(quoted: name) cannot be opened: too many files are open")
    case Int(CK_FILE_CHANGED): return Failure(.io, "\(quoted: name) changed while it was read")
    default: return Failure(.io, "\(quoted: name) cannot be read: the system reports error \(systemError)")
    }
  }
}
