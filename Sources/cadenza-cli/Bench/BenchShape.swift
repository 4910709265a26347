/// A network that `cadenza bench` knows by name, to be filled with random weights.
struct BenchShape {
  struct Tensor {
    let name: String
    let shape: [Int]
    /// Values are drawn evenly from -range ... range.
    let range: Float
  }

  let name: String
  /// The text under `cadenza.config`.
  let configuration: String
  let tensors: [Tensor]
  /// The storage types to measure where the command line names none.
  let weights: [WeightStorage]
  /// 0: a stream of the model on its own. Else it plays so many notes at once, each begun again when its clip is over.
  var voices = 0
  /// Whether its encoder is what is measured.
  var encodes = false

  static let all: [BenchShape] = [
    waveNet(
      "wavenet-64-256x30", residual: 64, skip: 256, head: 256, cycles: 3, weights: WeightStorage.allCases),
    waveNet("wavenet-32-96x20", residual: 32, skip: 96, head: 96, cycles: 2, weights: [.f32]),
    recurrent("lstm-16", cell: "lstm", channels: 16),
    recurrent("lstm-32", cell: "lstm", channels: 32),
    recurrent("lstm-64", cell: "lstm", channels: 64),
    recurrent("lstm-256", cell: "lstm", channels: 256),
    recurrent("gru-64", cell: "gru", channels: 64),
    noteMatrix("lstm-512-window-50", channels: 512, window: 50),
    transformer("transformer-256x6-8-1024", channels: 256, layers: 6, heads: 8, window: 1024),
    spectrogram("spectrogram-lstm-5x128", channels: 128, layers: 5, window: 16),
    spectrogram("spectrogram-lstm-5x128-causal", channels: 128, layers: 5, window: nil),
    spectrogram("inverse-stft-1024-256", channels: 1, layers: 1, window: nil),
    cvae("cvae-64000", voices: 0),
    cvae("cvae-64000-8-voices", voices: 8),
    harmonic("harmonic-64000", voices: 0),
    harmonic("harmonic-64000-8-voices", voices: 8),
    adversarial("gan-note", voices: 0),
    adversarial("gan-note-8-voices", voices: 8),
    encoder("encoder-64x20-512", channels: 64, layers: 20),
  ]

  static func named(_ name: String) -> BenchShape? { all.first { $0.name == name } }

  /// Embedding input, kernel 2, dilations 1 … 512 `cycles` times, 256 levels at 16 kHz.
  private static func waveNet(
    _ name: String, residual r: Int, skip s: Int, head h: Int, cycles: Int, weights: [WeightStorage]
  ) -> BenchShape {
    let levels = 256
    let dilations = (0..<cycles).flatMap { _ in (0..<10).map { 1 << $0 } }
    let configuration = """
      {"name": "\(name)",
       "network": {"kind": "wavenet", "vocabulary_size": \(levels), "input": {"kind": "embedding"}, "kernel_size": 2,
                   "dilations": \(dilations), "residual_channels": \(r), "skip_channels": \(s), "head_channels": \(h)},
       "codec": {"kind": "mu_law", "sample_rate": 16000, "levels": \(levels)}}
      """
    var tensors = [Tensor(name: "input.embedding.weight", shape: [levels, r], range: 1)]
    func product(_ name: String, _ shape: [Int], gain: Float = 1) {
      let inputs = Float(shape.dropFirst().reduce(1, *))
      tensors.append(Tensor(name: name + ".weight", shape: shape, range: gain * (3 / inputs).squareRoot()))
      tensors.append(Tensor(name: name + ".bias", shape: [shape[0]], range: 0.1))
    }
    // The residual path adds up over the layers: its steps are small, so that the last gates see what the first ones do.
    for layer in dilations.indices {
      product("layers.\(layer).gate", [2 * r, r, 2])
      product("layers.\(layer).skip", [s, r], gain: 0.5)
      if layer + 1 < dilations.count { product("layers.\(layer).residual", [r, r], gain: 0.3) }
    }
    product("head.hidden", [h, s])
    product("head.output", [levels, h])
    return BenchShape(name: name, configuration: configuration, tensors: tensors, weights: weights)
  }

