import Testing

@testable import Cadenza

/// The tone model, whose output at a sample depends on nothing but its latent, "colour", and the pitch: so what a latent does can be read
/// off its output.
@Suite("Latents")
struct LatentTests {
  func stream(voices: Int = 0, sampleRate: Int = 0, seed: UInt64 = 0) throws -> Stream {
    try ToneModel.stream(voices: voices, sampleRate: sampleRate, colour: "latent", seed: seed)
  }

  /// What the model gives where its latent is `value`.
  func level(_ value: Float) throws -> Float {
    let stream = try stream()
    #expect(stream.setCondition(0, [value]) == .ok)
    return stream.take(1)[0]
  }

  func latent(_ stream: Stream) -> Float {
    var value: Float = .nan
    #expect(stream.condition(0, into: &value, count: 1) == .ok)
    return value
  }

  // MARK: Beginnings

  @Test func theSeedDrawsIt() throws {
    let first = latent(try stream(seed: 1))
    #expect(first == latent(try stream(seed: 1)))
    #expect(first != latent(try stream(seed: 2)))
    #expect(try stream(seed: 1).take(1)[0] == level(first))
    // A reset seeds the generator, and leaves conditions alone.
    let stream = try stream(seed: 1)
    #expect(stream.reset(seed: 9) == .ok)
    #expect(latent(stream) == first)
    // The notes' instrument draws the same.
    #expect(latent(try self.stream(voices: 2, seed: 1)) == first)
  }

  @Test func drawsAreNormal() {
    var sum = 0.0
    var squares = 0.0
    var values = [Float](repeating: 0, count: 16)
    for seed in 0..<4000 {
      LatentPrior.draw(seed: UInt64(seed), index: 0, into: &values, count: 16)
      for value in values {
        sum += Double(value)
        squares += Double(value) * Double(value)
      }
    }
    let count = 64_000.0
    #expect(abs(sum / count) < 0.015)
    #expect(abs(squares / count - 1) < 0.02)
  }

  // MARK: Gliding

  @Test func glidesInSteps() throws {
    let stream = try stream()
    #expect(stream.setCondition(0, [-1]) == .ok)
    #expect(stream.glideLatent(0, to: [1], count: 1, frames: 640, .linear) == .ok)
    let sound = stream.take(700)
    for place in 0..<10 {
      let expected = try level(-1 + 2 * Float(place * 64) / 640)
      // The step after whose beginning the place was taken anew is the first to hear it.
      #expect(abs(sound[place * 64 + 10] - expected) < 1e-6)
      #expect(sound[place * 64 + 62] == sound[place * 64 + 10])
    }
    #expect(try sound[699] == level(1))
    #expect(latent(stream) == 1)
  }

  @Test(arguments: [[64], [1], [5, 3, 100]])
  func splitsDoNotMatter(blocks: [Int]) throws {
    let whole = try stream()
    let split = try stream()
    for stream in [whole, split] {
      _ = stream.take(37)
      #expect(stream.randomizeLatent(0, seed: 5, frames: 1000, .spherical) == .ok)
    }
    #expect(whole.take(2000).bits == split.take(2000, blocks: blocks).bits)
    #expect(latent(whole) == latent(try stream(seed: 5)))
  }

  @Test func aNewGlideTakesOver() throws {
    let stream = try stream()
    #expect(stream.setCondition(0, [0]) == .ok)
    #expect(stream.glideLatent(0, to: [2], count: 1, frames: 1280, .linear) == .ok)
    let before = stream.take(641)
    #expect(stream.glideLatent(0, to: [0], count: 1, frames: 640, .linear) == .ok)
    let after = stream.take(641)
    #expect(try before[640] == level(1))
    #expect(after[0] == before[640])
    #expect(try after[640] == level(0))
  }

  /// A glide's frames are the output's.
  @Test func framesAreOfTheOutput() throws {
    let stream = try stream(sampleRate: 2 * ToneModel.sampleRate)
    #expect(stream.setCondition(0, [0]) == .ok)
    _ = stream.take(500)
    #expect(stream.glideLatent(0, to: [1], count: 1, frames: 4000, .linear) == .ok)
    let sound = stream.take(5000)
    #expect(abs(try sound[2000 + stream.latency] - level(0.5)) < 0.02)
    #expect(abs(try sound[4999] - level(1)) < 1e-4)
  }

