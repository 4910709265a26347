import Testing

@testable import Cadenza

/// A model file with one thing wrong, and what the loader says about it.
struct BadModelFile: CustomTestStringConvertible, Sendable {
  let name: String
  let status: Status
  /// Part of the sentence.
  let sentence: String
  let bytes: @Sendable () -> [UInt8]

  var testDescription: String { name }

  init(_ name: String, _ status: Status, _ sentence: String, _ bytes: @autoclosure @escaping @Sendable () -> [UInt8]) {
    self.name = name
    self.status = status
    self.sentence = sentence
    self.bytes = bytes
  }

  /// Malformed, as most are.
  init(_ name: String, _ sentence: String, _ bytes: @autoclosure @escaping @Sendable () -> [UInt8]) {
    self.init(name, .format, sentence, bytes())
  }
}

/// Hand-made bad files, by name. A tensor "a" of one F32 is the whole of most containers here.
enum BadModelFiles {
  static let all = [
    containers, headers, tensorEntries, dataLayouts, metadata, configurations, waveNets, recurrents, windows, fields,
    transformers, codecs, conditions, settings, tensors, noteCodecs, performances, grids, noteTokens, noteMatrices,
    composerConditions, spectrograms, decoders,
  ].flatMap { $0 }

  private static let good = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#

