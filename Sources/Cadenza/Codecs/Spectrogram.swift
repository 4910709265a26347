import CadenzaKernels

/// Frames that are columns of a short-time Fourier transform. FORMAT.md states the equations.
///
/// Frame t is centred on sample t · hop. A hop of samples is complete when the last frame that reaches into it has been added: half
/// the overlap later than the frame that begins there.
///
/// Tables lie in the model's memory; what changes lies in a state, at the offsets of its layout.
struct Spectrogram {
  /// Samples of a frame.
  let frameSize: Int
  /// Samples from a frame to the next.
  let hop: Int
  let bins: Int
  /// In whole panels.
  private let paddedBins: Int
  let phase: SpectrogramConfiguration.Phase
  /// Numbers of a frame.
  let frameNumbers: Int
  /// Frames that a sample lies in, at most.
  let overlap: Int

  /// The logarithm of a magnitude is `center` + m · `radius`.
  let center: Float
  let radius: Float

  let fourier: UnsafePointer<ck_fourier>
  /// The periodic Hann window, and its squares.
  let window: UnsafePointer<Float>
  private let squaredWindow: UnsafePointer<Float>
  /// Sums of the squares for each sample of a hop, where all frames are there.
  private let weights: UnsafePointer<Float>

  // Offsets into the state. Saved:
  /// What has been added of the samples from the next hop on.
  private let pendingOffset: Int
  /// A count of turns for each bin (see `ck_turn_of`): its phase in the latest frame, where frames tell how it moves.
  let turnsOffset: Int
  /// Frames added, counted up to twice the overlap, then hops that were given after the last one: two UInt32.
  private let countersOffset: Int
  // Scratch:
  private let magnitudeOffset: Int
  private let angleOffset: Int
  /// As `SpectrumScratch` divides it.
  private let scratchOffset: Int

  /// Below this, a sum of squared windows is not divided by: a frame on its own does not say what lay at its edges.
  static var leastWeight: Float { @_noLocks get { 1e-3 } }

  init(_ configuration: SpectrogramConfiguration, arena: inout Arena, layout: inout StateLayout) {
    frameSize = configuration.frameSize
    hop = configuration.hop
    bins = configuration.bins
    paddedBins = RowOrder.padded(bins)
    phase = configuration.phase
    frameNumbers = configuration.frameNumbers
    overlap = configuration.overlap
    let (low, high) = (configuration.magnitude.lowerBound, configuration.magnitude.upperBound)
    center = Float((low + high) / 2)
    radius = Float((high - low) / 2)

    let place = arena.take(ck_fourier.self, count: 1)
    let tables = arena.take(Float.self, count: ck_fourier_table_count(frameSize))
    let windowPlace = arena.take(Float.self, count: frameSize)
    let squaredPlace = arena.take(Float.self, count: frameSize)
    let weightPlace = arena.take(Float.self, count: hop)
    if !arena.isMeasuring {
      place.initialize(to: ck_fourier_fill(frameSize, tables))
      for index in 0..<frameSize {
        // ½ − ½ cos(2πn / N)
        let value = 0.5 - 0.5 * ck_sine_of_pi(2 * Double(index) / Double(frameSize) + 0.5)
        windowPlace[index] = Float(value)
        squaredPlace[index] = Float(value * value)
      }
    }
    fourier = UnsafePointer(place)
    window = UnsafePointer(windowPlace)
    squaredWindow = UnsafePointer(squaredPlace)
    weights = UnsafePointer(weightPlace)

    pendingOffset = layout.take(frameSize)
    if case .instantaneousFrequency = phase { turnsOffset = layout.take(bins) } else { turnsOffset = layout.take(0) }
    countersOffset = layout.take(2)
    layout.beginScratch()
    magnitudeOffset = layout.take(bins)
    angleOffset = layout.take(bins)
    scratchOffset = layout.take(SpectrumScratch.count(frameSize: frameSize))
    if !arena.isMeasuring {
      for index in 0..<hop { weightPlace[index] = weight(at: index, newest: 0, oldest: overlap - 1) }
    }
  }

  /// The sum of squared windows at sample `index` of a hop, over the frames that it is segment `newest` … `oldest` of.
  @_noLocks
  private func weight(at index: Int, newest: Int, oldest: Int) -> Float {
    var weight: Float = 0
    var segment = oldest
    while segment >= newest {
      weight += squaredWindow[segment * hop + index]
      segment -= 1
    }
    return weight < Spectrogram.leastWeight ? Spectrogram.leastWeight : weight
  }

  // MARK: Frames to sound

