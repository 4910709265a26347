import Testing

@testable import Cadenza

/// Encoders as files describe them: what is refused, and with which sentence.
@Suite("Encoders in model files")
struct EncoderConfigurationTests {
  struct Bad: CustomTestStringConvertible, Sendable {
    let sentence: String
    let configuration: String
    var testDescription: String { sentence }

    init(_ sentence: String, _ configuration: String, _ old: String, _ new: String) {
      self.sentence = sentence
      self.configuration = SmallModel.replacing(old, with: new, in: configuration)
    }
  }

  private static let melody = """
    {"network":{"kind":"recurrent","vocabulary_size":4,"input":{"kind":"one_hot"},"layers":[{"kind":"lstm","channels":2}],\
    "head":{"kind":"softmax"},"initial_states":"conditions","first_input":"zeros"},\
    "codec":{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62],"steps":8},\
    "conditions":[{"name":"z","kind":"latent","size":3},{"name":"mode","kind":"vector","size":3}],\
    "encoder":{"kind":"recurrent","latent":"z","steps":8,"input":{"kind":"one_hot"},"vocabulary_size":4,\
    "layers":[{"kind":"gru","channels":2,"bidirectional":true}],"head":{"kind":"linear","channels":3}}}
    """

  private static let recording = """
    {"network":{"kind":"wavenet","vocabulary_size":4,"input":{"kind":"embedding"},"kernel_size":2,"dilations":[1],\
    "residual_channels":2,"skip_channels":2},"codec":{"kind":"mu_law","sample_rate":16000,"levels":4},\
    "conditions":[{"name":"e","kind":"latent","size":3,"frames_per_value":8},{"name":"pitch","kind":"class","size":4}],\
    "encoder":{"kind":"layers","latent":"e","input":{"kind":"waveform"},"minimum_frames":16,"layers":[\
    {"kind":"convolution","channels":5,"kernel_size":3},{"kind":"condition"},{"kind":"pool","size":8},\
    {"kind":"convolution","channels":3,"kernel_size":1}]}}
    """

  private static let melodyWithoutGrid = """
    {"network":{"kind":"recurrent","vocabulary_size":4,"input":{"kind":"one_hot"},"layers":[{"kind":"lstm","channels":2}],\
    "head":{"kind":"softmax"}},"codec":{"kind":"mu_law","sample_rate":16000,"levels":4},\
    "conditions":[{"name":"z","kind":"latent","size":3},{"name":"mode","kind":"vector","size":3}]}
    """

  static let bad = [
    Bad(
      "encoder.kind is \"rnn\", expected \"layers\" or \"recurrent\"", melody, #""kind":"recurrent","latent""#,
      #""kind":"rnn","latent""#),
    Bad("encoder has no key \"latent\"", melody, #""latent":"z","steps""#, #""steps""#),
    Bad(
      "encoder.latent is \"mode\", expected the name of a condition of the kind", melody, #""latent":"z""#, #""latent":"mode""#),
    Bad("encoder.latent is 5, expected the name of a latent", melody, #""latent":"z""#, #""latent":5"#),
    Bad("encoder has the unknown key \"window\"", melody, #""latent":"z""#, #""window":3,"latent":"z""#),
    Bad("encoder.steps is 0, expected", melody, #""latent":"z","steps":8"#, #""latent":"z","steps":0"#),
    Bad(
      "encoder.vocabulary_size is 5, expected 4", melody, #""vocabulary_size":4,"layers":[{"kind":"gru""#,
      #""vocabulary_size":5,"layers":[{"kind":"gru""#),
    Bad(
      "encoder.head.channels is 4, expected 3, the size of the latent", melody, #""linear","channels":3"#,
      #""linear","channels":4"#),
    Bad("encoder.head.kind is \"softmax\", expected \"linear\"", melody, #""linear""#, #""softmax""#),
    Bad(
      "encoder.input takes no tokens", melody, #""steps":8,"input":{"kind":"one_hot"}"#,
      #""steps":8,"input":{"kind":"vector","channels":1}"#),
    Bad(
      "network.initial_states is \"zeros\", expected true, false or \"conditions\"", melody, #""initial_states":"conditions""#,
      #""initial_states":"zeros""#),
    Bad(
      "network.first_input is \"off\", expected \"silence\" or \"zeros\"", melody, #""first_input":"zeros""#,
      #""first_input":"off""#),
    Bad("codec.steps is 0, expected", melody, #""steps":8},"#, #""steps":0},"#),
    Bad(
      "kind is \"layers\", but codec.kind \"melody_steps\" is of notes", melody, #""kind":"recurrent","latent""#,
      #""kind":"layers","latent""#),
    Bad(
      "conditions[1] is a local latent, an embedding, expected an encoder whose latent it is", melodyWithoutGrid,
      #""vector","size":3"#, #""latent","size":3,"frames_per_value":4"#),
    Bad(
      "kind is \"recurrent\", but codec.kind \"note_matrix\" has no grid", melody,
      #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62],"steps":8}"#,
      """
      {"kind":"note_matrix","pitch":{"range":[60,63],"classes":true},"velocity":{"range":[1,127]},\
      "interval":{"maximum_milliseconds":100}}
      """),
    Bad("gives a step for every 4 samples, expected 8, the latent's frames_per_value", recording, #""size":8}"#, #""size":4}"#),
    Bad("encoder.layers ends with [any, 1, 4]", recording, #""channels":3,"kernel_size":1"#, #""channels":4,"kernel_size":1"#),
    Bad(
      "encoder.layers ends with [any, 1, 3] (steps, bins, channels), expected a vector of 3", recording,
      #","frames_per_value":8"#, ""),
    Bad(
      "encoder.layers[4] (pool) is given a vector of 5, expected steps", recording, #"{"kind":"pool","size":8}"#,
      #"{"kind":"pool","size":8},{"kind":"pool","size":0},{"kind":"pool","size":2}"#),
    Bad("encoder.input.kind is \"noise\", expected", recording, #""waveform""#, #""noise""#),
    Bad("encoder.minimum_frames is 0, expected", recording, #""minimum_frames":16"#, #""minimum_frames":0"#),
  ]

  @Test(arguments: bad)
  func isRefused(_ file: Bad) {
    do {
      try load(SmallModel.bytes(configuration: file.configuration, tensors: []))
      Issue.record("it was loaded")
    } catch {
      #expect(error.message.contains(file.sentence), "\(error.message)")
    }
  }

  /// Both are read where nothing is wrong: what is then missing is a tensor, the encoder's among them.
  @Test(arguments: [melody, recording])
  func isRead(_ configuration: String) {
    do {
      try load(SmallModel.bytes(configuration: configuration, tensors: []))
      Issue.record("it was loaded")
    } catch {
      #expect(error.message.contains("is missing, expected with shape"), "\(error.message)")
    }
  }
}
