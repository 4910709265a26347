import Cadenza

/// A model file with random weights, made in memory; the same each time.
enum RandomModel {
  static func bytes(of shape: BenchShape, weights: WeightStorage) -> [UInt8] {
    var writer = SafetensorsWriter(configuration: shape.configuration)
    var state: UInt64 = 1
    for tensor in shape.tensors {
      let values = (0..<tensor.shape.reduce(1, *)).map { _ in
        (Float(next(&state) >> 40) * 0x1p-23 - 1) * tensor.range
      }
      writer.add(tensor.name, weights.elementType, shape: tensor.shape, values: values)
    }
    return writer.file()
  }

  /// SplitMix64.
  private static func next(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
