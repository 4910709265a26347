import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

@Suite("Spectrogram codec")
struct SpectrogramTests {
  typealias Phase = SpectrogramConfiguration.Phase

  static func configuration(
    _ frameSize: Int, _ hop: Int, phase: Phase = .phase, magnitude: ClosedRange<Double> = -11.5...6
  ) -> SpectrogramConfiguration {
    SpectrogramConfiguration(sampleRate: 16_000, frameSize: frameSize, hop: hop, magnitude: magnitude, phase: phase)
  }

  /// Two sines, faded in and out in 32 samples: nothing of them is in the last bin, which is left out. `count` samples.
  static func sound(_ count: Int) -> [Float] {
    let low = sine(0.03, count: count, amplitude: 0.5)
    let high = sine(0.21, count: count, amplitude: 0.3)
    return (0..<count).map { index in
      let fade = min(Double(min(index, count - 1 - index)) + 0.5, 32) / 32
      return (low[index] + high[index]) * Float(0.5 - 0.5 * cos(.pi * fade))
    }
  }

  /// The difference's power over that of `whole` where that is given, else of x.
  static func errorDecibels(_ x: some Collection<Float>, _ y: some Collection<Float>, whole: [Float]) -> Double {
    decibels(zip(x, y).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) } / Double(x.count) / power(whole))
  }

  /// Sizes that there are, and both ways to tell the phase.
  static let shapes: [(frameSize: Int, hop: Int, phase: Phase)] = [
    (1_024, 256, .phase), (1_024, 256, .instantaneousFrequency), (1_024, 64, .phase), (2_048, 1_024, .phase),
    (256, 32, .instantaneousFrequency), (128, 8, .phase), (65_536, 16_384, .phase),
  ]

  /// The sound comes back, its first and its last sample too. (At an overlap of 2 the last hop lies under one window's falling half
  /// alone, which does not say what its end was.)
  @Test(arguments: shapes.indices)
  func soundsComeBack(_ index: Int) {
    let shape = Self.shapes[index]
    let probe = SpectrogramProbe(Self.configuration(shape.frameSize, shape.hop, phase: shape.phase, magnitude: -30...12))
    let sound = Self.sound(shape.hop * 24)
    let back = probe.synthesise(probe.analyse(sound))
    #expect(back.count == sound.count + shape.hop)
    let heard = shape.frameSize / shape.hop == 2 ? sound.count - shape.hop : sound.count
    #expect(Self.errorDecibels(sound.prefix(heard), back, whole: sound) < -100)
    #expect(Self.errorDecibels(sound.prefix(shape.hop), back, whole: sound) < -100)
    let end = (heard - shape.hop)..<heard
    #expect(Self.errorDecibels(sound[end], back[end], whole: sound) < -100)
  }

  /// The other way to hear it: without the last frame, or with one number of one frame moved, the comparison fails.
  @Test func aWrongFrameIsHeard() {
    let probe = SpectrogramProbe(Self.configuration(256, 64))
    let sound = Self.sound(64 * 24)
    var frames = probe.analyse(sound)
    frames[12 * 256 + 2 * 8] += 0.01
    #expect(Self.errorDecibels(sound, probe.synthesise(frames), whole: sound) > -60)
  }

  /// T frames are T hops, however few they are; the first ones give nothing.
  @Test(arguments: [2, 4, 8, 16])
  func framesGiveHops(_ overlap: Int) {
    let probe = SpectrogramProbe(Self.configuration(64, 64 / overlap))
    for count in 1...(2 * overlap + 1) {
      probe.codec.begin(probe.state)
      var given = 0
      for index in 0..<count {
        let isHeard = probe.add([Float](repeating: 0, count: probe.codec.frameNumbers)) != nil
        #expect(isHeard == (index >= overlap / 2))
        if isHeard { given += 1 }
      }
      while let hop = probe.finish() {
        #expect(hop.allSatisfy { $0.isFinite })
        given += 1
      }
      #expect(given == count)
    }
  }

  /// A closed form: one bin of magnitude A and phase φ is, in every frame, A · 2 / N · cos(2πkn / N + φ) from the frame's first sample
  /// on, which is an odd number of half frames before its centre.
  @Test func aBinIsASine() {
    let (size, hop, bin) = (256, 64, 16)  // 16 · 64 / 256: whole periods a hop, so all frames agree
    let configuration = Self.configuration(size, hop, magnitude: -20...4)
    let probe = SpectrogramProbe(configuration)
    var frame = [Float](repeating: 0, count: size)
    for index in 0..<(size / 2) { frame[2 * index] = -1 }
    frame[2 * bin] = 1
    frame[2 * bin + 1] = 0.25
    let sound = probe.synthesise((0..<20).flatMap { _ in frame })
    for n in 0..<(hop * 20) {
      // In the first and last hops fewer windows do not sum up to the same; in between y Σ w / Σ w², which is 2 / 1.5 at overlap 4.
      guard n >= 2 * hop && n < 17 * hop else { continue }
      let exact = exp(4.0) * 2 / Double(size) * cos(2 * .pi * Double(bin * n) / Double(size) + .pi / 4) * 2 / 1.5
      #expect(abs(Double(sound[n]) - exact) < 2e-6 * exp(4.0))
    }
  }

  /// A phase that moves by the same angle in every frame, told either way.
  @Test func instantaneousFrequencyAddsUp() {
    let (size, hop) = (128, 32)
    let phases = SpectrogramProbe(Self.configuration(size, hop))
    let moves = SpectrogramProbe(Self.configuration(size, hop, phase: .instantaneousFrequency))
    var random = RandomGenerator(seed: 3)
    var angle = [Int](repeating: 0, count: size / 2)
    var (told, moved): ([Float], [Float]) = ([], [])
    for _ in 0..<30 {
      for bin in 0..<(size / 2) {
        let m = 2 * random.uniform() - 1
        // Multiples of 1 / 64 of a half turn: sums are exact.
        let step = Int(random.uniform() * 128) - 64
        angle[bin] += step
        var wrapped = angle[bin] % 128
        if wrapped > 64 { wrapped -= 128 }
        if wrapped < -64 { wrapped += 128 }
        told += [m, Float(wrapped) / 64]
        moved += [m, Float(step) / 64]
      }
    }
    #expect(phases.synthesise(told).bits == moves.synthesise(moved).bits)
  }

  /// Numbers beyond −1 … 1 count as these.
  @Test func numbersAreLimited() {
    let probe = SpectrogramProbe(Self.configuration(64, 16))
    let wild: [Float] = (0..<64).map { [3, -2, 1e30, -1e30][$0 % 4] }
    let limited: [Float] = wild.map { max(-1, min(1, $0)) }
    let sound = probe.synthesise(wild + wild + wild)
    #expect(sound.bits == probe.synthesise(limited + limited + limited).bits)
    #expect(sound.allSatisfy { $0.isFinite })
  }

  @Test func silenceIsTheLowestMagnitude() {
    for phase in [Phase.phase, .instantaneousFrequency, .none(iterations: 1)] {
      let configuration = Self.configuration(32, 8, phase: phase)
      let frames = SpectrogramProbe(configuration).analyse([Float](repeating: 0, count: 16))
      #expect(frames == (0..<frames.count).map { configuration.silence(at: $0) })
    }
  }

  @Test func instructionSetsAgreeBitForBit() {
    let sound = Self.sound(4_096)
    let results = kernelSets.map { kernels in
      let probe = SpectrogramProbe(Self.configuration(512, 128, phase: .instantaneousFrequency), kernels: kernels)
      return probe.synthesise(probe.analyse(sound)).bits
    }
    for result in results { #expect(result == results[0]) }
  }

  /// A saved state goes on with the same bits; one with impossible counts is refused.
  @Test func statesGoOn() {
    let first = SpectrogramProbe(Self.configuration(64, 16, phase: .instantaneousFrequency))
    let second = SpectrogramProbe(Self.configuration(64, 16, phase: .instantaneousFrequency))
    let frames = first.analyse(Self.sound(640))
    let rows = stride(from: 0, to: frames.count, by: 64).map { Array(frames[$0..<($0 + 64)]) }
    for row in rows.prefix(7) { _ = first.add(row) }
    let saved = first.layout.savedCount!
    for index in 0..<saved { second.state[index] = first.state[index] }
    #expect(second.codec.accepts(second.state))
    for row in rows.dropFirst(7) { #expect(first.add(row)!.bits == second.add(row)!.bits) }
    var words = (0..<saved).map { first.state[$0] }
    for index in words.indices where words[index].bitPattern == 8 { words[index] = Float(bitPattern: 9) }
    #expect(!first.codec.accepts(words))
  }

  /// The sound of frames as PyTorch's side computes it in double precision, within 1e-4 of full scale (Tests/Fixtures/parity/README.md).
  @Test(arguments: Reference.codecs)
  func soundsAgree(_ reference: Reference) throws {
    let model = try Model(path: reference.modelPath)
    guard case .spectrogram(let configuration) = model.configuration.codec else {
      Issue.record("\(reference.name) has another codec")
      return
    }
    let tensors = try reference.read()
    let frames = try #require(tensors["frames"])
    let samples = try #require(tensors["samples"])
    let sound = SpectrogramProbe(configuration).synthesise(frames.values.map { Float($0) })
    #expect(sound.count == samples.values.count)
    let worst = zip(sound, samples.values).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(worst < 1e-4)
    #expect(samples.values.contains { abs($0) > 0.05 })
  }

  @Test func codecsHaveReferences() { #expect(Reference.codecs.count >= 3) }

  // MARK: Griffin and Lim

  /// A sine that rises over another one, in a little noise.
  private static func chirp(_ count: Int) -> [Float] {
    var random = RandomGenerator(seed: 1)
    return (0..<count).map { index in
      let n = Double(index)
      let rising = 0.5 * sin(.pi * (0.06 * n + 4e-5 * n * n))
      return Float(rising + 0.3 * sin(.pi * 0.42 * n)) + 0.02 * random.uniform()
    }
  }

  /// Each run of more rounds comes closer to the magnitudes, and the clip is as long as its frames say.
  @Test func moreRoundsComeCloser() {
    let configuration = Self.configuration(256, 64, phase: .none(iterations: 1))
    let probe = SpectrogramProbe(configuration)
    let sound = Self.chirp(64 * 40)
    let frames = probe.analyse(sound)
    let count = frames.count / probe.codec.frameNumbers
    var distances: [Double] = []
    for iterations in [0, 1, 4, 16, 64] {
      let memory = ck_allocate(4 * GriffinLim.count(configuration, frameCount: count))!
      defer { ck_free(memory) }
      let algorithm = GriffinLim(
        probe.codec, frameCount: count, iterations: iterations, memory: memory.assumingMemoryBound(to: Float.self))
      for index in 0..<count {
        algorithm.take(index, Array(frames[(index * 128)..<(index * 128 + 128)]), ck_kernels_choose())
      }
      algorithm.decode()
      let clip = (0..<(64 * count)).map { algorithm.samples[$0] }
      #expect(clip.allSatisfy { $0.isFinite })
      distances.append(algorithm.spectralConvergence())
    }
    for (more, fewer) in zip(distances.dropFirst(), distances) { #expect(more < fewer) }
    #expect(distances[0] > 0.8)
    #expect(distances[4] < 0.15)
  }
}
