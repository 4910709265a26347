import Cadenza

/// One model under measurement.
final class BenchSubject {
  let name: String
  let weights: String
  let model: Model
  /// Bytes of weights that one sample reads.
  let weightBytesPerSample: Int
  let loadSeconds: Double

  private let run: Run
  private let buffer: UnsafeMutableBufferPointer<Float>
  private let probe: BandwidthProbe
  private var blockTimes = BlockTimes()
  /// What takes a block: a stream of sound; a composer's network, whose steps are the samples here, one a block.
  private enum Run {
    case stream(Stream)
    /// A stream whose voices all play a note, which begins again when it is over.
    case notes(Stream, voices: Int)
    case steps(NetworkSteps)
    /// A model's encoder, given one recording after another, as long as a block.
    case encoder
  }

  /// One figure for each round: processor time, and time on the wall.
  private var nanosecondsPerSample: [Double] = []
  private var wallNanosecondsPerSample: [Double] = []
  private var bandwidths: [Double] = []

  /// Frames until the notes that sound are over.
  private var framesLeft = 0

  /// `voices`: notes that play at once; 0: the model plays on its own. `encodes`: its encoder is measured, and nothing played.
  init(
    name: String, weights: String, block: Int, voices: Int = 0, encodes: Bool = false, load: () throws -> Model
  ) throws {
    self.name = name
    self.weights = weights
    var loads: [Double] = []
    var loaded: Model?
    // The first time also warms caches and pages.
    for _ in 0..<5 {
      try Interruption.check()
      loaded = nil
      let start = Clock.nanoseconds()
      loaded = try load()
      loads.append(Clock.seconds(since: start))
    }
    guard let loaded else { throw CommandFailure("\(name) was not loaded") }
    model = loaded
    loadSeconds = BenchSubject.median(loads)
    weightBytesPerSample = BenchSubject.weightBytesPerSample(model)
    if encodes {
      run = .encoder
      buffer = .allocate(capacity: BenchSubject.recordingFrames)
    } else if case .notes = model.configuration.codec {
      guard let steps = NetworkSteps(model: model) else { throw CommandFailure("no memory for a state of \(name)") }
      if case .transformer(let network) = model.configuration.network { _ = steps.take(network.window) }
      run = .steps(steps)
      buffer = .allocate(capacity: 1)
    } else {
      var options = StreamOptions(for: model)
      options.maximumBlockFrames = block
      options.voices = voices
      let stream = try Stream(model: model, options: options)
      try BenchSubject.fillPast(of: stream, model)
      run = voices > 0 ? .notes(stream, voices: voices) : .stream(stream)
      buffer = .allocate(capacity: block)
    }
    buffer.initialize(repeating: 0)
    if encodes {
      for index in buffer.indices { buffer[index] = Float(index % 37) / 37 - 0.5 }
    }
    probe = BandwidthProbe(
      footprint: LayerShapes(model.configuration).footprint(bytesPerWeight: BenchSubject.bytesPerWeight(model)))
  }

  deinit { buffer.deallocate() }

  /// Generates for about `seconds`, then probes the memory for a while, so that both meet the same neighbours.
  func round(seconds: Double, isWarmUp: Bool = false) throws {
    guard let base = buffer.baseAddress else { return }
    var blocks = 0
    let processorStart = Clock.processorNanoseconds()
    let start = Clock.nanoseconds()
    var now = start
    let end = start + UInt64(seconds * 1e9)
    while now < end || blocks == 0 {
      let status: Status =
        switch run {
        case .stream(let stream): play(stream, into: base)
        case .notes(let stream, let voices): play(stream, voices: voices, into: base)
        case .steps(let steps): steps.take(buffer.count) ? .ok : .numeric
        case .encoder: try encode()
        }
      let then = now
      now = Clock.nanoseconds()
      if status.rawValue < 0 { throw CommandFailure("\(name): \(status.phrase)") }
      if !isWarmUp { blockTimes.append(now - then) }
      blocks += 1
      if blocks.isMultiple(of: 64) { try Interruption.check() }
    }
    let processorTime = Clock.processorNanoseconds() - processorStart
    try Interruption.check()
    let bandwidth = probe.measure(seconds: min(0.03, seconds / 4))
    guard !isWarmUp else { return }
    nanosecondsPerSample.append(Double(processorTime) / Double(blocks * buffer.count))
    wallNanosecondsPerSample.append(Double(now - start) / Double(blocks * buffer.count))
    bandwidths.append(bandwidth)
  }

