import ArgumentParser
import Cadenza

/// `--notes` and the voices that play them.
struct NotesOptions: ParsableArguments {
  @Option(
    name: .customLong("notes"),
    help: ArgumentHelp("A MIDI file, whose notes the model plays; '-' is standard input.", valueName: "file"))
  var path: String?

  @Option(
    name: .customLong("voices"), parsing: .unconditional,
    help: ArgumentHelp("Notes that sound at once, 1 ... 64.", valueName: "n"))
  var voices = 16

  func validate() throws {
    if !InstrumentOptions.voiceCounts.contains(voices) { throw ValidationError("--voices takes 1 ... 64, not \(voices)") }
  }

  /// The notes of the file; nil where none was asked for. `rate` is the output's.
  func schedule(model: Model, rate: Int) throws -> NoteSchedule? {
    guard let path else { return nil }
    return try NoteSchedule(MidiInput.read(path), path: path, rate: rate)
  }
}
