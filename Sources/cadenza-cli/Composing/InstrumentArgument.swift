import ArgumentParser

/// `NAME=VALUE` or `VOICE:NAME=VALUE`, as typed after `--set-instrument`.
struct InstrumentArgument: ExpressibleByArgument {
  /// nil: all voices.
  let voice: String?
  let condition: ConditionArgument

  init?(argument: String) {
    var rest = argument[...]
    var voice: String?
    if let colon = argument.firstIndex(of: ":"), let equals = argument.firstIndex(of: "="), colon < equals {
      voice = String(argument[..<colon])
      rest = argument[argument.index(after: colon)...]
    }
    guard voice != "", let condition = ConditionArgument(argument: String(rest)) else { return nil }
    self.voice = voice
    self.condition = condition
  }
}
