import CadenzaKernels
import Foundation

@testable import Cadenza

/// A decoder of random layers with random weights: its file, and its clip by plain arithmetic in double precision, layer after layer as
/// FORMAT.md has them.
struct RandomDecoder {
  typealias Data = [[[Double]]]

  private var random: RandomGenerator
  private(set) var layers: [String] = []
  private var tensors: [(name: String, shape: [Int], values: [Float])] = []
  private var steps: [(Data, [Double]) -> Data] = []
  private var channels: Int
  private var bins = 1
  private var stepCount = 1
  let latentSize = 3
  static let pitches = 4

  var frames: Int { stepCount }
  var frameSize: Int { bins * channels }

  /// The same number gives the same decoder.
  init(_ seed: UInt64, isTwoDimensional: Bool, layerCount: Int = 6) {
    random = RandomGenerator(seed: seed)
    channels = latentSize + RandomDecoder.pitches
    let base = (steps: 3 + below(9), bins: isTwoDimensional ? 2 + below(4) : 1, channels: 1 + below(20))
    if below(2) == 0 { dense(5 + below(9)); activation() }
    dense(base.steps * base.bins * base.channels)
    if below(2) == 0 { batch() }
    if below(2) == 0 { activation() }
    if below(4) == 0 { layerNorm() }
    layers.append(
      #"{"kind":"reshape","steps":\#(base.steps),"bins":\#(base.bins),"channels":\#(base.channels)}"#)
    let (bins, channels) = (base.bins, base.channels)
    steps.append { data, _ in
      (0..<base.steps).map { step in
        (0..<bins).map { bin in (0..<channels).map { data[0][0][(step * bins + bin) * channels + $0] } }
      }
    }
    self.bins = bins
    self.channels = channels
    stepCount = base.steps
    for _ in 0..<layerCount { anyLayer(isInside: false) }
    if !isTwoDimensional { convolution(to: 1, keeps: true) }
  }

  private mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  private mutating func numbers(_ count: Int, _ range: Float, around mean: Float = 0) -> [Float] {
    (0..<count).map { _ in mean + (random.uniform() * 2 - 1) * range }
  }

  private var place: String { "layers.\(layers.count)" }

  private mutating func tensor(_ name: String, _ shape: [Int], _ range: Float, around mean: Float = 0) -> [Double] {
    let values = numbers(shape.reduce(1, *), range, around: mean)
    tensors.append((name, shape, values))
    return values.map { Double($0) }
  }

  private mutating func anyLayer(isInside: Bool) {
    switch below(isInside ? 7 : 12) {
    case 0, 1: convolution(to: isInside ? channels : 1 + below(20), keeps: isInside)
    case 2: activation()
    case 3: batch()
    case 4: layerNorm()
    case 5: pixelNorm()
    case 6: condition(below(2))
    case 7, 8: transposed()
    case 9: upsample()
    case 10: residual()
    default: condition(2)
    }
  }

  private mutating func dense(_ count: Int) {
    let inputs = channels
    let weight = tensor("\(place).weight", [count, inputs], (3 / Float(inputs)).squareRoot())
    let bias = tensor("\(place).bias", [count], 0.2)
    layers.append(#"{"kind":"dense","channels":\#(count)}"#)
    channels = count
    steps.append { data, _ in
      let x: [Double] = data[0][0]
      return [[(0..<count).map { row in bias[row] + RandomDecoder.dot(weight, row, inputs, x) }]]
    }
  }

  /// A row of a matrix times a vector.
  private static func dot(_ weight: [Double], _ row: Int, _ columns: Int, _ x: [Double]) -> Double {
    var sum = 0.0
    for column in 0..<columns { sum += weight[row * columns + column] * x[column] }
    return sum
  }

  private mutating func convolution(to outputs: Int, keeps: Bool) {
    let isPair = bins > 1 || below(4) == 0
    let kernel = (1 + below(5), isPair ? 1 + below(4) : 1)
    let dilation = (1 + below(3), isPair ? 1 + below(2) : 1)
    let inputs = channels
    let groups =
      inputs.isMultiple(of: 2) && outputs.isMultiple(of: 2) && below(2) == 0
      ? 2 : inputs == outputs ? [1, inputs][below(2)] : 1
    let span = dilation.0 * (kernel.0 - 1)
    var padding = (span / 2, span - span / 2)
    var text = #""same""#
    switch below(keeps ? 2 : 3) {
    case 0: break
    case 1: (padding, text) = ((span, 0), #""causal""#)
    default:
      padding = (below(4), below(4))
      if stepCount + padding.0 + padding.1 - span < 2 { padding = (span, 2) }
      text = "[\(padding.0), \(padding.1)]"
    }
    let shape = [outputs, inputs / groups, kernel.0] + (isPair ? [kernel.1] : [])
    let weight = tensor("\(place).weight", shape, (3 / Float(inputs / groups * kernel.0 * kernel.1)).squareRoot())
    let hasBias = below(3) > 0
    let bias = hasBias ? tensor("\(place).bias", [outputs], 0.2) : [Double](repeating: 0, count: outputs)
    layers.append(
      #"{"kind":"convolution","channels":\#(outputs),"kernel_size":\#(isPair ? "[\(kernel.0),\(kernel.1)]" : "\(kernel.0)"),"#
        + #""dilation":[\#(dilation.0),\#(dilation.1)],"groups":\#(groups),"padding":\#(text),"bias":\#(hasBias)}"#)
    channels = outputs
    stepCount += padding.0 + padding.1 - span
    let count = stepCount
    let (left, under) = (padding.0, dilation.1 * (kernel.1 - 1) / 2)
    steps.append { data, _ in
      let bins = data[0].count
      return (0..<count).map { t in
        (0..<bins).map { b in
          (0..<outputs).map { n in
            var sum = bias[n]
            let first = n / (outputs / groups) * (inputs / groups)
            for k in 0..<kernel.0 {
              for kb in 0..<kernel.1 {
                let (s, bin) = (t + k * dilation.0 - left, b + kb * dilation.1 - under)
                guard s >= 0, s < data.count, bin >= 0, bin < bins else { continue }
                for c in 0..<(inputs / groups) {
                  sum += weight[((n * (inputs / groups) + c) * kernel.0 + k) * kernel.1 + kb] * data[s][bin][first + c]
                }
              }
            }
            return sum
          }
        }
      }
    }
  }

  private mutating func transposed() {
    let isPair = bins > 1
    let stride = (1 + below(3), isPair ? 1 + below(2) : 1)
    let kernel = (stride.0 + below(6), stride.1 + (isPair ? below(4) : 0))
    let (inputs, outputs) = (channels, 1 + below(18))
    guard stepCount * stride.0 <= 200 else { return }
    let shape = [outputs, inputs, kernel.0] + (isPair ? [kernel.1] : [])
    let weight = tensor("\(place).weight", shape, (3 / Float(inputs * kernel.0 * kernel.1)).squareRoot())
    let bias = tensor("\(place).bias", [outputs], 0.2)
    layers.append(
      #"{"kind":"transposed_convolution","channels":\#(outputs),"#
        + #""kernel_size":\#(isPair ? "[\(kernel.0),\(kernel.1)]" : "\(kernel.0)"),"stride":[\#(stride.0),\#(stride.1)]}"#)
    channels = outputs
    bins *= stride.1
    stepCount *= stride.0
    steps.append { data, _ in
      let (count, bins) = (data.count * stride.0, data[0].count * stride.1)
      var output = Data(repeating: [[Double]](repeating: bias, count: bins), count: count)
      for t in data.indices {
        for b in data[t].indices {
          for k in 0..<kernel.0 {
            for kb in 0..<kernel.1 {
              let o = t * stride.0 + k - (kernel.0 - stride.0) / 2
              let ob = b * stride.1 + kb - (kernel.1 - stride.1) / 2
              guard o >= 0, o < count, ob >= 0, ob < bins else { continue }
              for n in 0..<outputs {
                for c in 0..<inputs {
                  output[o][ob][n] += weight[((n * inputs + c) * kernel.0 + k) * kernel.1 + kb] * data[t][b][c]
                }
              }
            }
          }
        }
      }
      return output
    }
  }

  private mutating func upsample() {
    let factor = (1 + below(3), bins > 1 ? 1 + below(2) : 1)
    guard stepCount * factor.0 <= 200 else { return }
    let isLinear = below(2) == 0
    layers.append(
      #"{"kind":"upsample","factor":[\#(factor.0),\#(factor.1)],"mode":"\#(isLinear ? "linear" : "nearest")"}"#)
    bins *= factor.1
    stepCount *= factor.0
    steps.append { data, _ in
      func place(_ o: Int, _ r: Int, _ count: Int) -> (Int, Int, Double) {
        if !isLinear { return (o / r, o / r, 0) }
        let x = min(max((Double(o) + 0.5) / Double(r) - 0.5, 0), Double(count - 1))
        return (Int(x), min(Int(x) + 1, count - 1), x - Double(Int(x)))
      }
      return (0..<(data.count * factor.0)).map { o in
        let (a, b, share) = place(o, factor.0, data.count)
        return (0..<(data[0].count * factor.1)).map { ob in
          let (c, d, across) = place(ob, factor.1, data[0].count)
          return data[0][0].indices.map { n in
            let before: Double = data[a][c][n] * (1 - across) + data[a][d][n] * across
            let after: Double = data[b][c][n] * (1 - across) + data[b][d][n] * across
            return before * (1 - share) + after * share
          }
        }
      }
    }
  }

  private mutating func activation() {
    let names = ["relu", "leaky_relu", "elu", "tanh", "sigmoid"]
    let function = below(names.count)
    layers.append(#"{"kind":"activation","function":"\#(names[function])"}"#)
    steps.append { data, _ in
      RandomDecoder.each(data) { row in row.map { RandomDecoder.function(function, $0) } }
    }
  }

  private static func function(_ function: Int, _ x: Double) -> Double {
    switch function {
    case 0: max(x, 0)
    case 1: x < 0 ? Double(Float(0.2)) * x : x
    case 2: x < 0 ? exp(x) - 1 : x
    case 3: tanh(x)
    default: 1 / (1 + exp(-x))
    }
  }

  private mutating func batch() {
    let weight = tensor("\(place).weight", [channels], 0.4, around: 1)
    let bias = tensor("\(place).bias", [channels], 0.2)
    let mean = tensor("\(place).mean", [channels], 0.2)
    let variance = tensor("\(place).variance", [channels], 0.3, around: 0.5)
    layers.append(#"{"kind":"normalization","over":"batch"}"#)
    steps.append { data, _ in
      RandomDecoder.each(data) { row in
        var output = row
        for c in row.indices {
          let normal: Double = (row[c] - mean[c]) / (variance[c] + 1e-5).squareRoot()
          output[c] = normal * weight[c] + bias[c]
        }
        return output
      }
    }
  }

  /// Each step and bin, changed.
  private static func each(_ data: Data, _ change: ([Double]) -> [Double]) -> Data {
    data.map { step in step.map { row in change(row) } }
  }

  private mutating func layerNorm() {
    let weight = tensor("\(place).weight", [channels], 0.4, around: 1)
    let bias = tensor("\(place).bias", [channels], 0.2)
    layers.append(#"{"kind":"normalization","over":"layer"}"#)
    steps.append { data, _ in
      RandomDecoder.each(data) { row in
        let mean: Double = row.reduce(0, +) / Double(row.count)
        var variance = 0.0
        for x in row { variance += (x - mean) * (x - mean) / Double(row.count) }
        var output = row
        for c in row.indices { output[c] = (row[c] - mean) / (variance + 1e-5).squareRoot() * weight[c] + bias[c] }
        return output
      }
    }
  }

  private mutating func pixelNorm() {
    layers.append(#"{"kind":"normalization","over":"pixel"}"#)
    steps.append { data, _ in
      RandomDecoder.each(data) { row in
        var mean = 0.0
        for x in row { mean += x * x / Double(row.count) }
        return row.map { $0 / (mean + 1e-8).squareRoot() }
      }
    }
  }

  private mutating func condition(_ mode: Int) {
    let known = latentSize + RandomDecoder.pitches
    if mode == 2 {
      layers.append(#"{"kind":"condition","mode":"concatenate"}"#)
      channels += known
      steps.append { data, h in data.map { $0.map { $0 + h } } }
      return
    }
    let rows = channels * (mode + 1)
    let weight = tensor("\(place).weight", [rows, known], 0.4)
    let bias = tensor("\(place).bias", [rows], 0.2)
    layers.append(#"{"kind":"condition","mode":"\#(["add", "modulate"][mode])"}"#)
    let count = channels
    steps.append { data, h in
      let v: [Double] = (0..<rows).map { row in bias[row] + RandomDecoder.dot(weight, row, known, h) }
      return RandomDecoder.each(data) { row in
        var output = row
        for c in row.indices { output[c] = mode == 0 ? row[c] + v[c] : row[c] * (1 + v[c]) + v[count + c] }
        return output
      }
    }
  }

  /// A few layers that keep the shape, made apart and put in as one.
  private mutating func residual() {
    let outer = (layers: layers, steps: steps, tensors: tensors.count, channels: channels)
    let index = layers.count
    layers = []
    steps = []
    for _ in 0..<(1 + below(4)) { anyLayer(isInside: true) }
    let hasShortcut = below(2) == 0
    if hasShortcut { convolution(to: 1 + below(9), keeps: true) }
    for place in outer.tensors..<tensors.count { tensors[place].name = "layers.\(index)." + tensors[place].name }
    let (inner, text) = (steps, layers.joined(separator: ","))
    let (inputs, outputs) = (outer.channels, channels)
    layers = outer.layers
    steps = outer.steps
    var weight: [Double] = []
    var bias: [Double] = []
    if hasShortcut {
      weight = tensor("\(place).shortcut.weight", [outputs, inputs], (3 / Float(inputs)).squareRoot())
      bias = tensor("\(place).shortcut.bias", [outputs], 0.2)
    }
    layers.append(#"{"kind":"residual","layers":[\#(text)],"shortcut":\#(hasShortcut)}"#)
    steps.append { data, h in
      var output: Data = data
      for step in inner { output = step(output, h) }
      for t in data.indices {
        for b in data[t].indices {
          for n in 0..<outputs {
            let x: Double = hasShortcut ? bias[n] + RandomDecoder.dot(weight, n, inputs, data[t][b]) : data[t][b][n]
            output[t][b][n] += x
          }
        }
      }
      return output
    }
  }

  // MARK: The file

  /// With the codec `waveform` where frames are of one number, else `harmonic` without noise.
  func file(hop: Int = 5) -> [UInt8] {
    let codec =
      frameSize == 1
      ? #"{"kind":"waveform","sample_rate":8000}"#
      : #"{"kind":"harmonic","sample_rate":8000,"hop":\#(hop),"harmonics":\#(frameSize - 1),"noise_bands":0}"#
    var writer = SafetensorsWriter(
      configuration: """
        {"network":{"kind":"decoder","layers":[\(layers.joined(separator: ","))]},"codec":\(codec),\
        "conditions":[{"name":"z","kind":"latent","size":\(latentSize)},\
        {"name":"pitch","kind":"class","size":\(RandomDecoder.pitches),"labels":["50","57","62","69"]}]}
        """)
    for (name, shape, values) in tensors { writer.add(name, .float32, shape: shape, values: values) }
    return writer.file()
  }

  /// All numbers of all frames.
  func clip(latent: [Float], pitch: Int) -> [Double] {
    var h = latent.map { Double($0) }
    for index in 0..<RandomDecoder.pitches { h.append(index == pitch ? 1 : 0) }
    var data: Data = [[h]]
    for step in steps { data = step(data, h) }
    return data.flatMap { step in step.flatMap { row in row } }
  }
}
