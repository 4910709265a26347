import Testing

@testable import Cadenza

@Suite("Note script")
struct NoteScriptTests {
  private func probe(maximumNoteBeats: Int = 16) -> NoteCodecProbe {
    // 4 ticks a beat.
    var configuration = NoteCodecSamples.melody
    configuration.maximumNoteBeats = maximumNoteBeats
    return NoteCodecProbe(configuration)
  }

  private func said(_ probe: NoteCodecProbe) -> [String] { probe.script.drain().map(\.description) }

  @Test func notesInOrder() {
    let probe = probe()
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.noteOn(voice: 3, pitch: 60, velocity: 1)
    probe.script.advance(5)
    probe.script.noteOff(voice: 0, pitch: 60)
    #expect(probe.script.tick == 5)
    #expect(said(probe) == ["0 on 0:60/80", "0 on 3:60/1", "5 off 0:60"])
    #expect(probe.script.isEmpty)
  }

  @Test func whatDoesNotSoundIsNotEnded() {
    let probe = probe()
    probe.script.noteOff(voice: 0, pitch: 60)
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.noteOff(voice: 1, pitch: 60)
    probe.script.noteOff(voice: 0, pitch: 61)
    probe.script.noteOff(voice: 0, pitch: 60)
    probe.script.noteOff(voice: 0, pitch: 60)
    #expect(said(probe) == ["0 on 0:60/80", "0 off 0:60"])
  }

  @Test func whatSoundsEndsBeforeItBeginsAgain() {
    let probe = probe()
    probe.script.noteOn(voice: 2, pitch: 60, velocity: 80)
    probe.script.advance(1)
    probe.script.noteOn(voice: 2, pitch: 60, velocity: 90)
    #expect(said(probe) == ["0 on 2:60/80", "1 off 2:60", "1 on 2:60/90"])
  }

  @Test func whatIsOutOfRangeIsNoNote() {
    let probe = probe()
    for (voice, pitch) in [(-1, 60), (16, 60), (0, -1), (0, 128), (.max, .max), (.min, .min)] {
      probe.script.noteOn(voice: voice, pitch: pitch, velocity: 80)
      probe.script.noteOff(voice: voice, pitch: pitch)
    }
    probe.script.noteOn(voice: 15, pitch: 127, velocity: 1_000)
    probe.script.noteOn(voice: 0, pitch: 0, velocity: -5)
    probe.script.advance(0)
    probe.script.advance(-3)
    #expect(probe.script.tick == 0)
    #expect(said(probe) == ["0 on 15:127/127", "0 on 0:0/1"])
  }

  @Test func notesThatNobodyEndsEndInTime() {
    let probe = probe(maximumNoteBeats: 2)
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.advance(3)
    probe.script.noteOn(voice: 0, pitch: 59, velocity: 80)
    probe.script.noteOn(voice: 0, pitch: 58, velocity: 80)
    probe.script.advance(4)
    #expect(said(probe) == ["0 on 0:60/80", "3 on 0:59/80", "3 on 0:58/80"])
    probe.script.advance(1)
    #expect(said(probe) == ["8 off 0:60"])
    probe.script.advance(1_000)
    #expect(said(probe) == ["11 off 0:59", "11 off 0:58"])
    #expect(probe.script.tick == 1_008)
    probe.script.noteOff(voice: 0, pitch: 59)
    #expect(probe.script.isEmpty)
  }

  @Test func theOldestGivesWay() {
    let probe = probe()
    for number in 0..<256 {
      probe.script.noteOn(voice: number / 128, pitch: number % 128, velocity: 80)
    }
    _ = probe.script.drain()
    probe.script.advance(1)
    probe.script.noteOn(voice: 5, pitch: 7, velocity: 80)
    probe.script.noteOn(voice: 5, pitch: 8, velocity: 80)
    #expect(said(probe) == ["1 off 0:0", "1 on 5:7/80", "1 off 0:1", "1 on 5:8/80"])
  }

