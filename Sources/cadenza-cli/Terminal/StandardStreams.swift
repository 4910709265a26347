import Glibc
import Synchronization

/// Standard output and standard error, unbuffered: what fails to be written is an error, not a loss.
enum StandardStreams {
  /// Call first. A closed standard descriptor is filled, lest a file that is opened later take its place and receive its text;
  /// a reader that goes away, or a file that may not grow further, is an error to report and not the end of the process.
  static func prepare() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // Standard output opens for reading: writing to it then fails, and is reported.
      let mode = descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY
      if open("/dev/null", mode) != descriptor { exit(CommandFailure.Kind.failed.rawValue) }
    }
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Where remarks go: standard error, or what was standard error.
  static let errors = Atomic<Int32>(STDERR_FILENO)

  /// From now on only remarks reach standard error: what libraries write there goes nowhere. Sound systems complain there of what
  /// is no fault, and what is one is said in a sentence.
  static func silenceLibraries() {
    guard errors.load(ordering: .relaxed) == STDERR_FILENO else { return }
    let kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    if kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0 { errors.store(kept, ordering: .relaxed) }
    if nowhere >= 0 { close(nowhere) }
  }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal at `descriptor`.
  static func columns(_ descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  static func print(_ text: String) throws {
    var line = text
    line.append("\n")
    try line.withUTF8 { try write(UnsafeRawBufferPointer($0), to: STDOUT_FILENO, name: "standard output") }
  }

  /// Says something on standard error; nobody listening is no error.
  static func remark(_ text: String) { remark(text, end: "\n") }

  /// The same, with `end` behind it instead of a new line.
  static func remark(_ text: String, end: String) {
    var line = text + end
    let descriptor = errors.load(ordering: .relaxed)
    line.withUTF8 { try? write(UnsafeRawBufferPointer($0), to: descriptor, name: "standard error") }
  }

  static func complain(_ sentence: String) {
    remark("cadenza: " + Text.printable(sentence, keepingNewlines: true))
  }

  /// Writes all of `bytes`.
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, name: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EINTR {
        try Interruption.check()
      } else if errno == EPIPE && descriptor == STDOUT_FILENO {
        throw BrokenPipe()
      } else {
        throw CommandFailure("cannot write to \(name): \(SystemError.current)")
      }
    }
  }
}
