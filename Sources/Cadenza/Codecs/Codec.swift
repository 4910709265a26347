/// Turns the choice into sound, and sound back into what a network is fed; or, of a composer, the choice into notes.
enum Codec {
  case muLaw(MuLaw)
  /// The prediction is the sample.
  case waveform
  /// Notes have no sound of their own: as samples, all of what follows is silence.
  case notes(NoteCodec)
  /// The network gives frames, and is fed none: a `FrameCodec` makes sound of them.
  case frames

  init(_ configuration: CodecConfiguration, arena: inout Arena) {
    switch configuration {
    case .muLaw(_, let levels): self = .muLaw(MuLaw(levels: levels, arena: &arena))
    case .waveform: self = .waveform
    case .harmonic, .spectrogram: self = .frames
    case .notes(let configuration): self = .notes(NoteCodec(configuration, arena: &arena))
    }
  }

  /// What step 0 is fed.
  var silence: Element {
    @_noLocks get {
      switch self {
      case .muLaw(let muLaw): Element(token: muLaw.silence, value: muLaw.decode(muLaw.silence))
      case .waveform, .notes, .frames: Element(token: 0, value: 0)
      }
    }
  }

  /// The element that the network is fed for `sample`.
  @_noLocks
  func element(of sample: Float) -> Element {
    switch self {
    case .muLaw(let muLaw):
      let token = muLaw.encode(sample)
      return Element(token: token, value: muLaw.decode(token))
    case .waveform: return Element(token: 0, value: sample < -1 ? -1 : sample > 1 ? 1 : sample)
    case .notes, .frames: return Element(token: 0, value: 0)
    }
  }

  /// The element of a token that the sampler chose.
  @_noLocks
  func element(of token: Int) -> Element {
    switch self {
    case .muLaw(let muLaw): Element(token: token, value: muLaw.decode(token))
    case .waveform, .notes, .frames: Element(token: token, value: 0)
    }
  }
}

extension CodecConfiguration {
  /// At which a composer's streams play where the host does not say, in Hz.
  static let composerSampleRate = 48_000

  /// Hz.
  public var sampleRate: Int {
    switch self {
    case .muLaw(let sampleRate, _), .waveform(let sampleRate, _): sampleRate
    case .harmonic(let harmonic): harmonic.sampleRate
    case .spectrogram(let spectrogram): spectrogram.sampleRate
    case .notes: CodecConfiguration.composerSampleRate
    }
  }

  /// As the model file names it.
  public var kind: StaticString {
    switch self {
    case .muLaw: "mu_law"
    case .waveform: "waveform"
    case .harmonic: "harmonic"
    case .spectrogram: "spectrogram"
    case .notes(let notes): notes.kindName
    }
  }

  /// Samples that a frame stands for; 1 where there are no frames.
  public var hop: Int {
    switch self {
    case .muLaw, .waveform, .notes: 1
    case .harmonic(let harmonic): harmonic.hop
    case .spectrogram(let spectrogram): spectrogram.hop
    }
  }

  /// Whether frames turn into sound only when all of a clip's are there.
  var needsAllFrames: Bool {
    guard case .spectrogram(let spectrogram) = self, case .none = spectrogram.phase else { return false }
    return true
  }
}
