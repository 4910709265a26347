import CCadenza
import Cadenza

@c @implementation @_noLocks
public func cadenza_stream_drop_ahead(_ stream: OpaquePointer?) -> cadenza_status {
  guard let stream else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.dropAhead().rawValue }
}

@c @implementation @_noLocks
public func cadenza_stream_set_render_mode(_ stream: OpaquePointer?, _ mode: cadenza_render_mode) -> cadenza_status {
  guard let stream, let mode = RenderMode(rawValue: mode) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.renderMode = mode }
  return CADENZA_OK
}
