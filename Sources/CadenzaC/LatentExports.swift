import CCadenza
import Cadenza

extension Interpolation {
  /// nil: unknown.
  @_noLocks
  init?(_ value: cadenza_interpolation) {
    switch value {
    case CADENZA_INTERPOLATION_LINEAR: self = .linear
    case CADENZA_INTERPOLATION_SPHERICAL: self = .spherical
    default: return nil
    }
  }
}

@c @implementation @_noLocks
public func cadenza_stream_get_condition(
  _ stream: OpaquePointer?, _ index: UInt32, _ values: UnsafeMutablePointer<Float>?, _ count: Int
) -> cadenza_status {
  guard let stream, let values, count > 0 else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.condition(Int(index), into: values, count: count).rawValue }
}

@c @implementation @_noLocks
public func cadenza_stream_glide_latent(
  _ stream: OpaquePointer?, _ index: UInt32, _ values: UnsafePointer<Float>?, _ count: Int, _ frames: UInt32,
  _ interpolation: cadenza_interpolation
) -> cadenza_status {
  guard let stream, let values, count > 0, let way = Interpolation(interpolation) else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef {
    $0.glideLatent(Int(index), to: values, count: count, frames: Int(frames), way).rawValue
  }
}

@c @implementation @_noLocks
public func cadenza_stream_randomize_latent(
  _ stream: OpaquePointer?, _ index: UInt32, _ seed: UInt64, _ frames: UInt32, _ interpolation: cadenza_interpolation
) -> cadenza_status {
  guard let stream, let way = Interpolation(interpolation) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef {
    $0.randomizeLatent(Int(index), seed: seed, frames: Int(frames), way).rawValue
  }
}

@c @implementation
public func cadenza_stream_glide_instrument_latent(
  _ stream: OpaquePointer?, _ voice: UInt32, _ index: UInt32, _ values: UnsafePointer<Float>?, _ count: Int, _ frames: UInt32,
  _ interpolation: cadenza_interpolation
) -> cadenza_status {
  guard let stream, let values, count > 0, let way = Interpolation(interpolation) else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  return unmanagedStream(stream).takeUnretainedValue()
    .glideInstrumentLatent(voice: Int(voice), index: Int(index), to: values, count: count, frames: Int(frames), way).rawValue
}

@c @implementation
public func cadenza_interpolate(
  _ start: UnsafePointer<Float>?, _ end: UnsafePointer<Float>?, _ count: Int, _ fraction: Double,
  _ interpolation: cadenza_interpolation, _ values: UnsafeMutablePointer<Float>?
) -> cadenza_status {
  guard let start, let end, let values, count > 0, fraction >= 0, fraction <= 1, let way = Interpolation(interpolation) else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  way.write(from: start, to: end, fraction: fraction, count: count, into: values)
  return CADENZA_OK
}
