/// How an instrument plays notes. Ranges are those of `cadenza_instrument_options` in the C header.
public struct InstrumentOptions: Sendable {
  /// Notes that sound at once, those that are fading included. 1 … 64.
  public var voices: Int = 8
  /// Draw among the k likeliest only; 0: off.
  public var topK: Int = 0
  /// Divides the logits; 0: greedy. 0 … 100.
  public var temperature: Float = 1
  /// Draw among the smallest set whose probability reaches this; 1: off. 0 … 1.
  public var topP: Float = 1
  /// Of a note at full velocity. 0 … 16.
  public var gain: Float = 0.5
  /// A note fades in for so long. 0.001 … 10.
  public var attackSeconds: Float = 0.003
  /// And out after its end. 0.001 … 10.
  public var releaseSeconds: Float = 0.08
  /// Semitones added to every pitch, −127 … 127.
  public var transpose: Int = 0

  /// Notes at once that may be asked for.
  public static let voiceCounts = 1...64
  static let seconds: ClosedRange<Float> = 0.001...10
  static let transpositions = -127...127

  /// The defaults, where no model says otherwise.
  public init() {}

  /// The defaults of a model with these sampling defaults.
  init(_ sampling: SamplingConfiguration) {
    temperature = sampling.temperature
    topK = sampling.topK
    topP = sampling.topP
  }

  var settings: SamplerSettings { SamplerSettings(temperature: temperature, topK: topK, topP: topP) }

  /// Throws `invalidArgument` where a value is out of range.
  func check() throws(Failure) {
    guard InstrumentOptions.voiceCounts.contains(voices) else {
      throw Failure(.invalidArgument, "voices is \(voices), expected 1 to 64")
    }
    guard topK >= 0 && topK <= 16_777_216 else {
      throw Failure(.invalidArgument, "top_k is \(topK), expected 0 to 16777216")
    }
    guard Parameter.temperature.accepts(temperature) else {
      throw Failure(.invalidArgument, "temperature is out of range, expected 0 to 100")
    }
    guard Parameter.topP.accepts(topP) else { throw Failure(.invalidArgument, "top_p is out of range, expected 0 to 1") }
    guard Parameter.gain.accepts(gain) else { throw Failure(.invalidArgument, "gain is out of range, expected 0 to 16") }
    guard InstrumentOptions.seconds.contains(attackSeconds) else {
      throw Failure(.invalidArgument, "attack_seconds is out of range, expected 0.001 to 10")
    }
    guard InstrumentOptions.seconds.contains(releaseSeconds) else {
      throw Failure(.invalidArgument, "release_seconds is out of range, expected 0.001 to 10")
    }
    guard InstrumentOptions.transpositions.contains(transpose) else {
      throw Failure(.invalidArgument, "transpose is \(transpose), expected -127 to 127")
    }
  }
}

extension Configuration {
  /// Index of the condition that notes set; nil where there is none.
  var pitchCondition: Int? {
    conditions.firstIndex { $0.name.utf8.elementsEqual("pitch".utf8) }
  }

  /// The index of the condition that notes set. Throws `unsupported`, and says why, where a model of this configuration cannot
  /// play notes.
  func checkThatItPlaysNotes() throws(Failure) -> Int {
    switch codec {
    case .muLaw, .waveform, .harmonic, .spectrogram: break
    case .notes:
      throw Failure(.unsupported, "the model composes notes: what plays them is a model of audio")
    }
    // (An embedding begins anew with each note.)
    for condition in conditions where condition.framesPerValue != nil && !condition.isEmbedding {
      throw Failure(
        .unsupported,
        "the model has the local condition \(quoted: condition.name.utf8): an instrument's conditions last for a whole note")
    }
    guard let index = pitchCondition else {
      throw Failure(.unsupported, "the model has no condition \"pitch\", so it cannot play notes")
    }
    guard case .classes = conditions[index].kind else {
      throw Failure(.unsupported, "the model's condition \"pitch\" is of numbers, expected classes")
    }
    return index
  }
}
