import CadenzaKernels

/// Measures how fast this machine reads memory that is touched over and over: the ceiling of a network with as many bytes of
/// weights.
final class BandwidthProbe {
  private let bytes: UnsafeMutableRawBufferPointer
  private var sink: Float = 0

  init(footprint: Int) {
    let count = max(4096, footprint)
    bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    for position in 0..<count { bytes[position] = UInt8(truncatingIfNeeded: position) }
  }

  deinit { bytes.deallocate() }

  /// Bytes a second of processor time, over about `seconds`.
  func measure(seconds: Double) -> Double {
    sink += ck_read_pass(bytes.baseAddress, bytes.count)
    var passes = 0
    // Looks at the clock once in about 100 KB: seldom enough for the smallest footprint.
    let batch = max(1, 100_000 / bytes.count)
    let start = Clock.nanoseconds()
    let processorStart = Clock.processorNanoseconds()
    repeat {
      for _ in 0..<batch { sink += ck_read_pass(bytes.baseAddress, bytes.count) }
      passes += batch
    } while Clock.seconds(since: start) < seconds
    return Double(passes * bytes.count) / Double(max(1, Clock.processorNanoseconds() - processorStart)) * 1e9
  }
}
