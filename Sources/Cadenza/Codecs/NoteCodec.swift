/// Turns a composer's choices into notes and time, and a piece into choices. FORMAT.md states each codec's vocabulary.
///
/// A codec is a value over pointers into the model's memory; what changes while a stream plays are its `NoteCodecMemory` and
/// its `NoteScript`.
enum NoteCodec {
  case performanceEvents(PerformanceEvents)
  case stepGrid(StepGrid)
  case noteTokens(NoteTokens)
  case noteMatrix(NoteMatrix)

  init(_ configuration: NoteCodecConfiguration, arena: inout Arena) {
    let timing = NoteTiming(configuration)
    switch configuration.kind {
    case .performanceEvents(let vocabulary): self = .performanceEvents(PerformanceEvents(vocabulary, timing))
    case .melodySteps(let vocabulary), .choraleGrid(let vocabulary):
      self = .stepGrid(StepGrid(vocabulary, timing, arena: &arena))
    case .noteTokens(let vocabulary): self = .noteTokens(NoteTokens(vocabulary, timing, arena: &arena))
    case .noteMatrix(let fields): self = .noteMatrix(NoteMatrix(fields, timing))
    }
  }

  private var timing: NoteTiming {
    @_noLocks get {
      switch self {
      case .performanceEvents(let codec): codec.timing
      case .stepGrid(let codec): codec.timing
      case .noteTokens(let codec): codec.timing
      case .noteMatrix(let codec): codec.timing
      }
    }
  }

  var ticksPerBeat: Int {
    @_noLocks get { timing.ticksPerBeat }
  }
  /// Beats a minute at which the music is meant.
  var tempo: Int {
    @_noLocks get { timing.tempo }
  }
  /// A note that nobody ends is ended after so many ticks.
  var maximumNoteTicks: Int {
    @_noLocks get { timing.maximumNoteTicks }
  }

  /// Elements of a step.
  var fieldCount: Int {
    @_noLocks get {
      switch self {
      case .performanceEvents, .stepGrid, .noteTokens: 1
      case .noteMatrix: NoteMatrix.fieldCount
      }
    }
  }

  /// Writes what step 0 is fed: `fieldCount` elements.
  @_noLocks
  func writeFirst(_ elements: UnsafeMutablePointer<Element>) {
    switch self {
    case .performanceEvents(let codec): elements[0] = Element(token: codec.startToken, value: 0)
    case .stepGrid(let codec): elements[0] = Element(token: codec.startToken, value: 0)
    case .noteTokens(let codec): elements[0] = Element(token: codec.startToken, value: 0)
    case .noteMatrix(let codec): codec.writeFirst(elements)
    }
  }

  /// The tokens of the first field among which the next choice is made: on a grid, those of the voice whose turn it is; else
  /// all.
  @_noLocks
  func choices(_ memory: NoteCodecMemory) -> (first: Int, count: Int) {
    switch self {
    case .performanceEvents(let codec): (0, codec.size)
    case .stepGrid(let codec): codec.choices(memory)
    case .noteTokens(let codec): (0, codec.size)
    case .noteMatrix(let codec): (0, codec.pitchClassCount)
    }
  }

  /// The number of the step that the next choice belongs to.
  @_noLocks
  func position(_ memory: NoteCodecMemory) -> UInt64 { memory.step }

  /// Plays a choice: `fieldCount` elements, whatever they say. Nothing after the piece's end.
  @_noLocks
  func decode(_ elements: UnsafePointer<Element>, _ memory: inout NoteCodecMemory, _ script: inout NoteScript) {
    if script.hasEnded { return }
    switch self {
    case .performanceEvents(let codec): codec.decode(elements[0].token, &memory, &script)
    case .stepGrid(let codec): codec.decode(elements[0].token, &memory, &script)
    case .noteTokens(let codec): codec.decode(elements[0].token, &memory, &script)
    case .noteMatrix(let codec): codec.decode(elements, &memory, &script)
    }
  }

  /// Ticks that a piece may last at most which is given at once: those of four million choices, for that is what takes memory.
  var maximumPieceTicks: UInt64 {
    let choices: UInt64 = 1 << 22
    switch self {
    case .performanceEvents(let codec): return choices * UInt64(codec.longestShift)
    case .stepGrid(let codec): return choices / UInt64(max(1, codec.voiceCount))
    case .noteTokens: return choices
    // Time takes no choices of its own.
    case .noteMatrix: return NoteScript.maximumTick / 2
    }
  }

  /// A piece of so many ticks as choices that follow what `memory` remembers, `fieldCount` elements each: decoding them plays
  /// it. What the codec has no word for is left out, or replaced by what comes closest. Main thread: allocates.
  ///
  /// The choices last for `ticks` ticks (at most `maximumPieceTicks`), those of a note matrix until its last note begins: it
  /// has no word for what comes after.
  func encode(_ events: [TickEvent], ticks: UInt64, _ memory: NoteCodecMemory) -> [Element] {
    let piece = GivenPiece(events, ticks: min(ticks, maximumPieceTicks))
    switch self {
    case .performanceEvents(let codec): return codec.encode(piece, memory).map { Element(token: $0, value: 0) }
    case .stepGrid(let codec): return codec.encode(piece, memory).map { Element(token: $0, value: 0) }
    case .noteTokens(let codec): return codec.encode(piece).map { Element(token: $0, value: 0) }
    case .noteMatrix(let codec): return codec.encode(piece)
    }
  }
}

/// What all codecs of notes say about time.
struct NoteTiming: BitwiseCopyable {
  var ticksPerBeat: Int
  /// Beats a minute.
  var tempo: Int
  var maximumNoteTicks: Int

  init(_ configuration: NoteCodecConfiguration) {
    ticksPerBeat = configuration.ticksPerBeat
    tempo = configuration.tempo
    maximumNoteTicks = configuration.maximumNoteTicks
  }
}
