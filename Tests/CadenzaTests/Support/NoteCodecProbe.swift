import Testing

@testable import Cadenza

/// A codec of notes with what a stream would hold of it.
final class NoteCodecProbe {
  let codec: NoteCodec
  let configuration: NoteCodecConfiguration
  var memory = NoteCodecMemory()
  var script: NoteScript
  private let storage: UnsafeMutableRawPointer

  init(_ configuration: NoteCodecConfiguration) {
    var measuring = Arena.measuring()
    _ = NoteCodec(configuration, arena: &measuring)
    _ = NoteScript(maximumNoteTicks: 1, arena: &measuring)
    storage = UnsafeMutableRawPointer.allocate(byteCount: measuring.byteCount, alignment: Arena.alignment)
    storage.initializeMemory(as: UInt8.self, repeating: 0, count: measuring.byteCount)
    var arena = Arena(filling: storage)
    codec = NoteCodec(configuration, arena: &arena)
    script = NoteScript(maximumNoteTicks: configuration.maximumNoteTicks, arena: &arena)
    self.configuration = configuration
  }

  deinit { storage.deallocate() }

  func reset() {
    memory = NoteCodecMemory()
    script.reset()
  }

  /// Plays single-field choices.
  func play(_ tokens: [Int]) { play(tokens.map { Element(token: $0, value: 0) }) }

  /// Plays choices, `fieldCount` elements each.
  func play(_ elements: [Element]) {
    elements.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for step in stride(from: 0, to: buffer.count, by: codec.fieldCount) { codec.decode(base + step, &memory, &script) }
    }
  }

  /// Plays choices and reads what is written after each.
  func playAndRead(_ elements: [Element]) -> [NoteScriptEvent] {
    var events: [NoteScriptEvent] = []
    for step in stride(from: 0, to: elements.count, by: codec.fieldCount) {
      play(Array(elements[step..<step + codec.fieldCount]))
      events += script.drain()
    }
    return events
  }

  /// Reads all that waits.
  func read() -> [NoteScriptEvent] { script.drain() }

  /// Checks, then loads a script, as streams do.
  func load(_ bytes: [UInt8]) -> Bool { script.load(bytes) }

  var savedMemory: [UInt8] {
    var bytes = [UInt8](repeating: 0xAA, count: memory.savedByteCount)
    bytes.withUnsafeMutableBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      var writer = ByteWriter(base)
      memory.save(&writer)
    }
    return bytes
  }

  /// The same for what the codec remembers.
  func loadMemory(_ bytes: [UInt8]) -> Bool {
    precondition(bytes.count == memory.savedByteCount)
    return bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return false }
      var reader = ByteReader(base)
      guard memory.read(&reader, isLoading: false) else { return false }
      reader = ByteReader(base)
      return memory.read(&reader, isLoading: true)
    }
  }

  var first: [Element] {
    [Element](unsafeUninitializedCapacity: codec.fieldCount) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      codec.writeFirst(base)
      count = codec.fieldCount
    }
  }
}

extension NoteScript {
  /// Reads all that waits.
  mutating func drain() -> [NoteScriptEvent] {
    var events: [NoteScriptEvent] = []
    while !isEmpty {
      events.append(peek())
      removeFirst()
    }
    return events
  }

  var saved: [UInt8] {
    var bytes = [UInt8](repeating: 0xAA, count: savedByteCount)
    bytes.withUnsafeMutableBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      var writer = ByteWriter(base)
      save(&writer)
    }
    return bytes
  }

  /// Checks, then loads, as streams do.
  mutating func load(_ bytes: [UInt8]) -> Bool {
    precondition(bytes.count == savedByteCount)
    return bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return false }
      var reader = ByteReader(base)
      guard read(&reader, isLoading: false) else { return false }
      reader = ByteReader(base)
      return read(&reader, isLoading: true)
    }
  }
}

extension NoteScriptEvent: CustomStringConvertible {
  /// `3 on 0:60/80`, `4 off 0:60`, `4 end`.
  public var description: String {
    switch kind {
    case .noteOn: "\(tick) on \(voice):\(pitch)/\(velocity)"
    case .noteOff: "\(tick) off \(voice):\(pitch)"
    case .end: "\(tick) end"
    default: "\(tick) kind \(kind.rawValue)"
    }
  }
}

extension NoteScriptEvent: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    left.tick == right.tick && left.kind == right.kind && left.voice == right.voice && left.pitch == right.pitch
      && left.velocity == right.velocity
  }
}

/// What a reader of a script relies on, checked event by event.
struct ScriptRules {
  private var sounding: [Int: UInt64] = [:]
  private var tick: UInt64 = 0
  private(set) var hasEnded = false
  private(set) var noteCount = 0
  private(set) var mostSounding = 0
  let maximumNoteTicks: Int

  init(maximumNoteTicks: Int) { self.maximumNoteTicks = maximumNoteTicks }

  var soundingCount: Int { sounding.count }

