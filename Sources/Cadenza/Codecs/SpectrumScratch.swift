/// Memory in which one frame's spectrum is made, or made into samples.
struct SpectrumScratch {
  /// frameSize / 2 + 1 bins.
  let real: UnsafeMutablePointer<Float>
  let imaginary: UnsafeMutablePointer<Float>
  /// `frameSize` samples.
  let samples: UnsafeMutablePointer<Float>
  /// What a transform works in.
  let work: UnsafeMutablePointer<Float>

  /// Divides `base`, aligned to 64 bytes.
  @_noLocks
  init(_ base: UnsafeMutablePointer<Float>, frameSize: Int) {
    let bins = SpectrumScratch.bins(frameSize: frameSize)
    real = base
    imaginary = base + bins
    samples = imaginary + bins
    work = samples + frameSize
  }

  /// Floats that it takes.
  @_noLocks
  static func count(frameSize: Int) -> Int { 2 * bins(frameSize: frameSize) + 3 * frameSize }

  /// In whole panels.
  @_noLocks
  private static func bins(frameSize: Int) -> Int { (frameSize / 2 + 16) & ~15 }
}
