import CCadenza
import Cadenza

@c @implementation
public func cadenza_instrument_options_init(
  _ options: UnsafeMutablePointer<cadenza_instrument_options>?, _ model: OpaquePointer?
) {
  guard let options else { return }
  let defaults =
    if let model { InstrumentOptions(for: unmanagedModel(model).takeUnretainedValue()) } else { InstrumentOptions() }
  options.pointee = cadenza_instrument_options(
    struct_size: UInt32(MemoryLayout<cadenza_instrument_options>.size),
    voices: UInt32(defaults.voices),
    top_k: UInt32(defaults.topK),
    temperature: defaults.temperature,
    top_p: defaults.topP,
    gain: defaults.gain,
    attack_seconds: defaults.attackSeconds,
    release_seconds: defaults.releaseSeconds,
    transpose: Int32(defaults.transpose),
    reserved: 0)
}

extension InstrumentOptions {
  /// The caller's options, or what is wrong with their size. The values are checked by the stream.
  init(_ pointer: UnsafePointer<cadenza_instrument_options>) throws(Failure) {
    // The size alone, before anything behind it is read: a smaller structure may end there.
    let size = Int(UnsafeRawPointer(pointer).load(as: UInt32.self))
    guard size == MemoryLayout<cadenza_instrument_options>.size else {
      throw Failure(
        .invalidArgument,
        "options.struct_size is \(size), but this library knows \(MemoryLayout<cadenza_instrument_options>.size) only: cadenza_instrument_options_init sets it"
      )
    }
    let options = pointer.pointee
    guard options.reserved == 0 else {
      throw Failure(.invalidArgument, "options.reserved is \(Int(options.reserved)), expected 0")
    }
    self.init()
    voices = Int(options.voices)
    topK = Int(options.top_k)
    temperature = options.temperature
    topP = options.top_p
    gain = options.gain
    attackSeconds = options.attack_seconds
    releaseSeconds = options.release_seconds
    transpose = Int(options.transpose)
  }
}

@c @implementation
public func cadenza_stream_set_instrument(
  _ stream: OpaquePointer?, _ instrument: OpaquePointer?, _ options: UnsafePointer<cadenza_instrument_options>?,
  _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let stream else { return fail(.invalidArgument, "stream is NULL", error) }
  let model = instrument.map { unmanagedModel($0).takeUnretainedValue() }
  do throws(Failure) {
    let engineOptions =
      if let options {
        try InstrumentOptions(options)
      } else if let model {
        InstrumentOptions(for: model)
      } else {
        InstrumentOptions()
      }
    try unmanagedStream(stream).takeUnretainedValue().setInstrument(model, options: engineOptions)
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_stream_set_instrument_condition(
  _ stream: OpaquePointer?, _ voice: UInt32, _ index: UInt32, _ values: UnsafePointer<Float>?, _ count: Int
) -> cadenza_status {
  guard let stream, let values, count > 0 else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream).takeUnretainedValue()
    .setInstrumentCondition(voice: Int(voice), index: Int(index), values: values, count: count).rawValue
}

@c @implementation @_noLocks
public func cadenza_stream_note_on(
  _ stream: OpaquePointer?, _ frame: UInt32, _ voice: UInt32, _ pitch: UInt32, _ velocity: Float
) -> cadenza_status {
  guard let stream else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef {
    $0.noteOn(frame: Int(frame), voice: Int(voice), pitch: Int(pitch), velocity: velocity).rawValue
  }
}

@c @implementation @_noLocks
public func cadenza_stream_note_off(
  _ stream: OpaquePointer?, _ frame: UInt32, _ voice: UInt32, _ pitch: UInt32
) -> cadenza_status {
  guard let stream else { return CADENZA_ERROR_INVALID_ARGUMENT }
  return unmanagedStream(stream)._withUnsafeGuaranteedRef {
    $0.noteOff(frame: Int(frame), voice: Int(voice), pitch: Int(pitch)).rawValue
  }
}
