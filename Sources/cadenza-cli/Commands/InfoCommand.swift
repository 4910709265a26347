import ArgumentParser
import Cadenza

/// `cadenza info`: what a model file holds.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Describe a model: network, codec, conditions and their labels, training.",
    discussion: """
      EXAMPLES:
        cadenza info notes.safetensors
        cadenza info notes.safetensors --json | jq '.conditions[].name'
      """
  )

  @Argument(help: "A model file (.safetensors).")
  var model: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let loaded = try ModelLoading.load(model)
    try StandardStreams.print(json ? ModelDocument.json(loaded, path: model).text : ModelDocument.text(loaded, path: model))
  }
}
