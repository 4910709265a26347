import ArgumentParser
import Cadenza
import Glibc

/// How the command ends after an error: what it prints, and the status it leaves.
enum Ending {
  static func finish(_ error: any Error) -> Never {
    switch error {
    case let failure as CommandFailure:
      StandardStreams.complain(failure.message)
      exit(failure.kind.rawValue)
    case let failure as Failure:
      StandardStreams.complain(failure.message)
      exit(CommandFailure.Kind.failed.rawValue)
    case is BrokenPipe:
      die(of: SIGPIPE)
    case let interruption as Interrupted:
      die(of: interruption.signal)
    default:
      finishParsing(error)
    }
  }

  /// Help, the version, and what the argument parser says of a wrong command line.
  private static func finishParsing(_ error: any Error) -> Never {
    let status = CadenzaCommand.exitCode(for: error)
    guard status != .success else { CadenzaCommand.exit(withError: error) }
    let text = CadenzaCommand.fullMessage(for: error)
    let prefix = "Error: "
    // A bare exit code: the command has said what there is to say.
    if text.isEmpty { exit(status.rawValue) }
    StandardStreams.complain(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
    exit(status.rawValue)
  }

  /// Ends as the signal would have ended it, so that a shell sees the usual status.
  private static func die(of number: Int32) -> Never {
    signal(number, SIG_DFL)
    raise(number)
    exit(128 + number)
  }
}
