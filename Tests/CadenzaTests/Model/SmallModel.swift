@testable import Cadenza

/// A model small enough to be spoilt byte by byte: a WaveNet of two layers over four tokens, with one condition.
enum SmallModel {
  static let configuration = """
    {"name":"small","network":{"kind":"wavenet","vocabulary_size":4,"input":{"kind":"embedding"},"kernel_size":2,\
    "dilations":[1,2],"residual_channels":2,"skip_channels":3},"codec":{"kind":"mu_law","sample_rate":16000,"levels":4},\
    "conditions":[{"name":"pitch","kind":"class","size":3}],"sampling":{"temperature":0.5}}
    """

  static let recurrentConfiguration = """
    {"network":{"kind":"recurrent","input":{"kind":"vector","channels":1},"layers":[{"kind":"lstm","channels":2},\
    {"kind":"gru","channels":2}],"head":{"kind":"linear","channels":1}},"codec":{"kind":"waveform","sample_rate":48000}}
    """

  /// Notes of three fields, one of each kind of input, over a window that is read both ways.
  static let fieldsConfiguration = """
    {"network":{"kind":"recurrent","input":{"kind":"fields","fields":[{"kind":"value"},{"kind":"one_hot","size":8},\
    {"kind":"embedding","size":16,"channels":2}]},"layers":[{"kind":"lstm","channels":2,"bidirectional":true}],"window":5,\
    "head":{"kind":"fields","fields":[{"kind":"linear","noise":0.5},{"kind":"softmax","size":8},{"kind":"softmax","size":16}]}},\
    "codec":{"kind":"note_matrix","pitch":{"range":[0,127]},"velocity":{"range":[1,127],"classes":8},\
    "interval":{"maximum_milliseconds":4000,"classes":16}}}
    """

