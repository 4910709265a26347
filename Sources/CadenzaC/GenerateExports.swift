import CCadenza
import Cadenza

// Everything here runs under the real-time contract: @_noLocks on each function, and each engine object is reached without
// counting a reference.

/// Whether a caller's size_t is a number of frames that a block may have. (Swift sees size_t as Int: a huge one is negative.)
@_noLocks @inline(__always)
private func isPossible(_ frames: Int) -> Bool {
  frames >= 0 && frames <= StreamOptions.maximumFrames
}

@c @implementation @_noLocks
public func cadenza_generate_block(
  _ stream: OpaquePointer?, _ output: UnsafeMutablePointer<Float>?, _ frames: Int
) -> cadenza_status {
  guard isPossible(frames) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  guard let stream else {
    if let output { output.update(repeating: 0, count: frames) }
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  guard frames > 0 else { return CADENZA_OK }
  guard let output else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.generate(into: output, frames: frames).rawValue }
}

@c @implementation @_noLocks
public func cadenza_stream_reset(_ stream: OpaquePointer?, _ seed: UInt64) -> cadenza_status {
  guard let stream else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.reset(seed: seed).rawValue }
}

@c @implementation @_noLocks
public func cadenza_stream_prime(
  _ stream: OpaquePointer?, _ samples: UnsafePointer<Float>?, _ frames: Int
) -> cadenza_status {
  guard let stream, isPossible(frames) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  guard let samples else {
    if frames > 0 { return CADENZA_ERROR_INVALID_ARGUMENT }
    return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.endAudio().rawValue }
  }
  guard frames > 0 else { return CADENZA_OK }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.prime(samples, frames: frames).rawValue }
}

@c @implementation @_noLocks
public func cadenza_stream_score(
  _ stream: OpaquePointer?, _ samples: UnsafePointer<Float>?, _ frames: Int, _ nats: UnsafeMutablePointer<Double>?
) -> cadenza_status {
  guard let nats else { return CADENZA_ERROR_INVALID_ARGUMENT }
  nats.pointee = 0
  guard let stream, isPossible(frames) else { return CADENZA_ERROR_INVALID_ARGUMENT }
  guard let samples else {
    if frames > 0 { return CADENZA_ERROR_INVALID_ARGUMENT }
    return unmanagedStream(stream)._withUnsafeGuaranteedRef { $0.endAudio(scoring: &nats.pointee).rawValue }
  }
  guard frames > 0 else { return CADENZA_OK }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef {
    $0.score(samples, frames: frames, nats: &nats.pointee).rawValue
  }
}
