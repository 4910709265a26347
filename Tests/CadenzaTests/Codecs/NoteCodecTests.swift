import Testing

@testable import Cadenza

/// What holds for every codec of notes.
@Suite("Codecs of notes")
struct NoteCodecTests {
  /// An element that a field of a network may give: a token, or any finite number.
  private func element(_ size: Int?, _ random: inout RandomGenerator) -> Element {
    if let size { return Element(token: random.below(size), value: 0) }
    return Element(token: 0, value: random.uniform() * 1.4 - 0.2)
  }

  /// Whatever a network emits, the rules of a script hold, and the reader hears music.
  @Test(arguments: NoteCodecSamples.all.indices, 1...4)
  func anyChoices(sample: Int, seed: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    var random = RandomGenerator(seed: UInt64(seed))
    var rules = ScriptRules(maximumNoteTicks: probe.codec.maximumNoteTicks)
    var tick: UInt64 = 0
    var noteCount = 0
    for _ in 0..<30_000 {
      probe.play(probe.configuration.fields.map { element($0, &random) })
      #expect(probe.script.tick >= tick)
      tick = probe.script.tick
      // A reader that is late at times, as the stream's is.
      if random.below(3) > 0 || !probe.script.hasRoom {
        let broken = rules.check(probe.read())
        #expect(broken == nil)
        if broken != nil { return }
      }
      if probe.script.hasEnded {
        let broken = rules.check(probe.read())
        #expect(broken == nil && rules.hasEnded)
        noteCount += rules.noteCount
        probe.reset()
        rules = ScriptRules(maximumNoteTicks: probe.codec.maximumNoteTicks)
        tick = 0
      }
    }
    #expect(noteCount + rules.noteCount > 1_000)
  }

  /// Tokens and numbers that no network should emit are no reason to fall over.
  @Test(arguments: NoteCodecSamples.all.indices)
  func impossibleChoices(sample: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    var rules = ScriptRules(maximumNoteTicks: probe.codec.maximumNoteTicks)
    let values: [Float] = [.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -0.0, 1e30]
    for token in [-1, Int.min, Int.max, 65_536, 388] {
      for value in values {
        probe.play([Element](repeating: Element(token: token, value: value), count: probe.codec.fieldCount))
        let broken = rules.check(probe.read())
        #expect(broken == nil)
      }
    }
    #expect(!probe.script.hasEnded)
  }

  /// Only what is chosen from the range that `choices` gives belongs to the voice; it is never empty, and stays in the
  /// vocabulary.
  @Test(arguments: NoteCodecSamples.all.indices)
  func choicesAreOfTheVocabulary(sample: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    guard let size = probe.configuration.fields[0] else {
      #expect(probe.codec.choices(probe.memory) == (0, 0))
      return
    }
    var seen = Set<Int>()
    for _ in 0..<20 {
      let (first, count) = probe.codec.choices(probe.memory)
      #expect(count > 0 && first >= 0 && first + count <= size)
      seen.formUnion(first..<first + count)
      probe.play(
        [Element(token: first, value: 0)] + [Element](repeating: Element(token: 0, value: 0), count: probe.codec.fieldCount - 1)
      )
    }
    #expect(seen.count == size)
  }

  @Test(arguments: NoteCodecSamples.all.indices)
  func firstElementsAreOfTheirFields(sample: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    let first = probe.first
    #expect(first.count == probe.configuration.fields.count)
    for (element, size) in zip(first, probe.configuration.fields) {
      if let size {
        #expect((0..<size).contains(element.token) && element.value == 0)
      } else {
        #expect(element.token == 0 && (0...1).contains(element.value))
      }
    }
  }

