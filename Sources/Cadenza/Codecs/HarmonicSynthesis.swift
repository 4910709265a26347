import CadenzaKernels

/// An oscillator of harmonics and filtered noise, frame by frame (Engel et al. 2020, section 3). FORMAT.md states the equations.
///
/// Hop b lies between frames b and b + 1, and hears the noise of all frames whose filters reach it: so it is written when `delay` more
/// frames have come. The phase is counted from where the pitch last changed, and not summed up: it does not drift.
struct HarmonicSynthesis {
  let frameSize: Int
  let hop: Int
  /// Frames from the one that a hop belongs to, to the one at which it can be written.
  let delay: Int
  private let harmonics: Int
  private let bands: Int
  /// Taps of a frame's filter, L = 2 (M − 1); 0: no noise.
  private let taps: Int
  private let sampleRate: Double
  /// From the bands' magnitudes to half of the filter under its window: row d is the tap at a distance of d from the middle.
  private let filter: UnsafeMutablePointer<ck_matrix>

  // Offsets into the state.
  /// Frames added, a word; hops written, a word.
  private let countsOffset: Int
  /// Two doubles: the phase in turns where the pitch last changed, and how many samples ago that is.
  private let phaseOffset: Int
  /// The pitch since then.
  private let pitchOffset: Int
  /// A ring of `delay` + 2 frames' amplitudes, and behind each the frame's pitch.
  private let amplitudesOffset: Int
  private let amplitudesStride: Int
  /// The noise of the hops to come.
  private let noiseOffset: Int
  private let noiseCount: Int
  private let wavesOffset: Int
  private let randomOffset: Int
  private let magnitudesOffset: Int
  private let halfOffset: Int
  private let tapsOffset: Int

  init(_ configuration: HarmonicConfiguration, arena: inout Arena, layout: inout StateLayout) {
    frameSize = configuration.frameSize
    hop = configuration.hop
    harmonics = configuration.harmonics
    bands = configuration.noiseBands
    taps = bands == 0 ? 0 : 2 * (bands - 1)
    sampleRate = Double(configuration.sampleRate)
    delay = max(1, (taps / 2 + hop - 1) / hop)

    filter = arena.take(ck_matrix.self, count: 1)
    let rows = RowOrder.padded(bands)
    let weights = arena.take(Float.self, count: rows * bands)
    if !arena.isMeasuring {
      filter.pointee = ck_matrix(
        weights: weights, rows: Int32(rows), columns: Int32(bands), element_type: CK_FLOAT32, reserved: 0)
      HarmonicSynthesis.fill(weights, bands: bands, rows: rows)
    }

    countsOffset = layout.take(2)
    phaseOffset = layout.take(4)
    pitchOffset = layout.take(1)
    amplitudesStride = RowOrder.padded(harmonics + 1)
    amplitudesOffset = layout.take((delay + 2) * amplitudesStride)
    // From the hop that is written next to the end of the newest frame's noise, and what the filter's kernel touches.
    noiseCount = taps == 0 ? 0 : (delay + 1) * hop + taps + 32
    noiseOffset = layout.take(noiseCount)
    layout.beginScratch()
    wavesOffset = layout.take(4 * RowOrder.padded(hop))
    randomOffset = layout.take(taps == 0 ? 0 : hop)
    magnitudesOffset = layout.take(bands)
    halfOffset = layout.take(rows)
    tapsOffset = layout.take(taps == 0 ? 0 : taps + 64)
  }

  /// W[d][j] = c_j / L · cos(2π j d / L) · (½ + ½ cos(2π d / L)), c_j 1 at both ends and else 2: blocks of 64 rows, as ck_matrix
  /// has them.
  private static func fill(_ weights: UnsafeMutablePointer<Float>, bands: Int, rows: Int) {
    let length = Double(2 * (bands - 1))
    for row in 0..<bands {
      let block = row & ~63
      let blockRows = min(64, rows - block)
      let window = 0.5 + 0.5 * ck_sine_of_pi(2 * Double(row) / length + 0.5)
      for column in 0..<bands {
        let share = column == 0 || column == bands - 1 ? 1.0 : 2.0
        let turn = Double((column * row) % (2 * (bands - 1))) / length
        let value = share / length * ck_sine_of_pi(2 * turn + 0.5) * window
        weights[block * bands + column * blockRows + (row - block)] = Float(value)
      }
    }
  }

