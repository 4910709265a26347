import CCadenza
import Cadenza

@c @implementation @_noLocks
public func cadenza_stream_get_statistics(
  _ stream: OpaquePointer?, _ statistics: UnsafeMutablePointer<cadenza_stream_statistics>?
) -> cadenza_status {
  guard let stream, let statistics, Int(statistics.pointee.struct_size) >= MemoryLayout<cadenza_stream_statistics>.size else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  let figures = unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.statistics }
  statistics.pointee = cadenza_stream_statistics(
    struct_size: statistics.pointee.struct_size,
    reserved: 0,
    frames: figures.frames,
    blocks: figures.blocks,
    numeric_errors: figures.numericErrors,
    underruns: 0,
    worst_block_seconds: figures.worstBlockSeconds,
    mean_block_seconds: figures.blocks == 0 ? 0 : figures.totalSeconds / Double(figures.blocks),
    total_seconds: figures.totalSeconds)
  return CADENZA_OK
}
