import ArgumentParser
import Cadenza
import Glibc

/// `cadenza encode`: a recording or a melody as the numbers of a model's latent.
struct EncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Turn a recording, or a melody, into the numbers of a model's latent.",
    discussion: """
      The model has an encoder; 'cadenza info' tells. The numbers are a list in JSON, which 'cadenza generate --latent' and \
      'cadenza interpolate' read; where a recording becomes a row of numbers for every so many samples, they are a list of rows. \
      Sound files with several channels are averaged to one, and converted where their sample rate is not the model's. Of a \
      melody, a MIDI file, as many steps are read as the model was made for.

      EXAMPLES:
        cadenza encode guitar.safetensors pluck.wav -o pluck.json
        cadenza generate guitar.safetensors --latent pluck.json -o like-it.wav
        cadenza encode melodies.safetensors theme.mid
      """
  )

  @Argument(help: "A model file (.safetensors) with an encoder.")
  var model: String

  @Argument(help: "A sound file, or a MIDI file for a composer; '-' is standard input.")
  var input: String

  @Option(name: .shortAndLong, help: "The file to write; '-' is standard output.")
  var output = "-"

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a condition that the encoder knows; may be repeated. VALUE is a label, a class number, or numbers separated by commas.",
      valueName: "name=value"))
  var conditions: [ConditionArgument] = []

  func validate() throws {
    if output.isEmpty { throw ValidationError("--output takes the name of a file, not an empty one") }
  }

  func run() throws {
    let model = try ModelLoading.load(model)
    let encoded = try EncodedInput(path: input, model: model, values: try model.conditionValues(conditions))
    guard output != "-" else {
      try StandardStreams.print(encoded.json.text)
      return
    }
    let file = try OutputFile(path: output)
    var text = encoded.json.text + "\n"
    try text.withUTF8 {
      try StandardStreams.write(UnsafeRawBufferPointer($0), to: file.descriptor, name: "\"\(output)\"")
    }
    try file.commit()
  }
}