  @Test func notesThatSoundFollow() throws {
    let stream = try stream(voices: 3)
    #expect(stream.setCondition(0, [0]) == .ok)
    for pitch in [60, 64] { #expect(stream.noteOn(frame: 0, voice: 3, pitch: pitch, velocity: 1) == .ok) }
    let before = stream.take(200)[199]
    #expect(stream.glideLatent(0, to: [0.8], count: 1, frames: 640, .linear) == .ok)
    let after = stream.take(700)[699]

    let other = try self.stream(voices: 3)
    #expect(other.setCondition(0, [0.8]) == .ok)
    for pitch in [60, 64] { #expect(other.noteOn(frame: 0, voice: 3, pitch: pitch, velocity: 1) == .ok) }
    #expect(other.take(200)[199] == after)
    #expect(before != after)
  }

  /// Of a condition that is no latent, notes keep what they began with.
  @Test func otherConditionsHoldForANote() throws {
    let stream = try ToneModel.stream()
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok)
    let before = stream.take(200)[199]
    #expect(stream.setCondition(0, [0.8]) == .ok)
    #expect(stream.take(200)[199] == before)
  }

  // MARK: State

  @Test(arguments: [0, 2])
  func aStateIsSavedOnItsWay(voices: Int) throws {
    let saved = try stream(voices: voices)
    #expect(saved.setCondition(0, [-1]) == .ok)
    if voices > 0 { #expect(saved.noteOn(frame: 0, voice: 0, pitch: 60, velocity: 1) == .ok) }
    #expect(saved.glideLatent(0, to: [1], count: 1, frames: 2000, .linear) == .ok)
    _ = saved.take(300)
    let state = saved.savedState()
    let rest = saved.take(2500)
    let loaded = try stream(voices: voices, seed: 77)
    #expect(loaded.load(state) == .ok)
    #expect(loaded.take(2500).bits == rest.bits)
    #expect(rest[0] != rest[2499])
  }

  // MARK: Errors

  @Test func badGlidesChangeNothing() throws {
    let stream = try stream(seed: 3)
    let before = latent(stream)
    #expect(stream.glideLatent(0, to: [.infinity], count: 1, frames: 0, .linear) == .invalidArgument)
    #expect(stream.glideLatent(0, to: [0, 0], count: 2, frames: 0, .linear) == .invalidArgument)
    #expect(stream.glideLatent(2, to: [0], count: 1, frames: 0, .linear) == .invalidArgument)
    #expect(stream.glideLatent(-1, to: [0], count: 1, frames: 0, .linear) == .invalidArgument)
    #expect(stream.glideLatent(0, to: [0], count: 1, frames: -1, .linear) == .invalidArgument)
    #expect(stream.glideLatent(0, to: [0], count: 1, frames: 1 << 31, .linear) == .invalidArgument)
    #expect(stream.glideLatent(1, to: [0], count: 1, frames: 10, .linear) == .unsupported)
    #expect(stream.randomizeLatent(1, seed: 0, frames: 10, .linear) == .unsupported)
    #expect(stream.setCondition(0, [.nan]) == .invalidArgument)
    var value: Float = 0
    #expect(stream.condition(0, into: &value, count: 2) == .invalidArgument)
    #expect(latent(stream) == before)
    // "pitch" is the notes'.
    let notes = try self.stream(voices: 1)
    #expect(notes.condition(1, into: &value, count: 1) == .invalidArgument)
    #expect(stream.glideInstrumentLatent(voice: 0, index: 0, to: [0], count: 1, frames: 0, .linear) == .state)
  }

  // MARK: Interpolation

  func point(_ start: [Float], _ end: [Float], _ fraction: Double, _ interpolation: Interpolation) -> [Float] {
    var output = [Float](repeating: .nan, count: start.count)
    interpolation.write(from: start, to: end, fraction: fraction, count: start.count, into: &output)
    return output
  }

  @Test func theSphereIsKept() {
    let half = point([1, 0], [0, 1], 0.5, .spherical)
    #expect(abs(half[0] - 0.70710678) < 1e-6 && abs(half[1] - 0.70710678) < 1e-6)
    let third = point([2, 0, 0], [0, 0, 2], 1.0 / 3, .spherical)
    #expect(abs(third[0] - 1.7320508) < 1e-5 && third[1] == 0 && abs(third[2] - 1) < 1e-5)
    #expect(point([1, 0], [0, 1], 0.5, .linear) == [0.5, 0.5])
  }

  @Test(arguments: [Interpolation.linear, .spherical])
  func endsAreExact(interpolation: Interpolation) {
    let start: [Float] = [0.1, -0.7, 2.3]
    let end: [Float] = [1.1, 0.3, -0.2]
    #expect(point(start, end, 0, interpolation) == start)
    #expect(point(start, end, 1, interpolation) == end)
  }

  /// Where the sphere says nothing, the way is straight.
  @Test func straightWhereThereIsNoAngle() {
    #expect(point([0, 0], [1, 2], 0.5, .spherical) == [0.5, 1])
    #expect(point([1, 1], [3, 3], 0.5, .spherical) == [2, 2])
    #expect(point([1, 1], [-1, -1], 0.25, .spherical) == [0.5, 0.5])
  }
}
