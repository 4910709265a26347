import CCadenza
import Cadenza

@c @implementation @_noLocks
public func cadenza_stream_set_parameter(
  _ stream: OpaquePointer?, _ parameter: cadenza_parameter, _ value: Float
) -> cadenza_status {
  guard let stream, let parameter = Parameter(rawValue: parameter) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.setParameter(parameter, value).rawValue }
}

@c @implementation @_noLocks
public func cadenza_stream_get_parameter(
  _ stream: OpaquePointer?, _ parameter: cadenza_parameter, _ value: UnsafeMutablePointer<Float>?
) -> cadenza_status {
  guard let stream, let value, let parameter = Parameter(rawValue: parameter) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  guard unmanagedStream(stream)._withUnsafeGuaranteedRef({ $0.has(parameter) }) else { return CADENZA_ERROR_UNSUPPORTED }
  value.pointee = unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.parameter(parameter) }
  return CADENZA_OK
}
