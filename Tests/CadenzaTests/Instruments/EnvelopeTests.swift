import Testing

@testable import Cadenza

@Suite("Envelope")
struct EnvelopeTests {
  let lengths = Envelope.Lengths(attackSeconds: 0.003, releaseSeconds: 0.08, sampleRate: 16000)

  func take(_ envelope: inout Envelope, _ count: Int) -> [Float] { (0..<count).map { _ in envelope.next() } }

  @Test func lengthsAreRounded() {
    #expect(lengths.attack == 48)
    #expect(lengths.release == 1280)
    #expect(lengths.takeOver == 80)
    let short = Envelope.Lengths(attackSeconds: 0.001, releaseSeconds: 10, sampleRate: 1000)
    #expect(short.attack == 1)
    #expect(short.release == 10000)
    #expect(short.takeOver == 5)
  }

  @Test func risesHoldsAndFallsAsStated() {
    var envelope = Envelope(lengths)
    #expect(envelope.isIdle)
    #expect(take(&envelope, 3) == [0, 0, 0])
    envelope.begin()
    let attack = take(&envelope, 48)
    for (k, level) in attack.enumerated() {
      #expect(abs(Double(level) - (1 - cosine(.pi * Double(k) / 48)) / 2) < 1e-6)
    }
    #expect(envelope.stage == .sustain)
    #expect(take(&envelope, 5) == [1, 1, 1, 1, 1])
    envelope.end()
    let release = take(&envelope, 1280)
    for (k, level) in release.enumerated() {
      #expect(abs(Double(level) - (1 + cosine(.pi * Double(k) / 1280)) / 2) < 1e-6)
    }
    #expect(envelope.isIdle)
    #expect(envelope.next() == 0)
  }

  /// Wherever a stage is cut off, the next one goes on from there; no step is larger than π / 2n of the shortest.
  @Test func nothingJumps() {
    for held in [0, 1, 7, 24, 47, 48, 60] {
      for released in [0, 1, 100, 1199, 1200, 1201, 1279] {
        var envelope = Envelope(lengths)
        envelope.begin()
        var levels = take(&envelope, held)
        envelope.end()
        levels += take(&envelope, released)
        envelope.makeWay()
        let rest = take(&envelope, 80)
        #expect(envelope.isIdle)
        levels += rest + [0]
        for (level, next) in zip(levels, levels.dropFirst()) {
          #expect(abs(next - level) <= Float.pi / 2 / 48 + 1e-6)
        }
        // No note lasts longer for being taken over.
        if released > 1200 { #expect(rest.dropFirst(1280 - released).allSatisfy { $0 == 0 }) }
      }
    }
  }

  @Test func anEndedNoteStaysEnded() {
    var envelope = Envelope(lengths)
    envelope.begin()
    _ = take(&envelope, 100)
    envelope.end()
    let first = take(&envelope, 10)
    envelope.end()
    #expect(envelope.next() < first[9])
    envelope.makeWay()
    envelope.end()
    #expect(envelope.stage == .takeOver)
    envelope.stop()
    envelope.makeWay()
    envelope.end()
    #expect(envelope.isIdle)
  }

  @Test func savedEnvelopesContinue() {
    var envelope = Envelope(lengths)
    envelope.begin()
    for step in 0..<200 {
      if step == 30 { envelope.end() }
      if step == 100 { envelope.makeWay() }
      var bytes = [UInt8](repeating: 0, count: Envelope.savedByteCount)
      bytes.withUnsafeMutableBytes { buffer in
        var writer = ByteWriter(buffer.baseAddress!)
        envelope.save(&writer)
      }
      var other = Envelope(lengths)
      let accepted = bytes.withUnsafeBytes { buffer in
        var reader = ByteReader(buffer.baseAddress!)
        return other.read(&reader, isLoading: true)
      }
      #expect(accepted)
      #expect(other.level == envelope.level)
      var copy = envelope
      #expect(take(&other, 90) == take(&copy, 90))
      _ = envelope.next()
    }
  }
}
