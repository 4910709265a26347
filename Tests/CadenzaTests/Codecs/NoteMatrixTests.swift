import Testing

@testable import Cadenza

@Suite("Note matrix")
struct NoteMatrixTests {
  private func number(_ value: Float) -> Element { Element(token: 0, value: value) }
  private func token(_ token: Int) -> Element { Element(token: token, value: 0) }

  @Test func startElements() {
    let numbers = NoteCodecProbe(NoteCodecSamples.numbers).first
    #expect(numbers.map(\.value) == [0.5, 0.5, 0] && numbers.map(\.token) == [0, 0, 0])
    // Pitch 63 of 0 ... 127; velocity 70 of 20 ... 120, of which class ⌊50 · 16 / 101⌋; no interval.
    let classes = NoteCodecProbe(NoteCodecSamples.classes).first
    #expect(classes.map(\.token) == [63, 7, 0] && classes.map(\.value) == [0, 0, 0])
  }

  /// p = lowest + x · (highest − lowest), v likewise, interval m · x²: to the nearest, halves up, numbers beyond 0 … 1 taken to
  /// them.
  @Test func numbers() {
    let probe = NoteCodecProbe(NoteCodecSamples.numbers)
    probe.play([number(0), number(0), number(0)])
    probe.play([number(1), number(1), number(0.5)])
    probe.play([number(0.5), number(0.5), number(1)])
    probe.play([number(-3), number(7), number(0.01)])
    // 21 + 43.5 goes up to 65; 4,000 / 4; 4,000 is longer than a note may last; 0.4 ticks are none.
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:21/1", "1000 off 0:21", "1000 on 0:108/127", "3000 off 0:108", "5000 on 0:65/64", "5000 on 0:21/127",
      ])
    #expect(probe.codec.position(probe.memory) == 4)
  }

  @Test func classes() {
    let probe = NoteCodecProbe(NoteCodecSamples.classes)
    probe.play([token(60), token(0), token(0)])
    probe.play([token(127), token(15), token(63)])
    probe.play([token(0), token(7), token(1)])
    // v = 20 + ⌊(2b + 1) · 101 / 32⌋; 4,000 · (1 / 63)² = 1.008.
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/23", "2000 off 0:60", "4000 on 0:127/117", "4001 off 0:127", "4001 on 0:0/67",
      ])
  }

  /// Every class of every interval, by the equations in floating-point numbers.
  @Test(arguments: [(4_000, 64), (60_000, 1_024), (1, 2), (1_000, 100), (777, 33)])
  func intervals(milliseconds: Int, classes: Int) {
    let fields = NoteCodecConfiguration.NoteMatrixFields(
      pitches: 0...127, hasPitchClasses: true, velocities: 1...127, velocityClasses: 32, maximumInterval: milliseconds,
      intervalClasses: classes)
    let matrix = NoteMatrix(fields, NoteTiming(NoteCodecConfiguration(kind: .noteMatrix(fields))))
    #expect(matrix.interval(token(0)) == 0 && matrix.interval(token(classes - 1)) == milliseconds)
    for index in 0..<classes {
      let x = Double(index) / Double(classes - 1)
      let exact = Double(milliseconds) * x * x
      #expect(abs(Double(matrix.interval(token(index))) - exact) <= 0.5 + 1e-9)
    }
    var last = 0
    for interval in 0...milliseconds {
      let index = matrix.intervalElement(interval).token
      let x = (Double(interval) / Double(milliseconds)).squareRoot() * Double(classes - 1)
      #expect(abs(Double(index) - x) <= 0.5 + 1e-9 && index >= last)
      last = index
    }
    #expect(last == classes - 1)
    #expect(matrix.intervalElement(milliseconds * 3).token == classes - 1 && matrix.intervalElement(-5).token == 0)
  }

  /// A moment's notes sound together, until the first of a later one.
  @Test func chords() {
    let probe = NoteCodecProbe(NoteCodecSamples.classes)
    for (pitch, interval) in [(60, 0), (64, 0), (60, 0), (67, 10), (71, 0)] {
      probe.play([token(pitch), token(0), token(interval)])
    }
    // 4,000 · (10 / 63)² = 100.8
    #expect(
      probe.read().map(\.description) == [
        "0 on 0:60/23", "0 on 0:64/23", "0 off 0:60", "0 on 0:60/23", "101 off 0:64", "101 off 0:60", "101 on 0:67/23",
        "101 on 0:71/23",
      ])
  }

  @Test func tooManyNotesAtOnce() {
    let probe = NoteCodecProbe(NoteCodecSamples.numbers)
    for index in 0..<256 { probe.play([number(Float(index % 80) / 87), number(0.5), number(0)]) }
    #expect(probe.script.tick == 1)
    _ = probe.read()
    probe.play([number(0.5), number(0.5), number(0)])
    #expect(probe.read().filter { $0.kind == .noteOff && $0.tick == 1 }.count == 80, "what began before is over")
  }

  @Test(arguments: 1...6)
  func piecesComeBack(seed: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.numbers)
    var random = RandomGenerator(seed: UInt64(seed))
    var notes: [PieceNote] = []
    var begin = random.below(4_001)
    for _ in 0..<400 {
      var pitches = Set<Int>()
      for _ in 0..<random.within(1...4) { pitches.insert(random.within(21...108)) }
      for pitch in pitches.sorted() {
        notes.append(PieceNote(voice: 0, begin: begin, end: 0, pitch: pitch, velocity: random.within(1...127)))
      }
      let next = begin + random.within(1...4_000)
      for index in notes.indices where notes[index].begin == begin { notes[index].end = min(next, begin + 2_000) }
      begin = next
    }
    let ticks = begin + 3_000
    let elements = probe.codec.encode(PieceNote.events(notes), ticks: UInt64(ticks), probe.memory)
    #expect(elements.count == 3 * notes.count)
    var played = probe.playAndRead(elements)
    let last = notes.map(\.begin).max() ?? 0
    #expect(probe.script.tick == UInt64(last), "where the last notes begin")
    probe.script.advance(3_000)
    played += probe.read()
    let back = PieceNote.notes(played, end: ticks)
    // What nothing follows lasts for as long as it may.
    let expected = notes.map { note in
      var note = note
      if note.begin == last { note.end = last + 2_000 }
      return note
    }
    #expect(back == expected.sorted())
  }

  /// Classes give back the values that have one.
  @Test func classesComeBack() {
    let probe = NoteCodecProbe(NoteCodecSamples.classes)
    var random = RandomGenerator(seed: 4)
    var elements: [Element] = []
    for _ in 0..<500 {
      // Ascending within a moment is how pieces are written: one note each.
      elements += [token(random.below(128)), token(random.below(16)), token(random.within(1...63))]
    }
    let notes = PieceNote.notes(probe.playAndRead(elements), end: 10_000_000)
    let again = probe.codec.encode(PieceNote.events(notes), ticks: 20_000_000, NoteCodecMemory())
    #expect(again == elements)
  }

  @Test func beyondTheRanges() {
    let probe = NoteCodecProbe(NoteCodecSamples.classes)
    let notes = [
      PieceNote(voice: 0, begin: 9_000, end: 9_001, pitch: 60, velocity: 127),
      PieceNote(voice: 1, begin: 9_100, end: 9_101, pitch: 60, velocity: 1),
    ]
    let tokens = probe.codec.encode(PieceNote.events(notes), ticks: 10_000, probe.memory).map(\.token)
    #expect(tokens == [60, 15, 63, 60, 0, 10])
  }
}

extension Element: Equatable {
  public static func == (left: Element, right: Element) -> Bool { left.token == right.token && left.value == right.value }
}