  // MARK: State

  @_noLocks
  private func counts(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(state + countsOffset).assumingMemoryBound(to: UInt32.self)
  }

  @_noLocks
  private func phase(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Double> {
    UnsafeMutableRawPointer(state + phaseOffset).assumingMemoryBound(to: Double.self)
  }

  /// The amplitudes of frame `index`, or, beyond the last one, of that.
  @_noLocks
  private func amplitudes(_ state: UnsafeMutablePointer<Float>, _ index: UInt32) -> UnsafeMutablePointer<Float> {
    state + amplitudesOffset + Int(index % UInt32(delay + 2)) * amplitudesStride
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    counts(state)[0] = 0
    counts(state)[1] = 0
    phase(state)[0] = 0
    phase(state)[1] = 0
    state[pitchOffset] = 0
    ck_zero(state + noiseOffset, noiseCount * 4)
  }

  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    let words = UnsafeRawPointer(saved + countsOffset).assumingMemoryBound(to: UInt32.self)
    guard words[0] <= 1 << 25, words[1] <= words[0], words[0] - words[1] <= UInt32(delay) else { return false }
    let phases = UnsafeRawPointer(saved + phaseOffset).assumingMemoryBound(to: Double.self)
    guard phases[0].magnitude <= 1, phases[1] >= 0, phases[1] <= 0x1p40 else { return false }
    guard saved[pitchOffset] >= 0, saved[pitchOffset] <= 127 else { return false }
    for slot in 0..<(delay + 2) {
      let row = saved + amplitudesOffset + slot * amplitudesStride
      for index in 0..<harmonics where !(row[index].magnitude <= 4) { return false }
      guard row[harmonics] >= 0, row[harmonics] <= 127 else { return false }
    }
    for index in 0..<noiseCount where !(saved[noiseOffset + index].magnitude <= 0x1p20) { return false }
    return true
  }

  // MARK: Sound

  /// 2 · σ(x)^ln 10 + 10⁻⁷.
  @_noLocks
  private static func loudness(_ x: Float) -> Double {
    let limited = min(max(Double(x), -60), 60)
    return 2 * ck_exp_double(-2.302585092994046 * ck_log(1 + ck_exp_double(-limited))) + 1e-7
  }

  /// In Hz.
  @_noLocks
  private static func frequency(_ pitch: Float) -> Double {
    440 * ck_exp_double((Double(pitch) - 69) / 12 * 0.6931471805599453)
  }

  /// Harmonics below half the sample rate.
  @_noLocks
  private func audible(_ frequency: Double) -> Int {
    var count = harmonics
    while count > 0 && Double(count) * frequency >= sampleRate / 2 { count -= 1 }
    return count
  }

  @_noLocks
  func add(
    _ state: UnsafeMutablePointer<Float>, _ frame: UnsafePointer<Float>, _ samples: UnsafeMutablePointer<Float>,
    _ settings: SamplerSettings, _ random: inout RandomGenerator, pitch: Float, _ kernels: UnsafePointer<ck_kernels>
  ) -> Bool {
    let index = counts(state)[0]
    let row = amplitudes(state, index)
    let count = audible(HarmonicSynthesis.frequency(pitch))
    var total = 0.0
    for harmonic in 0..<count { total += HarmonicSynthesis.loudness(frame[1 + harmonic]) }
    let overall = HarmonicSynthesis.loudness(frame[0]) / max(total, 1e-30)
    for harmonic in 0..<count { row[harmonic] = Float(overall * HarmonicSynthesis.loudness(frame[1 + harmonic])) }
    for harmonic in count..<harmonics { row[harmonic] = 0 }
    row[harmonics] = pitch
    if taps > 0 { addNoise(state, frame + 1 + harmonics, settings, &random, kernels) }
    counts(state)[0] = index &+ 1
    guard index >= UInt32(delay) else { return false }
    write(state, samples, kernels)
    return true
  }

