import CadenzaMidi
import Foundation
import Testing

@Suite("MIDI files that mido wrote")
struct MidoTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/midi")

  @Test("the notes are those that mido's reading gives, to the tick", arguments: 0..<12)
  func notes(number: Int) throws {
    let bytes = [UInt8](try Data(contentsOf: MidoTests.folder.appendingPathComponent("\(number).mid")))
    let text = try String(contentsOf: MidoTests.folder.appendingPathComponent("\(number).notes"), encoding: .utf8)
    let expected = text.split(separator: "\n").map { $0.split(separator: " ") }
    let file = try MidiFile(bytes: bytes)
    let times = TempoMap(file)
    let notes = file.notes()
    #expect(file.format == number % 2)
    #expect(notes.count == expected.count && notes.count > 40)
    for (note, line) in zip(notes, expected) {
      let figures: [Int] = [
        note.start, note.end, note.track, Int(note.channel), Int(note.pitch), Int(note.velocity),
      ]
      #expect(figures == line.prefix(6).compactMap { Int($0) })
      #expect(abs(times.seconds(at: note.start) - (Double(line[6]) ?? .nan)) < 1e-6)
      #expect(abs(times.seconds(at: note.end) - (Double(line[7]) ?? .nan)) < 1e-6)
    }
    // What is written again says the same.
    #expect(try MidiFile(bytes: file.bytes) == file)
  }
}
