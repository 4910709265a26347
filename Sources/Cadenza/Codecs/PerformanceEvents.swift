/// Performances as a sequence of note on, note off, time shift and velocity tokens (Oore et al. 2018; Huang et al. 2018).
struct PerformanceEvents {
  let timing: NoteTiming
  /// The vocabulary's size.
  let size: Int
  private let lowestPitch: Int
  private let pitchCount: Int
  private let timeShifts: Int
  private let velocities: NoteCodecConfiguration.VelocityClasses
  private let hasEnd: Bool

  // Where tokens of each kind begin; note on at 0.
  private var firstOff: Int {
    @_noLocks get { pitchCount }
  }
  private var firstShift: Int {
    @_noLocks get { 2 * pitchCount }
  }
  private var firstVelocity: Int {
    @_noLocks get { 2 * pitchCount + timeShifts }
  }
  private var end: Int {
    @_noLocks get { 2 * pitchCount + timeShifts + velocities.count }
  }

  init(_ vocabulary: NoteCodecConfiguration.PerformanceVocabulary, _ timing: NoteTiming) {
    self.timing = timing
    size = vocabulary.size
    lowestPitch = vocabulary.pitches.lowerBound
    pitchCount = vocabulary.pitches.count
    timeShifts = vocabulary.timeShifts
    velocities = vocabulary.velocities
    hasEnd = vocabulary.hasEnd
  }

  /// In ticks.
  var longestShift: Int { timeShifts }

  /// The end, or else the longest time shift.
  var startToken: Int {
    @_noLocks get { hasEnd ? end : firstVelocity - 1 }
  }

  @_noLocks
  func decode(_ token: Int, _ memory: inout NoteCodecMemory, _ script: inout NoteScript) {
    if token >= firstShift, token < firstVelocity {
      memory.endTimedChoice()
      script.advance(token - firstShift + 1)
      return
    }
    if token < 0 || token >= size {
      // No token: no note.
    } else if token < firstOff {
      script.noteOn(voice: 0, pitch: lowestPitch + token, velocity: memory.velocity)
    } else if token < firstShift {
      script.noteOff(voice: 0, pitch: lowestPitch + token - firstOff)
    } else if token < end {
      memory.velocity = velocities.velocity(ofClass: token - firstVelocity)
    } else {
      script.end()
    }
    if memory.endIdleChoice() { script.advance(1) }
  }

  func encode(_ given: GivenPiece, _ memory: NoteCodecMemory) -> [Int] {
    var piece = given
    let pitches = PitchSet(lowestPitch..<lowestPitch + pitchCount)
    piece.replacePitches { pitches.closest(to: $0) }
    piece.mergeVoices()

    // Note offs before note ons, each in ascending pitch.
    struct Action {
      var tick: Int
      /// Of a note on; 0: a note off.
      var velocity: Int
      var pitch: Int
    }
    var actions: [Action] = []
    for note in piece.notes {
      if note.begin >= 0 { actions.append(Action(tick: note.begin, velocity: note.velocity, pitch: note.pitch)) }
      // Before the very first step nothing sounds that could end.
      if note.end <= piece.ticks, note.begin >= 0 || memory.step > 0 {
        actions.append(Action(tick: note.end, velocity: 0, pitch: note.pitch))
      }
    }
    actions.sort { left, right in
      if left.tick != right.tick { return left.tick < right.tick }
      if (left.velocity == 0) != (right.velocity == 0) { return left.velocity == 0 }
      return left.pitch < right.pitch
    }

    var tokens: [Int] = []
    var position = 0
    // As `decode` will have it: after too many choices a tick passes by itself.
    var memory = memory
    var velocityClass = velocities.index(of: memory.velocity)
    func shift(to tick: Int) {
      while position < tick {
        let ticks = min(tick - position, timeShifts)
        tokens.append(firstShift + ticks - 1)
        memory.endTimedChoice()
        position += ticks
      }
    }
    func write(_ token: Int) {
      tokens.append(token)
      if memory.endIdleChoice() { position += 1 }
    }
    for action in actions {
      shift(to: action.tick)
      let pitch = action.pitch - lowestPitch
      if action.velocity == 0 {
        write(firstOff + pitch)
        continue
      }
      let velocity = velocities.index(of: action.velocity)
      if velocity != velocityClass {
        write(firstVelocity + velocity)
        velocityClass = velocity
      }
      write(pitch)
    }
    shift(to: piece.ticks)
    return tokens
  }
}
