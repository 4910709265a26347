import CCadenza
import Cadenza

// `cadenza_event` and `NoteEvent` are laid out alike: a test holds them together.

@_noLocks @inline(__always)
private func noteEvents(_ events: UnsafePointer<cadenza_event>?) -> UnsafePointer<NoteEvent>? {
  guard let events else { return nil }
  return UnsafeRawPointer(events).assumingMemoryBound(to: NoteEvent.self)
}

@c @implementation @_noLocks
public func cadenza_stream_read_events(
  _ stream: OpaquePointer?, _ events: UnsafeMutablePointer<cadenza_event>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>?
) -> cadenza_status {
  guard let count else { return CADENZA_ERROR_INVALID_ARGUMENT }
  count.pointee = 0
  guard let stream else { return CADENZA_ERROR_INVALID_ARGUMENT }
  guard let events else {
    if capacity != 0 { return CADENZA_ERROR_INVALID_ARGUMENT }
    return unmanagedStream(stream)._withUnsafeGuaranteedRef {
      $0.readEvents(into: nil, capacity: 0, count: &count.pointee).rawValue
    }
  }
  // (Swift sees size_t as Int: a huge capacity is negative, and more than there can be events.)
  let room = capacity < 0 ? Int.max : capacity
  let target = UnsafeMutableRawPointer(events).assumingMemoryBound(to: NoteEvent.self)
  return unmanagedStream(stream)._withUnsafeGuaranteedRef {
    $0.readEvents(into: target, capacity: room, count: &count.pointee).rawValue
  }
}

@c @implementation
public func cadenza_stream_prime_events(
  _ stream: OpaquePointer?, _ events: UnsafePointer<cadenza_event>?, _ count: Int, _ frames: UInt64
) -> cadenza_status {
  guard let stream, count >= 0, events != nil || count == 0 else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream).takeUnretainedValue().primeEvents(noteEvents(events), count: count, frames: frames).rawValue
}

@c @implementation
public func cadenza_stream_score_events(
  _ stream: OpaquePointer?, _ events: UnsafePointer<cadenza_event>?, _ count: Int, _ frames: UInt64,
  _ nats: UnsafeMutablePointer<Double>?, _ choices: UnsafeMutablePointer<UInt64>?
) -> cadenza_status {
  choices?.pointee = 0
  guard let nats else { return CADENZA_ERROR_INVALID_ARGUMENT }
  nats.pointee = 0
  guard let stream, count >= 0, events != nil || count == 0 else { return CADENZA_ERROR_INVALID_ARGUMENT }
  var choiceCount: UInt64 = 0
  let status = unmanagedStream(stream).takeUnretainedValue().scoreEvents(
    noteEvents(events), count: count, frames: frames, nats: &nats.pointee, choices: &choiceCount)
  choices?.pointee = choiceCount
  return status.rawValue
}
