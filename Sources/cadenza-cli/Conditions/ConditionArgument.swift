import ArgumentParser

/// `NAME=VALUE` or `NAME@SECONDS=VALUE`, as typed after `--set`.
struct ConditionArgument: ExpressibleByArgument {
  let name: String
  let seconds: Double
  let value: String

  /// As if `--set name=value` had been typed.
  init(name: String, value: String) {
    self.name = name
    self.value = value
    seconds = 0
  }

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "=") else { return nil }
    let place = argument[..<equals]
    value = String(argument[argument.index(after: equals)...])
    if let at = place.firstIndex(of: "@") {
      guard let seconds = Double(place[place.index(after: at)...]), seconds >= 0, seconds <= 1e9 else { return nil }
      self.seconds = seconds
      name = String(place[..<at])
    } else {
      seconds = 0
      name = String(place)
    }
    if name.isEmpty || value.isEmpty { return nil }
  }
}
