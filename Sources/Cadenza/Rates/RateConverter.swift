import CadenzaKernels

/// Converts a signal from one sample rate to another, sample by sample: `push` as many as are `needed`, then take the `next`.
///
/// It lags: input sample n is at output sample n · output / input + `latency`. All its memory is in the arena.
struct RateConverter {
  private let kernels: UnsafePointer<ck_kernels>
  private let filter: ConversionFilter
  /// The latest samples of the input, each stored twice, so that those of any moment lie in one piece.
  private let history: UnsafeMutablePointer<Float>
  /// Where the next sample goes, 0 ..< tapCount: the oldest one's place.
  private var position = 0
  /// Where the next output is behind the latest input that it needs, in 1 / ratio.output of an input sample.
  private(set) var phase = 0
  /// Samples of the input that the next output waits for.
  private(set) var needed = 1

  /// Samples of the output by which it lags.
  var latency: Int {
    @_noLocks get { filter.latency }
  }
  var isReady: Bool {
    @_noLocks get { needed <= 0 }
  }
  private var tapCount: Int {
    @_noLocks get { filter.tapCount }
  }

  init(_ ratio: RateRatio, kernels: UnsafePointer<ck_kernels>, arena: inout Arena) {
    self.kernels = kernels
    filter = ConversionFilter(ratio, arena: &arena)
    history = arena.take(Float.self, count: 2 * filter.tapCount)
  }

  /// Back to the beginning, after silence.
  @_noLocks
  mutating func reset() {
    ck_zero(history, 2 * tapCount * 4)
    position = 0
    phase = 0
    needed = 1
  }

  /// Takes the next sample of the input.
  @_noLocks @inline(__always)
  mutating func push(_ sample: Float) {
    insert(sample)
    needed -= 1
  }

  /// Takes a sample that makes the past one sample longer, and brings the next output no closer.
  @_noLocks @inline(__always)
  mutating func insert(_ sample: Float) {
    history[position] = sample
    history[position + tapCount] = sample
    position = position + 1 == tapCount ? 0 : position + 1
  }

  /// Sample `age` of the past: 0 is the latest, tapCount − 1 the oldest.
  @_noLocks
  func past(_ age: Int) -> Float { history[position + tapCount - 1 - age] }

  /// The next sample of the output, where nothing is needed any more.
  @_noLocks @inline(__always)
  mutating func next() -> Float {
    let sample = filter.apply(to: history + position, phase: phase, kernels)
    advance()
    return sample
  }

  /// Goes on to the next sample of the output.
  @_noLocks @inline(__always)
  mutating func advance() {
    phase += filter.ratio.input
    needed += phase / filter.ratio.output
    phase %= filter.ratio.output
  }

  // MARK: State

  var savedByteCount: Int { 8 + tapCount * 4 }

  func save(_ writer: inout ByteWriter) {
    writer.write(UInt32(phase))
    writer.write(UInt32(needed))
    writer.write(UnsafeRawPointer(history + position), count: tapCount * 4)
  }

  /// Reads what `save` wrote; false where that cannot be: no sample is beyond `limit`. Changes nothing but where `isLoading`,
  /// after it was accepted.
  mutating func read(_ reader: inout ByteReader, limit: Float = 4, isLoading: Bool) -> Bool {
    let phase = Int(reader.readUInt32())
    let needed = Int(reader.readUInt32())
    guard phase < filter.ratio.output, needed <= filter.ratio.input / filter.ratio.output + 1 else { return false }
    for tap in 0..<tapCount {
      let sample = Float(bitPattern: reader.readUInt32())
      // Beyond what a codec or a clipped and extended sound gives, numbers could grow until they are none.
      guard sample >= -limit, sample <= limit else { return false }
      if isLoading {
        history[tap] = sample
        history[tap + tapCount] = sample
      }
    }
    if isLoading {
      position = 0
      self.phase = phase
      self.needed = needed
    }
    return true
  }
}
