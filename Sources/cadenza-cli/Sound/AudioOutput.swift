import Glibc

/// Opens what samples are written to, by name.
enum AudioOutput {
  /// `frames` Int.max: not known. Throws before anything is made where the name's format cannot hold them.
  static func open(path: String, format: SampleFormat?, rate: Int, frames: Int) throws -> any AudioSink {
    let container = try AudioContainer(forPath: path)
    _ = try container.sndfileFormat(format, sampleRate: rate)
    if container.isLimitedTo32Bits && frames != Int.max && frames > (1 << 32 - 1 << 16) / (format ?? .pcm16).byteCount {
      throw CommandFailure(.wrongUsage, "a .\(container.ending) file holds at most 4 GB; expected .w64, .rf64 or .flac")
    }
    let file = try OutputFile(path: path)
    guard file.isOrdinary else {
      return try SampleStreamWriter(output: file, format: format ?? .pcm16, header: true, sampleRate: rate, frames: frames)
    }
    return try SoundFileWriter(output: file, container: container, format: format, sampleRate: rate)
  }
}
