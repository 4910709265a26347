import CadenzaKernels

/// What the host asks of a latent, as a row of numbers on its way to the audio thread: where to, from where, in how many samples, and how.
///
/// A request takes the place of one that nobody has seen yet. Had that one set the latent, its value would be lost: so a glide that follows a
/// value says from where it begins.
struct GlideRequest {
  let size: Int

  @_noLocks
  init(size: Int) { self.size = size }

  /// Numbers of a request.
  static func width(size: Int) -> Int { 2 * size + 4 }

  @_noLocks
  func write(
    _ row: UnsafeMutablePointer<Float>, to values: UnsafePointer<Float>, from start: UnsafePointer<Float>?, samples: UInt64,
    _ interpolation: Interpolation
  ) {
    if values != UnsafePointer(row) { ck_copy(row, values, size * 4) }
    if let start { ck_copy(row + size, start, size * 4) }
    let tail = row + 2 * size
    tail[0] = Float(bitPattern: UInt32(truncatingIfNeeded: samples))
    tail[1] = Float(bitPattern: UInt32(truncatingIfNeeded: samples &>> 32))
    tail[2] = Float(bitPattern: interpolation.code)
    tail[3] = start == nil ? 0 : 1
  }

  /// Lets `glide` do what `row` asks.
  @_noLocks
  func begin(_ glide: inout LatentGlide, _ row: UnsafePointer<Float>) {
    let tail = row + 2 * size
    if tail[3] != 0 { glide.begin(row + size, length: 0, .linear) }
    let samples = UInt64(tail[0].bitPattern) | UInt64(tail[1].bitPattern) &<< 32
    glide.begin(row, length: samples, Interpolation(code: tail[2].bitPattern))
  }
}
