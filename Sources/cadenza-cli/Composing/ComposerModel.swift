import Cadenza

/// A model that composes, as the command sees it.
struct ComposerModel {
  let model: Model
  let codec: NoteCodecConfiguration

  /// `path` names the model in a sentence.
  init(_ model: Model, path: String) throws(CommandFailure) {
    guard case .notes(let codec) = model.configuration.codec else {
      throw CommandFailure("\"\(path)\" plays sound and does not compose; expected a composer, or 'cadenza generate'")
    }
    self.model = model
    self.codec = codec
  }

  /// Of its voices, in their order.
  var voiceNames: [String] {
    switch codec.kind {
    case .choraleGrid(let vocabulary): vocabulary.voices.map(\.name)
    case .melodySteps: ["melody"]
    case .performanceEvents, .noteTokens, .noteMatrix: ["notes"]
    }
  }

  /// Whether the codec counts milliseconds, which it calls beats of half a second, and knows no metre.
  var countsSeconds: Bool { !codec.isGrid }

  /// Whether it can end a piece.
  var hasEnd: Bool {
    switch codec.kind {
    case .performanceEvents(let vocabulary): vocabulary.hasEnd
    case .melodySteps(let vocabulary), .choraleGrid(let vocabulary): vocabulary.voices.contains { $0.symbols.contains(.end) }
    case .noteTokens(let vocabulary): vocabulary.tokens.contains(.end)
    case .noteMatrix: false
    }
  }

  /// The position of a voice that is called by its name or by its number, from 0.
  func voice(_ name: String) throws(CommandFailure) -> Int {
    if let index = voiceNames.firstIndex(of: name) { return index }
    if let index = Int(name), voiceNames.indices.contains(index) { return index }
    throw CommandFailure(
      .wrongUsage,
      "the model has no voice \"\(name)\"; it has \(Text.list(voiceNames)), or 0 ... \(voiceNames.count - 1)")
  }
}
