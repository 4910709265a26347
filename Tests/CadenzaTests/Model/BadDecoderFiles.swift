@testable import Cadenza

extension BadModelFiles {
  /// A decoder whose layers do not fit, or whose parts do not. The good one is `SmallModel.decoderConfiguration`.
  static let decoders: [BadModelFile] = [
    BadModelFile(
      "an unknown layer", .unsupported, "network.layers[1].kind is \"attention\", expected \"dense\", \"reshape\",",
      decoder(#""kind":"activation""#, #""kind":"attention""#)),
    BadModelFile(
      "a layer's key in another", "network.layers[1] has the unknown key \"channels\", expected any of kind, function, slope",
      decoder(#""function":"relu""#, #""function":"relu","channels":3"#)),
    BadModelFile(
      "an unknown function", "network.layers[1].function is \"gelu\", expected one of relu, leaky_relu,",
      decoder(#""function":"relu""#, #""function":"gelu""#)),
    BadModelFile(
      "a slope of none", "network.layers[1].slope is given, but \"relu\" has no slope",
      decoder(#""function":"relu""#, #""function":"relu","slope":0.1"#)),
    BadModelFile(
      "a slope above 1", "network.layers[1].slope is 2, expected a number from 0 to 1",
      decoder(#""function":"relu""#, #""function":"leaky_relu","slope":2"#)),
    BadModelFile(
      "a decoder without layers", "network.layers is a list of 0, expected a list of 1 to 256", decoder(layers: "[]")),
    BadModelFile(
      "too many layers within layers", "one layer too many, expected at most 256 in all",
      decoder(layers: nested(130))),
    BadModelFile(
      "a reshape of other numbers",
      "network.layers[2] (reshape) makes [4, 1, 3] (steps, bins, channels) of a vector of 8: the numbers of both must be as many",
      decoder(#""steps":4,"channels":2"#, #""steps":4,"channels":3"#)),
    BadModelFile(
      "a dense layer of steps",
      "network.layers[3] (dense) is given [4, 1, 2] (steps, bins, channels), expected a vector",
      decoder(#"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#, #"{"kind":"dense","channels":1}"#)),
    BadModelFile(
      "a convolution of a vector", "network.layers[0] (convolution) is given a vector of 5, expected steps",
      decoder(#"{"kind":"dense","channels":8}"#, #"{"kind":"convolution","channels":8,"kernel_size":1}"#)),
    BadModelFile(
      "no steps", "network.layers end with a vector of 8, expected steps: a layer \"reshape\" is missing",
      decoder(layers: #"[{"kind":"dense","channels":8}]"#)),
    BadModelFile(
      "more numbers than the codec's",
      "network.layers end with [4, 1, 2] (steps, bins, channels), expected bins x channels to be 1",
      decoder(#",{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#, "")),
    BadModelFile(
      "a stride in a decoder", "network.layers[3] (convolution) has a stride, which only encoders have",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"convolution","channels":1,"kernel_size":4,"stride":2}"#)),
    BadModelFile(
      "a pool in a decoder", "network.layers[3] (pool) is a layer of encoders, and not of a decoder",
      decoder(#"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#, #"{"kind":"pool","size":2}"#)),
    BadModelFile(
      "a stride larger than the kernel", "network.layers[3].stride is [5, 1], expected at most the kernel's size, [4, 1]",
      decoder(#""stride":2"#, #""stride":5"#)),
    BadModelFile(
      "a kernel of three sizes", "network.layers[3].kernel_size is a list of 3, expected a whole number, or a list of 2",
      decoder(#""kernel_size":4"#, #""kernel_size":[4,1,1]"#)),
    BadModelFile(
      "a kernel of nothing", "network.layers[3].kernel_size is 0, expected a whole number from 1",
      decoder(#""kernel_size":4"#, #""kernel_size":0"#)),
    BadModelFile(
      "groups that do not divide",
      "network.layers[3] (convolution) makes 1 channels of [4, 1, 2] (steps, bins, channels) in 2 groups",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"convolution","channels":1,"kernel_size":3,"groups":2}"#)),
    BadModelFile(
      "a kernel longer than the clip",
      "network.layers[3] (convolution) is given [4, 1, 2] (steps, bins, channels), expected at least 7 steps",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"convolution","channels":1,"kernel_size":7,"padding":[1,1]}"#)),
    BadModelFile(
      "a residual layer that changes the shape",
      "network.layers[3] (residual) adds [4, 1, 1] (steps, bins, channels), which its layers give, to [4, 1, 2] (steps, bins, channels)",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"residual","layers":[{"kind":"convolution","channels":1,"kernel_size":3}]}"#)),
    BadModelFile(
      "a layer within a layer that does not fit",
      "network.layers[3].layers[1] (dense) is given [4, 1, 2] (steps, bins, channels)",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"residual","layers":[{"kind":"activation","function":"tanh"},{"kind":"dense","channels":2}]}"#)),
    BadModelFile(
      "a reshape within a layer", "network.layers[0].layers[0] (reshape) cannot be part of a residual layer",
      decoder(
        #"{"kind":"dense","channels":8}"#, #"{"kind":"residual","layers":[{"kind":"reshape","steps":5,"channels":1}]}"#)),
    BadModelFile(
      "a layer of too many numbers", .unsupported, "more than 67108864 numbers",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"upsample","factor":4096},{"kind":"upsample","factor":4096},{"kind":"upsample","factor":4096}"#)),
    BadModelFile(
      "a clip that is too long", .unsupported, "at most 16777216 samples are allowed",
      decoder(
        #"{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#,
        #"{"kind":"convolution","channels":1,"kernel_size":1},{"kind":"upsample","factor":4096},{"kind":"upsample","factor":2048}"#
      )),
    BadModelFile(
      "a decoder of nothing", "network.kind is \"decoder\", which decodes conditions, but there are none",
      decoder(#"[{"name":"z","kind":"latent","size":2},{"name":"pitch","kind":"class","size":3}]"#, "[]")),
    BadModelFile(
      "a decoder with a codec of tokens", "codec.kind is \"mu_law\", expected one of frames, since network.kind is \"decoder\"",
      decoder(#"{"kind":"waveform","sample_rate":8000,"range":[0,1]}"#, #"{"kind":"mu_law","sample_rate":8000,"levels":4}"#)),
    BadModelFile(
      "a range the wrong way round", "codec.range is a list of 2, expected two numbers, the smaller one first",
      decoder(#""range":[0,1]"#, #""range":[1,0]"#)),
    BadModelFile(
      "a range of a network that hears its samples",
      "codec.range is given, but network.kind is \"recurrent\": only a decoder has one",
      SmallModel.recurrentBytes(
        configuration: SmallModel.replacing(
          #""sample_rate":48000"#, with: #""sample_rate":48000,"range":[0,1]"#, in: SmallModel.recurrentConfiguration))),
    BadModelFile(
      "harmonics without a pitch",
      "conditions have no class condition \"pitch\", which codec.kind \"harmonic\" takes its frequency from",
      SmallModel.decoderBytes(
        configuration: harmonic(1).replacing(#""name":"pitch""#, with: #""name":"tone""#))),
    BadModelFile(
      "too few numbers for the harmonics", "expected bins x channels to be 4, a frame of codec.kind \"harmonic\"",
      SmallModel.decoderBytes(configuration: harmonic(3))),
    BadModelFile(
      "bands of noise that are no power of two", "codec.noise_bands is 4, expected 0, or a power of two plus 1",
      SmallModel.decoderBytes(configuration: harmonic(0, bands: 4))),
    BadModelFile(
      "harmonics of a network without frames", "network.kind is \"recurrent\", expected \"decoder\"",
      SmallModel.recurrentBytes(
        configuration: SmallModel.replacing(
          #"{"kind":"waveform","sample_rate":48000}"#,
          with: #"{"kind":"harmonic","sample_rate":48000,"hop":8,"harmonics":4,"noise_bands":0}"#,
          in: SmallModel.recurrentConfiguration))),
    BadModelFile(
      "a latent with a default", "conditions[0] has the unknown key \"default\"",
      decoder(#""kind":"latent","size":2"#, #""kind":"latent","size":2,"default":[0,0]"#)),
    BadModelFile(
      "a missing weight", "tensor \"layers.3.weight\" is missing, expected with shape [1, 2, 4]",
      SmallModel.decoderBytes(tensors: SmallModel.decoderTensors.filter { $0.name != "layers.3.weight" })),
    BadModelFile(
      "weights of another kernel", "tensor \"layers.3.weight\" has shape [1, 2, 4], expected [1, 2, 6]",
      decoder(#""kernel_size":4"#, #""kernel_size":6"#)),
    BadModelFile(
      "a variance below 0", "tensor \"layers.1.variance\" holds a number below 0, at index 0",
      SmallModel.decoderBytes(
        configuration: SmallModel.decoderConfiguration.replacing(
          #"{"kind":"activation","function":"relu"}"#, with: #"{"kind":"normalization","over":"batch"}"#),
        tensors: SmallModel.decoderTensors + ["weight", "bias", "mean", "variance"].map { ("layers.1.\($0)", [8]) }, value: -1)),
  ]

  private static func decoder(_ old: String, _ new: String) -> [UInt8] {
    SmallModel.decoderBytes(configuration: SmallModel.replacing(old, with: new, in: SmallModel.decoderConfiguration))
  }

  private static func decoder(layers: String) -> [UInt8] {
    SmallModel.decoderBytes(configuration: SmallModel.decoder(layers: layers))
  }

  /// A list of residual layers, each of one activation.
  private static func nested(_ count: Int) -> String {
    let layer = #"{"kind":"residual","layers":[{"kind":"activation","function":"relu"}]}"#
    return "[" + [String](repeating: layer, count: count).joined(separator: ",") + "]"
  }

  private static func harmonic(_ harmonics: Int, bands: Int = 0) -> String {
    SmallModel.decoderConfiguration
      .replacing(#",{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}"#, with: "")
      .replacing(
        #"{"kind":"waveform","sample_rate":8000,"range":[0,1]}"#,
        with: #"{"kind":"harmonic","sample_rate":8000,"hop":8,"harmonics":\#(harmonics),"noise_bands":\#(bands)}"#)
  }
}

extension SmallModel {
  /// Of a latent and a pitch: a vector of 8 numbers, four steps of two, eight samples.
  static let decoderConfiguration = decoder(
    layers: #"""
      [{"kind":"dense","channels":8},{"kind":"activation","function":"relu"},\#
      {"kind":"reshape","steps":4,"channels":2},{"kind":"transposed_convolution","channels":1,"kernel_size":4,"stride":2}]
      """#)

  static func decoder(layers: String) -> String {
    """
    {"network":{"kind":"decoder","layers":\(layers)},"codec":{"kind":"waveform","sample_rate":8000,"range":[0,1]},\
    "conditions":[{"name":"z","kind":"latent","size":2},{"name":"pitch","kind":"class","size":3}]}
    """
  }

  static let decoderTensors: [Shape] = [
    ("layers.0.weight", [8, 5]), ("layers.0.bias", [8]), ("layers.3.weight", [1, 2, 4]), ("layers.3.bias", [1]),
  ]

  static func decoderBytes(
    configuration: String = decoderConfiguration, tensors: [Shape] = decoderTensors, value: Float = 0.25
  ) -> [UInt8] {
    bytes(configuration: configuration, tensors: tensors, value: value)
  }
}
