import ArgumentParser
import Cadenza

/// The `cadenza` command.
@main
struct CadenzaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cadenza",
    abstract: "Plays, composes, describes, scores and times generative music models.",
    discussion: """
      EXAMPLES:
        cadenza generate notes.safetensors --set pitch=60 -o note.wav
        cadenza play notes.safetensors
        cadenza compose chorales.safetensors -o chorale.mid
        cadenza info notes.safetensors
        cadenza score notes.safetensors recording.wav
        cadenza encode guitar.safetensors pluck.wav -o pluck.json
        cadenza interpolate melodies.safetensors a.mid b.mid -o between.mid
        cadenza bench notes.safetensors

      EXIT STATUS:
        0    done
        1    failed: standard error says what, where and what was expected
        64   the command line is wrong
        130  stopped by Ctrl-C; unfinished files are removed
        141  the reader of standard output went away

      ENVIRONMENT:
        CADENZA_ISA  the instruction set to use: portable, avx2, avx512, neon
      """,
    version: "cadenza \(Version.string)",
    subcommands: [
      GenerateCommand.self, PlayCommand.self, ComposeCommand.self, InfoCommand.self, ScoreCommand.self, EncodeCommand.self,
      InterpolateCommand.self, BenchCommand.self,
    ]
  )

  static func main() {
    StandardStreams.prepare()
    Interruption.prepare()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Ending.finish(error)
    }
  }
}
