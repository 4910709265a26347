/// Why the command stops: one sentence and an exit status.
struct CommandFailure: Error {
  enum Kind: Int32 {
    case failed = 1
    case wrongUsage = 64
  }

  let kind: Kind
  let message: String

  init(_ message: String) {
    self.init(.failed, message)
  }

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}

/// The reader of standard output went away: nobody is left to talk to.
struct BrokenPipe: Error {}

/// A signal asked the command to stop.
struct Interrupted: Error {
  let signal: Int32
}