  /// The first rule that the events break, nil where all is well.
  mutating func check(_ events: [NoteScriptEvent]) -> String? {
    for event in events {
      if hasEnded { return "\(event) after the end" }
      if event.tick < tick { return "\(event) after tick \(tick)" }
      tick = event.tick
      guard (0..<16).contains(event.voice), (0..<128).contains(event.pitch) else { return "\(event) is out of range" }
      let key = event.voice * 128 + event.pitch
      switch event.kind {
      case .noteOn:
        guard (1...127).contains(event.velocity) else { return "\(event) has no velocity" }
        if sounding[key] != nil { return "\(event) sounds already" }
        sounding[key] = tick
        noteCount += 1
      case .noteOff:
        guard event.velocity == 0 else { return "\(event) has a velocity" }
        guard let begin = sounding.removeValue(forKey: key) else { return "\(event) does not sound" }
        if tick - begin > UInt64(maximumNoteTicks) { return "\(event) sounds since \(begin)" }
      case .end:
        if !sounding.isEmpty { return "\(event) with \(sounding.count) notes" }
        hasEnded = true
      default: return "\(event) is unknown"
      }
      mostSounding = max(mostSounding, sounding.count)
      if sounding.count > 256 { return "\(sounding.count) notes" }
    }
    return nil
  }
}

/// A note of a piece.
struct PieceNote: Hashable, Comparable, CustomStringConvertible {
  var voice: Int
  var begin: Int
  var end: Int
  var pitch: Int
  var velocity: Int

  static func < (left: Self, right: Self) -> Bool {
    (left.begin, left.pitch, left.voice, left.end) < (right.begin, right.pitch, right.voice, right.end)
  }

  var description: String { "\(voice):\(pitch)/\(velocity) \(begin)..<\(end)" }

  /// As a host gives them.
  static func events(_ notes: [PieceNote]) -> [TickEvent] {
    let all = notes.flatMap { note in
      [
        TickEvent(tick: UInt64(note.begin), isOn: true, voice: note.voice, pitch: note.pitch, velocity: note.velocity),
        TickEvent(tick: UInt64(note.end), isOn: false, voice: note.voice, pitch: note.pitch, velocity: 0),
      ]
    }
    return all.sorted { ($0.tick, $0.isOn ? 1 : 0) < ($1.tick, $1.isOn ? 1 : 0) }
  }

  /// What a script says, the notes that still sound ending at `end`.
  static func notes(_ events: [NoteScriptEvent], end: Int) -> [PieceNote] {
    var open: [Int: PieceNote] = [:]
    var notes: [PieceNote] = []
    for event in events {
      let key = event.voice * 128 + event.pitch
      if event.kind == .noteOn {
        open[key] = PieceNote(
          voice: event.voice, begin: Int(event.tick), end: end, pitch: event.pitch, velocity: event.velocity)
      } else if event.kind == .noteOff, var note = open.removeValue(forKey: key) {
        note.end = Int(event.tick)
        notes.append(note)
      }
    }
    return (notes + open.values).sorted()
  }
}

extension RandomGenerator {
  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
}

/// One configuration of each codec of notes, as tests use them.
enum NoteCodecSamples {
  static let performance = NoteCodecConfiguration(
    kind: .performanceEvents(
      .init(pitches: 0...127, timeShifts: 100, velocities: .init(count: 32), hasEnd: false)))

  static let performanceWithEnd = NoteCodecConfiguration(
    kind: .performanceEvents(.init(pitches: 40...50, timeShifts: 7, velocities: .init(count: 3), hasEnd: true)),
    tempo: 90, maximumNoteBeats: 1)

  static let melody = NoteCodecConfiguration(
    kind: .melodySteps(
      .init(stepsPerBeat: 4, voices: [.init(name: "melody", symbols: [.hold, .off] + (48...84).map { .pitch($0) })])),
    maximumNoteBeats: 8)

  static let chorale = NoteCodecConfiguration(
    kind: .choraleGrid(
      .init(
        stepsPerBeat: 4,
        voices: [
          .init(name: "soprano", symbols: [.off, .end, .hold] + (60...81).map { .pitch($0) }),
          .init(name: "alto", symbols: (53...74).map { .pitch($0) } + [.hold, .off]),
          .init(name: "tenor", symbols: [.hold] + (48...69).reversed().map { .pitch($0) } + [.off]),
          .init(name: "bass", symbols: [.hold, .off] + (36...64).map { .pitch($0) }),
        ], velocity: 100)))

  /// Each pitch has a "hold" of its own: off, then 60 … 72, then those that hold; the bass's are off, those that hold, 36 … 48.
  static let held = NoteCodecConfiguration(
    kind: .choraleGrid(
      .init(
        stepsPerBeat: 4,
        voices: [
          .init(name: "soprano", symbols: [.off] + (60...72).map { .pitch($0) } + (60...72).map { .holdPitch($0) }),
          .init(name: "bass", symbols: [.off] + (36...48).map { .holdPitch($0) } + (36...48).map { .pitch($0) }),
        ], velocity: 100)))

  static let tokens = NoteCodecConfiguration(
    kind: .noteTokens(
      .init(
        stepsPerBeat: 2,
        tokens: [
          .notes(PitchSet([60])), .notes(PitchSet([60, 64, 67])), .end, .notes(PitchSet()), .notes(PitchSet([0, 63, 64, 127])),
        ]
          + (61...72).map { .notes(PitchSet([$0])) }, velocity: 90)))

  static let numbers = NoteCodecConfiguration(
    kind: .noteMatrix(
      .init(
        pitches: 21...108, hasPitchClasses: false, velocities: 1...127, velocityClasses: nil, maximumInterval: 4_000,
        intervalClasses: nil)))

  static let classes = NoteCodecConfiguration(
    kind: .noteMatrix(
      .init(
        pitches: 0...127, hasPitchClasses: true, velocities: 20...120, velocityClasses: 16, maximumInterval: 4_000,
        intervalClasses: 64)))

  static let all = [performance, performanceWithEnd, melody, chorale, tokens, numbers, classes]
}
