/// Voices on a grid: a step is one token of each, which holds what sounds, ends it or begins a note (`melody_steps` with one
/// voice, `chorale_grid` with up to 16).
struct StepGrid {
  let timing: NoteTiming
  let voiceCount: Int
  /// What step 0 is fed: the end, or else the last voice's "off".
  let startToken: Int
  private let velocity: Int
  /// The piece ends after so many steps; 0: it does not.
  private let steps: UInt64
  /// What each token says: a pitch, `holdPitch` and a pitch, or one of the negative numbers below.
  private let symbols: UnsafeMutablePointer<Int16>
  /// Where each voice's tokens begin, and where the last one's end.
  private let firstTokens: UnsafeMutablePointer<Int32>

  private static var hold: Int16 { @_noLocks get { -1 } }
  private static var off: Int16 { @_noLocks get { -2 } }
  private static var end: Int16 { @_noLocks get { -3 } }
  private static var holdPitch: Int16 { @_noLocks get { 128 } }

  init(_ vocabulary: NoteCodecConfiguration.GridVocabulary, _ timing: NoteTiming, arena: inout Arena) {
    self.timing = timing
    voiceCount = min(vocabulary.voices.count, NoteCodecMemory.voiceCount)
    velocity = vocabulary.velocity
    steps = UInt64(vocabulary.steps ?? 0)
    symbols = arena.take(Int16.self, count: vocabulary.size)
    firstTokens = arena.take(Int32.self, count: voiceCount + 1)
    var token = 0
    var lastOff = 0
    var end: Int?
    for (voice, description) in vocabulary.voices.enumerated() {
      if !arena.isMeasuring { firstTokens[voice] = Int32(token) }
      for symbol in description.symbols {
        if case .off = symbol { lastOff = token }
        if case .end = symbol { end = token }
        if !arena.isMeasuring {
          symbols[token] =
            switch symbol {
            case .hold: StepGrid.hold
            case .holdPitch(let pitch): StepGrid.holdPitch + Int16(pitch)
            case .off: StepGrid.off
            case .end: StepGrid.end
            case .pitch(let pitch): Int16(pitch)
            }
        }
        token += 1
      }
    }
    if !arena.isMeasuring { firstTokens[voiceCount] = Int32(token) }
    startToken = end ?? lastOff
  }

  /// The voice whose turn it is; 0 where a loaded state names one that this grid has not.
  @_noLocks
  private func voice(_ memory: NoteCodecMemory) -> Int { memory.voice < voiceCount ? memory.voice : 0 }

  @_noLocks
  func choices(_ memory: NoteCodecMemory) -> (first: Int, count: Int) {
    let voice = voice(memory)
    let first = Int(firstTokens[voice])
    return (first, Int(firstTokens[voice + 1]) - first)
  }

  @_noLocks
  func decode(_ token: Int, _ memory: inout NoteCodecMemory, _ script: inout NoteScript) {
    let voice = voice(memory)
    let (first, count) = choices(memory)
    // Another voice's token says nothing about this one.
    var symbol = token >= first && token < first + count ? symbols[token] : StepGrid.hold
    if symbol >= StepGrid.holdPitch {
      let pitch = symbol - StepGrid.holdPitch
      symbol = memory.pitch(ofVoice: voice) == Int(pitch) ? StepGrid.hold : pitch
    }
    if symbol >= 0 {
      script.endNotes(ofVoice: voice)
      script.noteOn(voice: voice, pitch: Int(symbol), velocity: velocity)
      memory.setPitch(Int(symbol), ofVoice: voice)
    } else if symbol == StepGrid.off {
      script.endNotes(ofVoice: voice)
      memory.setPitch(NoteCodecMemory.noPitch, ofVoice: voice)
    } else if symbol == StepGrid.end {
      script.end()
      return
    }
    guard memory.endVoice(of: voiceCount) else { return }
    script.advance(1)
    if steps > 0 && memory.step >= steps { script.end() }
  }

  /// A voice takes the notes of its number; the only one of a melody takes all. Where several begin at one step the highest
  /// does, and one that begins ends the one before. A rest is "off" once, then "hold".
  func encode(_ given: GivenPiece, _ memory: NoteCodecMemory) -> [Int] {
    var piece = given
    if voiceCount == 1 { piece.mergeVoices() }
    var columns: [[Int16]] = []
    for voice in 0..<voiceCount { columns.append(column(of: voice, piece, memory)) }

    var tokens: [Int] = []
    tokens.reserveCapacity(piece.ticks * voiceCount)
    // A step that is under way is completed first.
    let begun = self.voice(memory)
    if begun > 0 {
      for voice in begun..<voiceCount { tokens.append(holdingToken(voice, memory.pitch(ofVoice: voice))) }
    }
    var sounding = (0..<voiceCount).map { memory.pitch(ofVoice: $0) }
    for step in 0..<piece.ticks {
      for voice in 0..<voiceCount {
        let symbol = columns[voice][step]
        if symbol >= 0 { sounding[voice] = Int(symbol) }
        if symbol == StepGrid.off { sounding[voice] = nil }
        tokens.append(
          symbol == StepGrid.hold ? holdingToken(voice, sounding[voice]) : token(of: symbol, voice) ?? Int(firstTokens[voice]))
      }
    }
    return tokens
  }

  /// The token of a voice that goes on with what sounds. A voice whose pitches each have one rests with "off".
  private func holdingToken(_ voice: Int, _ pitch: Int?) -> Int {
    token(of: StepGrid.hold, voice) ?? pitch.flatMap { token(of: StepGrid.holdPitch + Int16($0), voice) }
      ?? token(of: StepGrid.off, voice) ?? Int(firstTokens[voice])
  }

  /// A voice's symbol at each step.
  private func column(of voice: Int, _ piece: GivenPiece, _ memory: NoteCodecMemory) -> [Int16] {
    var column = [Int16](repeating: StepGrid.hold, count: piece.ticks)
    var pitches = PitchSet()
    // (What is no pitch is none of its elements.)
    for token in firstTokens[voice]..<firstTokens[voice + 1] { pitches.insert(Int(symbols[Int(token)])) }

    // What sounds, and when it is to end.
    var sounding = memory.pitch(ofVoice: voice)
    var end = GivenPiece.never
    func rest(before step: Int) {
      guard sounding != nil, end < step else { return }
      if end < piece.ticks { column[end] = StepGrid.off }
      sounding = nil
      end = GivenPiece.never
    }
    for note in piece.notes where note.voice == voice {
      guard let pitch = pitches.closest(to: note.pitch) else { continue }
      if note.begin < 0 {
        // The end of what sounded when the piece began.
        if sounding == pitch { end = note.end }
        continue
      }
      rest(before: note.begin)
      // Notes come in ascending pitch where they begin together: the highest stays.
      column[note.begin] = Int16(pitch)
      sounding = pitch
      end = note.end
    }
    rest(before: piece.ticks)
    return column
  }

  private func token(of symbol: Int16, _ voice: Int) -> Int? {
    for token in firstTokens[voice]..<firstTokens[voice + 1] where symbols[Int(token)] == symbol { return Int(token) }
    return nil
  }
}
