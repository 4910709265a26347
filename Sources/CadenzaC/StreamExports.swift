import CCadenza
import Cadenza

// A `cadenza_stream *` is a Stream with one reference, given back in cadenza_stream_destroy.

@_noLocks @inline(__always)
func unmanagedStream(_ handle: OpaquePointer) -> Unmanaged<Stream> {
  Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

// An old program's structure has the size of its own release: each of these symbols writes as many bytes for ever, and the
// header maps the name to the one of its own size.

@c @implementation
public func cadenza_stream_options_init(_ options: UnsafeMutablePointer<cadenza_stream_options>?, _ model: OpaquePointer?) {
  initialize(options, byteCount: 40, model)
}

@c @implementation
public func cadenza_stream_options_init_48(_ options: UnsafeMutablePointer<cadenza_stream_options>?, _ model: OpaquePointer?) {
  initialize(options, byteCount: 48, model)
}

@c @implementation
public func cadenza_stream_options_init_64(_ options: UnsafeMutablePointer<cadenza_stream_options>?, _ model: OpaquePointer?) {
  initialize(options, byteCount: 64, model)
}

private func initialize(
  _ options: UnsafeMutablePointer<cadenza_stream_options>?, byteCount: Int, _ model: OpaquePointer?
) {
  guard let options else { return }
  let defaults =
    if let model { StreamOptions(for: unmanagedModel(model).takeUnretainedValue()) } else { StreamOptions() }
  var values = cadenza_stream_options(
    struct_size: UInt32(byteCount),
    sample_rate: UInt32(defaults.sampleRate),
    max_block_frames: UInt32(defaults.maximumBlockFrames),
    top_k: UInt32(defaults.topK),
    seed: defaults.seed,
    temperature: defaults.temperature,
    top_p: defaults.topP,
    gain: defaults.gain,
    render_ahead_frames: UInt32(defaults.renderAheadFrames),
    input_sample_rate: UInt32(defaults.inputSampleRate),
    voices: UInt32(defaults.voices),
    smoothing_seconds: defaults.smoothingSeconds,
    output_limit: defaults.outputLimit,
    dc_blocker_hertz: defaults.dcBlockerHertz,
    reserved: 0)
  UnsafeMutableRawPointer(options).copyMemory(from: &values, byteCount: byteCount)
}

extension StreamOptions {
  /// The caller's options, or what is wrong with their size. The values are checked by the stream.
  init(_ pointer: UnsafePointer<cadenza_stream_options>) throws(Failure) {
    // The size alone, before anything behind it is read: a smaller structure may end there.
    let size = Int(UnsafeRawPointer(pointer).load(as: UInt32.self))
    guard size == 40 || size == 48 || size == 64 else {
      throw Failure(
        .invalidArgument,
        "options.struct_size is \(size), but this library knows 40, 48 and 64 only: cadenza_stream_options_init sets it"
      )
    }
    // What an old program's structure lacks has the meaning that it had then: 0, and no limit but the widest.
    var options = cadenza_stream_options()
    options.output_limit = 16
    withUnsafeMutableBytes(of: &options) { bytes in
      bytes.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: size))
    }
    guard options.reserved == 0 else {
      throw Failure(.invalidArgument, "options.reserved is \(Int(options.reserved)), expected 0")
    }
    self.init()
    sampleRate = Int(options.sample_rate)
    inputSampleRate = Int(options.input_sample_rate)
    maximumBlockFrames = Int(options.max_block_frames)
    topK = Int(options.top_k)
    seed = options.seed
    temperature = options.temperature
    topP = options.top_p
    gain = options.gain
    renderAheadFrames = Int(options.render_ahead_frames)
    voices = Int(options.voices)
    smoothingSeconds = options.smoothing_seconds
    outputLimit = options.output_limit
    dcBlockerHertz = options.dc_blocker_hertz
  }
}

@c @implementation
public func cadenza_stream_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<cadenza_stream_options>?,
  _ stream: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let stream else { return fail(.invalidArgument, "stream, the place for the handle, is NULL", error) }
  stream.pointee = nil
  guard let model else { return fail(.invalidArgument, "model is NULL", error) }
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  do throws(Failure) {
    let engineOptions =
      if let options { try StreamOptions(options) } else { StreamOptions(for: engineModel) }
    let engineStream = try Stream(model: engineModel, options: engineOptions)
    stream.pointee = OpaquePointer(Unmanaged.passRetained(engineStream).toOpaque())
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_stream_destroy(_ stream: OpaquePointer?) {
  if let stream { unmanagedStream(stream).release() }
}

@c @implementation @_noLocks
public func cadenza_stream_get_latency(_ stream: OpaquePointer?, _ frames: UnsafeMutablePointer<UInt32>?) -> cadenza_status {
  guard let stream, let frames else { return CADENZA_ERROR_INVALID_ARGUMENT }
  frames.pointee = unmanagedStream(stream)._withUnsafeGuaranteedRef { UInt32(truncatingIfNeeded: $0.latency) }
  return CADENZA_OK
}
