import Glibc
import Synchronization

/// Ctrl-C and its kin: a handler takes note, and long work looks now and then, cleans up and stops.
enum Interruption {
  private static let received = Atomic<Int32>(0)

  /// Call before any long work. A second signal of a kind ends the process at once.
  static func prepare() {
    received.store(0, ordering: .relaxed)
    RawTerminal.prepare()
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      sigaction(number, nil, &action)
      // A shell's `nohup` or `&` may have asked to ignore it.
      if action.__sigaction_handler.sa_handler.map({ unsafeBitCast($0, to: Int.self) }) == 1 { continue }
      action = sigaction()
      action.__sigaction_handler.sa_handler = {
        Interruption.received.store($0, ordering: .relaxed)
        RawTerminal.leave()
      }
      // Not SA_RESTART: a write that waits for a slow reader must come back.
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(number, &action, nil)
    }
  }

  static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  static func check() throws(Interrupted) {
    let number = received.load(ordering: .relaxed)
    if number != 0 { throw Interrupted(signal: number) }
  }
}
