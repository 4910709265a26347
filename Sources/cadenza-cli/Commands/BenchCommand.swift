import ArgumentParser
import Cadenza
import Glibc

/// `cadenza bench`: how fast networks run here, beside what the machine could do.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast models run on this machine.",
    discussion: """
      Runs named shapes with random weights, or model files, on one core, the output fed back. For each: processor time a \
      sample, the real-time factor at the model's rate, the time that blocks took on the wall, how fast weights are read, and \
      the share that is of this machine's read bandwidth, probed between the rounds over as many bytes. All models take turns, \
      round by round; a figure is the median of its rounds. A transformer's past is filled first, to its full window, and what it \
      reads of it counts with the weights. Weights that serve several samples of a block at once count for each of these \
      samples, so a share may exceed 100 %. Of a composer, a sample is a step of its network, one in a block; the weights of a \
      network with a window count for each element of the window.

      SHAPES:
        wavenet-64-256x30  wavenet-32-96x20  lstm-16  lstm-32  lstm-64  lstm-256  gru-64  lstm-512-window-50
        transformer-256x6-8-1024  spectrogram-lstm-5x128  spectrogram-lstm-5x128-causal  inverse-stft-1024-256
        cvae-64000  harmonic-64000  gan-note, and the same with -8-voices
        encoder-64x20-512, whose blocks are recordings of 16,384 samples

      EXAMPLES:
        cadenza bench
        cadenza bench all notes.safetensors
        cadenza bench wavenet-64-256x30 --weights bf16 --seconds 5
        taskset -c 1 cadenza bench notes.safetensors lstm-64 --json
        CADENZA_ISA=avx2 cadenza bench lstm-64
      """
  )

  @Argument(help: ArgumentHelp("Shapes, 'all' of them, and model files. (default: all)", valueName: "shape-or-model"))
  var subjects: [String] = []

  @Option(
    parsing: .upToNextOption,
    help:
      "How the weights of shapes are stored: f32, f16, bf16. (default: f32; the first shape and the transformer: more)"
  )
  var weights: [WeightStorage] = []

  @Option(parsing: .unconditional, help: "Time for each model, over all rounds.")
  var seconds: Double = 2

  @Option(parsing: .unconditional, help: ArgumentHelp("Rounds that the time is split into.", valueName: "n"))
  var rounds = 7

  @Option(parsing: .unconditional, help: ArgumentHelp("Samples in a block.", valueName: "n"))
  var block = 64

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Let model files play so many notes at once, 1 ... 64. (default: they play on their own)", valueName: "n"))
  var voices: Int?

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress bar.")
  var quiet = false

  func validate() throws {
    if !(seconds > 0 && seconds <= 3600) { throw ValidationError("--seconds takes a number above 0 and up to 3600") }
    if !(1...1000).contains(rounds) { throw ValidationError("--rounds takes 1 ... 1000, not \(rounds)") }
    if let voices, !InstrumentOptions.voiceCounts.contains(voices) {
      throw ValidationError("--voices takes 1 ... 64, not \(voices)")
    }
    if !(1...1_048_576).contains(block) { throw ValidationError("--block takes 1 ... 1,048,576, not \(block)") }
  }

  func run() throws {
    #if DEBUG
      StandardStreams.remark("cadenza: this is a debug build; its figures say nothing about a release build")
    #endif
    let subjects = try (subjects.isEmpty ? ["all"] : subjects).flatMap { try load($0) }
    let turn = seconds / Double(rounds)
    let progress = ProgressBar("measuring", total: (rounds + 1) * subjects.count, isQuiet: quiet)
    defer { progress.clear() }
    var done = 0
    for round in 0...rounds {
      for subject in subjects {
        progress.update(done, note: subject.name)
        try subject.round(seconds: round == 0 ? min(turn, 0.1) : turn, isWarmUp: round == 0)
        done += 1
      }
    }
    progress.clear()

    let results = subjects.map { $0.result() }
    let kernels = subjects.first?.model.instructionSet ?? ""
    if json {
      let document = JSON.object([
        ("version", .text("\(Version.string)")), ("processor", .text(Machine.processor)), ("instruction_set", .text(kernels)),
        ("rounds", .integer(rounds)), ("seconds", .number(seconds)), ("results", .list(results.map(\.json))),
      ])
      try StandardStreams.print(document.text)
    } else {
      let title = "cadenza \(Version.string), \(kernels) kernels, blocks of \(block), \(Machine.processor)"
      try StandardStreams.print(title + "\n\n" + BenchTable.text(results))
    }
  }

  private func load(_ argument: String) throws -> [BenchSubject] {
    if argument == "all" { return try BenchShape.all.flatMap(load) }
    if let shape = BenchShape.named(argument) { return try load(shape) }
    guard argument.contains("/") || argument.contains(".") || access(argument, F_OK) == 0 else {
      throw CommandFailure(
        .wrongUsage,
        "\"\(argument)\" is neither a model file nor a shape; the shapes are \(Text.list(BenchShape.all.map(\.name)))")
    }
    let name = argument.split(separator: "/").last.map(String.init) ?? argument
    return [
      try BenchSubject(name: name, weights: "file", block: block, voices: voices ?? 0) {
        try ModelLoading.load(argument)
      }
    ]
  }

  private func load(_ shape: BenchShape) throws -> [BenchSubject] {
    try (weights.isEmpty ? shape.weights : weights).map { weights in
      let bytes = RandomModel.bytes(of: shape, weights: weights)
      return try BenchSubject(
        name: shape.name, weights: weights.rawValue, block: block, voices: shape.voices, encodes: shape.encodes
      ) {
        try bytes.withUnsafeBytes { try Model(bytes: $0) }
      }
    }
  }
}
