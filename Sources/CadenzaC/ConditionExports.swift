import CCadenza
import Cadenza

@c @implementation @_noLocks
public func cadenza_stream_set_condition(
  _ stream: OpaquePointer?, _ index: UInt32, _ values: UnsafePointer<Float>?, _ count: Int
) -> cadenza_status {
  guard let stream, let values, count > 0 else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.setCondition(Int(index), values, count: count).rawValue }
}