  private static func entry(_ text: String) -> [UInt8] { rawFile(#"{"a":\#(text)}"#, data: 4) }

  private static func entry(dtype: String = #""F32""#, shape: String = "[1]", offsets: String = "[0,4]", data: Int = 4)
    -> [UInt8]
  {
    rawFile(#"{"a":{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}}"#, data: data)
  }

  // MARK: The container

  static let containers: [BadModelFile] = [
    BadModelFile("empty file", "0 bytes long, expected at least 8", []),
    BadModelFile("seven bytes", "7 bytes long, expected at least 8", [1, 0, 0, 0, 0, 0, 0]),
    BadModelFile("length only", "does not begin with a brace", rawFile("")),
    BadModelFile(
      "header length of all ones", "18446744073709551615 bytes, expected at most 8388608",
      rawFile(good, data: 4, length: .max)),
    BadModelFile(
      "header length that overflows a signed sum", "9223372036854775807 bytes, expected at most",
      rawFile(good, data: 4, length: UInt64(Int64.max))),
    BadModelFile(
      "header length just over the limit", "8388609 bytes, expected at most 8388608",
      rawFile(good, data: 4, length: 8 << 20 | 1)),
    BadModelFile("header length past the file", "only 58 follow: the file is cut short", rawFile(good, data: 4, length: 59)),
    BadModelFile("header cut short", "only 20 follow", Array(rawFile(good, data: 4).prefix(28))),
    BadModelFile(
      "header length one too small", "byte 53: expected a comma or a closing brace",
      rawFile(good, data: 4, length: 53)),
    BadModelFile(
      "header length one too large", "byte 54: expected nothing after the value, found \"?\"",
      rawFile(good, data: 4, length: 55)),
    BadModelFile("zero bytes", "does not begin with a brace", [UInt8](repeating: 0, count: 64)),
    BadModelFile("a WAV file", "expected at most 8388608", Array("RIFF\u{24}\0\0\0WAVEfmt \u{10}\0\0\0\u{1}\0\u{1}\0".utf8)),
    BadModelFile("a PyTorch pickle", "expected at most 8388608", Array("PK\u{3}\u{4}\0\0\u{8}\u{8}\0\0archive/data.pkl".utf8)),
    BadModelFile("a byte order mark", "does not begin with a brace", rawFile([0xEF, 0xBB, 0xBF] + Array(good.utf8), data: 4)),
    BadModelFile("space before the header", "does not begin with a brace", rawFile(" " + good, data: 4)),
    BadModelFile("zero padding after the header", "expected nothing after the value", rawFile(good + "\0\0", data: 4)),
  ]

  static let headers: [BadModelFile] = [
    BadModelFile("header a list", "does not begin with a brace", rawFile("[]")),
    BadModelFile("header text", "does not begin with a brace", rawFile(#""{}""#)),
    BadModelFile("two headers", "expected nothing after the value", rawFile("{}{}")),
    BadModelFile(
      "a trailing comma", "expected a key in quotes",
      rawFile(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}"#, data: 4)),
    BadModelFile(
      "a tensor twice", "the key \"a\" is given twice",
      rawFile(
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, data: 8
      )),
    BadModelFile(
      "a tensor twice, once escaped", "the key \"a\" is given twice",
      rawFile(
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        data: 8)),
    BadModelFile(
      "metadata twice", "the key \"__metadata__\" is given twice", rawFile(#"{"__metadata__":{},"__metadata__":{}}"#)),
    BadModelFile(
      "a tensor's name of broken UTF-8", "not valid UTF-8",
      rawFile(Array(#"{""#.utf8) + [0xC0, 0xAF] + Array(#"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8), data: 4)),
    BadModelFile(
      "a tensor's name with half a surrogate pair", "surrogate without its partner",
      rawFile(#"{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 4)),
    BadModelFile(
      "deep nesting", "nested more than 64 deep",
      rawFile(#"{"a":"# + String(repeating: "[", count: 100_000), data: 4)),
  ]

  static let tensorEntries: [BadModelFile] = [
    BadModelFile("tensor null", "tensor \"a\" is null, expected an object", entry("null")),
    BadModelFile("tensor a list", "tensor \"a\" is a list of 3, expected an object", entry(#"["F32",[1],[0,4]]"#)),
    BadModelFile("no dtype", "tensor \"a\" has no dtype", entry(#"{"shape":[1],"data_offsets":[0,4]}"#)),
    BadModelFile("no shape", "tensor \"a\" has no shape", entry(#"{"dtype":"F32","data_offsets":[0,4]}"#)),
    BadModelFile("no data_offsets", "tensor \"a\" has no data_offsets", entry(#"{"dtype":"F32","shape":[1]}"#)),
    BadModelFile(
      "unknown tensor key", "unknown key \"strides\", expected dtype, shape and data_offsets",
      entry(#"{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}"#)),
    BadModelFile(
      "F64", .unsupported, "dtype \"F64\", expected F32, F16 or BF16", entry(dtype: #""F64""#, offsets: "[0,8]", data: 8)),
    BadModelFile("I8", .unsupported, "dtype \"I8\", expected F32, F16 or BF16", entry(dtype: #""I8""#, shape: "[4]")),
    BadModelFile("dtype in small letters", .unsupported, "dtype \"f32\"", entry(dtype: #""f32""#)),
    BadModelFile("dtype a number", "dtype 32, expected a string", entry(dtype: "32")),
    BadModelFile("shape a number", "shape 1, expected a list", entry(shape: "1")),
    BadModelFile("shape with a fraction", "dimension 1.0, expected a whole number", entry(shape: "[1.0]")),
    BadModelFile("shape with an exponent", "dimension 1e0, expected a whole number", entry(shape: "[1e0]")),
    BadModelFile("shape with text", "dimension \"1\", expected a whole number", entry(shape: #"["1"]"#)),
    BadModelFile("negative dimension", "dimension -1, expected a whole number of at least 1", entry(shape: "[-1]")),
    BadModelFile("dimension of zero", "dimension 0, expected", entry(shape: "[0]", offsets: "[0,0]", data: 0)),
    BadModelFile("dimension beyond 64 bits", "does not fit in 64 bits", entry(shape: "[18446744073709551617]")),
    BadModelFile("shape whose product overflows", "shape beyond 64 bits", entry(shape: "[4294967296,4294967296]")),
    BadModelFile("shape whose product wraps to the right size", "shape beyond 64 bits", entry(shape: "[4611686018427387905]")),
    BadModelFile("nine dimensions", "has 9 dimensions, expected at most 8", entry(shape: "[1,1,1,1,1,1,1,1,1]")),
    BadModelFile("shape larger than its bytes", "has 4 bytes, but its shape [2] of F32 takes 8", entry(shape: "[2]")),
    BadModelFile(
      "shape smaller than its bytes", "has 8 bytes, but its shape [1] of F32 takes 4", entry(offsets: "[0,8]", data: 8)),
    BadModelFile("half as many bytes", "has 4 bytes, but its shape [1] of F16 takes 2", entry(dtype: #""F16""#)),
  ]

  static let dataLayouts: [BadModelFile] = [
    BadModelFile("offsets of one number", "data_offsets a list of 1, expected a list of 2", entry(offsets: "[4]")),
    BadModelFile("offsets of three numbers", "data_offsets a list of 3, expected a list of 2", entry(offsets: "[0,4,8]")),
    BadModelFile("offsets an object", "data_offsets an object, expected a list of 2", entry(offsets: #"{"begin":0,"end":4}"#)),
    BadModelFile("negative offset", "expected a list of 2 whole numbers", entry(offsets: "[-4,0]")),
    BadModelFile("fractional offset", "expected a list of 2 whole numbers", entry(offsets: "[0,4.0]")),
    BadModelFile("offsets in reverse", "begins at byte 4 of the data, after its end at 0", entry(offsets: "[4,0]")),
    BadModelFile("offsets past the data", "ends at byte 4 of the data, but there are 3: the file is cut short", entry(data: 3)),
    BadModelFile(
      "offsets at the end of the address space", "9223372036854775807 of the data, but there are 4",
      entry(offsets: "[9223372036854775803,9223372036854775807]")),
    BadModelFile("trailing bytes", "1 bytes follow the last tensor", entry(data: 5)),
    BadModelFile("data without tensors", "4 bytes follow the last tensor", rawFile("{}", data: 4)),
    BadModelFile(
      "a hole before the first tensor", "begins at byte 4 of the data, expected byte 0: a hole",
      entry(offsets: "[4,8]", data: 8)),
    BadModelFile(
      "a hole between tensors", "tensor \"b\" begins at byte 8 of the data, expected byte 4: a hole",
      rawFile(
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
        data: 12)),
    BadModelFile(
      "tensors that overlap", "tensor \"b\" begins at byte 2 of the data, expected byte 4: it overlaps",
      rawFile(
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#, data: 6
      )),
    BadModelFile(
      "tensors that share their bytes", "expected byte 4: it overlaps",
      rawFile(
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 4
      )),
  ]

  // MARK: Metadata

  private static let fine: [(key: String, value: String)] = [
    ("cadenza.config", SmallModel.configuration), ("cadenza.version", "1"), ("format", "cadenza"),
  ]

  static let metadata: [BadModelFile] = [
    BadModelFile("no metadata", "the file has no __metadata__", rawFile(good, data: 4)),
    BadModelFile("metadata null", "__metadata__ is null, expected an object", rawFile(#"{"__metadata__":null}"#)),
    BadModelFile("metadata a list", "__metadata__ is a list of 0, expected an object", rawFile(#"{"__metadata__":[]}"#)),
    BadModelFile(
      "metadata with a number", "\"cadenza.version\" in __metadata__ is 1, expected a string",
      rawFile(#"{"__metadata__":{"format":"cadenza","cadenza.version":1}}"#)),
    BadModelFile(
      "metadata with an object", "\"cadenza.config\" in __metadata__ is an object, expected a string",
      rawFile(#"{"__metadata__":{"format":"cadenza","cadenza.config":{}}}"#)),
    BadModelFile(
      "no format", "format in __metadata__ is nothing, expected \"cadenza\"", SmallModel.bytes(metadata: Array(fine[..<2]))),
    BadModelFile(
      "PyTorch's format", "format in __metadata__ is \"pt\", expected \"cadenza\"",
      SmallModel.bytes(metadata: fine.with(("format", "pt"), at: 2))),
    BadModelFile("no version", "cadenza.version is missing", SmallModel.bytes(metadata: [fine[0], fine[2]])),
    BadModelFile(
      "a version from the future", .unsupported, "cadenza.version is \"2\", expected \"1\"",
      SmallModel.bytes(metadata: fine.with(("cadenza.version", "2"), at: 1))),
    BadModelFile("no configuration", "cadenza.config is missing", SmallModel.bytes(metadata: Array(fine[1...]))),
    BadModelFile(
      "an unknown key of ours", "the key \"cadenza.speed\" in __metadata__ is unknown",
      SmallModel.bytes(metadata: fine + [("cadenza.speed", "fast")])),
  ]

  // MARK: Configuration

  private static func config(_ text: String) -> [UInt8] { SmallModel.bytes(configuration: text) }
  private static func changed(_ old: String, _ new: String) -> [UInt8] { SmallModel.bytes(replacing: old, with: new) }
  private static func recurrent(_ old: String, _ new: String) -> [UInt8] {
    SmallModel.recurrentBytes(configuration: SmallModel.replacing(old, with: new, in: SmallModel.recurrentConfiguration))
  }
  private static func recurrent(_ old: String, _ new: String, window: Int) -> [UInt8] {
    let windowed = SmallModel.replacing(
      #""head""#, with: "\"window\":\(window),\"head\"", in: SmallModel.recurrentConfiguration)
    return SmallModel.recurrentBytes(configuration: SmallModel.replacing(old, with: new, in: windowed))
  }
  private static func fields(_ old: String, _ new: String) -> [UInt8] {
    SmallModel.fieldsBytes(configuration: SmallModel.replacing(old, with: new, in: SmallModel.fieldsConfiguration))
  }
  /// Another list of inputs.
  private static func fields(inputs: String) -> [UInt8] {
    fields(#"[{"kind":"value"},{"kind":"one_hot","size":8},{"kind":"embedding","size":16,"channels":2}]"#, inputs)
  }

  private static func transformer(_ old: String, _ new: String) -> [UInt8] {
    SmallModel.transformerBytes(configuration: SmallModel.replacing(old, with: new, in: SmallModel.transformerConfiguration))
  }
  private static func transformer(_ name: String, _ shape: [Int]?) -> [UInt8] {
    SmallModel.transformerBytes(changing: [(name, shape)])
  }

  static let configurations: [BadModelFile] = [
    BadModelFile("configuration empty", "cadenza.config, byte 0: expected a value, found the end", config("")),
    BadModelFile("configuration cut short", "cadenza.config, byte", config(String(SmallModel.configuration.dropLast()))),
    BadModelFile("configuration not JSON", "cadenza.config, byte 1: expected a key in quotes", config("{name: small}")),
    BadModelFile("configuration a list", "the configuration is a list of 0, expected an object", config("[]")),
    BadModelFile(
      "configuration with a key twice", "cadenza.config, byte 16: the key \"name\" is given twice",
      changed(#"{"name":"small""#, #"{"name":"small","name":"small""#)),
    BadModelFile(
      "configuration nested deep", "cadenza.config, byte 64: nested more than 64 deep",
      config(String(repeating: "[", count: 100))),
    BadModelFile(
      "an unknown key", "the configuration has the unknown key \"nmae\", expected any of name,", changed(#""name""#, #""nmae""#)
    ),
    BadModelFile("name a number", "name is 3, expected a string", changed(#""small""#, "3")),
    BadModelFile("name with U+0000", "name holds the character U+0000", changed("small", #"sm\u0000ll"#)),
    BadModelFile(
      "name too long", "name is 65537 bytes long, expected at most 65536",
      changed("small", String(repeating: "a", count: 65_537))),
    BadModelFile(
      "no network", "the configuration has no key \"network\"",
      config(#"{"codec":{"kind":"mu_law","sample_rate":16000,"levels":4}}"#)),
    BadModelFile(
      "no codec", "the configuration has no key \"codec\"",
      changed(#""codec":{"kind":"mu_law","sample_rate":16000,"levels":4},"#, "")),
    BadModelFile(
      "network a string", "network is \"wavenet\", expected an object", config(#"{"network":"wavenet","codec":{}}"#)),
    BadModelFile("network without a kind", "network has no key \"kind\"", changed(#""kind":"wavenet","#, "")),
    BadModelFile(
      "network of an unknown kind", .unsupported,
      "network.kind is \"Wavenet\", expected \"wavenet\", \"recurrent\", \"transformer\" or \"decoder\"",
      changed("wavenet", "Wavenet")),
    BadModelFile("network's kind a number", "network.kind is 7, expected a string", changed(#""wavenet""#, "7")),
  ]

  static let waveNets: [BadModelFile] = [
    BadModelFile(
      "unknown network key", "network has the unknown key \"kernels\", expected any of kind,",
      changed(#""kernel_size":2"#, #""kernels":2,"kernel_size":2"#)),
    BadModelFile(
      "a recurrent key in a wavenet", "network has the unknown key \"layers\"",
      changed(#""kernel_size":2"#, #""layers":[],"kernel_size":2"#)),
    BadModelFile("no vocabulary_size", "network has no key \"vocabulary_size\"", changed(#""vocabulary_size":4,"#, "")),
    BadModelFile(
      "vocabulary_size zero", "network.vocabulary_size is 0, expected a whole number from 1 to 65536",
      changed(#"size":4"#, #"size":0"#)),
    BadModelFile(
      "vocabulary_size too large", "network.vocabulary_size is 65537, expected", changed(#"size":4"#, #"size":65537"#)),
    BadModelFile(
      "vocabulary_size other than levels", "network.vocabulary_size is 5, expected 4, which is codec.levels",
      changed(#"size":4"#, #"size":5"#)),
    BadModelFile(
      "kernel_size 1", "network.kernel_size is 1, expected a whole number from 2 to 3",
      changed(#""kernel_size":2"#, #""kernel_size":1"#)),
    BadModelFile("kernel_size 4", "network.kernel_size is 4, expected", changed(#""kernel_size":2"#, #""kernel_size":4"#)),
    BadModelFile(
      "kernel_size 2.0", "network.kernel_size is 2.0, expected a whole number",
      changed(#""kernel_size":2"#, #""kernel_size":2.0"#)),
    BadModelFile(
      "kernel_size 2e0", "network.kernel_size is 2e0, expected a whole number",
      changed(#""kernel_size":2"#, #""kernel_size":2e0"#)),
    BadModelFile(
      "kernel_size in quotes", "network.kernel_size is \"2\", expected a whole number",
      changed(#""kernel_size":2"#, #""kernel_size":"2""#)),
    BadModelFile("no dilations", "network.dilations is a list of 0, expected a list of 1 to 1024", changed("[1,2]", "[]")),
    BadModelFile("dilations a number", "network.dilations is 2, expected a list", changed("[1,2]", "2")),
    BadModelFile(
      "dilation zero", "network.dilations[1] is 0, expected a whole number from 1 to 1048576", changed("[1,2]", "[1,0]")),
    BadModelFile("dilation negative", "network.dilations[0] is -1, expected", changed("[1,2]", "[-1,2]")),
    BadModelFile("dilation too large", "network.dilations[1] is 1048577, expected", changed("[1,2]", "[1,1048577]")),
    BadModelFile(
      "too many layers", "network.dilations is a list of 1025, expected a list of 1 to 1024",
      changed("[1,2]", "[\(Array(repeating: "1", count: 1025).joined(separator: ","))]")),
    BadModelFile(
      "residual_channels zero", "network.residual_channels is 0, expected",
      changed(#""residual_channels":2"#, #""residual_channels":0"#)),
    BadModelFile(
      "gate_channels null", "network.gate_channels is null, expected",
      changed(#""kernel_size":2"#, #""kernel_size":2,"gate_channels":null"#)),
    BadModelFile(
      "skip_channels huge", "network.skip_channels is 9223372036854775807, expected",
      changed(#""skip_channels":3"#, #""skip_channels":9223372036854775807"#)),
    BadModelFile(
      "head_channels true", "network.head_channels is true, expected",
      changed(#""kernel_size":2"#, #""kernel_size":2,"head_channels":true"#)),
    BadModelFile(
      "input a string", "network.input is \"embedding\", expected an object", changed(#"{"kind":"embedding"}"#, #""embedding""#)
    ),
    BadModelFile(
      "input of an unknown kind", .unsupported, "network.input.kind is \"fourier\", expected", changed("embedding", "fourier")),
    BadModelFile(
      "embedding with a kernel_size", "network.input has the unknown key \"kernel_size\"",
      changed(#"{"kind":"embedding"}"#, #"{"kind":"embedding","kernel_size":2}"#)),
    BadModelFile(
      "convolution without a kernel_size", "network.input has no key \"kernel_size\"", changed("embedding", "convolution")),
    BadModelFile(
      "convolution of 65 taps", "network.input.kernel_size is 65, expected a whole number from 1 to 64",
      changed(#""embedding""#, #""convolution","kernel_size":65"#)),
    BadModelFile(
      "biases true", "network.biases is true, expected a list of any of input, gate,",
      changed(#""kernel_size":2"#, #""kernel_size":2,"biases":true"#)),
    BadModelFile(
      "an unknown bias", "network.biases[1] is \"gates\", expected any of input, gate, residual, skip, head",
      changed(#""kernel_size":2"#, #""kernel_size":2,"biases":["skip","gates"]"#)),
    BadModelFile(
      "a bias named twice", "network.biases[1] is \"skip\", expected each name once",
      changed(#""kernel_size":2"#, #""kernel_size":2,"biases":["skip","skip"]"#)),
    BadModelFile(
      "an input bias for an embedding", "network.biases names \"input\", but an embedding input has no bias",
      changed(#""kernel_size":2"#, #""kernel_size":2,"biases":["input"]"#)),
    BadModelFile(
      "a wavenet with a waveform codec", "expected a linear head with 1 channel, since codec.kind is \"waveform\"",
      changed(#"{"kind":"mu_law","sample_rate":16000,"levels":4}"#, #"{"kind":"waveform","sample_rate":16000}"#)),
  ]

  static let recurrents: [BadModelFile] = [
    BadModelFile(
      "no layers", "network.layers is a list of 0, expected a list of 1 to 64",
      recurrent(#"[{"kind":"lstm","channels":2},{"kind":"gru","channels":2}]"#, "[]")),
    BadModelFile(
      "65 layers", "network.layers is a list of 65, expected a list of 1 to 64",
      recurrent(
        #"{"kind":"gru","channels":2}"#, Array(repeating: #"{"kind":"gru","channels":2}"#, count: 64).joined(separator: ","))),
    BadModelFile(
      "a layer of an unknown kind", .unsupported, "network.layers[1].kind is \"rnn\", expected \"lstm\" or \"gru\"",
      recurrent("gru", "rnn")),
    BadModelFile(
      "a layer of no channels", "network.layers[0].channels is 0, expected",
      recurrent(#""lstm","channels":2"#, #""lstm","channels":0"#)),
    BadModelFile(
      "a layer without channels", "network.layers[0] has no key \"channels\"", recurrent(#""lstm","channels":2"#, #""lstm""#)),
    BadModelFile(
      "a layer with a bias", "network.layers[0] has the unknown key \"bias\"", recurrent(#""lstm""#, #""lstm","bias":true"#)),
    BadModelFile(
      "a vector of two channels", "network.input.channels is 2, expected 1",
      recurrent(#""vector","channels":1"#, #""vector","channels":2"#)),
    BadModelFile(
      "one-hot with channels", "network.input has the unknown key \"channels\"", recurrent(#""vector""#, #""one_hot""#)),
    BadModelFile(
      "an input of tokens under a linear head", .unsupported, "input of tokens and a linear head",
      recurrent(#"{"kind":"vector","channels":1}"#, #"{"kind":"one_hot"},"vocabulary_size":256"#)),
    BadModelFile(
      "a head of two channels", "network.head.channels is 2, expected 1",
      recurrent(#""linear","channels":1"#, #""linear","channels":2"#)),
    BadModelFile(
      "a head of an unknown kind", .unsupported, "network.head.kind is \"sigmoid\", expected", recurrent("linear", "sigmoid")),
    BadModelFile(
      "a softmax without vocabulary_size", "network has no key \"vocabulary_size\"",
      recurrent(#""linear","channels":1"#, #""softmax""#)),
    BadModelFile(
      "vocabulary_size without tokens", "network.vocabulary_size is 256, but neither input nor head",
      recurrent(#""head""#, #""vocabulary_size":256,"head""#)),
    BadModelFile(
      "a softmax with a waveform codec", "expected a linear head with 1 channel",
      recurrent(#"{"kind":"linear","channels":1}"#, #"{"kind":"softmax"},"vocabulary_size":256"#)),
    BadModelFile(
      "a linear head with a mu-law codec", "network.head is linear, expected softmax",
      recurrent(#"{"kind":"waveform","sample_rate":48000}"#, #"{"kind":"mu_law","sample_rate":48000,"levels":256}"#)),
    BadModelFile(
      "initial_states a number", "network.initial_states is 1, expected true or false",
      recurrent(#""head""#, #""initial_states":1,"head""#)),
    BadModelFile(
      "a wavenet's bias in a recurrent network", "network.biases[0] is \"gate\", expected any of layers, head",
      recurrent(#""head""#, #""biases":["gate"],"head""#)),
  ]

  static let windows: [BadModelFile] = [
    BadModelFile(
      "a window of nothing", "network.window is 0, expected a whole number from 1 to 1024",
      recurrent(#""head""#, #""window":0,"head""#)),
    BadModelFile(
      "a recurrent window too long", "network.window is 1025, expected a whole number from 1 to 1024",
      recurrent(#""head""#, #""window":1025,"head""#)),
    BadModelFile(
      "both directions without a window", "network.layers[0] is bidirectional, which needs network.window",
      recurrent(#""lstm","channels":2"#, #""lstm","channels":2,"bidirectional":true"#)),
    BadModelFile(
      "bidirectional a number", "network.layers[1].bidirectional is 1, expected true or false",
      recurrent(#""gru","channels":2"#, #""gru","channels":2,"bidirectional":1"#)),
    BadModelFile(
      "a layer above both directions that reads one",
      "tensor \"layers.0.backward.input.weight\" is missing, expected with shape [8, 1]",
      recurrent(#""lstm","channels":2}"#, #""lstm","channels":2,"bidirectional":true}"#, window: 4)),
    BadModelFile(
      "a head above both directions that reads one", "tensor \"head.weight\" has shape [25, 2], expected [25, 4]",
      SmallModel.fieldsBytes(tensors: SmallModel.fieldsTensors.map { $0.name == "head.weight" ? ($0.name, [25, 2]) : $0 })),
  ]

  static let fields: [BadModelFile] = [
    BadModelFile("fields that are no list", "network.input.fields is 3, expected a list", fields(inputs: "3")),
    BadModelFile(
      "no fields", "network.input.fields is a list of 0, expected a list of 1 to 16", fields(inputs: "[]")),
    BadModelFile(
      "17 fields", "network.input.fields is a list of 17, expected a list of 1 to 16",
      fields(inputs: "[" + Array(repeating: #"{"kind":"value"}"#, count: 17).joined(separator: ",") + "]")),
    BadModelFile(
      "a field of an unknown kind", .unsupported,
      "network.input.fields[1].kind is \"hot\", expected \"embedding\", \"one_hot\" or \"value\"",
      fields(#""one_hot""#, #""hot""#)),
    BadModelFile(
      "a field of a value with a size", "network.input.fields[0] has the unknown key \"size\"",
      fields(#"{"kind":"value"}"#, #"{"kind":"value","size":1}"#)),
    BadModelFile(
      "a field without a size", "network.input.fields[1] has no key \"size\"", fields(#""one_hot","size":8"#, #""one_hot""#)),
    BadModelFile(
      "a field of too many tokens", "network.input.fields[1].size is 65537, expected a whole number from 1 to 65536",
      fields(#""one_hot","size":8"#, #""one_hot","size":65537"#)),
    BadModelFile(
      "fewer heads than fields", "network.head has 2 fields, expected 3, as many as network.input",
      fields(#",{"kind":"softmax","size":16}]"#, "]")),
    BadModelFile(
      "a head field of another size", "network.head.fields[1].size is 7, expected 8, as in network.input",
      fields(#""softmax","size":8"#, #""softmax","size":7"#)),
    BadModelFile(
      "a softmax over a value", "network.head.fields[0] is a softmax, expected linear",
      fields(#"{"kind":"linear","noise":0.5}"#, #"{"kind":"softmax","size":2}"#)),
    BadModelFile(
      "a linear head of a token", "network.head.fields[1] is linear, expected a softmax",
      fields(#"{"kind":"softmax","size":8}"#, #"{"kind":"linear"}"#)),
    BadModelFile(
      "a head field with channels", "network.head.fields[0] has the unknown key \"channels\"",
      fields(#""linear","noise":0.5"#, #""linear","channels":1"#)),
    BadModelFile(
      "negative noise", "network.head.fields[0].noise is -0.5, expected a number from 0 to 100", fields("0.5", "-0.5")),
    BadModelFile(
      "noise that is no number", "network.head.noise is \"loud\", expected a number from 0 to 100",
      recurrent(#""linear","channels":1"#, #""linear","channels":1,"noise":"loud""#)),
    BadModelFile(
      "noise around a softmax", "network.head has the unknown key \"noise\"",
      recurrent(#"{"kind":"linear","channels":1}"#, #"{"kind":"softmax","noise":1},"vocabulary_size":256"#)),
    BadModelFile(
      "fields under a head of one", "network.head is of one field, expected \"fields\", as in network.input",
      recurrent(#"{"kind":"vector","channels":1}"#, #"{"kind":"fields","fields":[{"kind":"value"}]}"#)),
    BadModelFile(
      "fields over an input of one", "network.input is of one field, expected \"fields\", as in network.head",
      recurrent(#"{"kind":"linear","channels":1}"#, #"{"kind":"fields","fields":[{"kind":"linear"}]}"#)),
    BadModelFile(
      "fields with vocabulary_size", "network.vocabulary_size is 16, but fields state their sizes themselves",
      fields(#""window""#, #""vocabulary_size":16,"window""#)),
    BadModelFile(
      "fields with a codec of sound", "network.head has the kind \"fields\" (3), expected one prediction",
      SmallModel.fieldsBytes(
        configuration: SmallModel.replacing(
          #"{"kind":"note_matrix","pitch":{"range":[0,127]},"velocity":{"range":[1,127],"classes":8},"#
            + #""interval":{"maximum_milliseconds":4000,"classes":16}}"#,
          with: #"{"kind":"mu_law","sample_rate":16000,"levels":8}"#, in: SmallModel.fieldsConfiguration))),
    BadModelFile(
      "an embedding of a field missing", "tensor \"input.fields.2.embedding.weight\" is missing, expected with shape [16, 2]",
      SmallModel.fieldsBytes(tensors: Array(SmallModel.fieldsTensors.dropFirst()))),
  ]

  static let transformers: [BadModelFile] = [
    BadModelFile(
      "a recurrent key in a transformer", "network has the unknown key \"initial_states\", expected any of kind,",
      transformer(#""heads""#, #""initial_states":true,"heads""#)),
    BadModelFile("a transformer without channels", "network has no key \"channels\"", transformer(#""channels":6,"#, "")),
    BadModelFile(
      "a transformer without positions", "network has no key \"positions\"", transformer(#""positions":"relative","#, "")),
    BadModelFile(
      "a transformer's layers as a list", "network.layers is a list of 2, expected a whole number from 1 to 64",
      transformer(#""layers":2"#, #""layers":[1,2]"#)),
    BadModelFile("a transformer of 65 layers", "network.layers is 65, expected", transformer(#""layers":2"#, #""layers":65"#)),
    BadModelFile("no heads", "network.heads is 0, expected a whole number from 1", transformer(#""heads":2"#, #""heads":0"#)),
    BadModelFile(
      "heads that do not divide", "network.heads is 4, expected a divisor of channels, 6",
      transformer(#""heads":2"#, #""heads":4"#)),
    BadModelFile(
      "more heads than channels", "network.heads is 12, expected a divisor of channels, 6",
      transformer(#""heads":2"#, #""heads":12"#)),
    BadModelFile(
      "a window of none", "network.window is 0, expected a whole number from 1 to 8192",
      transformer(#""window":3"#, #""window":0"#)),
    BadModelFile("a window too long", "network.window is 8193, expected", transformer(#""window":3"#, #""window":8193"#)),
    BadModelFile(
      "feedforward_channels by default too many", "and its default, 4 x 16385, is more than 65536",
      transformer(
        #""channels":6,"layers":2,"heads":2,"window":3,"positions":"relative","feedforward_channels":5"#,
        #""channels":16385,"layers":2,"heads":1,"window":3,"positions":"relative""#)),
    BadModelFile(
      "unknown positions", "network.positions is \"rotary\", expected \"relative\", \"learned\" or \"sinusoidal\"",
      transformer("relative", "rotary")),
    BadModelFile("positions a number", "network.positions is 1, expected", transformer(#""relative""#, "1")),
    BadModelFile(
      "learned positions without their number", "network has no key \"position_count\"", transformer("relative", "learned")),
    BadModelFile(
      "fewer positions than the window", "network.position_count is 2, expected a whole number from 3 to 65536",
      transformer(#""relative""#, #""learned","position_count":2"#)),
    BadModelFile(
      "too many positions", "network.position_count is 65537, expected",
      transformer(#""relative""#, #""learned","position_count":65537"#)),
    BadModelFile(
      "relative positions with a number", "network.position_count is 3, but network.positions is \"relative\", not \"learned\"",
      transformer(#""relative""#, #""relative","position_count":3"#)),
    BadModelFile(
      "sinusoidal positions with a number", "network.positions is \"sinusoidal\", not \"learned\"",
      transformer(#""relative""#, #""sinusoidal","position_count":3"#)),
    BadModelFile(
      "normalisation in between", "network.normalization is \"mid\", expected \"pre\" or \"post\"",
      transformer(#""heads""#, #""normalization":"mid","heads""#)),
    BadModelFile(
      "an unknown activation", "network.activation is \"silu\", expected \"relu\" or \"gelu\"",
      transformer(#""heads""#, #""activation":"silu","heads""#)),
    BadModelFile(
      "an unknown bias in a transformer", "network.biases[0] is \"layers\", expected any of attention, feedforward, head",
      transformer(#""heads""#, #""biases":["layers"],"heads""#)),
    BadModelFile(
      "a transformer with a waveform codec", "expected a linear head with 1 channel, since codec.kind is \"waveform\"",
      transformer(#"{"kind":"mu_law","sample_rate":16000,"levels":4}"#, #"{"kind":"waveform","sample_rate":16000}"#)),
    BadModelFile(
      "no relative rows", "tensor \"layers.1.attention.relative.weight\" is missing, expected with shape [2, 3, 3]",
      transformer("layers.1.attention.relative.weight", nil)),
    BadModelFile(
      "relative rows of a longer window", "\"layers.0.attention.relative.weight\" has shape [2, 4, 3], expected [2, 3, 3]",
      transformer("layers.0.attention.relative.weight", [2, 4, 3])),
    BadModelFile(
      "relative rows that sinusoidal positions do not have", "and 1 more are unknown: the configuration does not ask for them",
      transformer("relative", "sinusoidal")),
    BadModelFile(
      "queries and keys without values", "\"layers.0.attention.input.weight\" has shape [12, 6], expected [18, 6]",
      transformer("layers.0.attention.input.weight", [12, 6])),
    BadModelFile(
      "a normalisation without a bias", "tensor \"layers.1.feedforward.normalization.bias\" is missing",
      transformer("layers.1.feedforward.normalization.bias", nil)),
    BadModelFile(
      "a last normalisation where each sublayer has one", "tensor \"head.normalization.bias\" and 1 more are unknown",
      transformer(#""heads""#, #""normalization":"post","heads""#)),
    BadModelFile(
      "attention of a past beyond a stream's memory", .unsupported, "a stream of this model needs",
      SmallModel.transformerBytes(
        configuration: SmallModel.replacing(#""window":3"#, with: #""window":8192"#, in: SmallModel.transformerConfiguration)
          .replacing(#""layers":2"#, with: #""layers":64"#).replacing("relative", with: "sinusoidal")
          .replacing(#""channels":6"#, with: #""channels":80"#),
        tensors: wideTransformerTensors)),
  ]

  /// Of 64 layers of 80 channels, whose keys and values of 8,192 steps would take 336 MB.
  private static let wideTransformerTensors: [SmallModel.Shape] =
    SmallModel.transformerTensors.filter { !$0.name.hasPrefix("layers.") }.map { ($0.name, $0.shape.map { $0 == 6 ? 80 : $0 }) }
    + (0..<64).flatMap { layer in
      SmallModel.transformerTensors.filter { $0.name.hasPrefix("layers.0.") && !$0.name.contains("relative") }.map { tensor in
        (
          tensor.name.replacing("layers.0.", with: "layers.\(layer)."),
          tensor.shape.map { $0 == 6 ? 80 : $0 == 18 ? 240 : $0 }
        )
      }
    }

  static let codecs: [BadModelFile] = [
    BadModelFile(
      "codec of an unknown kind", .unsupported,
      "codec.kind is \"mulaw\", expected \"mu_law\", \"waveform\", \"harmonic\", \"spectrogram\", \"performance_events\",",
      changed("mu_law", "mulaw")),
    BadModelFile("codec without levels", "codec has no key \"levels\"", changed(#","levels":4"#, "")),
    BadModelFile(
      "one level", "codec.levels is 1, expected a whole number from 2 to 65536", changed(#""levels":4"#, #""levels":1"#)),
    BadModelFile(
      "sample rate too low", "codec.sample_rate is 999, expected a whole number from 1000 to 768000", changed("16000", "999")),
    BadModelFile("sample rate too high", "codec.sample_rate is 768001, expected", changed("16000", "768001")),
    BadModelFile("sample rate with a fraction", "codec.sample_rate is 16000.5, expected", changed("16000", "16000.5")),
    BadModelFile("waveform with levels", "codec has the unknown key \"levels\"", changed("mu_law", "waveform")),
  ]

  static let conditions: [BadModelFile] = [
    BadModelFile(
      "conditions an object", "conditions is an object, expected a list",
      changed(#"[{"name":"pitch","kind":"class","size":3}]"#, "{}")),
    BadModelFile(
      "a condition a string", "conditions[0] is \"pitch\", expected an object",
      changed(#"[{"name":"pitch","kind":"class","size":3}]"#, #"["pitch"]"#)),
    BadModelFile("a condition without a name", "conditions[0] has no key \"name\"", changed(#""name":"pitch","#, "")),
    BadModelFile(
      "a condition with an empty name", "conditions[0].name is \"\", expected 1 to 64 characters of a-z", changed("pitch", "")),
    BadModelFile("a condition with capitals", "conditions[0].name is \"Pitch\", expected", changed("pitch", "Pitch")),
    BadModelFile("a condition with a dot", "conditions[0].name is \"pitch.x\", expected", changed("pitch", "pitch.x")),
    BadModelFile(
      "a condition with a long name", "expected 1 to 64 characters", changed("pitch", String(repeating: "p", count: 65))),
    BadModelFile(
      "a condition twice", "conditions[1].name is \"pitch\", expected each name once",
      changed(#""size":3}"#, #""size":3},{"name":"pitch","kind":"vector","size":1}"#)),
    BadModelFile(
      "a condition of an unknown kind", .unsupported,
      "conditions[0].kind is \"text\", expected \"class\", \"vector\" or \"latent\"",
      changed(#""class""#, #""text""#)),
    BadModelFile("a condition without a size", "conditions[0] has no key \"size\"", changed(#","size":3"#, "")),
    BadModelFile("a condition of size zero", "conditions[0].size is 0, expected", changed(#""size":3"#, #""size":0"#)),
    BadModelFile(
      "a misspelt condition key", "conditions[0] has the unknown key \"lables\"",
      changed(#""size":3"#, #""size":3,"lables":["a","b","c"]"#)),
    BadModelFile(
      "labels for a vector", "conditions[0] has the unknown key \"labels\"",
      changed(#""class","size":3"#, #""vector","size":3,"labels":["a","b","c"]"#)),
    BadModelFile(
      "too few labels", "conditions[0].size is 3, expected 2, the number of labels",
      changed(#""size":3"#, #""size":3,"labels":["a","b"]"#)),
    BadModelFile("no labels", "conditions[0].labels is a list of 0, expected", changed(#""size":3"#, #""labels":[]"#)),
    BadModelFile(
      "a label twice", "conditions[0].labels[2] is \"a\", expected each name once",
      changed(#""size":3"#, #""labels":["a","b","a"]"#)),
    BadModelFile(
      "a label a number", "conditions[0].labels[1] is 2, expected a string", changed(#""size":3"#, #""labels":["a",2,"c"]"#)),
    BadModelFile(
      "a label with U+0000", "conditions[0].labels[0] holds the character U+0000",
      changed(#""size":3"#, #""labels":["a\u0000"]"#)),
    BadModelFile(
      "embedding_channels zero", "conditions[0].embedding_channels is 0, expected",
      changed(#""size":3"#, #""size":3,"embedding_channels":0"#)),
    BadModelFile(
      "frames_per_value zero", "conditions[0].frames_per_value is 0, expected a whole number from 1 to 1048576",
      changed(#""size":3"#, #""size":3,"frames_per_value":0"#)),
    BadModelFile(
      "a default that is no class", "conditions[0].default is 3, expected a whole number from 0 to 2",
      changed(#""size":3"#, #""size":3,"default":3"#)),
    BadModelFile(
      "a default by label", "conditions[0].default is \"a\", expected a whole number",
      changed(#""size":3"#, #""labels":["a","b"],"default":"a""#)),
    BadModelFile(
      "a vector default too short", "conditions[0].default is a list of 2, expected a list of 3 numbers",
      changed(#""class","size":3"#, #""vector","size":3,"default":[0,0]"#)),
    BadModelFile(
      "a vector default of text", "conditions[0].default[2] is \"0\", expected a number",
      changed(#""class","size":3"#, #""vector","size":3,"default":[0,0,"0"]"#)),
    BadModelFile(
      "a vector default beyond 32 bits", "conditions[0].default[0] is 1e39, expected a number that fits in 32 bits",
      changed(#""class","size":3"#, #""vector","size":3,"default":[1e39,0,0]"#)),
    BadModelFile(
      "a vector default beyond 64 bits", "the number \"1e999\" is too large",
      changed(#""class","size":3"#, #""vector","size":3,"default":[1e999,0,0]"#)),
    BadModelFile(
      "too many conditions", "conditions is a list of 257, expected a list of at most 256",
      changed(
        #"{"name":"pitch","kind":"class","size":3}"#,
        (0..<257).map { #"{"name":"c\#($0)","kind":"class","size":3}"# }.joined(separator: ","))),
    BadModelFile(
      "conditions of very many channels", .unsupported, "conditions[1] brings the conditions over 65536 channels",
      changed(
        #"{"name":"pitch","kind":"class","size":3}"#,
        #"{"name":"a","kind":"vector","size":65536},{"name":"b","kind":"vector","size":1}"#)),
  ]

  static let settings: [BadModelFile] = [
    BadModelFile(
      "unknown sampling key", "sampling has the unknown key \"top\", expected any of temperature, top_k, top_p",
      changed(#""temperature":0.5"#, #""top":5"#)),
    BadModelFile(
      "negative temperature", "sampling.temperature is -0.5, expected a number from 0 to 100", changed("0.5", "-0.5")),
    BadModelFile("temperature too high", "sampling.temperature is 100.5, expected", changed("0.5", "100.5")),
    BadModelFile("temperature text", "sampling.temperature is \"hot\", expected", changed("0.5", #""hot""#)),
    BadModelFile(
      "top_k with a fraction", "sampling.top_k is 1.5, expected a whole number", changed(#""temperature":0.5"#, #""top_k":1.5"#)
    ),
    BadModelFile(
      "top_k negative", "sampling.top_k is -1, expected a whole number from 0", changed(#""temperature":0.5"#, #""top_k":-1"#)),
    BadModelFile(
      "top_p over 1", "sampling.top_p is 1.01, expected a number from 0 to 1", changed(#""temperature":0.5"#, #""top_p":1.01"#)),
    BadModelFile("sampling a list", "sampling is a list of 0, expected an object", changed(#"{"temperature":0.5}"#, "[]")),
    BadModelFile(
      "unknown training key", "training has the unknown key \"epochs\"",
      changed(#""sampling""#, #""training":{"epochs":3},"sampling""#)),
    BadModelFile(
      "training steps text", "training.steps is \"many\", expected a number",
      changed(#""sampling""#, #""training":{"steps":"many"},"sampling""#)),
    BadModelFile(
      "training data a list", "training.data is a list of 1, expected a string",
      changed(#""sampling""#, #""training":{"data":["x"]},"sampling""#)),
  ]

  // MARK: Tensors against the configuration

  private static func spoilt(_ elementType: ElementType, _ bits: [UInt8]) -> [UInt8] {
    var bytes = SmallModel.bytes(elementType: elementType)
    // The last tensor's last value.
    bytes.replaceSubrange(bytes.count - bits.count..<bytes.count, with: bits)
    return bytes
  }

  static let tensors: [BadModelFile] = [
    BadModelFile("no tensors", "is missing, expected with shape", SmallModel.bytes(tensors: [])),
    BadModelFile(
      "a tensor missing", "tensor \"layers.1.skip.bias\" is missing, expected with shape [3]",
      SmallModel.bytes(changing: [("layers.1.skip.bias", nil)])),
    BadModelFile(
      "a tensor misspelt", "tensor \"head.output.weight\" is missing",
      SmallModel.bytes(changing: [("head.output.weight", nil), ("head.output.weights", [4, 3])])),
    BadModelFile(
      "a tensor transposed", "tensor \"head.output.weight\" has shape [3, 4], expected [4, 3]",
      SmallModel.bytes(changing: [("head.output.weight", [3, 4])])),
    BadModelFile(
      "a tensor of another rank", "tensor \"layers.0.gate.weight\" has shape [4, 4], expected [4, 2, 2]",
      SmallModel.bytes(changing: [("layers.0.gate.weight", [4, 4])])),
    BadModelFile(
      "a tensor with a dimension of 1 more", "tensor \"head.hidden.bias\" has shape [1, 3], expected [3]",
      SmallModel.bytes(changing: [("head.hidden.bias", [1, 3])])),
    BadModelFile(
      "a tensor too many", "tensor \"optimizer.step\" is unknown: the configuration does not ask for it",
      SmallModel.bytes(changing: [("optimizer.step", [1])])),
    BadModelFile(
      "several tensors too many", "tensor \"optimizer.moment\" and 2 more are unknown",
      SmallModel.bytes(changing: [("optimizer.step", [1]), ("optimizer.moment", [1]), ("z", [1])])),
    BadModelFile(
      "the last layer's residual", "tensor \"layers.1.residual.weight\" is unknown",
      SmallModel.bytes(changing: [("layers.1.residual.weight", [2, 2])])),
    BadModelFile(
      "a condition without its tensors", "tensor \"layers.0.condition.weight\" is missing",
      SmallModel.bytes(changing: [("layers.0.condition.weight", nil)])),
    BadModelFile(
      "a condition's embedding missing", "tensor \"conditions.pitch.embedding.weight\" is missing, expected with shape [3, 5]",
      changed(#""size":3"#, #""size":3,"embedding_channels":5"#)),
    BadModelFile(
      "conditions' tensors without conditions", "tensor \"layers.0.condition.weight\" and 1 more are unknown",
      changed(#""conditions":[{"name":"pitch","kind":"class","size":3}],"#, "")),
    BadModelFile("F32 infinity", "holds a value that is not finite, at index", spoilt(.float32, [0x00, 0x00, 0x80, 0x7F])),
    BadModelFile(
      "F32 minus infinity", "holds a value that is not finite, at index", spoilt(.float32, [0x00, 0x00, 0x80, 0xFF])),
    BadModelFile("F32 not a number", "holds a value that is not finite, at index", spoilt(.float32, [0x01, 0x00, 0x80, 0x7F])),
    BadModelFile("F16 infinity", "holds a value that is not finite, at index", spoilt(.float16, [0x00, 0x7C])),
    BadModelFile("F16 not a number", "holds a value that is not finite, at index", spoilt(.float16, [0xFF, 0xFF])),
    BadModelFile("BF16 infinity", "holds a value that is not finite, at index", spoilt(.bfloat16, [0x80, 0x7F])),
    BadModelFile("BF16 not a number", "holds a value that is not finite, at index", spoilt(.bfloat16, [0xC0, 0xFF])),
  ]

  // MARK: Composers

  private static func composer(_ old: String, _ new: String, in codec: String, tokens: Int = 10) -> [UInt8] {
    SmallModel.composerBytes(codec: SmallModel.replacing(old, with: new, in: codec), tokens: tokens)
  }

  private static let performanceCodec =
    #"{"kind":"performance_events","pitches":[60,61],"time_shifts":3,"velocities":2,"end":true}"#
  private static let melodyCodec =
    #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62,64,65,67,69,71,72],"velocity":80}"#
  private static let choraleCodec =
    #"{"kind":"chorale_grid","steps_per_beat":4,"voices":[{"name":"high","symbols":["hold","off","end",60,62]},"#
    + #"{"name":"low","symbols":["off","hold",40,41,42]}],"velocity":80}"#
  private static let emptyChoraleCodec = #"{"kind":"chorale_grid","steps_per_beat":4,"velocity":80}"#
  private static let tokensCodec =
    #"{"kind":"note_tokens","steps_per_beat":2,"tokens":[[60],[60,64],[],"end",[1],[2],[3],[4],[5],[0,127]],"velocity":80}"#
  private static let matrixCodec =
    #"{"kind":"note_matrix","pitch":{"range":[60,61],"classes":true},"velocity":{"range":[1,127]},"#
    + #""interval":{"maximum_milliseconds":4000,"classes":3}}"#

  private static func performance(_ old: String, _ new: String) -> [UInt8] { composer(old, new, in: performanceCodec) }
  private static func melody(_ old: String, _ new: String) -> [UInt8] { composer(old, new, in: melodyCodec) }
  private static func chorale(_ old: String, _ new: String) -> [UInt8] { composer(old, new, in: choraleCodec) }
  private static func tokens(_ old: String, _ new: String) -> [UInt8] { composer(old, new, in: tokensCodec) }
  private static func matrix(_ old: String, _ new: String) -> [UInt8] {
    SmallModel.fieldComposerBytes(codec: SmallModel.replacing(old, with: new, in: matrixCodec), sizes: [2, nil, 3])
  }

  static let noteCodecs: [BadModelFile] = [
    BadModelFile(
      "a composer with a sample rate",
      "codec has the unknown key \"sample_rate\", expected any of kind, steps_per_beat, symbols,",
      melody(#""velocity":80"#, #""sample_rate":48000"#)),
    BadModelFile(
      "tempo too slow", "codec.tempo is 9, expected a whole number from 10 to 1000", melody(#""velocity":80"#, #""tempo":9"#)),
    BadModelFile("tempo too fast", "codec.tempo is 1001, expected", performance(#""end":true"#, #""end":true,"tempo":1001"#)),
    BadModelFile("tempo text", "codec.tempo is \"fast\", expected", tokens(#""velocity":80"#, #""tempo":"fast""#)),
    BadModelFile("tempo twice", "the key \"tempo\" is given twice", chorale(#""velocity":80"#, #""tempo":90,"tempo":91"#)),
    BadModelFile(
      "notes of no length", "codec.maximum_note_beats is 0, expected a whole number from 1 to 1024",
      melody(#""velocity":80"#, #""maximum_note_beats":0"#)),
    BadModelFile(
      "notes without end", "codec.maximum_note_beats is 1025, expected",
      chorale(#""velocity":80"#, #""maximum_note_beats":1025"#)),
    BadModelFile(
      "a vocabulary of another size",
      "network.vocabulary_size is 11, expected 10, the number of tokens of codec \"melody_steps\"",
      SmallModel.composerBytes(codec: melodyCodec, tokens: 11)),
    BadModelFile(
      "a chorale's vocabulary of another size",
      "network.vocabulary_size is 5, expected 10, the number of tokens of codec \"chorale_grid\"",
      SmallModel.composerBytes(codec: choraleCodec, tokens: 5)),
    BadModelFile(
      "one field for a note matrix", "the network's number of fields is 1, expected 3, since codec.kind is \"note_matrix\"",
      SmallModel.composerBytes(codec: matrixCodec, tokens: 10)),
    BadModelFile(
      "three fields for a melody", "the network's number of fields is 3, expected 1, since codec.kind is \"melody_steps\"",
      SmallModel.fieldComposerBytes(codec: melodyCodec, sizes: [10, nil, nil])),
    BadModelFile(
      "a field without classes", "network.head.fields[0] is linear, expected a softmax over 2, as codec.pitch has it",
      SmallModel.fieldComposerBytes(codec: matrixCodec, sizes: [nil, nil, 3])),
    BadModelFile(
      "a field of classes", "network.head.fields[1] is a softmax over 127, expected linear, as codec.velocity has it",
      SmallModel.fieldComposerBytes(codec: matrixCodec, sizes: [2, 127, 3])),
    BadModelFile(
      "a field of other classes",
      "network.head.fields[2] is a softmax over 4, expected a softmax over 3, as codec.interval has it",
      SmallModel.fieldComposerBytes(codec: matrixCodec, sizes: [2, nil, 4])),
    BadModelFile(
      "a linear head with a codec of notes", "network.head is linear, expected softmax, since codec.kind is \"melody_steps\"",
      recurrent(#"{"kind":"waveform","sample_rate":48000}"#, melodyCodec)),
    BadModelFile(
      "values for a codec of notes", "network.input takes values, expected tokens, since codec.kind is \"melody_steps\"",
      SmallModel.recurrentBytes(
        configuration: SmallModel.replacing(
          #"{"kind":"one_hot"}"#, with: #"{"kind":"vector","channels":1}"#, in: SmallModel.composerConfiguration))),
  ]

  static let performances: [BadModelFile] = [
    BadModelFile("performance without pitches", "codec has no key \"pitches\"", performance(#""pitches":[60,61],"#, "")),
    BadModelFile(
      "performance of one pitch", "codec.pitches is 60, expected a list of the lowest and the highest",
      performance("[60,61]", "60")),
    BadModelFile(
      "performance of three pitches", "codec.pitches is a list of 3, expected", performance("[60,61]", "[60,61,62]")),
    BadModelFile(
      "performance pitch 128", "codec.pitches[1] is 128, expected a whole number from 0 to 127",
      performance("[60,61]", "[60,128]")),
    BadModelFile("performance pitch negative", "codec.pitches[0] is -1, expected", performance("[60,61]", "[-1,61]")),
    BadModelFile(
      "performance downwards", "codec.pitches goes from 61 to 60, expected the lower one first",
      performance("[60,61]", "[61,60]")),
    BadModelFile("performance without time", "codec has no key \"time_shifts\"", performance(#""time_shifts":3,"#, "")),
    BadModelFile(
      "performance of no time", "codec.time_shifts is 0, expected a whole number from 1 to 1000",
      performance("shifts\":3", "shifts\":0")),
    BadModelFile("performance of long time", "codec.time_shifts is 1001, expected", performance("shifts\":3", "shifts\":1001")),
    BadModelFile("performance of half a tick", "codec.time_shifts is 0.5, expected", performance("shifts\":3", "shifts\":0.5")),
    BadModelFile("performance without velocities", "codec has no key \"velocities\"", performance(#""velocities":2,"#, "")),
    BadModelFile(
      "performance of no velocities", "codec.velocities is 0, expected a whole number from 1 to 127",
      performance("velocities\":2", "velocities\":0")),
    BadModelFile(
      "performance of 128 velocities", "codec.velocities is 128, expected", performance("velocities\":2", "velocities\":128")),
    BadModelFile("performance's end a number", "codec.end is 1, expected true or false", performance("true", "1")),
    BadModelFile(
      "performance on a grid", "codec has the unknown key \"steps_per_beat\"",
      performance(#""end":true"#, #""steps_per_beat":4"#)),
  ]

  static let grids: [BadModelFile] = [
    BadModelFile("a melody without steps", "codec has no key \"steps_per_beat\"", melody(#""steps_per_beat":4,"#, "")),
    BadModelFile(
      "a melody of no steps", "codec.steps_per_beat is 0, expected a whole number from 1 to 96", melody("beat\":4", "beat\":0")),
    BadModelFile("a melody of 97 steps", "codec.steps_per_beat is 97, expected", melody("beat\":4", "beat\":97")),
    BadModelFile(
      "a melody without symbols", "codec has no key \"symbols\"",
      melody(#","symbols":["hold","off",60,62,64,65,67,69,71,72]"#, "")),
    BadModelFile(
      "a melody of one symbol", "codec.symbols is a list of 1, expected a list of 2 to 258",
      melody(#"["hold","off",60,62,64,65,67,69,71,72]"#, #"["hold"]"#)),
    BadModelFile(
      "a melody of 259 symbols", "codec.symbols is a list of 259, expected",
      melody(#"["hold","#, #"["hold",\#((0..<249).map(String.init).joined(separator: ",")),"#)),
    BadModelFile(
      "symbols an object", "codec.symbols is an object, expected a list of 2 to 258",
      melody(#"["hold","off",60,62,64,65,67,69,71,72]"#, "{}")),
    BadModelFile("a melody without hold", "codec.symbols has no \"hold\"", melody(#""hold""#, "50")),
    BadModelFile("a melody without off", "codec.symbols has no \"off\"", melody(#""off""#, "50")),
    BadModelFile(
      "hold, and hold of a pitch", "codec.symbols has \"hold\" and \"hold 60\", expected one or the other",
      melody("62", #""hold 60""#)),
    BadModelFile(
      "a pitch without its hold", "codec.symbols has 8 pitches, and \"hold\" for 1: expected it for each of them",
      melody(#""hold""#, #""hold 60""#)),
    BadModelFile(
      "a hold twice", "codec.symbols[2] is \"hold 60\", expected each symbol once",
      melody(#""hold","off",60"#, #""hold 60","off","hold 60""#)),
    BadModelFile("a hold of pitch 128", "codec.symbols[0] is \"hold 128\", expected", melody(#""hold""#, #""hold 128""#)),
    BadModelFile("a hold of pitch 060", "codec.symbols[0] is \"hold 060\", expected", melody(#""hold""#, #""hold 060""#)),
    BadModelFile("a hold of nothing", "codec.symbols[0] is \"hold \", expected", melody(#""hold""#, #""hold ""#)),
    BadModelFile("hold twice", "codec.symbols[2] is \"hold\", expected each symbol once", melody("60", #""hold""#)),
    BadModelFile("off twice", "codec.symbols[2] is \"off\", expected each symbol once", melody("60", #""off""#)),
    BadModelFile("an end twice", "codec.symbols[3] is \"end\", expected each symbol once", melody("60,62", #""end","end""#)),
    BadModelFile("a pitch twice", "codec.symbols[3] is 60, expected each symbol once", melody("60,62", "60,60")),
    BadModelFile(
      "a symbol misspelt", "codec.symbols[0] is \"Hold\", expected \"hold\", \"hold 60\", \"off\",",
      melody("hold", "Hold")),
    BadModelFile("pitch 128", "codec.symbols[2] is 128, expected", melody("60", "128")),
    BadModelFile("pitch -1", "codec.symbols[2] is -1, expected", melody("60", "-1")),
    BadModelFile("pitch with a fraction", "codec.symbols[2] is 60.0, expected", melody("60", "60.0")),
    BadModelFile("pitch in quotes", "codec.symbols[2] is \"60\", expected", melody("60", #""60""#)),
    BadModelFile(
      "velocity 0", "codec.velocity is 0, expected a whole number from 1 to 127", melody("velocity\":80", "velocity\":0")),
    BadModelFile("velocity 128", "codec.velocity is 128, expected", chorale("velocity\":80", "velocity\":128")),
    BadModelFile("a melody of voices", "codec has the unknown key \"voices\"", melody(#""velocity":80"#, #""voices":[]"#)),
    BadModelFile("a chorale without steps", "codec has no key \"steps_per_beat\"", chorale(#""steps_per_beat":4,"#, "")),
    BadModelFile(
      "a chorale without voices", "codec has no key \"voices\"",
      composer("80", "81", in: emptyChoraleCodec)),
    BadModelFile(
      "voices a number", "codec.voices is 4, expected a list", composer("4,", #"4,"voices":4,"#, in: emptyChoraleCodec)),
    BadModelFile(
      "no voices", "codec.voices is a list of 0, expected a list of 1 to 16",
      composer("4,", #"4,"voices":[],"#, in: emptyChoraleCodec)),
    BadModelFile(
      "17 voices", "codec.voices is a list of 17, expected a list of 1 to 16",
      composer(
        "4,",
        #"4,"voices":[\#((0..<17).map { #"{"name":"v\#($0)","symbols":["hold","off"]}"# }.joined(separator: ","))],"#,
        in: emptyChoraleCodec, tokens: 34)),
    BadModelFile("a voice without a name", "codec.voices[1] has no key \"name\"", chorale(#""name":"low","#, "")),
    BadModelFile(
      "a voice with a capital", "codec.voices[1].name is \"Low\", expected 1 to 64 characters of a-z", chorale("low", "Low")),
    BadModelFile("two voices of one name", "codec.voices[1].name is \"high\", expected each name once", chorale("low", "high")),
    BadModelFile(
      "a voice without symbols", "codec.voices[1] has no key \"symbols\"", chorale(#","symbols":["off","hold",40,41,42]"#, "")),
    BadModelFile(
      "a voice with a range", "codec.voices[0] has the unknown key \"range\", expected any of name, symbols",
      chorale(#""name":"high""#, #""name":"high","range":[60,62]"#)),
    BadModelFile(
      "a voice a string", "codec.voices[0] is \"high\", expected an object",
      composer("4,", #"4,"voices":["high"],"#, in: emptyChoraleCodec)),
    BadModelFile(
      "an end in the second voice", "codec.voices[1].symbols[2] is \"end\", expected the end in the first voice only",
      chorale("40", #""end""#)),
    BadModelFile(
      "a second voice without hold", "codec.voices[1].symbols has no \"hold\"", chorale(#""off","hold""#, #""off",39"#)),
    BadModelFile(
      "a second voice's pitch twice", "codec.voices[1].symbols[3] is 40, expected each symbol once", chorale("41", "40")),
  ]

  static let noteTokens: [BadModelFile] = [
    BadModelFile("tokens without steps", "codec has no key \"steps_per_beat\"", tokens(#""steps_per_beat":2,"#, "")),
    BadModelFile(
      "no table of tokens", "codec has no key \"tokens\"",
      tokens(#","tokens":[[60],[60,64],[],"end",[1],[2],[3],[4],[5],[0,127]]"#, "")),
    BadModelFile(
      "a table of no tokens", "codec.tokens is a list of 0, expected a list of 1 to 65536",
      tokens(#"[[60],[60,64],[],"end",[1],[2],[3],[4],[5],[0,127]]"#, "[]")),
    BadModelFile(
      "a token a number", "codec.tokens[0] is 60, expected \"end\" or a list of at most 16 pitches", tokens("[60],", "60,")),
    BadModelFile("a token misspelt", "codec.tokens[3] is \"End\", expected \"end\" or a list", tokens("end", "End")),
    BadModelFile(
      "a chord of 17", "codec.tokens[0] is a list of 17, expected \"end\" or a list of at most 16 pitches",
      tokens("[60],", "[\((0..<17).map(String.init).joined(separator: ","))],")),
    BadModelFile("a chord downwards", "codec.tokens[1][1] is 60, expected pitches that ascend", tokens("60,64", "64,60")),
    BadModelFile(
      "a chord with a pitch twice", "codec.tokens[1][1] is 64, expected pitches that ascend", tokens("60,64", "64,64")),
    BadModelFile(
      "a chord with pitch 128", "codec.tokens[1][1] is 128, expected a whole number from 0 to 127", tokens("60,64", "60,128")),
    BadModelFile("a chord of text", "codec.tokens[0][0] is \"C\", expected a whole number", tokens("[60],", #"["C"],"#)),
    BadModelFile("a chord twice", "codec.tokens[8] has the pitches of an earlier token", tokens("[5]", "[60,64]")),
    BadModelFile("a rest twice", "codec.tokens[8] has the pitches of an earlier token", tokens("[5]", "[]")),
    BadModelFile("two ends", "codec.tokens[8] is \"end\", expected each token once", tokens("[5]", #""end""#)),
    BadModelFile("tokens with velocity 0", "codec.velocity is 0, expected", tokens("velocity\":80", "velocity\":0")),
    BadModelFile(
      "more tokens than a vocabulary has", "codec.tokens is a list of 65537, expected",
      tokens("[60],", String(repeating: "[60],", count: 65_528))),
  ]

  static let noteMatrices: [BadModelFile] = [
    BadModelFile(
      "a matrix without pitch", "codec has no key \"pitch\"", matrix(#""pitch":{"range":[60,61],"classes":true},"#, "")),
    BadModelFile("a matrix without velocity", "codec has no key \"velocity\"", matrix(#""velocity":{"range":[1,127]},"#, "")),
    BadModelFile(
      "a matrix without intervals", "codec has no key \"interval\"",
      matrix(#","interval":{"maximum_milliseconds":4000,"classes":3}"#, "")),
    BadModelFile(
      "pitch a list", "codec.pitch is a list of 2, expected an object", matrix(#"{"range":[60,61],"classes":true}"#, "[60,61]")),
    BadModelFile("pitch without a range", "codec.pitch has no key \"range\"", matrix(#""range":[60,61],"#, "")),
    BadModelFile("a pitch range downwards", "codec.pitch.range goes from 61 to 60, expected", matrix("[60,61]", "[61,60]")),
    BadModelFile("a pitch range to 128", "codec.pitch.range[1] is 128, expected", matrix("[60,61]", "[60,128]")),
    BadModelFile("pitch classes a number", "codec.pitch.classes is 2, expected true or false", matrix("true", "2")),
    BadModelFile(
      "pitch with a scale", "codec.pitch has the unknown key \"scale\", expected any of range, classes",
      matrix(#""range":[60,61]"#, #""range":[60,61],"scale":1"#)),
    BadModelFile(
      "velocity from 0", "codec.velocity.range[0] is 0, expected a whole number from 1 to 127", matrix("[1,127]", "[0,127]")),
    BadModelFile("velocity of one number", "codec.velocity.range is a list of 1, expected", matrix("[1,127]", "[1]")),
    BadModelFile(
      "velocity classes true", "codec.velocity.classes is true, expected a whole number from 1 to 127",
      matrix("[1,127]", #"[1,127],"classes":true"#)),
    BadModelFile(
      "velocity of 128 classes", "codec.velocity.classes is 128, expected", matrix("[1,127]", #"[1,127],"classes":128"#)),
    BadModelFile(
      "intervals without end", "codec.interval has no key \"maximum_milliseconds\"",
      matrix(#""maximum_milliseconds":4000,"#, "")),
    BadModelFile(
      "intervals of nothing", "codec.interval.maximum_milliseconds is 0, expected a whole number from 1 to 60000",
      matrix("4000", "0")),
    BadModelFile("intervals too long", "codec.interval.maximum_milliseconds is 60001, expected", matrix("4000", "60001")),
    BadModelFile(
      "one class of intervals", "codec.interval.classes is 1, expected a whole number from 2 to 1024",
      matrix(#""classes":3"#, #""classes":1"#)),
    BadModelFile(
      "too many classes of intervals", "codec.interval.classes is 1025, expected", matrix(#""classes":3"#, #""classes":1025"#)),
    BadModelFile(
      "intervals of a range", "codec.interval has the unknown key \"range\"", matrix("maximum_milliseconds", "range")),
    BadModelFile("a matrix with one velocity", "codec.velocity is 80, expected an object", matrix(#"{"range":[1,127]}"#, "80")),
  ]

  private static func condition(_ codec: String, _ condition: String) -> [UInt8] {
    SmallModel.composerBytes(codec: codec, tokens: 10, conditions: "[\(condition)]", channels: 4)
  }

  static let composerConditions: [BadModelFile] = [
    BadModelFile(
      "a composer's local condition", "conditions[0].frames_per_value is given, but a composer's conditions are global",
      condition(melodyCodec, #"{"name":"key","kind":"class","size":4,"frames_per_value":7}"#)),
    BadModelFile(
      "a composer's local vector", "conditions[0].frames_per_value is given, but a composer's conditions are global",
      condition(tokensCodec, #"{"name":"key","kind":"vector","size":4,"frames_per_value":7}"#)),
    BadModelFile(
      "a condition that follows the weather", "conditions[0].follows is \"weather\", expected \"position\"",
      condition(melodyCodec, #"{"name":"bar","kind":"class","size":4,"follows":"weather"}"#)),
    BadModelFile(
      "a condition that follows a number", "conditions[0].follows is 4, expected \"position\"",
      condition(melodyCodec, #"{"name":"bar","kind":"class","size":4,"follows":4}"#)),
    BadModelFile(
      "a vector that follows", "conditions[0] has the unknown key \"follows\"",
      condition(melodyCodec, #"{"name":"bar","kind":"vector","size":4,"follows":"position"}"#)),
    BadModelFile(
      "a follower with a default", "conditions[0].default is given, but the condition follows the position",
      condition(melodyCodec, #"{"name":"bar","kind":"class","size":4,"follows":"position","default":0}"#)),
    BadModelFile(
      "a follower of frames", "conditions[0].frames_per_value is given, but the condition follows the position",
      condition(melodyCodec, #"{"name":"bar","kind":"class","size":4,"follows":"position","frames_per_value":1}"#)),
    BadModelFile(
      "a follower without a grid", "conditions[0].follows is \"position\", but codec.kind \"performance_events\" has no grid",
      condition(performanceCodec, #"{"name":"bar","kind":"class","size":4,"follows":"position"}"#)),
    BadModelFile(
      "a follower in audio", "conditions[0].follows is \"position\", but codec.kind \"mu_law\" has no grid to follow",
      changed(#""size":3"#, #""size":3,"follows":"position""#)),
  ]

  // MARK: Spectrograms

  /// A network over frames of 16 samples, with one piece of its configuration replaced.
  private static func spectrogram(_ old: String, _ new: String) -> [UInt8] {
    let text = #"""
      {"network":{"kind":"recurrent","input":{"kind":"vector","channels":16},"layers":[{"kind":"lstm","channels":2}],\#
      "head":{"kind":"linear","channels":16}},"codec":{"kind":"spectrogram","sample_rate":16000,"frame_size":16,"hop":4,\#
      "magnitude":[-6,2],"phase":"phase"}}
      """#
    return SmallModel.bytes(configuration: SmallModel.replacing(old, with: new, in: text), tensors: [])
  }

  static let spectrograms: [BadModelFile] = [
    BadModelFile(
      "frame_size no power of two", "codec.frame_size is 24, expected a power of two from 16 to 65536",
      spectrogram(#""frame_size":16"#, #""frame_size":24"#)),
    BadModelFile(
      "frame_size too small", "codec.frame_size is 8, expected a power of two",
      spectrogram(#""frame_size":16"#, #""frame_size":8"#)),
    BadModelFile(
      "frame_size too large", "codec.frame_size is 131072, expected a power of two",
      spectrogram(#""frame_size":16"#, #""frame_size":131072"#)),
    BadModelFile(
      "frame_size a text", "codec.frame_size is \"16\", expected a power of two",
      spectrogram(#""frame_size":16"#, #""frame_size":"16""#)),
    BadModelFile(
      "hop of a whole frame", "codec.hop is 16, expected 1/2, 1/4, 1/8 or 1/16 of frame_size, which is 16",
      spectrogram(#""hop":4"#, #""hop":16"#)),
    BadModelFile("hop zero", "codec.hop is 0, expected 1/2", spectrogram(#""hop":4"#, #""hop":0"#)),
    BadModelFile("hop no divisor", "codec.hop is 3, expected 1/2", spectrogram(#""hop":4"#, #""hop":3"#)),
    BadModelFile("hop negative", "codec.hop is -4, expected 1/2", spectrogram(#""hop":4"#, #""hop":-4"#)),
    BadModelFile(
      "magnitudes upside down", "codec.magnitude is a list of 2, expected [l, u] with -60 <= l < u <= 30",
      spectrogram("[-6,2]", "[2,-6]")),
    BadModelFile("magnitudes alike", "codec.magnitude is a list of 2, expected", spectrogram("[-6,2]", "[2,2]")),
    BadModelFile("magnitudes too large", "codec.magnitude is a list of 2, expected", spectrogram("[-6,2]", "[-6,31]")),
    BadModelFile("three magnitudes", "codec.magnitude is a list of 3, expected", spectrogram("[-6,2]", "[-6,2,3]")),
    BadModelFile("magnitude a number", "codec.magnitude is 6, expected", spectrogram("[-6,2]", "6")),
    BadModelFile(
      "phase unknown", "codec.phase is \"group_delay\", expected \"none\", \"phase\" or \"instantaneous_frequency\"",
      spectrogram(#""phase":"phase""#, #""phase":"group_delay""#)),
    BadModelFile(
      "iterations with a phase", "codec.iterations is 8, but frames that tell their phase need none",
      spectrogram(#""phase":"phase""#, #""phase":"phase","iterations":8"#)),
    BadModelFile(
      "no iterations", "codec.iterations is 0, expected a whole number from 1 to 1000",
      spectrogram(#""phase":"phase""#, #""phase":"none","iterations":0"#)),
    BadModelFile(
      "columns zero", "codec.columns is 0, expected a whole number from 1 to 1024",
      spectrogram(#""phase":"phase""#, #""phase":"phase","columns":0"#)),
    BadModelFile(
      "input not as wide as an element",
      "network.input.channels is 16, expected 48, which is 3 x 8 bins x 2 of codec \"spectrogram\"",
      spectrogram(#""phase":"phase""#, #""phase":"phase","columns":3"#)),
    BadModelFile(
      "head not as wide as an element", "network.head.channels is 15, expected 16, which is 1 x 8 bins x 2",
      spectrogram(#""kind":"linear","channels":16"#, #""kind":"linear","channels":15"#)),
    BadModelFile(
      "recurrent without a phase", .unsupported, "codec.phase is \"none\", which needs a whole clip",
      SmallModel.bytes(
        configuration: #"""
          {"network":{"kind":"recurrent","input":{"kind":"vector","channels":8},"layers":[{"kind":"lstm","channels":2}],\#
          "head":{"kind":"linear","channels":8}},"codec":{"kind":"spectrogram","sample_rate":16000,"frame_size":16,"hop":4,\#
          "magnitude":[-6,2],"phase":"none"}}
          """#, tensors: [])),
    BadModelFile(
      "tokens to a spectrogram",
      "expected \"recurrent\" with a vector input and a linear head, since codec.kind is \"spectrogram\"",
      spectrogram(
        #""head":{"kind":"linear","channels":16}"#, #""head":{"kind":"softmax"},"vocabulary_size":16"#)),
    BadModelFile(
      "a frame's head of another shape", "tensor", spectrogram(#""hop":4"#, #""hop":8"#)),
    BadModelFile(
      "elements far larger than the file", "tensor",
      spectrogramOfColumns(1_024)),
    BadModelFile(
      "several numbers for a waveform", "network.input.channels is 2, expected 1, since codec.kind is \"waveform\"",
      SmallModel.bytes(
        configuration: #"""
          {"network":{"kind":"recurrent","input":{"kind":"vector","channels":2},"layers":[{"kind":"lstm","channels":2}],\#
          "head":{"kind":"linear","channels":2}},"codec":{"kind":"waveform","sample_rate":16000}}
          """#, tensors: [])),
  ]

  /// The widest elements that there can be, in a file without any tensor.
  private static func spectrogramOfColumns(_ columns: Int) -> [UInt8] {
    let numbers = 65_536 * columns
    return SmallModel.bytes(
      configuration: """
        {"network":{"kind":"recurrent","input":{"kind":"vector","channels":\(numbers)},"layers":[{"kind":"lstm","channels":2}],\
        "head":{"kind":"linear","channels":\(numbers)}},"codec":{"kind":"spectrogram","sample_rate":16000,"frame_size":65536,\
        "hop":16384,"magnitude":[-6,2],"phase":"phase","columns":\(columns)}}
        """, tensors: [])
  }
}
