import Cadenza

/// A codec of notes described, its vocabulary in summary, for people and for programs.
enum NoteCodecDocument {
  // MARK: For people

  /// What follows the codec's kind on its line.
  static func text(_ codec: NoteCodecConfiguration) -> String {
    switch codec.kind {
    case .performanceEvents(let vocabulary):
      return "\(codec.kindName), \(tokens(vocabulary.size)): pitches \(range(vocabulary.pitches)) on and off, "
        + "\(vocabulary.timeShifts) time shifts of 10 ms at tempo 120, \(vocabulary.velocities.count) velocities"
        + (vocabulary.hasEnd ? ", an end" : "")
    case .melodySteps(let vocabulary):
      return "\(codec.kindName), \(grid(vocabulary.stepsPerBeat)), \(tokens(vocabulary.size))"
    case .choraleGrid(let vocabulary):
      return "\(codec.kindName), \(grid(vocabulary.stepsPerBeat)), \(count(vocabulary.voices.count, "voice")), "
        + tokens(vocabulary.size)
    case .noteTokens(let vocabulary):
      return "\(codec.kindName), \(grid(vocabulary.stepsPerBeat)), \(tokens(vocabulary.tokens.count))"
    case .noteMatrix: return "\(codec.kindName), a note a step"
    }
  }

  /// The lines below it.
  static func lines(_ codec: NoteCodecConfiguration) -> [String] {
    var lines: [String] = []
    switch codec.kind {
    case .performanceEvents: break
    case .melodySteps(let vocabulary), .choraleGrid(let vocabulary):
      for voice in vocabulary.voices { lines.append("  \(voice.name): \(symbols(voice))") }
    case .noteTokens(let vocabulary):
      let counts = TokenCounts(vocabulary)
      var parts = [count(counts.notes, "note"), "\(count(counts.chords, "chord")) of at most \(counts.largest) pitches"]
      if counts.chords == 0 { parts[1] = "no chords" }
      if counts.rests > 0 { parts.append("a rest") }
      if counts.ends > 0 { parts.append("an end") }
      lines.append("  \(parts.joined(separator: ", "))")
    case .noteMatrix(let fields):
      lines.append("  pitch: \(range(fields.pitches)), \(field(fields.hasPitchClasses ? fields.pitches.count : nil))")
      lines.append("  velocity: \(range(fields.velocities)), \(field(fields.velocityClasses))")
      lines.append(
        "  interval: 0 ... \(Text.grouped(fields.maximumInterval)) ms at tempo 120, \(field(fields.intervalClasses))")
    }
    lines.append("  tempo \(codec.tempo), notes of at most \(count(codec.maximumNoteBeats, "beat"))")
    return lines
  }

  private static func symbols(_ voice: NoteCodecConfiguration.GridVoice) -> String {
    let pitches = voice.pitches.pitches
    var parts = [voice.holdsPitches ? "hold for each pitch" : "hold", "off"]
    if voice.symbols.contains(.end) { parts.append("end") }
    if let lowest = pitches.first, let highest = pitches.last {
      parts.append("\(count(pitches.count, "pitch", plural: "pitches")) from \(lowest) to \(highest)")
    } else {
      parts.append("no pitches")
    }
    return parts.joined(separator: ", ")
  }

  private static func range(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) ... \(range.upperBound)" }

  private static func grid(_ stepsPerBeat: Int) -> String { "\(count(stepsPerBeat, "step")) a beat" }

  private static func tokens(_ number: Int) -> String { count(number, "token") }

  private static func field(_ classes: Int?) -> String { classes.map { count($0, "class", plural: "classes") } ?? "a number" }

  private static func count(_ number: Int, _ one: String, plural: String? = nil) -> String {
    "\(Text.grouped(number)) \(number == 1 ? one : plural ?? one + "s")"
  }

  /// How many tokens there are of each sort.
  private struct TokenCounts {
    var notes = 0
    var chords = 0
    var rests = 0
    var ends = 0
    /// Pitches of the largest chord.
    var largest = 0

    init(_ vocabulary: NoteCodecConfiguration.NoteTokenVocabulary) {
      for token in vocabulary.tokens {
        guard case .notes(let pitches) = token else {
          ends += 1
          continue
        }
        switch pitches.count {
        case 0: rests += 1
        case 1: notes += 1
        default: chords += 1
        }
        largest = max(largest, pitches.count)
      }
    }
  }

  // MARK: For programs

  static func json(_ codec: NoteCodecConfiguration) -> JSON {
    var pairs: [(key: String, value: JSON)] = [
      ("kind", .text("\(codec.kindName)")), ("tempo", .integer(codec.tempo)),
      ("maximum_note_beats", .integer(codec.maximumNoteBeats)), ("ticks_per_beat", .integer(codec.ticksPerBeat)),
    ]
    switch codec.kind {
    case .performanceEvents(let vocabulary):
      pairs += [
        ("tokens", .integer(vocabulary.size)), ("pitches", ends(vocabulary.pitches)),
        ("time_shifts", .integer(vocabulary.timeShifts)), ("velocities", .integer(vocabulary.velocities.count)),
        ("end", .bool(vocabulary.hasEnd)),
      ]
    case .melodySteps(let vocabulary), .choraleGrid(let vocabulary):
      let voices = vocabulary.voices.map { voice in
        JSON.object([
          ("name", .text(voice.name)), ("tokens", .integer(voice.symbols.count)), ("pitches", .integers(voice.pitches.pitches)),
          ("end", .bool(voice.symbols.contains(.end))),
        ])
      }
      pairs += [
        ("tokens", .integer(vocabulary.size)), ("steps_per_beat", .integer(vocabulary.stepsPerBeat)), ("voices", .list(voices)),
        ("velocity", .integer(vocabulary.velocity)),
      ]
    case .noteTokens(let vocabulary):
      let counts = TokenCounts(vocabulary)
      pairs += [
        ("tokens", .integer(vocabulary.tokens.count)), ("steps_per_beat", .integer(vocabulary.stepsPerBeat)),
        ("notes", .integer(counts.notes)), ("chords", .integer(counts.chords)), ("rest", .bool(counts.rests > 0)),
        ("end", .bool(counts.ends > 0)), ("velocity", .integer(vocabulary.velocity)),
      ]
    case .noteMatrix(let fields):
      pairs += [
        ("pitch", fieldDocument([("range", ends(fields.pitches))], fields.hasPitchClasses ? fields.pitches.count : nil)),
        ("velocity", fieldDocument([("range", ends(fields.velocities))], fields.velocityClasses)),
        (
          "interval",
          fieldDocument([("maximum_milliseconds", .integer(fields.maximumInterval))], fields.intervalClasses)
        ),
      ]
    }
    return .object(pairs)
  }

  private static func ends(_ range: ClosedRange<Int>) -> JSON { .integers([range.lowerBound, range.upperBound]) }

  private static func fieldDocument(_ pairs: [(key: String, value: JSON)], _ classes: Int?) -> JSON {
    .object(pairs + [("classes", classes.map(JSON.integer) ?? .null)])
  }
}
