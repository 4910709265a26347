import CSndfile
import Cadenza
import Glibc

/// A sound file read through libsndfile, block by block, its channels averaged to one.
final class SoundFileReader {
  let path: String
  let sampleRate: Int
  /// nil where it is not known, as for a pipe.
  let frames: Int?

  private let channels: Int
  private var file: OpaquePointer?
  private var interleaved: [Float] = []

  init(path: String) throws(CommandFailure) {
    self.path = path
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw CommandFailure("cannot read \"\(path)\": \(SystemError.current)") }
    var existing = stat()
    if fstat(descriptor, &existing) == 0 && existing.st_mode & S_IFMT == S_IFDIR {
      close(descriptor)
      throw CommandFailure("cannot read \"\(path)\": it is a folder; expected a sound file")
    }
    var info = SF_INFO()
    file = sf_open_fd(descriptor, Int32(SFM_READ), &info, 1)
    sampleRate = Int(info.samplerate)
    channels = Int(info.channels)
    frames = (0..<Int64(1) << 40).contains(info.frames) ? Int(info.frames) : nil
    guard file != nil else {
      let reason = String(cString: sf_strerror(nil))
      throw CommandFailure("cannot read \"\(path)\" as a sound file: \(SoundFileReader.clause(reason))")
    }
  }

  deinit {
    if file != nil { sf_close(file) }
  }

  /// Files of any rate can be heard that the engine converts from.
  func requireUsableRate() throws(CommandFailure) {
    guard SampleRateConverter.sampleRates.contains(sampleRate) else {
      throw CommandFailure("\"\(path)\" has a sample rate of \(sampleRate) Hz; expected 1,000 to 768,000 Hz")
    }
  }

  /// Reads up to `limit` frames into `samples`; leaves it empty at the end.
  func read(into samples: inout [Float], limit: Int) throws(CommandFailure) {
    samples.removeAll(keepingCapacity: true)
    if interleaved.count != limit * channels { interleaved = [Float](repeating: 0, count: limit * channels) }
    let count = Int(sf_readf_float(file, &interleaved, Int64(limit)))
    if count < limit && sf_error(file) != 0 {
      throw CommandFailure("cannot read \"\(path)\": \(SoundFileReader.clause(String(cString: sf_strerror(file))))")
    }
    for frame in 0..<max(0, count) {
      var sum: Float = 0
      for channel in 0..<channels { sum += interleaved[frame * channels + channel] }
      samples.append(channels == 1 ? sum : sum / Float(channels))
    }
  }

  /// libsndfile's sentence as the end of ours.
  private static func clause(_ sentence: String) -> String {
    var text = sentence
    while let last = text.last, last == "." || last == "\n" || last == " " { text.removeLast() }
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}
