/// Notes and chords as classes: each token is a step, and names the pitches that begin there and end where the next step begins
/// (Agarwal and Balhara; Ibreighith).
struct NoteTokens {
  let timing: NoteTiming
  /// The vocabulary's size.
  let size: Int
  /// What step 0 is fed: the end, or else the rest, or else token 0.
  let startToken: Int
  private let velocity: Int
  /// What each token begins; the end's is empty.
  private let sets: UnsafeMutablePointer<PitchSet>
  /// The end's token; −1 where there is none.
  private let end: Int

  init(_ vocabulary: NoteCodecConfiguration.NoteTokenVocabulary, _ timing: NoteTiming, arena: inout Arena) {
    self.timing = timing
    size = vocabulary.tokens.count
    velocity = vocabulary.velocity
    sets = arena.take(PitchSet.self, count: size)
    var end = -1
    var rest = 0
    for (token, meaning) in vocabulary.tokens.enumerated() {
      switch meaning {
      case .end: end = token
      case .notes(let pitches):
        if pitches.count == 0 { rest = token }
        if !arena.isMeasuring { sets[token] = pitches }
      }
    }
    self.end = end
    startToken = end >= 0 ? end : rest
  }

  @_noLocks
  func decode(_ token: Int, _ memory: inout NoteCodecMemory, _ script: inout NoteScript) {
    script.endNotes(ofVoice: 0)
    if end >= 0, token == end {
      script.end()
      return
    }
    if token >= 0, token < size {
      var pitch = sets[token].next(from: 0)
      while pitch < 128 {
        script.noteOn(voice: 0, pitch: pitch, velocity: velocity)
        pitch = sets[token].next(from: pitch + 1)
      }
    }
    memory.endTimedChoice()
    script.advance(1)
  }

  /// At each step the token of the pitches that begin there, or the one that the fewest pitches tell apart from them, the first
  /// of several.
  func encode(_ piece: GivenPiece) -> [Int] {
    var steps = [PitchSet](repeating: PitchSet(), count: piece.ticks)
    for note in piece.notes where note.begin >= 0 { steps[note.begin].insert(note.pitch) }
    var last = PitchSet()
    var lastToken = closest(to: last)
    var tokens: [Int] = []
    tokens.reserveCapacity(steps.count)
    for pitches in steps {
      if pitches != last {
        last = pitches
        lastToken = closest(to: pitches)
      }
      tokens.append(lastToken)
    }
    return tokens
  }

  private func closest(to pitches: PitchSet) -> Int {
    var closest = 0
    var least = Int.max
    for token in 0..<size where token != end {
      let difference = sets[token].difference(from: pitches)
      if difference < least {
        least = difference
        closest = token
      }
    }
    return closest
  }
}
