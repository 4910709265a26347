import CadenzaKernels

/// The way from one latent to another.
public enum Interpolation: Sendable, BitwiseCopyable {
  /// Straight: (1 − t) a + t b.
  case linear
  /// Along the great circle between the directions of a and b (Shoemake 1985): sin((1 − t)Ω) / sin Ω · a + sin(tΩ) / sin Ω · b, Ω the angle
  /// between them. In many dimensions the latents that a model knows lie about as far from 0 as each other, and so do those on this way; the
  /// straight one passes nearer to 0. Linear where one of the two is 0, or both point the same or the opposite way.
  case spherical

  /// As a number in messages and saved states.
  var code: UInt32 {
    @_noLocks get {
      switch self {
      case .linear: 0
      case .spherical: 1
      }
    }
  }

  @_noLocks
  init(code: UInt32) { self = code == 1 ? .spherical : .linear }

  /// The point `fraction` of the way, 0 … 1, from `start` to `end`, `count` numbers each: at 0 and 1 their very numbers. Any thread.
  public func write(
    from start: UnsafePointer<Float>, to end: UnsafePointer<Float>, fraction: Double, count: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    GlidePath(self, from: start, to: end, count: count).write(from: start, to: end, fraction: fraction, into: output)
  }
}

/// An interpolation between two given latents: what is the same for every point of the way.
struct GlidePath: BitwiseCopyable {
  /// Ω / π; 0: straight.
  let angle: Double
  let count: Int

  @_noLocks
  init(_ interpolation: Interpolation, from start: UnsafePointer<Float>, to end: UnsafePointer<Float>, count: Int) {
    self.count = count
    guard case .spherical = interpolation else {
      angle = 0
      return
    }
    var product = 0.0
    var startSquare = 0.0
    var endSquare = 0.0
    for index in 0..<count {
      product += Double(start[index]) * Double(end[index])
      startSquare += Double(start[index]) * Double(start[index])
      endSquare += Double(end[index]) * Double(end[index])
    }
    let lengths = ck_square_root(startSquare) * ck_square_root(endSquare)
    guard lengths > 0, lengths.isFinite else {
      angle = 0
      return
    }
    angle = GlidePath.angle(cosine: product / lengths)
  }

  /// The angle of this cosine in half turns, found by halving the interval 50 times; 0 where it is too near to 0 or 1 to divide by its
  /// sine.
  @_noLocks
  private static func angle(cosine: Double) -> Double {
    var low = 0.0
    var high = 1.0
    for _ in 0..<50 {
      let middle = (low + high) / 2
      // The cosine falls as the angle grows.
      if ck_sine_of_pi(0.5 - middle) > cosine { low = middle } else { high = middle }
    }
    return low < 1e-6 || low > 1 - 1e-6 ? 0 : low
  }

  /// The point `fraction` of the way, 0 … 1.
  @_noLocks
  func write(
    from start: UnsafePointer<Float>, to end: UnsafePointer<Float>, fraction: Double, into output: UnsafeMutablePointer<Float>
  ) {
    if !(fraction > 0) || fraction >= 1 {
      ck_copy(output, fraction >= 1 ? end : start, count * 4)
      return
    }
    var startShare = 1 - fraction
    var endShare = fraction
    if angle > 0 {
      let sine = ck_sine_of_pi(angle)
      startShare = ck_sine_of_pi((1 - fraction) * angle) / sine
      endShare = ck_sine_of_pi(fraction * angle) / sine
    }
    for index in 0..<count {
      output[index] = Float(startShare * Double(start[index]) + endShare * Double(end[index]))
    }
  }
}