  /// A note of 64,000 samples at 16 kHz by transposed convolutions, of the kind that the report's CVAE decodes with: 250 steps, 4 times
  /// as many after each of four layers.
  private static func cvae(_ name: String, voices: Int) -> BenchShape {
    var layers = [
      #"{"kind": "dense", "channels": 16000}"#, #"{"kind": "activation", "function": "relu"}"#,
      #"{"kind": "reshape", "steps": 250, "channels": 64}"#,
    ]
    var tensors = product("layers.0", [16000, 256])
    for (inputs, outputs) in [(64, 64), (64, 32), (32, 16), (16, 1)] {
      tensors += product("layers.\(layers.count)", [outputs, inputs, 16], seen: 4 * inputs)
      layers.append(#"{"kind": "transposed_convolution", "channels": \#(outputs), "kernel_size": 16, "stride": 4}"#)
      layers.append(#"{"kind": "activation", "function": "\#(outputs == 1 ? "tanh" : "relu")"}"#)
    }
    return decoder(name, layers, #"{"kind": "waveform", "sample_rate": 16000}"#, tensors, voices: voices)
  }

  /// A note of 64,000 samples at 16 kHz out of 60 harmonics and 33 bands of noise, 1,000 frames of them.
  private static func harmonic(_ name: String, voices: Int) -> BenchShape {
    let layers = [
      #"{"kind": "dense", "channels": 16000}"#, #"{"kind": "activation", "function": "relu"}"#,
      #"{"kind": "reshape", "steps": 250, "channels": 64}"#,
      #"{"kind": "transposed_convolution", "channels": 64, "kernel_size": 8, "stride": 4}"#,
      #"{"kind": "activation", "function": "leaky_relu"}"#,
      #"{"kind": "convolution", "channels": 94, "kernel_size": 5}"#,
    ]
    let codec = #"{"kind": "harmonic", "sample_rate": 16000, "hop": 64, "harmonics": 60, "noise_bands": 33}"#
    let tensors =
      product("layers.0", [16000, 256]) + product("layers.3", [64, 64, 8], seen: 128) + product("layers.5", [94, 64, 5])
    return decoder(name, layers, codec, tensors, voices: voices)
  }

  /// A note of 64 columns of spectra of 1,024 samples, hop 256, at 16 kHz, of the kind that GANSynth's generator makes (Engel et al. 2019): from 2
  /// steps of 16 bins, twice as many of both after each of five convolutions, with fewer channels than the paper's.
  private static func adversarial(_ name: String, voices: Int) -> BenchShape {
    let normal = #"{"kind": "normalization", "over": "pixel"}"#
    let activation = #"{"kind": "activation", "function": "leaky_relu"}"#
    var layers = [
      normal, #"{"kind": "dense", "channels": 4096}"#, #"{"kind": "reshape", "steps": 2, "bins": 16, "channels": 128}"#,
      activation, normal,
    ]
    var tensors = product("layers.1", [4096, 256])
    func convolution(_ inputs: Int, _ outputs: Int) {
      tensors += product("layers.\(layers.count)", [outputs, inputs, 3, 3])
      layers.append(#"{"kind": "convolution", "channels": \#(outputs), "kernel_size": [3, 3]}"#)
    }
    for (inputs, outputs) in [(128, 128), (128, 96), (96, 64), (64, 32), (32, 16)] {
      layers.append(#"{"kind": "upsample", "factor": [2, 2]}"#)
      convolution(inputs, outputs)
      layers += [activation, normal]
    }
    convolution(16, 2)
    layers.append(#"{"kind": "activation", "function": "tanh"}"#)
    let codec = #"""
      {"kind": "spectrogram", "sample_rate": 16000, "frame_size": 1024, "hop": 256, "magnitude": [-11.5, 6],
       "phase": "instantaneous_frequency"}
      """#
    return decoder(name, layers, codec, tensors, voices: voices)
  }

  /// NSynth's encoder (Engel et al. 2017) in a smaller size: residual layers of dilated convolutions, dilations 1 … 512 over and over, and
  /// the mean of 512 samples. The WaveNet that it is there for is as small as can be.
  private static func encoder(_ name: String, channels: Int, layers count: Int) -> BenchShape {
    let embedding = 16
    let activation = #"{"kind": "activation", "function": "relu"}"#
    func convolution(_ outputs: Int, _ size: Int, dilation: Int = 1) -> String {
      #"{"kind": "convolution", "channels": \#(outputs), "kernel_size": \#(size), "dilation": \#(dilation)}"#
    }
    var layers = [convolution(channels, 3)]
    var tensors = product("encoder.layers.0", [channels, 1, 3])
    for layer in 0..<count {
      let inner = [
        activation, convolution(channels, 3, dilation: 1 << (layer % 10)), activation, convolution(channels, 1),
      ]
      layers.append(#"{"kind": "residual", "layers": [\#(inner.joined(separator: ", "))]}"#)
      tensors += product("encoder.layers.\(layer + 1).layers.1", [channels, channels, 3])
      tensors += product("encoder.layers.\(layer + 1).layers.3", [channels, channels, 1])
    }
    layers += [convolution(embedding, 1), #"{"kind": "pool", "size": 512}"#]
    tensors += product("encoder.layers.\(count + 1)", [embedding, channels, 1])
    tensors.append(Tensor(name: "input.embedding.weight", shape: [256, 4], range: 1))
    tensors += product("layers.0.gate", [8, 4, 2])
    tensors.append(Tensor(name: "layers.0.condition.weight", shape: [8, embedding], range: 0.1))
    tensors += product("layers.0.skip", [4, 4]) + product("head.hidden", [4, 4]) + product("head.output", [256, 4])
    let configuration = """
      {"name": "\(name)",
       "network": {"kind": "wavenet", "vocabulary_size": 256, "input": {"kind": "embedding"}, "kernel_size": 2, "dilations": [1],
                   "residual_channels": 4, "skip_channels": 4},
       "codec": {"kind": "mu_law", "sample_rate": 16000, "levels": 256},
       "conditions": [{"name": "embedding", "kind": "latent", "size": \(embedding), "frames_per_value": 512}],
       "encoder": {"kind": "layers", "latent": "embedding", "input": {"kind": "waveform"},
                   "layers": [\(layers.joined(separator: ", "))]}}
      """
    return BenchShape(name: name, configuration: configuration, tensors: tensors, weights: [.f32], encodes: true)
  }

  /// Of a latent of 128 numbers and a pitch.
  private static func decoder(
    _ name: String, _ layers: [String], _ codec: String, _ tensors: [Tensor], voices: Int
  ) -> BenchShape {
    let configuration = """
      {"name": "\(name)", "network": {"kind": "decoder", "layers": [\(layers.joined(separator: ", "))]}, "codec": \(codec),
       "conditions": [{"name": "z", "kind": "latent", "size": 128}, {"name": "pitch", "kind": "class", "size": 128}]}
      """
    return BenchShape(name: name, configuration: configuration, tensors: tensors, weights: [.f32], voices: voices)
  }

  /// Weights and a bias; each output sums up `seen` inputs, as many as the weights have columns where that is nil.
  private static func product(_ name: String, _ shape: [Int], seen: Int? = nil) -> [Tensor] {
    let inputs = Float(seen ?? shape.dropFirst().reduce(1, *))
    return [
      Tensor(name: name + ".weight", shape: shape, range: (3 / inputs).squareRoot()),
      Tensor(name: name + ".bias", shape: [shape[0]], range: 0.1),
    ]
  }

  /// Relative positions over the 388 tokens of performance events; at 1,000 steps a second, real time is a step under 1 ms.
  private static func transformer(_ name: String, channels d: Int, layers: Int, heads: Int, window: Int) -> BenchShape {
    let vocabularySize = 388
    let configuration = """
      {"name": "\(name)",
       "network": {"kind": "transformer", "vocabulary_size": \(vocabularySize), "channels": \(d), "layers": \(layers),
                   "heads": \(heads), "window": \(window), "positions": "relative"},
       "codec": {"kind": "mu_law", "sample_rate": 1000, "levels": \(vocabularySize)}}
      """
    var tensors = [Tensor(name: "input.embedding.weight", shape: [vocabularySize, d], range: 1)]
    func product(_ name: String, _ shape: [Int]) {
      tensors.append(Tensor(name: name + ".weight", shape: shape, range: (3 / Float(shape[1])).squareRoot()))
      tensors.append(Tensor(name: name + ".bias", shape: [shape[0]], range: 0.1))
    }
    func normalization(_ name: String) {
      tensors.append(Tensor(name: name + ".weight", shape: [d], range: 1.7))
      tensors.append(Tensor(name: name + ".bias", shape: [d], range: 0.1))
    }
    for layer in 0..<layers {
      normalization("layers.\(layer).attention.normalization")
      product("layers.\(layer).attention.input", [3 * d, d])
      tensors.append(Tensor(name: "layers.\(layer).attention.relative.weight", shape: [heads, window, d / heads], range: 1))
      product("layers.\(layer).attention.output", [d, d])
      normalization("layers.\(layer).feedforward.normalization")
      product("layers.\(layer).feedforward.hidden", [4 * d, d])
      product("layers.\(layer).feedforward.output", [d, 4 * d])
    }
    normalization("head.normalization")
    product("head", [vocabularySize, d])
    return BenchShape(name: name, configuration: configuration, tensors: tensors, weights: [.f32, .f16])
  }

  /// One layer that hears its last sample and says the next, at 48 kHz.
  private static func recurrent(_ name: String, cell: String, channels n: Int) -> BenchShape {
    let gates = cell == "lstm" ? 4 : 3
    let configuration = """
      {"name": "\(name)",
       "network": {"kind": "recurrent", "input": {"kind": "vector", "channels": 1},
                   "layers": [{"kind": "\(cell)", "channels": \(n)}], "head": {"kind": "linear", "channels": 1}},
       "codec": {"kind": "waveform", "sample_rate": 48000}}
      """
    let range = 1 / Float(n).squareRoot()
    return BenchShape(
      name: name, configuration: configuration,
      tensors: [
        Tensor(name: "layers.0.input.weight", shape: [gates * n, 1], range: 1),
        Tensor(name: "layers.0.input.bias", shape: [gates * n], range: range),
        Tensor(name: "layers.0.recurrent.weight", shape: [gates * n, n], range: 2 * range),
        Tensor(name: "layers.0.recurrent.bias", shape: [gates * n], range: range),
        Tensor(name: "head.weight", shape: [1, n], range: range),
        Tensor(name: "head.bias", shape: [1], range: 0.1),
      ],
      weights: [.f32])
  }

  /// Columns of spectra of 1,024 samples, hop 256, at 16 kHz: over a window in both directions, as the COMP9491 report has it, or
  /// causal. With a single unit, what is left to measure is the inverse transform.
  private static func spectrogram(_ name: String, channels n: Int, layers: Int, window: Int?) -> BenchShape {
    let numbers = 1_024
    let isBidirectional = window != nil
    let layer = #"{"kind": "lstm", "channels": \#(n), "bidirectional": \#(isBidirectional)}"#
    let configuration = """
      {"name": "\(name)",
       "network": {"kind": "recurrent", "input": {"kind": "vector", "channels": \(numbers)},
                   "layers": [\([String](repeating: layer, count: layers).joined(separator: ", "))],
                   \(window.map { #""window": \#($0), "# } ?? "")"head": {"kind": "linear", "channels": \(numbers)}},
       "codec": {"kind": "spectrogram", "sample_rate": 16000, "frame_size": 1024, "hop": 256, "magnitude": [-11.5, 6],
                 "phase": "phase"}}
      """
    var tensors: [Tensor] = []
    let range = 1 / Float(n).squareRoot()
    var width = numbers
    for layer in 0..<layers {
      for place in isBidirectional ? ["layers.\(layer)", "layers.\(layer).backward"] : ["layers.\(layer)"] {
        tensors += [
          Tensor(name: place + ".input.weight", shape: [4 * n, width], range: (3 / Float(width)).squareRoot()),
          Tensor(name: place + ".input.bias", shape: [4 * n], range: 0.1),
          Tensor(name: place + ".recurrent.weight", shape: [4 * n, n], range: range),
          Tensor(name: place + ".recurrent.bias", shape: [4 * n], range: 0.1),
        ]
      }
      width = isBidirectional ? 2 * n : n
    }
    tensors += [
      Tensor(name: "head.weight", shape: [numbers, width], range: range),
      Tensor(name: "head.bias", shape: [numbers], range: 0.3),
    ]
    return BenchShape(name: name, configuration: configuration, tensors: tensors, weights: [.f32])
  }

  /// Notes as three numbers, the next predicted from the last `window` of them, as Shinde et al. do. A sample of it is a note.
  private static func noteMatrix(_ name: String, channels n: Int, window: Int) -> BenchShape {
    let configuration = """
      {"name": "\(name)",
       "network": {"kind": "recurrent",
                   "input": {"kind": "fields", "fields": [{"kind": "value"}, {"kind": "value"}, {"kind": "value"}]},
                   "layers": [{"kind": "lstm", "channels": \(n)}], "window": \(window),
                   "head": {"kind": "fields", "fields": [{"kind": "linear"}, {"kind": "linear"}, {"kind": "linear"}]}},
       "codec": {"kind": "note_matrix", "pitch": {"range": [0, 127]}, "velocity": {"range": [1, 127]},
                 "interval": {"maximum_milliseconds": 4000}}}
      """
    let range = 1 / Float(n).squareRoot()
    return BenchShape(
      name: name, configuration: configuration,
      tensors: [
        Tensor(name: "layers.0.input.weight", shape: [4 * n, 3], range: 1),
        Tensor(name: "layers.0.input.bias", shape: [4 * n], range: range),
        Tensor(name: "layers.0.recurrent.weight", shape: [4 * n, n], range: 2 * range),
        Tensor(name: "layers.0.recurrent.bias", shape: [4 * n], range: range),
        Tensor(name: "head.weight", shape: [3, n], range: range),
        Tensor(name: "head.bias", shape: [3], range: 0.1),
      ],
      weights: [.f32])
  }
}