  @_noLocks
  func finish(
    _ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) -> Bool {
    guard counts(state)[1] < counts(state)[0] else { return false }
    write(state, samples, kernels)
    return true
  }

  /// Filters random numbers, and adds them to the hops to come.
  @_noLocks
  private func addNoise(
    _ state: UnsafeMutablePointer<Float>, _ magnitudes: UnsafePointer<Float>, _ settings: SamplerSettings,
    _ random: inout RandomGenerator, _ kernels: UnsafePointer<ck_kernels>
  ) {
    let bandMagnitudes = state + magnitudesOffset
    for band in 0..<bands {
      bandMagnitudes[band] = Float(HarmonicSynthesis.loudness(magnitudes[band] - 5) * Double(settings.temperature))
    }
    let half = state + halfOffset
    ck_product(kernels, filter, bandMagnitudes, nil, nil, half)
    // Tap m lies at a distance of |m − L / 2| from the middle; 16 zeros before and behind.
    let filterTaps = state + tapsOffset + 16
    for tap in 0..<taps { filterTaps[tap] = half[tap < taps / 2 ? taps / 2 - tap : tap - taps / 2] }
    let numbers = state + randomOffset
    for index in 0..<hop { numbers[index] = 2 * random.uniform() - 1 }

    // Where the frame's noise begins, from the sample that is written next.
    let start = Int(counts(state)[0] &- counts(state)[1]) * hop - taps / 2
    let target = state + noiseOffset + max(start, 0)
    if start >= 0 {
      ck_filter(kernels, numbers, hop, filterTaps, (hop + taps + 15) / 16 * 16 - hop, target)
      return
    }
    // The clip's first frames: what lies before 0 is lost. Sums in the same order.
    for sample in 0..<(hop + taps + start) {
      let place = sample - start
      var sum = target[sample]
      for index in max(0, place - taps + 1)..<max(max(0, place - taps + 1), min(hop, place + 1)) {
        sum += numbers[index] * filterTaps[place - index]
      }
      target[sample] = sum
    }
  }

  /// Writes the next hop.
  @_noLocks
  private func write(
    _ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    let index = counts(state)[1]
    let last = counts(state)[0] &- 1
    let from = amplitudes(state, index)
    let to = amplitudes(state, min(index &+ 1, last))
    let pitch = from[harmonics]
    let phases = phase(state)
    if pitch != state[pitchOffset] {
      let turns = phases[0] + phases[1] * (HarmonicSynthesis.frequency(state[pitchOffset]) / sampleRate)
      phases[0] = turns - Double(Int(turns))
      phases[1] = 0
      state[pitchOffset] = pitch
    }
    let step = HarmonicSynthesis.frequency(pitch) / sampleRate
    let count = audible(step * sampleRate)
    let padded = (hop + 15) & ~15
    let sines = UnsafeMutableRawPointer(state + wavesOffset).assumingMemoryBound(to: Double.self)
    let cosines = sines + padded
    let begin = phases[0] + phases[1] * step
    var sine = ck_sine_of_pi(2 * begin)
    var cosine = ck_sine_of_pi(2 * begin + 0.5)
    let stepSine = ck_sine_of_pi(2 * step)
    let stepCosine = ck_sine_of_pi(2 * step + 0.5)
    for sample in 0..<hop {
      sines[sample] = sine
      cosines[sample] = cosine
      let turned = sine * stepCosine + cosine * stepSine
      cosine = cosine * stepCosine - sine * stepSine
      sine = turned
    }
    ck_harmonics(kernels, from, to, count, sines, cosines, hop, samples)
    phases[1] += Double(hop)

    if taps > 0 {
      let noise = state + noiseOffset
      for sample in 0..<hop { samples[sample] += noise[sample] }
      // The hops to come move to the front.
      let rest = noiseCount - hop
      for sample in 0..<rest { noise[sample] = noise[sample + hop] }
      ck_zero(noise + rest, hop * 4)
    }
    for sample in 0..<hop { samples[sample] = samples[sample] < -1 ? -1 : samples[sample] > 1 ? 1 : samples[sample] }
    counts(state)[1] = index &+ 1
  }
}
