import CSndfile
import Glibc

/// A sound file written through libsndfile, in place only once it is complete.
final class SoundFileWriter: AudioSink {
  private let output: OutputFile
  private var file: OpaquePointer?
  private let isFloat: Bool
  private var limited: [Float] = []

  init(output: OutputFile, container: AudioContainer, format: SampleFormat?, sampleRate: Int) throws(CommandFailure) {
    self.output = output
    isFloat = format == .float
    var info = SF_INFO()
    info.samplerate = Int32(clamping: sampleRate)
    info.channels = 1
    info.format = try container.sndfileFormat(format, sampleRate: sampleRate)
    errno = 0
    file = sf_open_fd(output.descriptor, Int32(SFM_WRITE), &info, 0)
    if file == nil { throw problem() }
    // The peak chunk holds the time of writing: without it the same samples make the same bytes.
    sf_command(file, Int32(SFC_SET_ADD_PEAK_CHUNK), nil, 0)
  }

  func write(_ samples: UnsafeBufferPointer<Float>) throws {
    errno = 0
    let count: Int
    if isFloat {
      count = Int(sf_write_float(file, samples.baseAddress, Int64(samples.count)))
    } else {
      // libsndfile wraps what is out of range.
      limited.removeAll(keepingCapacity: true)
      limited.append(contentsOf: samples.lazy.map { min(max($0, -1), 1) })
      count = Int(sf_write_float(file, limited, Int64(limited.count)))
    }
    if count != samples.count { throw problem() }
  }

  func finish() throws {
    errno = 0
    sf_write_sync(file)
    if sf_error(file) != 0 { throw problem() }
    let status = sf_close(file)
    file = nil
    if status != 0 { throw problem() }
    try output.commit()
  }

  deinit {
    if file != nil { sf_close(file) }
  }

  /// The system's reason where there is one: libsndfile's own for a full disk is "System error."
  private func problem() -> CommandFailure {
    let reason = errno != 0 ? SystemError.current : String(cString: sf_strerror(file))
    return CommandFailure("cannot write \"\(output.path)\": \(reason)")
  }
}