  @Test func timing() {
    let beats = NoteCodecSamples.all.map { NoteCodecProbe($0).codec.ticksPerBeat }
    #expect(beats == [50, 50, 4, 4, 2, 500, 500])
    let longest = NoteCodecSamples.all.map { NoteCodecProbe($0).codec.maximumNoteTicks }
    #expect(longest == [800, 50, 32, 64, 32, 2_000, 2_000])
    let tempos = NoteCodecSamples.all.map { NoteCodecProbe($0).codec.tempo }
    #expect(tempos == [120, 90, 120, 120, 120, 120, 120])
    #expect(NoteCodecSamples.all.map { $0.fields.count } == [1, 1, 1, 1, 1, 3, 3])
    #expect(NoteCodecSamples.classes.fields == [128, 16, 64] && NoteCodecSamples.numbers.fields == [nil, nil, nil])
    #expect(NoteCodecSamples.performance.fields == [388])
  }

  // MARK: Pieces that are given

  /// Whatever a host gives, encoding takes as long as the piece, and what it gives can be played.
  @Test(arguments: NoteCodecSamples.all.indices, 1...3)
  func anyPiece(sample: Int, seed: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    let fields = probe.configuration.fields
    var random = RandomGenerator(seed: UInt64(seed))
    for round in 0..<40 {
      let ticks = random.below(200)
      let events = (0..<random.below(300)).map { _ in
        TickEvent(
          tick: random.below(20) == 0 ? random.next() : UInt64(random.below(ticks + 10)), isOn: random.below(2) == 0,
          voice: random.below(40) - 5, pitch: random.below(200) - 20, velocity: random.below(300) - 50)
      }
      // A grid's step may be under way.
      if round % 3 == 0 { probe.play(fields.map { element($0, &random) }) }
      if probe.script.hasEnded { probe.reset() }
      _ = probe.read()
      let begin = probe.script.tick
      let before = probe.memory.voice
      let elements = probe.codec.encode(events, ticks: UInt64(ticks), probe.memory)
      #expect(elements.count % fields.count == 0)
      for (position, element) in elements.enumerated() {
        if let size = fields[position % fields.count] {
          #expect((0..<size).contains(element.token) && element.value == 0)
        } else {
          #expect(element.token == 0 && (0...1).contains(element.value))
        }
      }
      // Each choice is among those that its turn allows.
      for step in stride(from: 0, to: elements.count, by: fields.count) {
        let (first, count) = probe.codec.choices(probe.memory)
        if count > 0 { #expect((first..<first + count).contains(elements[step].token)) }
        probe.play(Array(elements[step..<step + fields.count]))
        _ = probe.read()
      }
      #expect(!probe.script.hasEnded, "a piece that is given goes on")
      if case .noteMatrix = probe.configuration.kind { continue }
      #expect(probe.script.tick - begin == UInt64(ticks) + (before > 0 ? 1 : 0))
      #expect(probe.memory.voice == 0)
    }
  }

  @Test(arguments: NoteCodecSamples.all.indices)
  func aPieceThatNeverEndsIsCut(sample: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    let most = probe.codec.maximumPieceTicks
    #expect(most >= 1 << 20 && most < NoteScript.maximumTick)
    if case .noteMatrix = probe.configuration.kind {
      #expect(probe.codec.encode([], ticks: .max, probe.memory).isEmpty)
    }
  }

  /// Silently, then what sounds at the end.
  @Test func primed() {
    let probe = NoteCodecProbe(NoteCodecSamples.chorale)
    let notes = [
      PieceNote(voice: 0, begin: 0, end: 4, pitch: 72, velocity: 100),
      PieceNote(voice: 1, begin: 0, end: 8, pitch: 64, velocity: 100),
      PieceNote(voice: 2, begin: 2, end: 12, pitch: 55, velocity: 100),
      PieceNote(voice: 3, begin: 1, end: 3, pitch: 48, velocity: 100),
    ]
    probe.script.isSilent = true
    probe.play(probe.codec.encode(PieceNote.events(notes), ticks: 8, probe.memory))
    #expect(probe.script.isEmpty)
    probe.script.isSilent = false
    probe.script.sound()
    // Voice 1 ends with the piece: a grid says so at the next step only.
    #expect(probe.read().map(\.description) == ["8 on 1:64/100", "8 on 2:55/100"])
    #expect(probe.codec.position(probe.memory) == 8)
  }

  // MARK: State

  @Test(arguments: NoteCodecSamples.all.indices)
  func memorySavedAndLoaded(sample: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    let other = NoteCodecProbe(NoteCodecSamples.all[sample])
    var random = RandomGenerator(seed: 9)
    for _ in 0..<300 where !probe.script.hasEnded {
      probe.play(probe.configuration.fields.map { element($0, &random) })
      _ = probe.read()
      #expect(other.loadMemory(probe.savedMemory))
      #expect(other.load(probe.script.saved))
      #expect(other.savedMemory == probe.savedMemory)
    }
    guard !probe.script.hasEnded else { return }
    // Both go on alike.
    for _ in 0..<200 where !probe.script.hasEnded {
      let elements = probe.configuration.fields.map { element($0, &random) }
      probe.play(elements)
      other.play(elements)
      #expect(probe.read() == other.read())
    }
  }

  /// Bytes that were damaged are refused, or the codec plays on soundly from them.
  @Test(arguments: NoteCodecSamples.all.indices)
  func damagedMemory(sample: Int) {
    let probe = NoteCodecProbe(NoteCodecSamples.all[sample])
    var random = RandomGenerator(seed: 2)
    for _ in 0..<7 { probe.play(probe.configuration.fields.map { element($0, &random) }) }
    probe.reset()
    let good = probe.savedMemory
    var refused = 0
    for position in good.indices {
      for bit in 0..<8 {
        guard probe.loadMemory(good.with(good[position] ^ UInt8(1 << bit), at: position)) else {
          refused += 1
          #expect(probe.savedMemory == good)
          continue
        }
        probe.script.reset()
        var rules = ScriptRules(maximumNoteTicks: probe.codec.maximumNoteTicks)
        for _ in 0..<20 {
          let (first, count) = probe.codec.choices(probe.memory)
          #expect(first >= 0 && count >= 0 && first + count <= probe.configuration.fields[0] ?? 0)
          probe.play(probe.configuration.fields.map { element($0, &random) })
        }
        _ = probe.codec.encode([TickEvent(tick: 1, isOn: true, voice: 0, pitch: 60, velocity: 80)], ticks: 4, probe.memory)
        let broken = rules.check(probe.read())
        #expect(broken == nil)
        #expect(probe.loadMemory(good))
      }
    }
    // Beyond 2^54 steps, velocities and voices that are none, pitches of 128 … 254.
    #expect(refused > 100)
  }
}

@Suite("Pitch sets")
struct PitchSetTests {
  @Test func everyPitch() {
    let all = PitchSet(0...127)
    #expect(all.count == 128 && all.pitches == Array(0...127) && all.highest == 127)
    #expect(PitchSet().highest == -1 && PitchSet().next(from: 0) == 128 && PitchSet([-1, 128, .max]).count == 0)
    for pitch in 0..<128 {
      let one = PitchSet([pitch])
      #expect(one.pitches == [pitch] && one.count == 1 && one.highest == pitch)
      #expect(one.contains(pitch) && !one.contains(pitch + 1) && !one.contains(pitch - 1) && !one.contains(pitch + 64))
      #expect(one.next(from: -1) == pitch && one.next(from: pitch) == pitch && one.next(from: pitch + 1) == 128)
      #expect(all.next(from: pitch) == pitch)
      #expect(one.difference(from: PitchSet([pitch, 3, 99])) == (pitch == 3 || pitch == 99 ? 1 : 2))
    }
  }

  @Test func closest() {
    let set = PitchSet([48, 60, 62, 72])
    #expect(set.closest(to: 60) == 60)
    #expect(set.closest(to: 84) == 72 && set.closest(to: 0) == 48 && set.closest(to: 74) == 62)
    #expect(set.closest(to: 61) == 60, "no C sharp: the nearest, the lower of two")
    #expect(set.closest(to: 71) == 72)
    #expect(PitchSet().closest(to: 60) == nil)
    #expect(PitchSet([127]).closest(to: 0) == 127 && PitchSet([0]).closest(to: 127) == 0)
  }
}
