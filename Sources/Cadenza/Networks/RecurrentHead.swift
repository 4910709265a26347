/// The tensors of a recurrent network's head, and how its outputs lie: each field's rows at whole panels.
struct RecurrentHead {
  var weight: Tensor
  var bias: Tensor?
  var order: [Int?]
  private var fields: [FieldPrediction]

  /// `channels`: what the last layer hands up.
  init(_ configuration: RecurrentConfiguration, channels: Int, tensors: inout TensorReader) throws(Failure) {
    fields = configuration.fields
    order = []
    // The tensor first: it shows that the file has as many rows as the configuration speaks of.
    let rows = fields.reduce(0) { $0 + $1.size }
    weight = try tensors.take("head.weight", shape: [rows, channels])
    bias = configuration.headBias ? try tensors.take("head.bias", shape: [rows]) : nil
    var outputs = 0
    for field in fields {
      for row in RowOrder.plain(field.size) { order.append(row.map { outputs + $0 }) }
      outputs += field.size
    }
  }

  /// Whether it predicts frames: its product is then made in slices, and is not read with the last layer's.
  var isOfFrames: Bool {
    if case .frame = fields.first?.kind { return true }
    return false
  }

  /// What reads the last layer beside itself.
  var reader: RecurrentLayer.Reader { .init(weight: weight, bias: bias, order: isOfFrames ? [] : order) }

  /// The fields' predictions, in the model's memory.
  func predictions(_ arena: inout Arena) -> UnsafeMutablePointer<FieldPrediction> {
    let predictions = arena.take(FieldPrediction.self, count: fields.count)
    if arena.isMeasuring { return predictions }
    for (index, field) in fields.enumerated() { (predictions + index).initialize(to: field) }
    return predictions
  }
}