  @Test func nothingAfterTheEnd() {
    let probe = probe()
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.noteOn(voice: 1, pitch: 62, velocity: 80)
    probe.script.advance(2)
    probe.script.end()
    probe.script.end()
    probe.script.noteOn(voice: 0, pitch: 61, velocity: 80)
    probe.script.noteOff(voice: 0, pitch: 60)
    probe.script.advance(9)
    probe.script.sound()
    probe.script.silence(at: 7)
    #expect(probe.script.hasEnded && probe.script.tick == 2)
    #expect(said(probe) == ["0 on 0:60/80", "0 on 1:62/80", "2 off 0:60", "2 off 1:62", "2 end"])
    probe.script.reset()
    #expect(!probe.script.hasEnded && probe.script.tick == 0 && probe.script.isEmpty)
  }

  @Test func aVoiceEnds() {
    let probe = probe()
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.noteOn(voice: 1, pitch: 61, velocity: 80)
    probe.script.advance(1)
    probe.script.noteOn(voice: 0, pitch: 62, velocity: 80)
    _ = probe.script.drain()
    probe.script.endNotes(ofVoice: 0, begunBeforeNow: true)
    #expect(said(probe) == ["1 off 0:60"])
    probe.script.endNotes(ofVoice: 0)
    #expect(said(probe) == ["1 off 0:62"])
    probe.script.noteOff(voice: 1, pitch: 61)
    #expect(said(probe) == ["1 off 1:61"])
  }

  // MARK: Silence

  @Test func primingIsSilentUntilItSounds() {
    let probe = probe(maximumNoteBeats: 4)
    probe.script.isSilent = true
    probe.script.noteOn(voice: 0, pitch: 50, velocity: 10)
    probe.script.advance(4)
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.noteOn(voice: 1, pitch: 61, velocity: 81)
    probe.script.noteOff(voice: 0, pitch: 60)
    probe.script.advance(12)
    #expect(probe.script.isEmpty)
    probe.script.isSilent = false
    probe.script.sound()
    probe.script.sound()
    #expect(said(probe) == ["16 on 1:61/81"], "50 ended for its length, 60 by its note off")
    probe.script.advance(4)
    #expect(said(probe) == ["20 off 1:61"])
  }

