import CadenzaKernels

/// Sound to frames: the codec's transform the other way round.
extension Spectrogram {
  /// The frame of `frameSize` samples. `before`: the phases of the frame before (see `ck_turn_of`), where frames tell how they move: as
  /// the frames up to there have it, so that what rounding leaves out of one comes with the next.
  @_noLocks
  func analyse(
    _ samples: UnsafePointer<Float>, before: UnsafePointer<UInt32>?, into frame: UnsafeMutablePointer<Float>,
    _ scratch: SpectrumScratch
  ) {
    transform(samples, scratch)
    let stride = frameNumbers / bins
    for bin in 0..<bins {
      let (x, y) = (Double(scratch.real[bin]), Double(scratch.imaginary[bin]))
      frame[stride * bin] = level(x * x + y * y)
      switch phase {
      case .none: continue
      case .phase: frame[2 * bin + 1] = Float(ck_half_turns(x, y))
      case .instantaneousFrequency:
        let moved = ck_turn_of(Float(ck_half_turns(x, y))) &- (before?[bin] ?? 0)
        frame[2 * bin + 1] = Float(Int32(bitPattern: moved)) * 0x1p-31
      }
    }
  }

  /// The spectrum of `frameSize` samples under the window.
  @_noLocks
  func transform(_ samples: UnsafePointer<Float>, _ scratch: SpectrumScratch) {
    for index in 0..<frameSize { scratch.samples[index] = samples[index] * window[index] }
    ck_fourier_forward(fourier, scratch.samples, scratch.real, scratch.imaginary, scratch.work)
  }

  /// m of a bin with this squared magnitude.
  @_noLocks
  private func level(_ power: Double) -> Float {
    guard power > 0 else { return -1 }
    let m = Float((0.5 * ck_log(power) - Double(center)) / Double(radius))
    return m < -1 ? -1 : m > 1 ? 1 : m
  }

  // MARK: Whole recordings

  /// Frames of a recording of so many samples: the first is centred on its first sample, the last within a hop of its end.
  func frameCount(samples count: Int) -> Int { count / hop + 1 }

  /// The frames of a whole recording of `count` finite samples at the codec's rate, `frameCount(samples:)` of `frameNumbers` numbers one
  /// after another, to `frames`. Before and after the recording there is silence. Allocates: not for the audio thread.
  func analyse(_ samples: UnsafePointer<Float>, count: Int, into frames: UnsafeMutablePointer<Float>) {
    let scratchCount = SpectrumScratch.count(frameSize: frameSize)
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: scratchCount + frameSize)
    defer { memory.deallocate() }
    let turns = UnsafeMutablePointer<UInt32>.allocate(capacity: bins)
    defer { turns.deallocate() }
    turns.initialize(repeating: 0, count: bins)
    let scratch = SpectrumScratch(memory, frameSize: frameSize)
    let seen = memory + scratchCount
    for index in 0..<frameCount(samples: count) {
      Spectrogram.copy(samples, count: count, from: index * hop - frameSize / 2, into: seen, frameSize)
      let frame = frames + index * frameNumbers
      analyse(seen, before: turns, into: frame, scratch)
      if case .instantaneousFrequency = phase {
        for bin in 0..<bins { turns[bin] &+= ck_turn_of(frame[2 * bin + 1]) }
      }
    }
  }

  /// `length` samples from `first` on, which may lie before the recording of `count` samples or reach behind it: silence there.
  @_noLocks
  static func copy(
    _ samples: UnsafePointer<Float>, count: Int, from first: Int, into seen: UnsafeMutablePointer<Float>, _ length: Int
  ) {
    for index in 0..<length {
      let place = first + index
      seen[index] = place >= 0 && place < count ? samples[place] : 0
    }
  }
}
