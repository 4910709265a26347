extension NoteCodecConfiguration {
  /// nil where `kind`, the value of the codec's key, names no codec of notes.
  init?(_ value: JsonValue, kind: JsonValue) throws(Failure) {
    let keys: [StaticString]
    if kind.isText("performance_events") {
      keys = ["kind", "pitches", "time_shifts", "velocities", "end", "tempo", "maximum_note_beats"]
    } else if kind.isText("melody_steps") {
      keys = ["kind", "steps_per_beat", "symbols", "steps", "velocity", "tempo", "maximum_note_beats"]
    } else if kind.isText("chorale_grid") {
      keys = ["kind", "steps_per_beat", "voices", "velocity", "tempo", "maximum_note_beats"]
    } else if kind.isText("note_tokens") {
      keys = ["kind", "steps_per_beat", "tokens", "velocity", "tempo", "maximum_note_beats"]
    } else if kind.isText("note_matrix") {
      keys = ["kind", "pitch", "velocity", "interval", "tempo", "maximum_note_beats"]
    } else {
      return nil
    }
    let object = try ConfigurationObject(value, keys: keys)
    let codec: Kind
    if kind.isText("performance_events") {
      codec = .performanceEvents(try PerformanceVocabulary(object))
    } else if kind.isText("melody_steps") {
      codec = .melodySteps(try GridVocabulary(melody: object))
    } else if kind.isText("chorale_grid") {
      codec = .choraleGrid(try GridVocabulary(chorale: object))
    } else if kind.isText("note_tokens") {
      codec = .noteTokens(try NoteTokenVocabulary(object))
    } else {
      codec = .noteMatrix(try NoteMatrixFields(object))
    }
    self.init(
      kind: codec, tempo: try object.whole("tempo", 10...1_000) ?? 120,
      maximumNoteBeats: try object.whole("maximum_note_beats", 1...1_024) ?? 16)
  }

  fileprivate static let stepsPerBeat = 1...96
  /// MIDI.
  fileprivate static let pitches = 0...127
  /// MIDI.
  fileprivate static let velocities = 1...127
  fileprivate static let defaultVelocity = 80
}

extension NoteCodecConfiguration.PerformanceVocabulary {
  fileprivate init(_ object: ConfigurationObject) throws(Failure) {
    let pitches = try object.required("pitches").ends(within: NoteCodecConfiguration.pitches)
    let timeShifts = try object.required("time_shifts").whole(1...1_000)
    let velocities = try object.required("velocities").whole(1...127)
    self.init(
      pitches: pitches, timeShifts: timeShifts, velocities: .init(count: velocities),
      hasEnd: try object.optional("end")?.boolean() ?? false)
  }
}

extension NoteCodecConfiguration.GridVocabulary {
  fileprivate init(melody object: ConfigurationObject) throws(Failure) {
    let stepsPerBeat = try object.required("steps_per_beat").whole(NoteCodecConfiguration.stepsPerBeat)
    let symbols = try NoteCodecConfiguration.GridSymbol.list(object.required("symbols"), mayEnd: true)
    self.init(
      stepsPerBeat: stepsPerBeat, voices: [.init(name: "melody", symbols: symbols)],
      velocity: try object.whole("velocity", NoteCodecConfiguration.velocities) ?? NoteCodecConfiguration.defaultVelocity,
      steps: try object.whole("steps", 1...65_536))
  }

  fileprivate init(chorale object: ConfigurationObject) throws(Failure) {
    let stepsPerBeat = try object.required("steps_per_beat").whole(NoteCodecConfiguration.stepsPerBeat)
    let list = try object.required("voices")
    var voices: [NoteCodecConfiguration.GridVoice] = []
    var names: [Int] = []
    for element in try list.list(upTo: 16) {
      let voice = try ConfigurationObject(element, keys: ["name", "symbols"])
      let name = try voice.required("name")
      names.append(name.index)
      let symbols = try NoteCodecConfiguration.GridSymbol.list(voice.required("symbols"), mayEnd: voices.isEmpty)
      voices.append(.init(name: try name.identifier(), symbols: symbols))
    }
    try JsonValue.refuseDuplicates(names, in: list.document)
    self.init(
      stepsPerBeat: stepsPerBeat, voices: voices,
      velocity: try object.whole("velocity", NoteCodecConfiguration.velocities) ?? NoteCodecConfiguration.defaultVelocity)
  }
}

extension NoteCodecConfiguration.GridSymbol {
  /// All symbols of a voice: each once, "off" among them, and "hold" or, for each pitch, "hold 60".
  fileprivate static func list(_ value: JsonValue, mayEnd: Bool) throws(Failure) -> [Self] {
    guard value.kind == .list, value.count >= 2, value.count <= 258 else { throw value.unexpected("a list of 2 to 258") }
    var symbols: [Self] = []
    var pitches = PitchSet()
    var held = PitchSet()
    var hasHold = false
    var hasOff = false
    var hasEnd = false
    for element in value.elements {
      if element.isText("hold") {
        guard !hasHold else { throw element.unexpected("each symbol once") }
        hasHold = true
        symbols.append(.hold)
      } else if element.isText("off") {
        guard !hasOff else { throw element.unexpected("each symbol once") }
        hasOff = true
        symbols.append(.off)
      } else if element.isText("end") {
        guard mayEnd else { throw element.unexpected("the end in the first voice only") }
        guard !hasEnd else { throw element.unexpected("each symbol once") }
        hasEnd = true
        symbols.append(.end)
      } else if let pitch = heldPitch(element) {
        guard !held.contains(pitch) else { throw element.unexpected("each symbol once") }
        held.insert(pitch)
        symbols.append(.holdPitch(pitch))
      } else {
        guard let pitch = element.integer, NoteCodecConfiguration.pitches.contains(pitch) else {
          throw element.unexpected("\"hold\", \"hold 60\", \"off\", \"end\" or a pitch from 0 to 127")
        }
        guard !pitches.contains(pitch) else { throw element.unexpected("each symbol once") }
        pitches.insert(pitch)
        symbols.append(.pitch(pitch))
      }
    }
    if hasHold {
      guard held.count == 0 else {
        throw Failure(.format, "\(value.place) has \"hold\" and \"hold \(held.next(from: 0))\", expected one or the other")
      }
    } else if held.count == 0 {
      throw Failure(.format, "\(value.place) has no \"hold\"")
    } else if held != pitches {
      throw Failure(
        .format, "\(value.place) has \(pitches.count) pitches, and \"hold\" for \(held.count): expected it for each of them")
    }
    guard hasOff else { throw Failure(.format, "\(value.place) has no \"off\"") }
    return symbols
  }

