import CadenzaKernels

/// Finds a phase for the magnitudes of a whole clip (Griffin and Lim 1984): in turns the clip that comes closest to the spectra in
/// the sense of least squares, and the phases that this clip has. Each round brings the clip's magnitudes closer to those asked for.
///
/// It works on all of a clip at once, for as long as that takes: not on an audio thread.
struct GriffinLim {
  private let spectrogram: Spectrogram
  private let frameCount: Int
  private let iterations: Int
  /// The clip, with half a frame of silence at both ends. Then what is only needed before it is made: `frameCount` rows of
  /// magnitudes, in whole panels; the clip of the round before; the sum of squared windows at each sample.
  private let clip: UnsafeMutablePointer<Float>
  private let magnitudes: UnsafeMutablePointer<Float>
  private let old: UnsafeMutablePointer<Float>
  private let weights: UnsafeMutablePointer<Float>
  private let rowLength: Int
  private let clipLength: Int
  private let scratch: SpectrumScratch

  /// Works in `memory`, of `count` floats, aligned to 64 bytes.
  @_noLocks
  init(_ spectrogram: Spectrogram, frameCount: Int, iterations: Int, memory: UnsafeMutablePointer<Float>) {
    self.spectrogram = spectrogram
    self.frameCount = frameCount
    self.iterations = iterations
    rowLength = GriffinLim.padded(spectrogram.bins)
    clipLength = frameCount * spectrogram.hop + spectrogram.frameSize
    let stride = GriffinLim.padded(clipLength)
    clip = memory
    magnitudes = clip + stride
    old = magnitudes + rowLength * frameCount
    weights = old + stride
    scratch = SpectrumScratch(weights + stride, frameSize: spectrogram.frameSize)
  }

  @_noLocks
  private static func padded(_ count: Int) -> Int { (count + 15) & ~15 }

  /// Floats that the clip and the magnitudes take: what must be kept between calls.
  static func savedCount(frameSize: Int, hop: Int, frameCount: Int) -> Int {
    let rows = StateLayout.product(frameCount, padded(frameSize / 2))
    return min(padded(StateLayout.product(frameCount, hop) + frameSize) + rows, StateLayout.limit)
  }

  static func savedCount(_ configuration: SpectrogramConfiguration, frameCount: Int) -> Int {
    savedCount(frameSize: configuration.frameSize, hop: configuration.hop, frameCount: frameCount)
  }

  /// Floats that it works in.
  static func count(_ configuration: SpectrogramConfiguration, frameCount: Int) -> Int {
    let clip = padded(StateLayout.product(frameCount, configuration.hop) + configuration.frameSize)
    return savedCount(configuration, frameCount: frameCount) + 2 * clip
      + SpectrumScratch.count(frameSize: configuration.frameSize)
  }

  /// The clip of `frameCount` · hop samples, after `decode`.
  var samples: UnsafeMutablePointer<Float> {
    @_noLocks get { clip + spectrogram.frameSize / 2 }
  }

  /// Takes frame `index`, of finite numbers.
  @_noLocks
  func take(_ index: Int, _ frame: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    spectrogram.readMagnitudes(frame, magnitudes + index * rowLength, kernels)
  }

  /// Makes the clip of all frames.
  @_noLocks
  func decode() {
    ck_zero(weights, clipLength * 4)
    for index in 0..<frameCount {
      let place = weights + index * spectrogram.hop
      for sample in 0..<spectrogram.frameSize {
        place[sample] += spectrogram.window[sample] * spectrogram.window[sample]
      }
    }
    synthesise(from: nil)
    for _ in 0..<iterations {
      ck_copy(old, clip, clipLength * 4)
      synthesise(from: old)
    }
  }

  /// How far the magnitudes of the clip are from those asked for: the root of the sum of squared differences over that of the squared
  /// magnitudes.
  func spectralConvergence() -> Double {
    var (difference, whole) = (0.0, 0.0)
    for index in 0..<frameCount {
      spectrogram.transform(clip + index * spectrogram.hop, scratch)
      for bin in 0..<spectrogram.bins {
        let (x, y) = (Double(scratch.real[bin]), Double(scratch.imaginary[bin]))
        let asked = Double(magnitudes[index * rowLength + bin])
        let found = ck_square_root(x * x + y * y)
        difference += (asked - found) * (asked - found)
        whole += asked * asked
      }
    }
    return whole > 0 ? ck_square_root(difference / whole) : 0
  }

  /// The clip whose frames have the magnitudes asked for and the phases of `old`; nil: phase zero.
  @_noLocks
  private func synthesise(from old: UnsafePointer<Float>?) {
    ck_zero(clip, clipLength * 4)
    for index in 0..<frameCount {
      let magnitude = magnitudes + index * rowLength
      if let old { spectrogram.transform(old + index * spectrogram.hop, scratch) }
      for bin in 0..<spectrogram.bins {
        let (x, y) = (scratch.real[bin], scratch.imaginary[bin])
        let length = old == nil ? 0 : Float(ck_square_root(Double(x * x + y * y)))
        // A bin that the clip does not have has phase zero.
        scratch.real[bin] = length > 0 ? magnitude[bin] * (x / length) : magnitude[bin]
        scratch.imaginary[bin] = length > 0 ? magnitude[bin] * (y / length) : 0
      }
      spectrogram.invert(scratch)
      let place = clip + index * spectrogram.hop
      for sample in 0..<spectrogram.frameSize { place[sample] += scratch.samples[sample] * spectrogram.window[sample] }
    }
    let least = Spectrogram.leastWeight
    for sample in 0..<clipLength { clip[sample] /= weights[sample] < least ? least : weights[sample] }
    // What lies before the clip and after it is not heard, nor seen by the next round.
    let half = spectrogram.frameSize / 2
    ck_zero(clip, half * 4)
    ck_zero(clip + clipLength - half, half * 4)
  }
}
