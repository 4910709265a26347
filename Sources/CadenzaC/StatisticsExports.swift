import CCadenza
import Cadenza
import CadenzaKernels

@c @implementation @_noLocks
public func cadenza_stream_get_statistics(
  _ stream: OpaquePointer?, _ statistics: UnsafeMutablePointer<cadenza_stream_statistics>?
) -> cadenza_status {
  guard let stream, let statistics, Int(UnsafeRawPointer(statistics).load(as: UInt32.self)) >= 64 else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  let figures = unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.statistics }
  // The size alone, before anything behind it is read: a structure of the first release ends after 64 bytes.
  let size = Int(UnsafeRawPointer(statistics).load(as: UInt32.self))
  var answer = cadenza_stream_statistics(
    struct_size: UInt32(truncatingIfNeeded: size),
    reserved: 0,
    frames: figures.frames,
    blocks: figures.blocks,
    numeric_errors: figures.numericErrors,
    underruns: figures.underruns,
    worst_block_seconds: figures.worstBlockSeconds,
    mean_block_seconds: figures.blocks == 0 ? 0 : figures.totalSeconds / Double(figures.blocks),
    total_seconds: figures.totalSeconds,
    underrun_frames: figures.underrunFrames,
    frames_ahead: figures.framesAhead)
  let known = MemoryLayout<cadenza_stream_statistics>.size
  ck_copy(statistics, &answer, size < known ? size : known)
  return CADENZA_OK
}
