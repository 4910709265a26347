import Cadenza
import Glibc

/// What each key does to what is playing.
struct LiveControls {
  static let help =
    "space freeze/play  t/T temperature  k/K top-k  p/P top-p  g/G gain  r begin anew  q quit"

  let stream: Stream
  let output: LiveOutput
  let conditions: [LiveCondition]
  /// Present values, by the condition's index.
  private(set) var values: [[Float]]
  /// Which of `conditions` the keys change.
  private(set) var selected = 0
  private(set) var isFrozen = false
  private(set) var seed: UInt64
  /// nil: the model plays on its own.
  private(set) var piano: PianoKeys?

  /// `values`: those that the stream's conditions have, by index.
  init(stream: Stream, output: LiveOutput, values: [[Float]], seed: UInt64, hasPiano: Bool) {
    self.stream = stream
    self.output = output
    self.values = values
    self.seed = seed
    conditions = LiveCondition.all(of: stream.model, withoutPitch: hasPiano)
    piano = hasPiano ? PianoKeys() : nil
  }

  /// The keys of this model on one line.
  var help: String {
    var text = LiveControls.help
    if !conditions.isEmpty {
      text += conditions.count > 1 ? "  [ ] choose, - + change a condition" : "  - + \(conditions[0].name)"
    }
    if stream.has(.tempo) { text += "  s/S tempo" }
    if piano != nil { text += "  z...m play, shift: a semitone up, , . octave" }
    return text
  }

  /// Present values as a list for people; of the conditions that which the keys change.
  var text: String {
    var parts = [
      "T \(number(.temperature))", stream.parameter(.topK) == 0 ? "k off" : "k \(Int(stream.parameter(.topK)))",
      "p \(number(.topP))", decibels,
    ]
    if stream.has(.tempo) { parts.append("tempo \(Text.fixed(Double(stream.parameter(.tempo)), 0))") }
    if conditions.indices.contains(selected) {
      let condition = conditions[selected]
      parts.append("\(Text.printable(condition.name)) \(condition.text(values[condition.index][condition.component]))")
    }
    if let piano { parts.append("z \(Text.noteName(piano.base))") }
    return parts.joined(separator: "  ")
  }

  private func number(_ parameter: Parameter) -> String { Text.fixed(Double(stream.parameter(parameter)), 2) }

  private var decibels: String {
    let gain = stream.parameter(.gain)
    return gain == 0 ? "silent" : "\(Text.fixed(20 * log10(Double(gain)), 1)) dB"
  }

  /// Returns whether to go on. `now` in seconds of a clock that goes forward.
  mutating func press(_ key: Key, now: Double) -> Bool {
    switch key {
    case .up: change(by: 1)
    case .down: change(by: -1)
    case .left: select(selected - 1)
    case .right: select(selected + 1)
    case .character(let character): return press(character, now: now)
    }
    return true
  }

  private mutating func press(_ character: Character, now: Double) -> Bool {
    switch character {
    case "q": return false
    case " ":
      isFrozen.toggle()
      send(isFrozen ? .freeze : .play)
    case "r":
      seed &+= 1
      send(.reset, seed)
    case "t": move(.temperature, by: -0.05, from: 0, to: 100)
    case "T": move(.temperature, by: 0.05, from: 0, to: 100)
    case "p": move(.topP, by: -0.05, from: 0.05, to: 1)
    case "P": move(.topP, by: 0.05, from: 0.05, to: 1)
    case "s": move(.tempo, by: -2, from: 10, to: 1000)
    case "S": move(.tempo, by: 2, from: 10, to: 1000)
    case "g": amplify(-1)
    case "G": amplify(1)
    case "k": narrow()
    case "K": widen()
    case "[": select(selected - 1)
    case "]": select(selected + 1)
    case "1"..."9": if let digit = character.wholeNumberValue, digit <= conditions.count { selected = digit - 1 }
    case "+", "=": change(by: 1)
    case "-", "_": change(by: -1)
    case ",": piano?.moveOctave(-1)
    case ".": piano?.moveOctave(1)
    default:
      if let pitch = piano?.pitch(of: character) {
        piano?.press(pitch, now: now)
        send(.noteOn, UInt64(pitch))
      }
    }
    return true
  }

  /// Ends the notes whose time is over.
  mutating func endNotes(now: Double) {
    for pitch in piano?.takeEnded(now: now) ?? [] { send(.noteOff, UInt64(pitch)) }
  }

  /// What finds no room was pressed faster than anybody can.
  private func send(_ kind: LiveCommand.Kind, _ value: UInt64 = 0) {
    _ = output.commands.write(LiveCommand(kind: kind, value: value))
  }

  private func move(_ parameter: Parameter, by step: Float, from low: Float, to high: Float) {
    guard stream.has(parameter) else { return }
    let value = ((stream.parameter(parameter) + step) * 100).rounded() / 100
    _ = stream.setParameter(parameter, min(high, max(low, value)))
  }

  /// Between −60 dB and the engine's limit, 16.
  private func amplify(_ decibels: Double) {
    let gain = Double(max(0.001, stream.parameter(.gain))) * pow(10, decibels / 20)
    _ = stream.setParameter(.gain, Float(min(16, max(0.001, gain))))
  }

  /// Off is all that the model knows; from there on half as many, down to one.
  private func narrow() {
    let present = stream.parameter(.topK) == 0 ? Float(stream.model.vocabularySize ?? 256) : stream.parameter(.topK)
    _ = stream.setParameter(.topK, max(1, (present / 2).rounded(.down)))
  }

  private func widen() {
    let present = stream.parameter(.topK)
    guard present > 0 else { return }
    let isAll = present * 2 >= Float(stream.model.vocabularySize ?? 256)
    _ = stream.setParameter(.topK, isAll ? 0 : present * 2)
  }

  private mutating func select(_ position: Int) {
    if !conditions.isEmpty { selected = (position + conditions.count) % conditions.count }
  }

  /// Changes what is selected. A local condition's queue that has no room leaves it as it is.
  private mutating func change(by step: Int) {
    guard conditions.indices.contains(selected) else { return }
    let condition = conditions[selected]
    var changed = values[condition.index]
    changed[condition.component] = condition.changed(changed[condition.component], by: step)
    let status = changed.withUnsafeBufferPointer { numbers in
      numbers.baseAddress.map { stream.setCondition(condition.index, $0, count: numbers.count) } ?? .invalidArgument
    }
    if status.rawValue >= 0 { values[condition.index] = changed }
  }
}
