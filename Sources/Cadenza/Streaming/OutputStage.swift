import CadenzaKernels

/// What everything that a stream outputs passes last, sample by sample: a filter against what is constant, the gain, which moves
/// smoothly, transitions between sounds that do not belong together, and a limit.
///
/// All of it counts frames, so that any split into blocks gives the same bits.
struct OutputStage {
  /// How long a change of the gain and a transition take, in frames; 0: they are steps.
  private let smoothingFrames: Int
  /// The output lies in ± this.
  private let limit: Float
  /// R of y[n] = x[n] − x[n − 1] + R y[n − 1], above 0; 0: no filter.
  private let feedback: Float
  /// x[n − 1] and y[n − 1].
  private var filterInput: Float = 0
  private var filterOutput: Float = 0

  /// Whether a sound has passed since the beginning: the gain of the first one applies at once.
  private var hasBegun = false
  /// Where the gain is going, where it came from, and for how many frames of `rampLength` it still moves.
  private var targetGain: Float = 1
  private var startGain: Float = 1
  private var rampLength = 0
  private var rampLeft = 0

  /// The latest sample of the output.
  private var last: Float = 0
  /// What the latest transition adds to the sound at its beginning, and for how many frames of `fadeLength` it still does.
  private var offset: Float = 0
  private var fadeLength = 0
  private var fadeLeft = 0
  /// Whether a transition begins with the next sample.
  private var isDue = false

  /// The options are checked; `sampleRate` is the output's.
  init(_ options: StreamOptions, sampleRate: Int) {
    smoothingFrames = Int(Double(options.smoothingSeconds) * Double(sampleRate) + 0.5)
    limit = options.outputLimit
    feedback = OutputStage.feedback(corner: Double(options.dcBlockerHertz) / Double(sampleRate))
  }

  /// R for a corner frequency in parts of the sample rate, below 0.1: there the filter passes half of the power that it passes at half
  /// the sample rate. From |H|² = (2 − 2 cos ω) / (1 + R² − 2 R cos ω) it follows that R = tan(π/4 − ω/2), ω = 2π · corner. The
  /// series are summed here, so that R is the same number with any C library: below 0.1 their ends are below 1e-17.
  private static func feedback(corner: Double) -> Float {
    guard corner > 0 else { return 0 }
    let angle = Double.pi * corner
    var sine = 0.0
    var cosine = 0.0
    var term = 1.0
    for power in 0..<16 {
      let signed = power & 2 == 0 ? term : -term
      if power & 1 == 0 { cosine += signed } else { sine += signed }
      term *= angle / Double(power + 1)
    }
    return Float((cosine - sine) / (cosine + sine))
  }

  /// Back to the beginning. Where the output was silent, what follows begins at once; else after a transition.
  @_noLocks
  mutating func reset() {
    filterInput = 0
    filterOutput = 0
    hasBegun = false
    rampLeft = 0
    fadeLeft = 0
    isDue = false
    if last != 0 { beginTransition() }
  }

  /// What follows does not continue what was: the difference between the latest sample and the next one is carried over, and fades out
  /// under a raised cosine.
  @_noLocks
  mutating func beginTransition() { isDue = smoothingFrames > 0 }

  // MARK: Sound

  /// Processes the next `frames` samples in place; `gain` is the one last set.
  @_noLocks
  mutating func process(_ samples: UnsafeMutablePointer<Float>, frames: Int, gain: Float) {
    guard frames > 0 else { return }
    setGain(gain)
    if feedback != 0 { filter(samples, frames) }
    var frame = 0
    while frame < frames && (rampLeft > 0 || fadeLeft > 0 || isDue) {
      samples[frame] = limited(faded(samples[frame] * nextGain()))
      last = samples[frame]
      frame += 1
    }
    if frame == frames { return }
    while frame < frames {
      samples[frame] = limited(samples[frame] * targetGain)
      frame += 1
    }
    last = samples[frames - 1]
  }

  /// Writes `frames` samples of silence where no sound is to be had: what was fades out, and the sound's own time stands still.
  @_noLocks
  mutating func rest(_ samples: UnsafeMutablePointer<Float>, frames: Int) {
    for frame in 0..<frames {
      samples[frame] = isDue || fadeLeft > 0 ? limited(faded(0)) : 0
      last = samples[frame]
    }
  }

  @_noLocks
  private mutating func filter(_ samples: UnsafeMutablePointer<Float>, _ frames: Int) {
    for frame in 0..<frames {
      let input = samples[frame]
      var output = input - filterInput + feedback * filterOutput
      // Where the sound has ended, the output would halve for ever, down to numbers that are slow to compute with.
      if output.magnitude < 1e-20 { output = 0 }
      filterInput = input
      filterOutput = output
      samples[frame] = output
    }
  }

