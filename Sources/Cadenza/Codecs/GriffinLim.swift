import CadenzaKernels

/// Finds a phase for the magnitudes of a whole clip (Griffin and Lim 1984): turns by turns the clip that comes closest to the spectra in
/// the sense of least squares, and the phases that this clip has. Each round brings the clip's magnitudes closer to those asked for.
///
/// It works on all of a clip at once: not on an audio thread.
struct GriffinLim {
  private let spectrogram: Spectrogram
  private let frameCount: Int
  private let iterations: Int
  /// `frameCount` rows of a frame's magnitudes, in whole panels.
  private let magnitudes: UnsafeMutablePointer<Float>
  private let rowLength: Int
  /// The clip of this round, and of the one before, each with half a frame of silence at both ends.
  private let clips: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
  /// The sum of squared windows at each sample.
  private let weights: UnsafeMutablePointer<Float>
  private let clipLength: Int
  private let scratch: SpectrumScratch

  /// Lays its memory out in `arena`, for clips of `frameCount` frames.
  init(_ spectrogram: Spectrogram, frameCount: Int, iterations: Int, arena: inout Arena) {
    self.spectrogram = spectrogram
    self.frameCount = frameCount
    self.iterations = iterations
    rowLength = RowOrder.padded(spectrogram.bins)
    magnitudes = arena.take(Float.self, count: StateLayout.product(rowLength, frameCount))
    clipLength = StateLayout.product(frameCount, spectrogram.hop) + spectrogram.frameSize
    clips = (arena.take(Float.self, count: clipLength), arena.take(Float.self, count: clipLength))
    weights = arena.take(Float.self, count: clipLength)
    scratch = SpectrumScratch(
      arena.take(Float.self, count: SpectrumScratch.count(frameSize: spectrogram.frameSize)), frameSize: spectrogram.frameSize)
  }

  /// The clip of `frameCount` frames of finite magnitudes (m), `frameCount` · hop samples, to `samples`.
  func decode(_ frames: UnsafePointer<Float>, into samples: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    for index in 0..<frameCount {
      spectrogram.readMagnitudes(frames + index * spectrogram.frameNumbers, magnitudes + index * rowLength, kernels)
    }
    ck_zero(weights, clipLength * 4)
    for index in 0..<frameCount {
      let place = weights + index * spectrogram.hop
      for sample in 0..<spectrogram.frameSize {
        place[sample] += spectrogram.window[sample] * spectrogram.window[sample]
      }
    }
    var (new, old) = clips
    synthesise(from: nil, to: new)
    for _ in 0..<iterations {
      swap(&new, &old)
      synthesise(from: old, to: new)
    }
    ck_copy(samples, new + spectrogram.frameSize / 2, frameCount * spectrogram.hop * 4)
  }

  /// How far the magnitudes of the clip that was decoded last are from those asked for: the root of the sum of squared differences
  /// over that of the squared magnitudes.
  func spectralConvergence() -> Double {
    let clip = iterations & 1 == 0 ? clips.0 : clips.1
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

  /// The clip whose frames have the magnitudes asked for and the phases of `clip`; nil: phase zero.
  private func synthesise(from clip: UnsafePointer<Float>?, to new: UnsafeMutablePointer<Float>) {
    ck_zero(new, clipLength * 4)
    let bins = spectrogram.bins
    for index in 0..<frameCount {
      let magnitude = magnitudes + index * rowLength
      if let clip { spectrogram.transform(clip + index * spectrogram.hop, scratch) }
      for bin in 0..<bins {
        let (x, y) = (scratch.real[bin], scratch.imaginary[bin])
        let length = clip == nil ? 0 : (x * x + y * y).squareRoot()
        // A bin that the clip does not have has phase zero.
        scratch.real[bin] = length > 0 ? magnitude[bin] * (x / length) : magnitude[bin]
        scratch.imaginary[bin] = length > 0 ? magnitude[bin] * (y / length) : 0
      }
      spectrogram.invert(scratch)
      let place = new + index * spectrogram.hop
      for sample in 0..<spectrogram.frameSize { place[sample] += scratch.samples[sample] * spectrogram.window[sample] }
    }
    for sample in 0..<clipLength {
      new[sample] /= max(weights[sample], Spectrogram.leastWeight)
    }
    // What lies before the clip and after it is not heard, nor seen by the next round.
    let half = spectrogram.frameSize / 2
    ck_zero(new, half * 4)
    ck_zero(new + clipLength - half, half * 4)
  }
}
