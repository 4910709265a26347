import Cadenza

/// Reads what was typed for a condition, against what the model offers.
struct ConditionValue {
  /// Position in the model's list.
  let index: Int
  let values: [Float]

  init(_ argument: ConditionArgument, conditions: [ConditionConfiguration]) throws(CommandFailure) {
    guard let index = conditions.firstIndex(where: { $0.name == argument.name }) else {
      let names = conditions.map(\.name)
      throw CommandFailure(
        .wrongUsage,
        "the model has no condition \"\(argument.name)\"; "
          + (names.isEmpty ? "it has none" : "it has \(Text.list(names))"))
    }
    self.index = index
    let condition = conditions[index]
    if condition.followsPosition {
      throw CommandFailure(
        .wrongUsage, "condition \"\(condition.name)\" follows the position in the piece, and is not to be set")
    }
    let parts = argument.value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    switch condition.kind {
    case .classes(let labels, _):
      if condition.framesPerValue == nil && parts.count != 1 && !labels.contains(argument.value) {
        throw CommandFailure(
          .wrongUsage, "condition \"\(condition.name)\" takes one class, not the \(parts.count) of \"\(argument.value)\"")
      }
      let isOneLabel = labels.contains(argument.value)
      values = try ConditionValue.classes(isOneLabel ? [argument.value] : parts, condition: condition, labels: labels)
    case .vector, .latent:
      values = try ConditionValue.numbers(parts, condition: condition)
    }
  }

  private static func classes(
    _ parts: [String], condition: ConditionConfiguration, labels: [String]
  ) throws(CommandFailure) -> [Float] {
    var values: [Float] = []
    for part in parts {
      if let position = labels.firstIndex(of: part) {
        values.append(Float(position))
      } else if let position = Int(part), position >= 0, position < condition.size {
        values.append(Float(position))
      } else {
        throw CommandFailure(
          .wrongUsage,
          "condition \"\(condition.name)\" takes " + (labels.isEmpty ? "" : "\(Text.list(labels)), or ")
            + "a class number 0 ... \(condition.size - 1), not \"\(part)\"")
      }
    }
    return values
  }

  private static func numbers(_ parts: [String], condition: ConditionConfiguration) throws(CommandFailure) -> [Float] {
    let isRightCount =
      condition.framesPerValue == nil ? parts.count == condition.size : parts.count.isMultiple(of: condition.size)
    guard isRightCount else {
      let expected = condition.size == 1 ? "1 number" : "\(condition.size) numbers separated by commas"
      throw CommandFailure(
        .wrongUsage,
        "condition \"\(condition.name)\" takes \(expected)\(condition.framesPerValue == nil ? "" : ", or a multiple"), "
          + "not \(parts.count)")
    }
    var values: [Float] = []
    for part in parts {
      guard let number = Float(part), number.isFinite else {
        throw CommandFailure(.wrongUsage, "condition \"\(condition.name)\" takes finite numbers, not \"\(part)\"")
      }
      values.append(number)
    }
    return values
  }
}
