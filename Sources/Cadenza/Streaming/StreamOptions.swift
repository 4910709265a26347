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
  /// 0: `generate` generates. 1 … 2²⁴: a thread of the stream's own generates so many frames ahead, and `generate` copies.
  public var renderAheadFrames: Int = 0
  /// 0: the model plays on its own. 1 … 64: it plays the notes of `Stream.noteOn`, so many at a time.
  public var voices: Int = 0
  /// How long a change of the gain takes, and the transition after a reset, a loaded state, a drop or an underrun, in seconds, 0 … 1;
  /// 0: they are steps, and a stream that was reset gives the bits of a new one from its first frame on.
  public var smoothingSeconds: Float = 0.005
  /// The output lies in ± this, whatever happens. 0.001 … 16.
  public var outputLimit: Float = 4
  /// Corner frequency in Hz of a filter that takes away what is constant, below a tenth of the output's rate; 0: none.
  public var dcBlockerHertz: Float = 0

  /// Frames that one call takes at most: what is beyond can only be a mistake.
  public static var maximumFrames: Int { @_noLocks get { 1 << 30 } }
  /// Frames that may be rendered ahead.
  public static var maximumRenderAheadFrames: Int { 1 << 24 }

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
    guard renderAheadFrames >= 0 && renderAheadFrames <= StreamOptions.maximumRenderAheadFrames else {
      throw Failure(
        .invalidArgument,
        "render_ahead_frames is \(renderAheadFrames), expected 0 to \(StreamOptions.maximumRenderAheadFrames)")
    }
    guard renderAheadFrames > 0 || !model.decodesWhole else {
      throw Failure(
        .unsupported,
        "the model decodes a clip as a whole, which no audio thread has the time for: render_ahead_frames must be above 0")
    }
    guard smoothingSeconds >= 0 && smoothingSeconds <= 1 else {
      throw Failure(.invalidArgument, "smoothing_seconds is out of range, expected 0 to 1")
    }
    guard outputLimit >= 0.001 && outputLimit <= 16 else {
      throw Failure(.invalidArgument, "output_limit is out of range, expected 0.001 to 16")
    }
    let outputRate = rates(for: model).output
    guard dcBlockerHertz >= 0 && Double(dcBlockerHertz) < Double(outputRate) / 10 else {
      throw Failure(.invalidArgument, "dc_blocker_hertz is out of range, expected 0, or less than a tenth of \(outputRate) Hz")
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