  @_noLocks
  private mutating func setGain(_ gain: Float) {
    if !hasBegun {
      hasBegun = true
      rampLeft = 0
      targetGain = gain
    } else if gain != targetGain {
      startGain = rampLeft == 0 ? targetGain : rampGain
      targetGain = gain
      rampLength = smoothingFrames
      rampLeft = smoothingFrames
    }
  }

  /// The gain while it moves, `rampLeft` frames before its end.
  private var rampGain: Float {
    @_noLocks get { targetGain + (startGain - targetGain) * (Float(rampLeft) / Float(rampLength)) }
  }

  @_noLocks @inline(__always)
  private mutating func nextGain() -> Float {
    if rampLeft == 0 { return targetGain }
    rampLeft -= 1
    return rampGain
  }

  /// Adds what the transition carries over.
  @_noLocks
  private mutating func faded(_ sample: Float) -> Float {
    if isDue {
      isDue = false
      offset = last - sample
      fadeLength = smoothingFrames
      fadeLeft = smoothingFrames
    }
    if fadeLeft == 0 { return sample }
    // From just below 1 down to just above 0: (1 − cos π t) / 2 = sin² (π t / 2), its series good to 1e-7.
    let x = Float(fadeLeft) / Float(fadeLength + 1) * (Float.pi / 2)
    let square = x * x
    let sine =
      x * (1 + square * (-1 / 6 + square * (1 / 120 + square * (-1 / 5_040 + square * (1 / 362_880 - square / 39_916_800)))))
    fadeLeft -= 1
    return sample + offset * (sine * sine)
  }

  /// Within the limit; 0 where it is no number, which no player gives.
  @_noLocks @inline(__always)
  private func limited(_ sample: Float) -> Float {
    if sample.magnitude <= limit { return sample }
    guard sample.isFinite else { return 0 }
    return sample > 0 ? limit : -limit
  }

  // MARK: State

  static let savedByteCount = 48

  func save(_ writer: inout ByteWriter) {
    writer.write(UInt32(hasBegun ? 1 : 0) | (isDue ? 2 : 0))
    writer.write(filterInput.bitPattern)
    writer.write(filterOutput.bitPattern)
    writer.write(targetGain.bitPattern)
    writer.write(startGain.bitPattern)
    writer.write(UInt32(rampLength))
    writer.write(UInt32(rampLeft))
    writer.write(last.bitPattern)
    writer.write(offset.bitPattern)
    writer.write(UInt32(fadeLength))
    writer.write(UInt32(fadeLeft))
    writer.write(UInt32(0))
  }

  /// More frames than the longest change takes: a second at 768,000 Hz.
  private static let maximumFrames: UInt32 = 768_000
  /// Far more than voices add up to.
  private static let maximumSample: Float = 65_536

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted. A stream that
  /// was silent goes on with the same bits as the one that was saved; one that sounds, after a transition.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let flags = reader.readUInt32()
    let input = Float(bitPattern: reader.readUInt32())
    let output = Float(bitPattern: reader.readUInt32())
    let target = Float(bitPattern: reader.readUInt32())
    let start = Float(bitPattern: reader.readUInt32())
    let rampLength = reader.readUInt32()
    let rampLeft = reader.readUInt32()
    let last = Float(bitPattern: reader.readUInt32())
    let offset = Float(bitPattern: reader.readUInt32())
    let fadeLength = reader.readUInt32()
    let fadeLeft = reader.readUInt32()
    guard flags <= 3, reader.readUInt32() == 0, Parameter.gain.accepts(target), Parameter.gain.accepts(start),
      rampLength <= OutputStage.maximumFrames, rampLeft <= rampLength,
      fadeLength <= OutputStage.maximumFrames, fadeLeft <= fadeLength
    else { return false }
    for number in [input, output, last, offset] {
      guard number.magnitude <= OutputStage.maximumSample else { return false }
    }
    guard isLoading else { return true }
    filterInput = input
    filterOutput = output
    hasBegun = flags & 1 != 0
    targetGain = target
    startGain = start
    self.rampLength = Int(rampLength)
    self.rampLeft = Int(rampLeft)
    self.fadeLength = Int(fadeLength)
    if self.last != 0 && smoothingFrames > 0 {
      self.fadeLeft = 0
      isDue = true
      return true
    }
    self.fadeLeft = Int(fadeLeft)
    self.offset = offset
    self.last = last
    isDue = flags & 2 != 0
    return true
  }
}