  /// Makes any state the beginning of a clip.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    ck_zero(state + pendingOffset, frameSize * 4)
    if case .instantaneousFrequency = phase { ck_zero(state + turnsOffset, bins * 4) }
    let counters = counters(state)
    counters[0] = 0
    counters[1] = 0
  }

  /// Adds a frame of finite numbers; true: the next `hop` samples are complete, and written to `samples`. The first half `overlap`
  /// frames give none. Of a codec whose frames tell their phase.
  @_noLocks
  func add(
    _ state: UnsafeMutablePointer<Float>, _ frame: UnsafePointer<Float>, _ samples: UnsafeMutablePointer<Float>,
    _ kernels: UnsafePointer<ck_kernels>
  ) -> Bool {
    readMagnitudes(frame, state + magnitudeOffset, kernels)
    let angles = turns(state + angleOffset)
    if case .instantaneousFrequency = phase {
      let accumulated = turns(state + turnsOffset)
      for bin in 0..<bins {
        accumulated[bin] &+= ck_turn_of(frame[2 * bin + 1])
        angles[bin] = accumulated[bin]
      }
    } else {
      for bin in 0..<bins { angles[bin] = ck_turn_of(frame[2 * bin + 1]) }
    }
    let scratch = scratch(state)
    ck_polar(state + magnitudeOffset, angles, bins, scratch.real, scratch.imaginary)
    return addSpectrum(state, samples)
  }

  /// The inverse transform of the spectrum in the scratch, whose last bin counts as 0, to its samples.
  @_noLocks
  func invert(_ scratch: SpectrumScratch) {
    scratch.real[bins] = 0
    scratch.imaginary[bins] = 0
    ck_fourier_inverse(fourier, scratch.real, scratch.imaginary, scratch.samples, scratch.work)
  }

  /// Where spectra are made in a state.
  @_noLocks
  func scratch(_ state: UnsafeMutablePointer<Float>) -> SpectrumScratch {
    SpectrumScratch(state + scratchOffset, frameSize: frameSize)
  }

  /// The magnitudes of a frame, to `magnitudes`, in whole panels.
  @_noLocks
  func readMagnitudes(
    _ frame: UnsafePointer<Float>, _ magnitudes: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    let stride = frameNumbers / bins
    for bin in 0..<bins {
      let m = frame[stride * bin]
      magnitudes[bin] = center + (m < -1 ? -1 : m > 1 ? 1 : m) * radius
    }
    ck_exp(kernels, magnitudes, magnitudes, paddedBins)
  }

  /// Adds the frame whose spectrum, without its last bin, lies in the scratch.
  @_noLocks
  private func addSpectrum(_ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>) -> Bool {
    let scratch = scratch(state)
    invert(scratch)
    let pending = state + pendingOffset
    for index in 0..<frameSize { pending[index] += scratch.samples[index] * window[index] }
    let counters = counters(state)
    if counters[0] < UInt32(2 * overlap) { counters[0] += 1 }
    counters[1] = 0
    return give(state, samples, after: 0)
  }

  /// After the last frame: true where another `hop` samples are owed, which are written to `samples`.
  @_noLocks
  func finish(_ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>) -> Bool {
    let counters = counters(state)
    while Int(counters[1]) < overlap / 2 {
      counters[1] += 1
      if give(state, samples, after: Int(counters[1])) { return true }
    }
    return false
  }

  /// The first hop of what is pending, divided by its windows' squares; `after`: frames for which there was none any more.
  @_noLocks
  private func give(_ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>, after: Int) -> Bool {
    let pending = state + pendingOffset
    let frames = Int(counters(state)[0])
    // The hop's place within the frames that reach into it: the latest begins with it, the oldest ends.
    let oldest = (frames + after < overlap ? frames + after : overlap) - 1
    // Hops before sample 0 are not heard.
    let isHeard = frames + after > overlap / 2 && oldest >= after
    if isHeard {
      if after == 0 && oldest == overlap - 1 {
        for index in 0..<hop { samples[index] = Spectrogram.limited(pending[index] / weights[index]) }
      } else {
        for index in 0..<hop {
          samples[index] = Spectrogram.limited(pending[index] / weight(at: index, newest: after, oldest: oldest))
        }
      }
    }
    for index in 0..<(frameSize - hop) { pending[index] = pending[index + hop] }
    ck_zero(pending + (frameSize - hop), hop * 4)
    return isHeard
  }

  /// A sample within −1 … 1; what is no number stays.
  @_noLocks
  static func limited(_ sample: Float) -> Float { sample < -1 ? -1 : sample > 1 ? 1 : sample }

  @_noLocks
  private func counters(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> { turns(state + countersOffset) }

  /// Words of a state that are whole numbers.
  @_noLocks
  func turns(_ words: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(words).assumingMemoryBound(to: UInt32.self)
  }

  /// Whether the saved part of a state can be one.
  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    for index in 0..<frameSize where !saved[pendingOffset + index].isFinite { return false }
    return saved[countersOffset].bitPattern <= UInt32(2 * overlap)
      && saved[countersOffset + 1].bitPattern <= UInt32(overlap / 2)
  }
}