  /// The pitch of "hold 60".
  private static func heldPitch(_ value: JsonValue) -> Int? {
    let prefix: StaticString = "hold "
    guard value.kind == .string, value.hasPrefix(prefix) else { return nil }
    let digits = value.text.dropFirst(prefix.utf8CodeUnitCount)
    guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1, digits.count <= 3 else { return nil }
    var pitch = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      pitch = pitch * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return NoteCodecConfiguration.pitches.contains(pitch) ? pitch : nil
  }
}

extension NoteCodecConfiguration.NoteTokenVocabulary {
  fileprivate init(_ object: ConfigurationObject) throws(Failure) {
    let stepsPerBeat = try object.required("steps_per_beat").whole(NoteCodecConfiguration.stepsPerBeat)
    let list = try object.required("tokens")
    var tokens: [NoteCodecConfiguration.NoteToken] = []
    var nodes: [Int] = []
    var hasEnd = false
    for element in try list.list(upTo: 65_536) {
      if element.isText("end") {
        guard !hasEnd else { throw element.unexpected("each token once") }
        hasEnd = true
        tokens.append(.end)
      } else {
        tokens.append(.notes(try Self.pitches(element)))
      }
      nodes.append(element.index)
    }
    if let duplicate = Self.duplicate(among: tokens) {
      throw Failure(
        .format, "\(JsonValue(document: list.document, index: nodes[duplicate]).place) has the pitches of an earlier token")
    }
    self.init(
      stepsPerBeat: stepsPerBeat, tokens: tokens,
      velocity: try object.whole("velocity", NoteCodecConfiguration.velocities) ?? NoteCodecConfiguration.defaultVelocity)
  }

  private static func pitches(_ value: JsonValue) throws(Failure) -> PitchSet {
    guard value.kind == .list, value.count <= 16 else {
      throw value.unexpected("\"end\" or a list of at most 16 pitches")
    }
    var pitches = PitchSet()
    for element in value.elements {
      let pitch = try element.whole(NoteCodecConfiguration.pitches)
      guard pitch > pitches.highest else { throw element.unexpected("pitches that ascend") }
      pitches.insert(pitch)
    }
    return pitches
  }

  /// A token with the pitches of an earlier one.
  private static func duplicate(among tokens: [NoteCodecConfiguration.NoteToken]) -> Int? {
    var sets: [(pitches: PitchSet, index: Int)] = []
    for (index, token) in tokens.enumerated() {
      if case .notes(let pitches) = token { sets.append((pitches, index)) }
    }
    sets.sort { left, right in
      if left.pitches.high != right.pitches.high { return left.pitches.high < right.pitches.high }
      if left.pitches.low != right.pitches.low { return left.pitches.low < right.pitches.low }
      return left.index < right.index
    }
    for position in sets.indices.dropFirst() where sets[position - 1].pitches == sets[position].pitches {
      return sets[position].index
    }
    return nil
  }
}

extension NoteCodecConfiguration.NoteMatrixFields {
  fileprivate init(_ object: ConfigurationObject) throws(Failure) {
    let pitch = try ConfigurationObject(object.required("pitch"), keys: ["range", "classes"])
    let velocity = try ConfigurationObject(object.required("velocity"), keys: ["range", "classes"])
    let interval = try ConfigurationObject(object.required("interval"), keys: ["maximum_milliseconds", "classes"])
    self.init(
      pitches: try pitch.required("range").ends(within: NoteCodecConfiguration.pitches),
      hasPitchClasses: try pitch.optional("classes")?.boolean() ?? false,
      velocities: try velocity.required("range").ends(within: NoteCodecConfiguration.velocities),
      velocityClasses: try velocity.whole("classes", 1...127),
      maximumInterval: try interval.required("maximum_milliseconds").whole(1...60_000),
      intervalClasses: try interval.whole("classes", 2...1_024))
  }
}

extension JsonValue {
  /// A list of the two ends of a range, both included.
  fileprivate func ends(within limits: ClosedRange<Int>) throws(Failure) -> ClosedRange<Int> {
    guard kind == .list, count == 2 else { throw unexpected("a list of the lowest and the highest") }
    var ends: [Int] = []
    for element in elements { ends.append(try element.whole(limits)) }
    guard ends[0] <= ends[1] else {
      throw Failure(.format, "\(place) goes from \(ends[0]) to \(ends[1]), expected the lower one first")
    }
    return ends[0]...ends[1]
  }
}
