import ArgumentParser
import CSndfile

/// How a sample is stored in an output.
enum SampleFormat: String, CaseIterable, ExpressibleByArgument {
  case pcm16 = "16"
  case pcm24 = "24"
  case float

  var byteCount: Int {
    switch self {
    case .pcm16: 2
    case .pcm24: 3
    case .float: 4
    }
  }

  var sndfileSubtype: Int32 {
    switch self {
    case .pcm16: Int32(SF_FORMAT_PCM_16)
    case .pcm24: Int32(SF_FORMAT_PCM_24)
    case .float: Int32(SF_FORMAT_FLOAT)
    }
  }
}
