import Testing

@testable import Cadenza

/// Streams that render ahead, from Swift. Tests/c has the threads, the proofs and the hosts.
@Suite("Rendering ahead")
struct RenderAheadTests {
  func stream(_ name: String, ahead: Int, smoothing: Float = 0) throws -> Cadenza.Stream {
    let model = try Model(path: Reference.named(name).modelPath)
    var options = StreamOptions(for: model)
    options.seed = 3
    options.renderAheadFrames = ahead
    options.smoothingSeconds = smoothing
    let stream = try Cadenza.Stream(model: model, options: options)
    stream.renderMode = .offline
    return stream
  }

  @Test(arguments: ["wavenet-plain", "lstm-embedding", "gru-waveform"], [1, 100, 5_000])
  func offlineBitsAreTheSame(name: String, ahead: Int) throws {
    let expected = try stream(name, ahead: 0).take(2_000)
    let stream = try stream(name, ahead: ahead)
    #expect(stream.take(2_000, blocks: [1, 64, 333]).bits == expected.bits)
    #expect(stream.statistics.underruns == 0)
    #expect(stream.renderMode == .offline)
  }

  /// Saved in the middle of a ring, a state continues in another stream, what is ahead included.
  @Test func savedStatesHoldWhatIsAhead() throws {
    let first = try stream("wavenet-local-and-global", ahead: 700)
    _ = first.take(1_234)
    let saved = first.savedState()
    let expected = first.take(2_000)
    let second = try stream("wavenet-local-and-global", ahead: 700)
    #expect(second.load(saved) == .ok)
    #expect(second.take(2_000, blocks: [50]).bits == expected.bits)
  }

  @Test func statesOfAnotherRingAreRefused() throws {
    let first = try stream("wavenet-plain", ahead: 700)
    let saved = first.savedState()
    for frames in [0, 699] {
      let other = try stream("wavenet-plain", ahead: frames)
      let error = try #require(throws: Failure.self) { try saved.withUnsafeBytes { try other.checkState($0) } }
      #expect(error.message.contains("700 frames ahead; expected \(frames)"))
      #expect(other.load(saved) == .format)
    }
  }

  /// Numbers that index memory are checked, also where the checksum fits.
  @Test func forgedStatesDoNoHarm() throws {
    let stream = try stream("wavenet-plain", ahead: 64)
    _ = stream.take(200)
    let saved = stream.savedState()
    var places = Array(stride(from: saved.count - 16_384 - 64 * 4 - 200, to: saved.count - 16_300, by: 4))
    places += Array(stride(from: saved.count - 16_300, to: saved.count - 4, by: 508))
    for place in places {
      for bits in [0xFFFF_FFFF, 0x0001_0000, 0x7FC0_0000] as [UInt32] {
        var forged = saved
        forged.withUnsafeMutableBytes { bytes in
          bytes.storeBytes(of: bits.littleEndian, toByteOffset: place, as: UInt32.self)
          let sum = fingerprint(UnsafeRawBufferPointer(rebasing: bytes[SavedHeader.byteCount...]))
          bytes.storeBytes(of: sum.littleEndian, toByteOffset: 24, as: UInt64.self)
        }
        if stream.load(forged) == .ok { _ = stream.take(200) }
      }
    }
    #expect(stream.load(saved) == .ok)
  }

  @Test func droppingIsHeardAtOnce() throws {
    let stream = try stream("wavenet-plain", ahead: 1_000)
    let plain = try self.stream("wavenet-plain", ahead: 0)
    let expected = plain.take(4_000)
    #expect(plain.dropAhead() == .ok)
    #expect(stream.take(100).bits == Array(expected[..<100]).bits)
    #expect(stream.dropAhead() == .ok)
    // What comes next is the same music, from somewhere within a ring's length further on.
    let rest = stream.take(500).bits
    let places = (100...1_300).filter { Array(expected[$0..<($0 + 500)]).bits == rest }
    #expect(places.count == 1)
  }
}
