/// Turns the choice into sound, and sound back into what a network is fed.
enum Codec {
  case muLaw(MuLaw)
  /// The prediction is the sample.
  case waveform

  init(_ configuration: CodecConfiguration, arena: inout Arena) {
    switch configuration {
    case .muLaw(_, let levels): self = .muLaw(MuLaw(levels: levels, arena: &arena))
    case .waveform: self = .waveform
    }
  }

  /// What step 0 is fed.
  var silence: Element {
    @_noLocks get {
      switch self {
      case .muLaw(let muLaw): Element(token: muLaw.silence, value: muLaw.decode(muLaw.silence))
      case .waveform: Element(token: 0, value: 0)
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
    }
  }

  /// The element of a token that the sampler chose.
  @_noLocks
  func element(of token: Int) -> Element {
    switch self {
    case .muLaw(let muLaw): Element(token: token, value: muLaw.decode(token))
    case .waveform: Element(token: token, value: 0)
    }
  }
}

extension CodecConfiguration {
  /// Hz.
  public var sampleRate: Int {
    switch self {
    case .muLaw(let sampleRate, _), .waveform(let sampleRate): sampleRate
    }
  }

  /// As the model file names it.
  public var kind: StaticString {
    switch self {
    case .muLaw: "mu_law"
    case .waveform: "waveform"
    }
  }
}
