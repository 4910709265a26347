import CCadenza
import Cadenza

@c @implementation
public func cadenza_stream_save_state(
  _ stream: OpaquePointer?, _ bytes: UnsafeMutableRawPointer?, _ size: UnsafeMutablePointer<Int>?
) -> cadenza_status {
  guard let stream, let size else { return CADENZA_ERROR_INVALID_ARGUMENT }
  let engineStream = unmanagedStream(stream).takeUnretainedValue()
  let room = UInt(bitPattern: size.pointee)
  let needed = engineStream.stateByteCount
  size.pointee = needed
  guard let bytes else { return CADENZA_OK }
  guard room >= UInt(needed) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return engineStream.saveState(into: bytes, capacity: needed).rawValue
}

@c @implementation
public func cadenza_stream_load_state(_ stream: OpaquePointer?, _ bytes: UnsafeRawPointer?, _ size: Int) -> cadenza_status {
  guard let stream, let bytes else { return CADENZA_ERROR_INVALID_ARGUMENT }
  guard size >= 0 else { return CADENZA_ERROR_FORMAT }
  return unmanagedStream(stream).takeUnretainedValue()
    .loadState(UnsafeRawBufferPointer(start: bytes, count: size)).rawValue
}

@c @implementation
public func cadenza_stream_check_state(
  _ stream: OpaquePointer?, _ bytes: UnsafeRawPointer?, _ size: Int, _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let stream else { return fail(.invalidArgument, "stream is NULL", error) }
  guard let bytes else { return fail(.invalidArgument, "bytes is NULL", error) }
  guard size >= 0 else { return fail(.format, "size is more than an address space holds", error) }
  do throws(Failure) {
    try unmanagedStream(stream).takeUnretainedValue().checkState(UnsafeRawBufferPointer(start: bytes, count: size))
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}
