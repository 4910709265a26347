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
    var outputs = 0
    var sizes = fields.map { $0.size }
    // An encoder's: the numbers of a latent.
    if case .linear(let channels, _) = configuration.head { sizes = [channels] }
    for size in sizes {
      for row in RowOrder.plain(size) { order.append(row.map { outputs + $0 }) }
      outputs += size
    }
    weight = try tensors.take("head.weight", shape: [outputs, channels])
    bias = configuration.headBias ? try tensors.take("head.bias", shape: [outputs]) : nil
  }

  /// The fields' predictions, in the model's memory.
  func predictions(_ arena: inout Arena) -> UnsafeMutablePointer<FieldPrediction> {
    let predictions = arena.take(FieldPrediction.self, count: fields.count)
    if arena.isMeasuring { return predictions }
    for (index, field) in fields.enumerated() { (predictions + index).initialize(to: field) }
    return predictions
  }
}
