import CadenzaKernels

/// Mu-law audio: tokens are the codes of ITU-T G.711's companding at any number of levels (van den Oord et al. 2016, section 2.2).
struct MuLaw {
  var levels: Int
  /// `levels` samples, in the model's memory.
  var samples: UnsafeMutablePointer<Float>

  init(levels: Int, arena: inout Arena) {
    self.levels = levels
    samples = arena.take(Float.self, count: levels)
    if arena.isMeasuring { return }
    for code in 0..<levels { samples[code] = MuLaw.decode(code, levels: levels) }
  }

  /// The code of silence, which feeds step 0.
  var silence: Int {
    @_noLocks get { MuLaw.encode(0, levels: levels) }
  }

  @_noLocks
  func decode(_ code: Int) -> Float { samples[code] }

  @_noLocks
  func encode(_ sample: Float) -> Int { MuLaw.encode(sample, levels: levels) }

  /// code = ⌊(F(x) + 1) / 2 · µ + ½⌋, F(x) = sign(x) · ln(1 + µ|x|) / ln(1 + µ); x beyond −1 … 1 is clipped.
  @_noLocks
  static func encode(_ sample: Float, levels: Int) -> Int {
    let mu = Double(levels - 1)
    let x = Double(sample < -1 ? -1 : sample > 1 ? 1 : sample)
    let magnitude = ck_log(1 + mu * (x < 0 ? -x : x)) / ck_log(1 + mu)
    let companded = x < 0 ? -magnitude : magnitude
    let code = Int((companded + 1) / 2 * mu + 0.5)
    return code < 0 ? 0 : code >= levels ? levels - 1 : code
  }

  /// x = sign(y) · ((1 + µ)^|y| − 1) / µ, y = 2 · code / µ − 1.
  @_noLocks
  static func decode(_ code: Int, levels: Int) -> Float {
    let mu = Double(levels - 1)
    let y = 2 * Double(code) / mu - 1
    let magnitude = (ck_exp_double((y < 0 ? -y : y) * ck_log(1 + mu)) - 1) / mu
    return Float(y < 0 ? -magnitude : magnitude)
  }
}
