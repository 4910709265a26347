import CSndfile

/// The kind of an audio file, told by the ending of its name.
struct AudioContainer {
  let ending: String
  let sndfileType: Int32
  /// Lossy kinds have a sample format of their own.
  let ownSubtype: Int32?

  /// Lengths in these files have 32 bits.
  var isLimitedTo32Bits: Bool { ["wav", "aiff", "aif", "au"].contains(ending) }

  private init(_ ending: String, _ type: Int, _ subtype: Int? = nil) {
    self.ending = ending
    sndfileType = Int32(type)
    ownSubtype = subtype.map { Int32($0) }
  }

  static let all: [AudioContainer] = [
    AudioContainer("wav", SF_FORMAT_WAV),
    AudioContainer("flac", SF_FORMAT_FLAC),
    AudioContainer("aiff", SF_FORMAT_AIFF),
    AudioContainer("aif", SF_FORMAT_AIFF),
    AudioContainer("au", SF_FORMAT_AU),
    AudioContainer("caf", SF_FORMAT_CAF),
    AudioContainer("w64", SF_FORMAT_W64),
    AudioContainer("rf64", SF_FORMAT_RF64),
    AudioContainer("ogg", SF_FORMAT_OGG, SF_FORMAT_VORBIS),
    AudioContainer("opus", SF_FORMAT_OGG, SF_FORMAT_OPUS),
    AudioContainer("mp3", SF_FORMAT_MPEG, SF_FORMAT_MPEG_LAYER_III),
  ]

  /// A name without an ending is a WAV file.
  init(forPath path: String) throws(CommandFailure) {
    let name = path.split(separator: "/").last ?? ""
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let ending = parts.count > 1 ? parts[parts.count - 1].lowercased() : "wav"
    guard let container = AudioContainer.all.first(where: { $0.ending == ending }) else {
      let known = AudioContainer.all.map { "." + $0.ending }
      throw CommandFailure(
        .wrongUsage, "\"\(path)\" ends in .\(ending), which names no audio format; expected one of \(Text.list(known))")
    }
    self = container
  }

  /// libsndfile's number for this container with samples of `format`, or a sentence where it has none.
  func sndfileFormat(_ format: SampleFormat?, sampleRate: Int) throws(CommandFailure) -> Int32 {
    if ownSubtype != nil && format != nil {
      throw CommandFailure(.wrongUsage, "--format has no meaning for .\(ending), which has a sample format of its own")
    }
    var info = SF_INFO()
    info.samplerate = Int32(clamping: sampleRate)
    info.channels = 1
    info.format = sndfileType | (ownSubtype ?? (format ?? .pcm16).sndfileSubtype)
    guard sf_format_check(&info) != 0 else {
      let samples = format.map { " with --format \($0.rawValue)" } ?? ""
      throw CommandFailure(.wrongUsage, "libsndfile cannot write .\(ending)\(samples) at \(sampleRate) Hz")
    }
    return info.format
  }
}