  /// Of a recording that is encoded: a second at 16 kHz, and a little more.
  private static let recordingFrames = 16_384

  private func encode() throws -> Status {
    let numbers = try model.encode(
      UnsafeBufferPointer(buffer), sampleRate: model.sampleRate, conditions: model.configuration.conditions.map(\.defaultValue))
    return numbers.isEmpty ? .numeric : .ok
  }

  /// The next block; a clip that is over begins again.
  private func play(_ stream: Stream, into base: UnsafeMutablePointer<Float>) -> Status {
    let status = stream.generate(into: base, frames: buffer.count)
    return status == .end ? stream.reset(seed: 0) : status
  }

  /// The next block of all voices, whose notes have begun one after another: so as they would be played.
  private func play(_ stream: Stream, voices: Int, into base: UnsafeMutablePointer<Float>) -> Status {
    if framesLeft <= 0 {
      let clip = model.clipFrames ?? model.sampleRate
      for voice in 0..<voices {
        let status = stream.noteOn(frame: voice * buffer.count, voice: 0, pitch: 48 + 3 * voice, velocity: 0.5)
        if status.rawValue < 0 { return status }
      }
      framesLeft = clip + voices * buffer.count
    }
    framesLeft -= buffer.count
    return stream.generate(into: base, frames: buffer.count)
  }

  /// Of samples; a composer's steps have none.
  private var sampleRate: Int? {
    if case .steps = run { return nil }
    return model.sampleRate
  }

  func result() -> BenchResult {
    BenchResult(
      name: name, weights: weights, sampleRate: sampleRate, block: buffer.count, blocks: blockTimes.count,
      nanosecondsPerSample: BenchSubject.median(nanosecondsPerSample),
      bestNanosecondsPerSample: nanosecondsPerSample.min() ?? 0,
      wallNanosecondsPerSample: BenchSubject.median(wallNanosecondsPerSample),
      blockMicroseconds: [0.5, 0.99, 0.999, 1].map { blockTimes.quantile($0) },
      weightBytesPerSample: weightBytesPerSample, readBandwidth: BenchSubject.median(bandwidths),
      loadMilliseconds: loadSeconds * 1e3, weightBytes: model.weightBytes, streamBytes: model.streamBytes)
  }

  /// Feeds a transformer of sound as many samples as its window holds: before that, a step reads less of the past and costs less.
  private static func fillPast(of stream: Stream, _ model: Model) throws {
    guard case .transformer(let network) = model.configuration.network, case .muLaw = model.configuration.codec else { return }
    var state: UInt32 = 1
    let samples = (0..<network.window).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) * 0x1p-23 - 1
    }
    let status = samples.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { stream.prime($0, frames: buffer.count) } ?? .ok
    }
    if status.rawValue < 0 { throw CommandFailure("the window was not filled: \(status.phrase)") }
  }

  /// A model file may mix storage types; its weights count with the one that fits its memory best.
  private static func bytesPerWeight(_ model: Model) -> Int {
    model.weightBytes < 3 * model.parameterCount ? 2 : 4
  }

  private static func weightBytesPerSample(_ model: Model) -> Int {
    let bytes = LayerShapes(model.configuration).bytesPerSample(bytesPerWeight: bytesPerWeight(model))
    // A recurrent network over frames is gone through once for all samples of an element.
    guard case .spectrogram(let codec) = model.configuration.codec, case .recurrent = model.configuration.network else {
      return bytes
    }
    return bytes / (codec.hop * codec.columns)
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
