import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

/// What every sample of a stream passes last.
@Suite("Output stage")
struct OutputStageTests {
  static let rate = 1_000

  func stage(smoothing: Float = 0.1, limit: Float = 4, corner: Float = 0) -> OutputStage {
    var options = StreamOptions()
    options.smoothingSeconds = smoothing
    options.outputLimit = limit
    options.dcBlockerHertz = corner
    return OutputStage(options, sampleRate: Self.rate)
  }

  func process(_ stage: inout OutputStage, _ samples: [Float], gain: Float = 1, blocks: [Int] = [64]) -> [Float] {
    var output = samples
    var done = 0
    var turn = 0
    output.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      while done < samples.count {
        let count = min(blocks[turn % blocks.count], samples.count - done)
        stage.process(base + done, frames: count, gain: gain)
        done += count
        turn += 1
      }
    }
    return output
  }

  func rest(_ stage: inout OutputStage, _ frames: Int) -> [Float] {
    var output = [Float](repeating: 9, count: frames)
    output.withUnsafeMutableBufferPointer { stage.rest($0.baseAddress!, frames: frames) }
    return output
  }

  /// A hundred frames, from the gain that was to the one that is, each frame a hundredth further.
  @Test func gainMovesInAStraightLine() {
    var stage = stage()
    let ones = [Float](repeating: 1, count: 200)
    #expect(process(&stage, ones, gain: 0.5).allSatisfy { $0 == 0.5 })
    let moved = process(&stage, ones, gain: 2)
    for frame in 0..<200 {
      let expected = 0.5 + 1.5 * Double(min(frame + 1, 100)) / 100
      #expect(abs(Double(moved[frame]) - expected) < 1e-6)
    }
    #expect(moved[99] == 2 && moved[199] == 2)
  }

  /// A change on the way sets out from where the gain is.
  @Test func gainTurnsOnItsWay() {
    var stage = stage()
    _ = process(&stage, [1], gain: 0)
    let half = process(&stage, [Float](repeating: 1, count: 50), gain: 1)
    let back = process(&stage, [Float](repeating: 1, count: 150), gain: 0)
    #expect(abs(half[49] - 0.5) < 1e-6)
    #expect(back[0] < half[49] && back[0] > half[49] - 0.01)
    #expect(back[99] == 0 && back[149] == 0)
  }

  @Test func withoutSmoothingGainIsAStep() {
    var stage = stage(smoothing: 0)
    #expect(process(&stage, [1, 1], gain: 1) == [1, 1])
    #expect(process(&stage, [1, 1], gain: 3) == [3, 3])
  }

  /// The first sample after a break is the last one before it, and the difference is gone after the transition.
  @Test func transitionsBeginWhereTheSoundWas() {
    var stage = stage()
    _ = process(&stage, [0.5, 0.8])
    stage.beginTransition()
    let sound = (0..<200).map { Float(-0.6) + Float($0 % 7) * 0.01 }
    let output = process(&stage, sound)
    #expect(abs(output[0] - 0.8) < 0.001)
    var largest: Float = 0
    for frame in 1..<200 { largest = max(largest, abs(output[frame] - output[frame - 1])) }
    // A raised cosine of height 1.4 in 100 frames is steepest in its middle: 1.4 · π / 200 = 0.022; and the sound's own 0.06.
    #expect(largest < 0.083)
    #expect(Array(output[100...]) == Array(sound[100...]))
    #expect(output[99] != sound[99])
  }

  /// A break into silence, and back: nothing jumps, and the sound's own filter stands still meanwhile.
  @Test func soundFadesOutAndIn() {
    var stage = stage()
    _ = process(&stage, [Float](repeating: 0.7, count: 10))
    stage.beginTransition()
    let silence = rest(&stage, 150)
    #expect(abs(silence[0] - 0.7) < 0.001)
    #expect(zip(silence, silence.dropFirst()).allSatisfy { $0 >= $1 })
    #expect(abs(silence[49] - 0.35) < 0.02)
    #expect(silence[100...].allSatisfy { $0 == 0 })
    stage.beginTransition()
    let back = process(&stage, [Float](repeating: 0.7, count: 150))
    #expect(abs(back[0]) < 0.001)
    #expect(back[100...].allSatisfy { $0 == 0.7 })
  }

  /// The beginning again: at once where there was silence, else after a transition.
  @Test func resetLeavesNothing() {
    var stage = stage(corner: 30)
    let sound = (0..<300).map { Float(sin(Double($0) * 0.1)) + 0.3 }
    let first = process(&stage, sound)
    stage.reset()
    let second = process(&stage, sound)
    #expect(second[0..<100] != first[0..<100])
    #expect(second[100...] == first[100...])
    _ = process(&stage, [0], gain: 0)
    _ = process(&stage, [Float](repeating: 0, count: 200), gain: 0)
    stage.reset()
    #expect(process(&stage, sound) == first)
  }

  @Test(arguments: [[1], [7, 64, 3], [300]])
  func anyBlocksAreTheSame(_ blocks: [Int]) {
    let sound = (0..<900).map { Float(sin(Double($0) * 0.3)) * 5 + 1 }
    func play(_ blocks: [Int]) -> [Float] {
      var stage = stage(limit: 2, corner: 20)
      var output = process(&stage, Array(sound[..<300]), gain: 0.5, blocks: blocks)
      output += process(&stage, Array(sound[300..<340]), gain: 1.5, blocks: blocks)
      stage.beginTransition()
      output += process(&stage, Array(sound[340..<600]), gain: 0.1, blocks: blocks)
      stage.reset()
      output += process(&stage, Array(sound[600...]), gain: 0.3, blocks: blocks)
      return output
    }
    #expect(play(blocks).bits == play([64]).bits)
  }

  @Test func outputIsLimitedAndFinite() {
    var stage = stage(limit: 0.5)
    let wild: [Float] = [0.5, 0.6, -3, .infinity, .nan, -.infinity, 1e38, 0.1]
    #expect(process(&stage, wild, gain: 1) == [0.5, 0.5, -0.5, 0, 0, 0, 0.5, 0.1])
    #expect(process(&stage, [1e38, 0.1], gain: 16).allSatisfy { abs($0) <= 0.5 })
  }

  /// What is constant goes; at the corner half the power of half the sample rate passes, and an octave above about 0.8 of it.
  @Test(arguments: [1, 10, 99])
  func blockerIsAHighPass(corner: Int) {
    var stage = stage(limit: 16, corner: Float(corner))
    let constant = process(&stage, [Float](repeating: 1, count: 20_000))
    #expect(abs(constant[19_999]) < 1e-6)
    func level(_ hertz: Double) -> Double {
      var stage = self.stage(limit: 16, corner: Float(corner))
      let count = 40_000
      let output = process(&stage, (0..<count).map { Float(sin(2 * .pi * hertz * Double($0) / Double(Self.rate) + 0.3)) })
      let tail = output[(count / 2)...].map { Double($0) * Double($0) }
      return tail.reduce(0, +) / Double(tail.count)
    }
    // (At half the sample rate itself a sine has but one value: just below it.)
    let top = level(499.5)
    #expect(abs(level(Double(corner)) / top - 0.5) < 0.02)
    #expect(level(Double(corner) / 8) / top < 0.02)
  }

  /// After a sound the filter comes to rest, and is not left with numbers that are slow to compute with.
  @Test func blockerComesToRest() {
    var stage = stage(corner: 5)
    let saved = ck_enter_arithmetic()
    ck_leave_arithmetic(saved)
    let output = process(&stage, [1] + [Float](repeating: 0, count: 20_000))
    #expect(output[20_000] == 0)
    #expect(output.allSatisfy { $0 == 0 || abs($0) >= 1e-21 })
  }

  /// A saved stage continues with the same bits where the one that loads was silent, and after a transition where not.
  @Test func savedStagesContinue() {
    var first = stage(corner: 20)
    let sound = (0..<400).map { Float(sin(Double($0) * 0.05)) }
    _ = process(&first, sound)
    _ = process(&first, Array(sound[..<30]), gain: 2)
    var bytes = [UInt8](repeating: 0, count: OutputStage.savedByteCount)
    bytes.withUnsafeMutableBytes {
      var writer = ByteWriter($0.baseAddress!)
      first.save(&writer)
    }
    func load(_ stage: inout OutputStage) -> Bool {
      bytes.withUnsafeBytes {
        var reader = ByteReader($0.baseAddress!)
        return stage.read(&reader, isLoading: true)
      }
    }
    let expected = process(&first, sound, gain: 2)
    var silent = stage(corner: 20)
    #expect(load(&silent))
    #expect(process(&silent, sound, gain: 2) == expected)
    var sounding = stage(corner: 20)
    let before = process(&sounding, [0, -0.9])
    #expect(load(&sounding))
    let after = process(&sounding, sound, gain: 2)
    #expect(abs(after[0] - before[1]) < 0.001)
    #expect(after[100...] == expected[100...])
  }

  @Test func forgedStagesAreRefused() {
    var stage = stage()
    var refused = 0
    for place in stride(from: 0, to: OutputStage.savedByteCount, by: 4) {
      for bits in [0xFFFF_FFFF, 0x7F80_0000] as [UInt32] {
        var bytes = [UInt8](repeating: 0, count: OutputStage.savedByteCount)
        let isFine = bytes.withUnsafeMutableBytes {
          $0.storeBytes(of: bits, toByteOffset: place, as: UInt32.self)
          var reader = ByteReader(UnsafeRawPointer($0.baseAddress!))
          return stage.read(&reader, isLoading: false)
        }
        refused += isFine ? 0 : 1
      }
    }
    #expect(refused == 24)
  }
}
