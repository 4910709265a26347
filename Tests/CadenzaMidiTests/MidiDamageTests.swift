import Testing

@testable import CadenzaMidi

@Suite("MIDI files from strangers")
struct MidiDamageTests {
  /// SplitMix64 (Steele et al. 2014): the same damage each time.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
      return value ^ value >> 31
    }
  }

  private func damage(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      guard !bytes.isEmpty else { break }
      let place = Int.random(in: bytes.indices, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
      case 2: bytes.remove(at: place)
      case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
      case 4: bytes.removeLast(min(bytes.count, Int.random(in: 1...20, using: &generator)))
      default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: Int.random(in: bytes.indices, using: &generator))
      }
    }
    return bytes
  }

  @Test("20,000 damaged files are read or refused; what is read has sound notes, and survives being written")
  func randomDamage() throws {
    var generator = Generator(state: 4)
    var taken = 0
    var places: Set<Int> = []
    let piece = MidiBytes.piece.bytes
    for _ in 0..<20_000 {
      let bytes = damage(piece, &generator)
      do throws(MidiFailure) {
        let file = try MidiFile(bytes: bytes)
        taken += 1
        let map = TempoMap(file)
        let lines = BarLines(file)
        for note in file.notes() {
          #expect(0 <= note.start && note.start <= note.end && note.end <= file.endTick)
          #expect(note.pitch < 128 && (1...127).contains(note.velocity) && file.tracks.indices.contains(note.track))
          #expect(map.seconds(at: note.start) >= 0 && map.beat(at: note.end) >= 0)
        }
        #expect(lines.tick(ofBar: 9) >= lines.tick(ofBar: 8))
        // But for running status and what is not kept, the bytes say the same.
        #expect(try MidiFile(bytes: file.bytes) == file)
      } catch {
        #expect((0...bytes.count).contains(error.offset))
        places.insert(error.offset)
      }
    }
    // Neither the damage nor the reader is toothless.
    #expect(taken > 500 && taken < 15_000, "\(taken) were taken")
    #expect(places.count > 50, "refused at \(places.count) places")
  }

  @Test("random bytes behind a good header are read or refused")
  func noise() {
    var generator = Generator(state: 5)
    for _ in 0..<5_000 {
      let events = (0..<Int.random(in: 0...60, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let bytes = MidiBytes.single(events)
      if let file = try? MidiFile(bytes: bytes) { #expect(file.tracks.count == 1) }
    }
  }
}
