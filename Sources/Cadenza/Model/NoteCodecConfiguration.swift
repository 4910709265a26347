/// How a composer's choices are read as notes and time: the codecs of notes of FORMAT.md, each with its vocabulary in full.
public struct NoteCodecConfiguration: Sendable {
  /// The codecs of notes, by what a choice says.
  public enum Kind: Sendable {
    /// A note's beginning or end, a step of time, or a velocity.
    case performanceEvents(PerformanceVocabulary)
    /// One voice, named "melody".
    case melodySteps(GridVocabulary)
    /// What one voice does at one step, voice by voice.
    case choraleGrid(GridVocabulary)
    /// All notes that begin at a step.
    case noteTokens(NoteTokenVocabulary)
    /// A whole note, as several fields.
    case noteMatrix(NoteMatrixFields)
  }

  /// Which codec, and its vocabulary.
  public var kind: Kind
  /// Beats a minute at which the music is meant.
  public var tempo: Int
  /// A note that nobody ends is ended after so many beats.
  public var maximumNoteBeats: Int

  /// A codec of notes as written, unchecked.
  public init(kind: Kind, tempo: Int = 120, maximumNoteBeats: Int = 16) {
    self.kind = kind
    self.tempo = tempo
    self.maximumNoteBeats = maximumNoteBeats
  }

  /// Tokens of a performance: beginnings of notes, ends of notes, time shifts, velocities, and perhaps an end.
  public struct PerformanceVocabulary: Sendable {
    /// MIDI, both ends included.
    public var pitches: ClosedRange<Int>
    /// The longest time shift, in ticks.
    public var timeShifts: Int
    /// Velocities, as the tokens tell them apart.
    public var velocities: VelocityClasses
    /// Whether the last token is the piece's end.
    public var hasEnd: Bool

    /// Ticks a beat: a tick is 10 ms at tempo 120.
    public static let ticksPerBeat = 50

    /// A vocabulary as written, unchecked.
    public init(pitches: ClosedRange<Int>, timeShifts: Int, velocities: VelocityClasses, hasEnd: Bool) {
      self.pitches = pitches
      self.timeShifts = timeShifts
      self.velocities = velocities
      self.hasEnd = hasEnd
    }

    /// Tokens.
    public var size: Int { 2 * pitches.count + timeShifts + velocities.count + (hasEnd ? 1 : 0) }
  }

  /// MIDI velocities in classes of about equal width.
  public struct VelocityClasses: BitwiseCopyable, Sendable {
    /// MIDI.
    public var lowest: Int
    /// MIDI.
    public var highest: Int
    /// Classes.
    public var count: Int

    /// So many classes of the velocities `lowest` … `highest`.
    @_noLocks
    public init(lowest: Int = 1, highest: Int = 127, count: Int) {
      self.lowest = lowest
      self.highest = highest
      self.count = count
    }

    /// v = lowest + ⌊(2b + 1) · (highest − lowest + 1) / (2B)⌋
    @_noLocks
    public func velocity(ofClass index: Int) -> Int { lowest + (2 * index + 1) * (highest - lowest + 1) / (2 * count) }

    /// b = ⌊(v − lowest) · B / (highest − lowest + 1)⌋; velocities beyond the ends are taken to them.
    @_noLocks
    public func index(of velocity: Int) -> Int {
      let inside = velocity < lowest ? lowest : velocity > highest ? highest : velocity
      return (inside - lowest) * count / (highest - lowest + 1)
    }
  }

  /// What a token of a voice says of one step.
  public enum GridSymbol: BitwiseCopyable, Equatable, Sendable {
    /// What sounds goes on.
    case hold
    /// What sounds goes on, or begins where something else sounds: MIDI. A voice whose pitches each have one has no `hold`.
    case holdPitch(Int)
    /// What sounds ends: a rest.
    case off
    /// The piece ends.
    case end
    /// MIDI.
    case pitch(Int)
  }

  /// One voice of a grid, and what its tokens say.
  public struct GridVoice: Sendable {
    /// "soprano".
    public var name: String
    /// In the order of their tokens.
    public var symbols: [GridSymbol]

    /// A voice of these tokens.
    public init(name: String, symbols: [GridSymbol]) {
      self.name = name
      self.symbols = symbols
    }

    /// The pitches among its tokens.
    public var pitches: PitchSet {
      var pitches = PitchSet()
      for case .pitch(let pitch) in symbols { pitches.insert(pitch) }
      return pitches
    }

    /// Whether each pitch has a `holdPitch`, so that what sounds can be told from each step alone.
    public var holdsPitches: Bool { !symbols.contains(.hold) }
  }

