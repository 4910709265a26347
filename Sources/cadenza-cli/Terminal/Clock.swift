import Glibc

/// Time that only goes forward.
enum Clock {
  static func nanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }

  /// Time that this thread has spent on a processor: other programs that want the same processor do not count.
  static func processorNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }

  static func seconds(since start: UInt64) -> Double { Double(nanoseconds() - start) * 1e-9 }
}
