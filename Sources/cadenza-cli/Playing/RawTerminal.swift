import Glibc
import Synchronization

/// The terminal at standard input, giving each key at once and showing none. It is given back as it was on every way out: in the order of
/// things, by each signal that ends or stops the process, and when the process comes to grief. (SIGKILL leaves no way.)
enum RawTerminal {
  private static let isRaw = Atomic<Bool>(false)
  /// What the terminal was.
  nonisolated(unsafe) private static let kept = UnsafeMutablePointer<termios>.allocate(capacity: 1)

  /// Call before signals are handled: a handler may not be the first to look at these.
  static func prepare() {
    isRaw.store(false, ordering: .relaxed)
    kept.initialize(to: termios())
  }

  /// Whether standard input is a terminal and this process in its foreground. A process in its background that reads there is stopped.
  static var isOurs: Bool { StandardStreams.isTerminal(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp() }

  /// Nothing where it is raw already, or not ours.
  static func enter() {
    guard !isRaw.load(ordering: .relaxed), isOurs, tcgetattr(STDIN_FILENO, kept) == 0 else { return }
    // Signals by key stay: Ctrl-C ends, Ctrl-Z stops.
    var raw = kept.pointee
    raw.c_lflag &= ~UInt32(ICANON | ECHO)
    handleSignals()
    isRaw.store(true, ordering: .relaxed)
    tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    if Interruption.isRequested { leave() }
  }

  /// Gives it back. Signal handlers may call it.
  static func leave() {
    if isRaw.exchange(false, ordering: .relaxed) { tcsetattr(STDIN_FILENO, TCSANOW, kept) }
  }

  /// Those that `Interruption` does not see to.
  private static func handleSignals() {
    for number in [SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = {
        RawTerminal.leave()
        raise($0)
      }
      // The second time it does what it always did.
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(number, &action, nil)
    }
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      let kept = errno
      RawTerminal.leave()
      // Where it goes on, whoever reads keys enters again.
      raise(SIGSTOP)
      errno = kept
    }
    sigaction(SIGTSTP, &action, nil)
  }
}
