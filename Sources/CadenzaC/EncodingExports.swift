import CCadenza
import Cadenza

@c @implementation
public func cadenza_stream_encode(
  _ stream: OpaquePointer?, _ slot: UInt32, _ samples: UnsafePointer<Float>?, _ frames: Int,
  _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let stream else { return fail(.invalidArgument, "stream is NULL", error) }
  do throws(Failure) {
    let recording = try recording(samples, frames)
    try unmanagedStream(stream).takeUnretainedValue().encode(slot: Int(slot), recording)
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_stream_encode_events(
  _ stream: OpaquePointer?, _ slot: UInt32, _ events: UnsafePointer<cadenza_event>?, _ count: Int, _ frames: UInt64,
  _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let stream else { return fail(.invalidArgument, "stream is NULL", error) }
  do throws(Failure) {
    let melody = try melody(events, count)
    try unmanagedStream(stream).takeUnretainedValue().encode(slot: Int(slot), melody, frames: frames)
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_stream_set_encoded(
  _ stream: OpaquePointer?, _ slot: UInt32, _ latent: UnsafePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let stream else { return fail(.invalidArgument, "stream is NULL", error) }
  guard latent != nil || count == 0 else { return fail(.invalidArgument, "latent is NULL", error) }
  guard count >= 0, count <= StreamOptions.maximumFrames else {
    return fail(.invalidArgument, "count is more than \(StreamOptions.maximumFrames)", error)
  }
  do throws(Failure) {
    let numbers = UnsafeBufferPointer(start: latent, count: count)
    try unmanagedStream(stream).takeUnretainedValue().setEncoded(slot: Int(slot), numbers)
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_model_encode(
  _ model: OpaquePointer?, _ samples: UnsafePointer<Float>?, _ frames: Int, _ latent: UnsafeMutablePointer<Float>?,
  _ capacity: Int, _ count: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  count?.pointee = 0
  guard let model else { return fail(.invalidArgument, "model is NULL", error) }
  guard let count else { return fail(.invalidArgument, "count is NULL", error) }
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  do throws(Failure) {
    let recording = try recording(samples, frames)
    count.pointee = try engineModel.encodedCount(frames: frames)
    guard let target = try room(latent, capacity, count.pointee) else { return succeed(error) }
    do throws(Failure) {
      copy(try engineModel.encode(recording), to: target)
    } catch {
      count.pointee = 0
      throw error
    }
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_model_encode_events(
  _ model: OpaquePointer?, _ events: UnsafePointer<cadenza_event>?, _ eventCount: Int, _ frames: UInt64,
  _ latent: UnsafeMutablePointer<Float>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>?,
  _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  count?.pointee = 0
  guard let model else { return fail(.invalidArgument, "model is NULL", error) }
  guard let count else { return fail(.invalidArgument, "count is NULL", error) }
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  do throws(Failure) {
    let melody = try melody(events, eventCount)
    count.pointee = try engineModel.encodedMelodyCount()
    guard let target = try room(latent, capacity, count.pointee) else { return succeed(error) }
    do throws(Failure) {
      copy(try engineModel.encode(melody, frames: frames), to: target)
    } catch {
      count.pointee = 0
      throw error
    }
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

/// A caller's samples. (Swift sees size_t as Int: a huge count is negative.)
private func recording(_ samples: UnsafePointer<Float>?, _ frames: Int) throws(Failure) -> UnsafeBufferPointer<Float> {
  guard samples != nil || frames == 0 else { throw Failure(.invalidArgument, "samples is NULL") }
  guard frames >= 0, frames <= StreamOptions.maximumFrames else {
    throw Failure(.invalidArgument, "frames is more than \(StreamOptions.maximumFrames)")
  }
  return UnsafeBufferPointer(start: samples, count: frames)
}

/// A caller's events, which are laid out as `NoteEvent`s.
private func melody(_ events: UnsafePointer<cadenza_event>?, _ count: Int) throws(Failure) -> UnsafeBufferPointer<NoteEvent> {
  guard events != nil || count == 0 else { throw Failure(.invalidArgument, "events is NULL") }
  guard count >= 0, count <= StreamOptions.maximumFrames else {
    throw Failure(.invalidArgument, "count is more than \(StreamOptions.maximumFrames)")
  }
  let notes = events.map { UnsafeRawPointer($0).assumingMemoryBound(to: NoteEvent.self) }
  return UnsafeBufferPointer(start: notes, count: count)
}

/// Where so many numbers go; nil: the caller only asked how many they are.
private func room(
  _ latent: UnsafeMutablePointer<Float>?, _ capacity: Int, _ count: Int
) throws(Failure) -> UnsafeMutablePointer<Float>? {
  guard let latent else {
    guard capacity == 0 else { throw Failure(.invalidArgument, "latent is NULL") }
    return nil
  }
  guard capacity < 0 || capacity >= count else {
    throw Failure(.invalidArgument, "latent has room for \(capacity) numbers, expected \(count)")
  }
  return latent
}

private func copy(_ numbers: [Float], to latent: UnsafeMutablePointer<Float>) {
  for (index, number) in numbers.enumerated() { latent[index] = number }
}