  @Test func whatSoundedBeforeTheSilenceEndsInIt() {
    let probe = probe()
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.isSilent = true
    probe.script.advance(1)
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 90)
    probe.script.advance(1)
    probe.script.isSilent = false
    probe.script.sound()
    #expect(said(probe) == ["0 on 0:60/80", "1 off 0:60", "2 on 0:60/90"])
  }

  @Test func whatWasNotReadIsTakenBack() {
    let probe = probe()
    probe.script.noteOn(voice: 0, pitch: 60, velocity: 80)
    probe.script.noteOn(voice: 1, pitch: 64, velocity: 80)
    _ = probe.script.drain()
    probe.script.advance(4)
    probe.script.noteOff(voice: 0, pitch: 60)
    probe.script.noteOn(voice: 0, pitch: 62, velocity: 80)
    probe.script.silence(at: 2)
    #expect(probe.script.tick == 2)
    #expect(said(probe) == ["2 off 0:60", "2 off 1:64"])
    probe.script.silence(at: 3)
    #expect(probe.script.isEmpty && probe.script.tick == 3)
    probe.script.noteOff(voice: 0, pitch: 62)
    #expect(probe.script.isEmpty)
  }

  // MARK: Room

  /// Whoever writes without asking for room: what began still ends, and the piece too.
  @Test func withoutRoomNotesAreNotBegun() {
    let probe = probe()
    var random = RandomGenerator(seed: 3)
    for _ in 0..<10_000 {
      probe.script.noteOn(voice: random.below(16), pitch: random.below(128), velocity: 80)
      if random.below(4) == 0 { probe.script.noteOff(voice: random.below(16), pitch: random.below(128)) }
      if random.below(8) == 0 { probe.script.advance(1) }
    }
    #expect(!probe.script.hasRoom)
    probe.script.end()
    var rules = ScriptRules(maximumNoteTicks: 64)
    let events = probe.script.drain()
    let broken = rules.check(events)
    #expect(broken == nil)
    #expect(rules.hasEnded && events.count <= NoteScript.capacity && events.count > NoteScript.capacity - 300)
  }

  /// Where there is room, there is for the most that a choice may write, and for sounding after it.
  @Test func roomIsEnough() {
    let probe = probe(maximumNoteBeats: 1_024)
    var number = 0
    while probe.script.hasRoom {
      probe.script.noteOn(voice: number / 128 % 2, pitch: number % 128, velocity: 80)
      number += 1
    }
    #expect(number > 300)
    probe.script.isSilent = true
    for voice in 2..<4 {
      for pitch in 0..<128 { probe.script.noteOn(voice: voice, pitch: pitch, velocity: 70) }
    }
    probe.script.sound()
    let events = probe.script.drain()
    #expect(events.filter { $0.velocity == 70 }.count == 256)
    var rules = ScriptRules(maximumNoteTicks: 4_096)
    let broken = rules.check(events)
    #expect(broken == nil)
    #expect(rules.soundingCount == 256)
  }

  @Test func theRingGoesRound() {
    let probe = probe()
    var rules = ScriptRules(maximumNoteTicks: 64)
    var random = RandomGenerator(seed: 11)
    for _ in 0..<20_000 {
      probe.script.noteOn(voice: random.below(3), pitch: random.below(128), velocity: random.within(1...127))
      probe.script.advance(random.below(3))
      while !probe.script.hasRoom || (!probe.script.isEmpty && random.below(3) > 0) {
        let event = probe.script.peek()
        probe.script.removeFirst()
        let broken = rules.check([event])
        #expect(broken == nil)
      }
    }
    #expect(rules.noteCount > 15_000)
  }

  // MARK: State

  /// A script in the middle: notes that sound, some of them in silence, events that wait, some read.
  private func busy(seed: UInt64) -> NoteCodecProbe {
    let probe = probe(maximumNoteBeats: 3)
    var random = RandomGenerator(seed: seed)
    for _ in 0..<200 {
      probe.script.isSilent = random.below(5) == 0
      probe.script.noteOn(voice: random.below(16), pitch: random.below(128), velocity: random.within(1...127))
      probe.script.noteOff(voice: random.below(16), pitch: random.below(128))
      probe.script.advance(random.below(2))
      for _ in 0..<random.below(4) { probe.script.removeFirst() }
    }
    return probe
  }

  @Test(arguments: 1...8)
  func savedAndLoaded(seed: Int) {
    let probe = busy(seed: UInt64(seed))
    let bytes = probe.script.saved
    let other = self.probe(maximumNoteBeats: 3)
    #expect(other.load(bytes))
    #expect(other.script.saved == bytes)
    #expect(other.script.tick == probe.script.tick && other.script.hasRoom == probe.script.hasRoom)
    for script in [probe, other] {
      script.script.isSilent = false
      script.script.sound()
      script.script.advance(5)
      script.script.noteOn(voice: 0, pitch: 5, velocity: 5)
    }
    #expect(probe.read() == other.read())
    // What sounds for the reader went with it.
    probe.script.silence(at: 10_000)
    other.script.silence(at: 10_000)
    let ends = probe.script.drain()
    #expect(ends == other.read() && !ends.isEmpty)
  }

  /// Bytes that were damaged are refused, or mean a script that keeps all rules.
  @Test func damagedBytes() {
    let good = busy(seed: 21).script.saved
    var random = RandomGenerator(seed: 5)
    var refused = 0
    let rounds = 3_000
    for _ in 0..<rounds {
      var bytes = good
      let position = random.below(3) == 0 ? random.below(40) : random.below(bytes.count)
      bytes[position] ^= UInt8(1 << random.below(8))
      let probe = probe(maximumNoteBeats: 3)
      probe.script.noteOn(voice: 9, pitch: 9, velocity: 9)
      let before = probe.script.saved
      guard probe.load(bytes) else {
        refused += 1
        #expect(probe.script.saved == before, "nothing was changed")
        continue
      }
      #expect(probe.script.saved == bytes)
      // A stream's own reader begins where this one is: it has heard what the bytes say.
      let sounding = HeardNotes(bytes)
      var events = sounding.events
      let from = probe.script.tick
      probe.script.advance(5)
      probe.script.end()
      events += probe.script.drain()
      var rules = ScriptRules(maximumNoteTicks: .max)
      let broken = rules.check(events)
      #expect(broken == nil, "byte \(position)")
      #expect(rules.hasEnded || from == 0)
    }
    #expect(refused > rounds / 2)
  }

  /// The notes that saved bytes say the reader has heard, as if they had begun at tick 0.
  private struct HeardNotes {
    var events: [NoteScriptEvent] = []

    init(_ bytes: [UInt8]) {
      for (position, byte) in bytes.suffix(256).enumerated() {
        for bit in 0..<8 where byte >> UInt8(bit) & 1 == 1 {
          let key = position * 8 + bit
          events.append(NoteScriptEvent(tick: 0, kind: .noteOn, voice: key / 128, pitch: key % 128, velocity: 1))
        }
      }
    }
  }

  /// Each thing that cannot be, by hand.
  @Test func impossibleBytes() {
    let probe = probe(maximumNoteBeats: 3)
    probe.script.advance(10)
    probe.script.noteOn(voice: 1, pitch: 60, velocity: 80)
    probe.script.removeFirst()
    probe.script.advance(2)
    probe.script.noteOn(voice: 1, pitch: 61, velocity: 80)
    let good = probe.script.saved
    let notes = 24
    let events = notes + 256 * 12
    let heard = events + 2_048 * 12
    func changed(_ position: Int, _ value: UInt8) -> [UInt8] { good.with(value, at: position) }
    let bad: [(name: String, bytes: [UInt8])] = [
      ("a tick beyond the last", changed(7, 0x80)), ("more notes than there are", changed(8, 3)),
      ("257 notes", changed(9, 1)), ("more events than there are", changed(12, 2)), ("2,049 events", changed(13, 9)),
      ("ended, while notes sound", changed(16, 1)), ("ended twice", changed(16, 2)), ("silence of 2", changed(20, 2)),
      ("a note from the future", changed(notes, 13)), ("notes in the wrong order", changed(notes + 12, 9)),
      ("a note that should have ended", changed(notes, 0)),
      ("a note written twice", changed(notes + 8, 2)), ("a note whose beginning nobody wrote", changed(notes + 8, 0)),
      ("a voice of 16", changed(notes + 9, 16)), ("a pitch of 128", changed(notes + 10, 128)),
      ("a velocity of 0", changed(notes + 11, 0)), ("a velocity of 128", changed(notes + 11, 128)),
      ("the same note twice", changed(notes + 12 + 10, 60)), ("a third note", changed(notes + 24 + 8, 1)),
      ("an event from the future", changed(events, 13)), ("an event of an unknown kind", changed(events + 8, 3)),
      ("an off of what does not sound", changed(events + 8, 1)), ("an end that is none", changed(events + 8, 2)),
      ("an on without velocity", changed(events + 11, 0)), ("an on of what sounds", changed(events + 10, 60)),
      ("another event", changed(events + 12, 1)), ("a note that was not heard", changed(heard + 128 / 8 + 60 / 8, 0)),
      ("a note heard that does not sound", changed(heard, 1)),
    ]
    #expect(probe.load(good))
    for (name, bytes) in bad {
      #expect(bytes != good, "\(name)")
      #expect(!probe.load(bytes), "\(name)")
    }
    #expect(probe.script.saved == good)
  }
}
