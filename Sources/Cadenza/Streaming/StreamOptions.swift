/// How a stream begins. Ranges are those of `cadenza_stream_options` in the C header.
public struct StreamOptions: Sendable {
  /// Hz of the output; 0: the model's. Another one is converted to, 1,000 … 768,000.
  public var sampleRate: Int = 0
  /// Hz of the audio that `prime` and `score` take; 0: the model's. Another one is converted from, 1,000 … 768,000.
  public var inputSampleRate: Int = 0
  /// The host's largest usual block, a hint.
  public var maximumBlockFrames: Int = 4096
  /// Of the random generator; the same seed gives the same bits.
  public var seed: UInt64 = 0
  /// Divides the logits; 0: greedy. 0 … 100.
  public var temperature: Float = 1
  /// Draw among the k likeliest only; 0: off.
  public var topK: Int = 0
  /// Draw among the smallest set whose probability reaches this; 1: off. 0 … 1.
  public var topP: Float = 1
  /// Multiplies the output. 0 … 16.
  public var gain: Float = 1
  /// 0: generate inside the callback.
  public var renderAheadFrames: Int = 0
  /// 0: the model plays on its own. 1 … 64: it plays the notes of `Stream.noteOn`, so many at a time.
  public var voices: Int = 0

  /// Frames that one call takes at most: what is beyond can only be a mistake.
  public static var maximumFrames: Int { @_noLocks get { 1 << 30 } }

  /// The defaults, where no model says otherwise.
  public init() {}

  /// The defaults of `model`.
  public init(for model: Model) {
    temperature = model.configuration.sampling.temperature
    topK = model.configuration.sampling.topK
    topP = model.configuration.sampling.topP
  }
}

extension StreamOptions {
  /// Throws where a value is out of range, or asks for what this version or this model does not have.
  func check(for model: Model) throws(Failure) {
    try StreamOptions.check(sampleRate, "sample_rate", model)
    try StreamOptions.check(inputSampleRate, "input_sample_rate", model)
    guard renderAheadFrames == 0 else {
      throw Failure(
        .unsupported, "render_ahead_frames is \(renderAheadFrames): this version generates inside the callback, pass 0")
    }
    guard Parameter.temperature.accepts(temperature) else {
      throw Failure(.invalidArgument, "temperature is out of range, expected 0 to 100")
    }
    guard topK >= 0 && topK <= 16_777_216 else {
      throw Failure(.invalidArgument, "top_k is \(topK), expected 0 to 16777216")
    }
    guard Parameter.topP.accepts(topP) else { throw Failure(.invalidArgument, "top_p is out of range, expected 0 to 1") }
    guard Parameter.gain.accepts(gain) else { throw Failure(.invalidArgument, "gain is out of range, expected 0 to 16") }
    guard voices >= 0 && voices <= InstrumentOptions.voiceCounts.upperBound else {
      throw Failure(.invalidArgument, "voices is \(voices), expected 0 to \(InstrumentOptions.voiceCounts.upperBound)")
    }
    if voices > 0 { _ = try model.configuration.checkThatItPlaysNotes() }
    guard maximumBlockFrames >= 0 && maximumBlockFrames <= StreamOptions.maximumFrames else {
      throw Failure(.invalidArgument, "max_block_frames is \(maximumBlockFrames), expected 0 to \(StreamOptions.maximumFrames)")
    }
  }

  private static func check(_ rate: Int, _ name: StaticString, _ model: Model) throws(Failure) {
    let rates = CodecConfiguration.sampleRates
    guard rate == 0 || rates.contains(rate) else {
      throw Failure(
        .invalidArgument,
        "\(name) is \(rate) Hz, expected \(rates.lowerBound) to \(rates.upperBound), or 0 for the model's \(model.sampleRate) Hz"
      )
    }
  }

  /// The rates of a stream of `model`.
  func rates(for model: Model) -> StreamRates {
    StreamRates(model: model.sampleRate, output: sampleRate, input: inputSampleRate)
  }
}