  /// A composer of 10 tokens.
  static let composerConfiguration = composer(
    codec: #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62,64,65,67,69,71,72]}"#, tokens: 10)

  static func composer(codec: String, tokens: Int, conditions: String = "[]") -> String {
    """
    {"network":{"kind":"recurrent","input":{"kind":"one_hot"},"vocabulary_size":\(tokens),\
    "layers":[{"kind":"gru","channels":2}],"head":{"kind":"softmax"},"biases":[]},"codec":\(codec),"conditions":\(conditions)}
    """
  }

  /// A composer's file; `channels` are those of its conditions.
  static func composerBytes(codec: String, tokens: Int, conditions: String = "[]", channels: Int = 0) -> [UInt8] {
    bytes(
      configuration: composer(codec: codec, tokens: tokens, conditions: conditions),
      tensors: [
        ("layers.0.input.weight", [6, tokens + channels]), ("layers.0.recurrent.weight", [6, 2]), ("head.weight", [tokens, 2]),
      ])
  }

  /// A composer over notes of three fields; `sizes` are those of its softmaxes, nil a value.
  static func fieldComposerBytes(codec: String, sizes: [Int?]) -> [UInt8] {
    let inputs = sizes.map { $0.map { #"{"kind":"one_hot","size":\#($0)}"# } ?? #"{"kind":"value"}"# }.joined(separator: ",")
    let heads = sizes.map { $0.map { #"{"kind":"softmax","size":\#($0)}"# } ?? #"{"kind":"linear"}"# }.joined(separator: ",")
    let width = sizes.reduce(0) { $0 + ($1 ?? 1) }
    return bytes(
      configuration: """
        {"network":{"kind":"recurrent","input":{"kind":"fields","fields":[\(inputs)]},"layers":[{"kind":"gru","channels":2}],\
        "head":{"kind":"fields","fields":[\(heads)]},"biases":[]},"codec":\(codec)}
        """,
      tensors: [
        ("layers.0.input.weight", [6, width]), ("layers.0.recurrent.weight", [6, 2]), ("head.weight", [width, 2]),
      ])
  }

  static let transformerConfiguration = """
    {"network":{"kind":"transformer","vocabulary_size":4,"channels":6,"layers":2,"heads":2,"window":3,\
    "positions":"relative","feedforward_channels":5},"codec":{"kind":"mu_law","sample_rate":16000,"levels":4}}
    """

  typealias Shape = (name: String, shape: [Int])

  static let tensors: [Shape] = [
    ("input.embedding.weight", [4, 2]),
    ("layers.0.gate.weight", [4, 2, 2]), ("layers.0.gate.bias", [4]), ("layers.0.condition.weight", [4, 3]),
    ("layers.0.skip.weight", [3, 2]), ("layers.0.skip.bias", [3]),
    ("layers.0.residual.weight", [2, 2]), ("layers.0.residual.bias", [2]),
    ("layers.1.gate.weight", [4, 2, 2]), ("layers.1.gate.bias", [4]), ("layers.1.condition.weight", [4, 3]),
    ("layers.1.skip.weight", [3, 2]), ("layers.1.skip.bias", [3]),
    ("head.hidden.weight", [3, 3]), ("head.hidden.bias", [3]),
    ("head.output.weight", [4, 3]), ("head.output.bias", [4]),
  ]

  static let recurrentTensors: [Shape] = [
    ("layers.0.input.weight", [8, 1]), ("layers.0.input.bias", [8]),
    ("layers.0.recurrent.weight", [8, 2]), ("layers.0.recurrent.bias", [8]),
    ("layers.1.input.weight", [6, 2]), ("layers.1.input.bias", [6]),
    ("layers.1.recurrent.weight", [6, 2]), ("layers.1.recurrent.bias", [6]),
    ("head.weight", [1, 2]), ("head.bias", [1]),
  ]

  static let fieldsTensors: [Shape] = [
    ("input.fields.2.embedding.weight", [16, 2]),
    ("layers.0.input.weight", [8, 11]), ("layers.0.input.bias", [8]),
    ("layers.0.recurrent.weight", [8, 2]), ("layers.0.recurrent.bias", [8]),
    ("layers.0.backward.input.weight", [8, 11]), ("layers.0.backward.input.bias", [8]),
    ("layers.0.backward.recurrent.weight", [8, 2]), ("layers.0.backward.recurrent.bias", [8]),
    ("head.weight", [25, 4]), ("head.bias", [25]),
  ]

  static let transformerTensors: [Shape] =
    [("input.embedding.weight", [4, 6])]
    + (0..<2).flatMap { layer -> [Shape] in
      let prefix = "layers.\(layer)."
      return [
        (prefix + "attention.normalization.weight", [6]), (prefix + "attention.normalization.bias", [6]),
        (prefix + "attention.input.weight", [18, 6]), (prefix + "attention.input.bias", [18]),
        (prefix + "attention.relative.weight", [2, 3, 3]),
        (prefix + "attention.output.weight", [6, 6]), (prefix + "attention.output.bias", [6]),
        (prefix + "feedforward.normalization.weight", [6]), (prefix + "feedforward.normalization.bias", [6]),
        (prefix + "feedforward.hidden.weight", [5, 6]), (prefix + "feedforward.hidden.bias", [5]),
        (prefix + "feedforward.output.weight", [6, 5]), (prefix + "feedforward.output.bias", [6]),
      ]
    } + [
      ("head.normalization.weight", [6]), ("head.normalization.bias", [6]), ("head.weight", [4, 6]), ("head.bias", [4]),
    ]

  /// The file, with whatever a test wants changed.
  static func bytes(
    configuration: String = configuration, tensors: [Shape] = tensors, elementType: ElementType = .float32,
    value: Float = 0.25, metadata: [(key: String, value: String)]? = nil
  ) -> [UInt8] {
    var writer = metadata.map(SafetensorsWriter.init(metadata:)) ?? SafetensorsWriter(configuration: configuration)
    for (name, shape) in tensors {
      writer.add(name, elementType, shape: shape, values: [Float](repeating: value, count: shape.reduce(1, *)))
    }
    return writer.file()
  }

  static func recurrentBytes(configuration: String = recurrentConfiguration, tensors: [Shape] = recurrentTensors) -> [UInt8] {
    bytes(configuration: configuration, tensors: tensors)
  }

  static func fieldsBytes(configuration: String = fieldsConfiguration, tensors: [Shape] = fieldsTensors) -> [UInt8] {
    bytes(configuration: configuration, tensors: tensors)
  }

  static func transformerBytes(
    configuration: String = transformerConfiguration, tensors: [Shape] = transformerTensors
  ) -> [UInt8] {
    bytes(configuration: configuration, tensors: tensors)
  }

  /// A transformer's file with some of its tensors left out or given another shape.
  static func transformerBytes(changing changes: [(name: String, shape: [Int]?)]) -> [UInt8] {
    var tensors = transformerTensors.filter { tensor in !changes.contains { $0.name == tensor.name } }
    for change in changes {
      if let shape = change.shape { tensors.append((change.name, shape)) }
    }
    return transformerBytes(tensors: tensors)
  }

  /// The file with some of its tensors left out, added or given another shape (a nil shape leaves one out).
  static func bytes(changing changes: [(name: String, shape: [Int]?)]) -> [UInt8] {
    var tensors = tensors.filter { tensor in !changes.contains { $0.name == tensor.name } }
    for change in changes {
      if let shape = change.shape { tensors.append((change.name, shape)) }
    }
    return bytes(tensors: tensors)
  }

  /// A configuration with one piece of its text replaced.
  static func bytes(replacing old: String, with new: String) -> [UInt8] {
    bytes(configuration: replacing(old, with: new))
  }

  static func replacing(_ old: String, with new: String, in text: String = configuration) -> String {
    precondition(text.contains(old), "\(old) is not in the text")
    return text.replacing(old, with: new, maxReplacements: 1)
  }
}

/// A file of this header, whatever it says, and these bytes of data.
func rawFile(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  rawFile(Array(header.utf8), data: data, length: length)
}

func rawFile(_ header: [UInt8], data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + header + [UInt8](repeating: 0, count: data)
}

/// Loads a model: container, configuration, every tensor.
@discardableResult
func load(_ bytes: [UInt8]) throws(Failure) -> Model {
  try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in try Model(bytes: UnsafeRawBufferPointer(buffer)) }
}

extension Array {
  /// With one element replaced.
  func with(_ element: Element, at index: Int) -> [Element] {
    var copy = self
    copy[index] = element
    return copy
  }
}