  /// Tokens of a grid: each voice has a stretch of its own.
  public struct GridVocabulary: Sendable {
    /// Steps a beat; a step is a tick.
    public var stepsPerBeat: Int
    /// In the order in which they are chosen at each step.
    public var voices: [GridVoice]
    /// Of every note, MIDI.
    public var velocity: Int
    /// The piece ends after so many steps; nil: it goes on until it says so itself.
    public var steps: Int?

    /// A vocabulary as written, unchecked.
    public init(stepsPerBeat: Int, voices: [GridVoice], velocity: Int = 80, steps: Int? = nil) {
      self.stepsPerBeat = stepsPerBeat
      self.voices = voices
      self.velocity = velocity
      self.steps = steps
    }

    /// Tokens of all voices.
    public var size: Int { voices.reduce(0) { $0 + $1.symbols.count } }
  }

  /// What a token says of one step.
  public enum NoteToken: BitwiseCopyable, Equatable, Sendable {
    /// The pitches that begin at a step; none: a rest.
    case notes(PitchSet)
    /// The piece ends.
    case end
  }

  /// Tokens that are sets of notes.
  public struct NoteTokenVocabulary: Sendable {
    /// Steps a beat; a step is a tick.
    public var stepsPerBeat: Int
    /// In the order of their numbers.
    public var tokens: [NoteToken]
    /// Of every note, MIDI.
    public var velocity: Int

    /// A vocabulary as written, unchecked.
    public init(stepsPerBeat: Int, tokens: [NoteToken], velocity: Int = 80) {
      self.stepsPerBeat = stepsPerBeat
      self.tokens = tokens
      self.velocity = velocity
    }
  }

  /// A note as three fields: pitch, velocity, and the interval from the onset of the note before.
  public struct NoteMatrixFields: Sendable {
    /// MIDI, both ends included.
    public var pitches: ClosedRange<Int>
    /// Whether the pitch is a token; else a number of 0 … 1.
    public var hasPitchClasses: Bool
    /// MIDI, both ends included.
    public var velocities: ClosedRange<Int>
    /// nil: the velocity is a number of 0 … 1.
    public var velocityClasses: Int?
    /// The longest interval, in ticks, which are milliseconds at tempo 120.
    public var maximumInterval: Int
    /// nil: the interval is a number of 0 … 1.
    public var intervalClasses: Int?

    /// The fields in their order, as the model file names them.
    static let names: [StaticString] = ["pitch", "velocity", "interval"]
    /// Ticks a beat: a tick is 1 ms at tempo 120.
    public static let ticksPerBeat = 500
    /// A note sounds no longer, in ticks.
    public static let maximumNoteTicks = 2_000

    /// Fields as written, unchecked.
    public init(
      pitches: ClosedRange<Int>, hasPitchClasses: Bool, velocities: ClosedRange<Int>, velocityClasses: Int?,
      maximumInterval: Int, intervalClasses: Int?
    ) {
      self.pitches = pitches
      self.hasPitchClasses = hasPitchClasses
      self.velocities = velocities
      self.velocityClasses = velocityClasses
      self.maximumInterval = maximumInterval
      self.intervalClasses = intervalClasses
    }
  }

  /// For each field of an element the number of its classes, nil where it is a number of 0 … 1.
  public var fields: [Int?] {
    switch kind {
    case .performanceEvents(let vocabulary): [vocabulary.size]
    case .melodySteps(let vocabulary), .choraleGrid(let vocabulary): [vocabulary.size]
    case .noteTokens(let vocabulary): [vocabulary.tokens.count]
    case .noteMatrix(let fields):
      [fields.hasPitchClasses ? fields.pitches.count : nil, fields.velocityClasses, fields.intervalClasses]
    }
  }

  /// The resolution in which the codec counts time.
  public var ticksPerBeat: Int {
    switch kind {
    case .performanceEvents: PerformanceVocabulary.ticksPerBeat
    case .melodySteps(let vocabulary), .choraleGrid(let vocabulary): vocabulary.stepsPerBeat
    case .noteTokens(let vocabulary): vocabulary.stepsPerBeat
    case .noteMatrix: NoteMatrixFields.ticksPerBeat
    }
  }

  /// A note that nobody ends is ended after so many ticks.
  public var maximumNoteTicks: Int {
    let ticks = maximumNoteBeats * ticksPerBeat
    if case .noteMatrix = kind { return min(ticks, NoteMatrixFields.maximumNoteTicks) }
    return ticks
  }

  /// Whether each choice belongs to a step of a grid, whose number conditions may follow.
  public var isGrid: Bool {
    switch kind {
    case .melodySteps, .choraleGrid, .noteTokens: true
    case .performanceEvents, .noteMatrix: false
    }
  }

  /// As the model file names it.
  public var kindName: StaticString {
    switch kind {
    case .performanceEvents: "performance_events"
    case .melodySteps: "melody_steps"
    case .choraleGrid: "chorale_grid"
    case .noteTokens: "note_tokens"
    case .noteMatrix: "note_matrix"
    }
  }
}
