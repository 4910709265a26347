import CCadenza
import Cadenza

// A `cadenza_stream *` is a Stream with one reference, given back in cadenza_stream_destroy.

@_noLocks @inline(__always)
func unmanagedStream(_ handle: OpaquePointer) -> Unmanaged<Stream> {
  Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

@c @implementation
public func cadenza_stream_options_init(_ options: UnsafeMutablePointer<cadenza_stream_options>?, _ model: OpaquePointer?) {
  guard let options else { return }
  let defaults =
    if let model { StreamOptions(for: unmanagedModel(model).takeUnretainedValue()) } else { StreamOptions() }
  // An old program's structure has the size of its own release: this symbol never writes more than the first release's. A header
  // that appends a field maps the name to another symbol.
  options.pointee = cadenza_stream_options(
    struct_size: UInt32(MemoryLayout<cadenza_stream_options>.size),
    sample_rate: UInt32(defaults.sampleRate),
    max_block_frames: UInt32(defaults.maximumBlockFrames),
    top_k: UInt32(defaults.topK),
    seed: defaults.seed,
    temperature: defaults.temperature,
    top_p: defaults.topP,
    gain: defaults.gain,
    render_ahead_frames: UInt32(defaults.renderAheadFrames))
}

extension StreamOptions {
  /// The caller's options, or what is wrong with their size. The values are checked by the stream.
  init(_ pointer: UnsafePointer<cadenza_stream_options>) throws(Failure) {
    let known = MemoryLayout<cadenza_stream_options>.size
    // The size alone, before anything behind it is read: a smaller structure may end there.
    let size = UnsafeRawPointer(pointer).load(as: UInt32.self)
    guard Int(size) == known else {
      throw Failure(
        .invalidArgument,
        "options.struct_size is \(Int(size)), but this library knows \(known) only: cadenza_stream_options_init sets it"
      )
    }
    let options = pointer.pointee
    self.init()
    sampleRate = Int(options.sample_rate)
    maximumBlockFrames = Int(options.max_block_frames)
    topK = Int(options.top_k)
    seed = options.seed
    temperature = options.temperature
    topP = options.top_p
    gain = options.gain
    renderAheadFrames = Int(options.render_ahead_frames)
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
