import Cadenza

/// What a key can change of a condition: a class, or one number of a vector.
struct LiveCondition {
  /// In the model's list, and in the condition's values.
  let index: Int
  let component: Int
  let name: String
  let labels: [String]
  /// nil: a number.
  let classCount: Int?

  /// All that keys can change; what the codec or notes set is left out.
  static func all(of model: Model, withoutPitch: Bool) -> [LiveCondition] {
    var list: [LiveCondition] = []
    for (index, condition) in model.configuration.conditions.enumerated() {
      if condition.followsPosition || (withoutPitch && condition.name == "pitch") { continue }
      switch condition.kind {
      case .classes(let labels, _):
        list.append(
          LiveCondition(index: index, component: 0, name: condition.name, labels: labels, classCount: condition.size))
      case .vector, .latent:
        for component in 0..<condition.size {
          let name = condition.size == 1 ? condition.name : "\(condition.name)[\(component)]"
          list.append(LiveCondition(index: index, component: component, name: name, labels: [], classCount: nil))
        }
      }
    }
    return list
  }

  /// `value` after a key: the next class, around the end; or a tenth more or less.
  func changed(_ value: Float, by step: Int) -> Float {
    guard let classCount else { return ((value + Float(step) * 0.1) * 1000).rounded() / 1000 }
    return Float(((Int(value) + step) % classCount + classCount) % classCount)
  }

  /// `value` as people read it.
  func text(_ value: Float) -> String {
    guard classCount != nil else { return Text.fixed(Double(value), 2) }
    let position = Int(value)
    return labels.indices.contains(position) ? Text.printable(labels[position]) : String(position)
  }
}
