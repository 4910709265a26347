import Cadenza

/// Recurrent networks over frames, of random weights.
enum SpectrogramModel {
  struct Shape {
    var frameSize = 64
    var hop = 16
    var columns = 1
    var phase = "phase"
    /// Of each layer: units, and whether it reads both ways.
    var layers: [(units: Int, isBidirectional: Bool)] = [(12, false)]
    var window: Int?
    var noise = 0.0
    var conditions = "[]"
    var conditionChannels = 0
  }

  /// A windowed network as the COMP9491 report has it, a causal one, one of several frames an element.
  static let shapes: [Shape] = [
    Shape(layers: [(12, true), (10, true)], window: 5, noise: 0.1),
    Shape(phase: "instantaneous_frequency", layers: [(12, false), (9, false)]),
    Shape(frameSize: 32, hop: 8, columns: 6, layers: [(7, true)], window: 3),
    Shape(frameSize: 32, hop: 16, phase: "instantaneous_frequency", layers: [(5, false)], noise: 0.02),
  ]

  static func configuration(_ shape: Shape) -> String {
    let numbers = shape.frameSize * shape.columns
    let layers = shape.layers.map { units, isBidirectional in
      #"{"kind":"lstm","channels":\#(units),"bidirectional":\#(isBidirectional)}"#
    }
    let window = shape.window.map { #","window":\#($0)"# } ?? ""
    return """
      {"network":{"kind":"recurrent","input":{"kind":"vector","channels":\(numbers)},"layers":[\(layers.joined(separator: ","))],\
      "head":{"kind":"linear","channels":\(numbers),"noise":\(shape.noise)}\(window)},"codec":{"kind":"spectrogram",\
      "sample_rate":16000,"frame_size":\(shape.frameSize),"hop":\(shape.hop),"magnitude":[-6,2],"phase":"\(shape.phase)",\
      "columns":\(shape.columns)},"conditions":\(shape.conditions)}
      """
  }

  static func bytes(_ shape: Shape, scale: Float = 0.2) -> [UInt8] {
    let numbers = shape.frameSize * shape.columns
    var writer = SafetensorsWriter(configuration: configuration(shape))
    var state: UInt64 = 5
    func add(_ name: String, _ size: [Int]) {
      let values = (0..<size.reduce(1, *)).map { _ -> Float in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return scale * (Float(state >> 40) / Float(1 << 23) - 1)
      }
      writer.add(name, .float32, shape: size, values: values)
    }
    var below = numbers + shape.conditionChannels
    for (index, layer) in shape.layers.enumerated() {
      for direction in layer.isBidirectional ? ["", "backward."] : [""] {
        let place = "layers.\(index).\(direction)"
        add(place + "input.weight", [4 * layer.units, below])
        add(place + "input.bias", [4 * layer.units])
        add(place + "recurrent.weight", [4 * layer.units, layer.units])
        add(place + "recurrent.bias", [4 * layer.units])
      }
      below = layer.isBidirectional ? 2 * layer.units : layer.units
    }
    add("head.weight", [numbers, below])
    add("head.bias", [numbers])
    return writer.file()
  }

  static func model(_ shape: Shape, scale: Float = 0.2) throws -> Model { try load(bytes(shape, scale: scale)) }
}
