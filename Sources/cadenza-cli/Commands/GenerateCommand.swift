import ArgumentParser
import Cadenza
import Glibc

/// `cadenza generate`: a model plays into a file or a pipe.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Let a model play, into a sound file or a pipe.",
    discussion: #"""
      The ending of the output's name chooses the format: .wav, .flac, .aiff, .au, .caf, .w64, .rf64, .ogg, .opus, .mp3. The \#
      file appears under its name once it is complete. Conditions that are not set keep the model's defaults; 'cadenza info' \#
      lists them.

      EXAMPLES:
        cadenza generate notes.safetensors --set pitch=60 -o note.wav
        cadenza generate notes.safetensors --seconds 3 -o chord.flac \
          --set pitch=60 --set pitch@1=64 --set pitch@2=67
        cadenza generate guitar.safetensors --pitch 55 --instrument guitar -o g.wav
        cadenza generate guitar.safetensors --notes song.mid -o song.wav \
          --latent random:1 --latent random:2
        cadenza generate timbres.safetensors --pitch 60 --morph flute.wav horn.wav -o between.wav
        cadenza generate notes.safetensors --seed random -o continued.wav \
          --prompt beginning.wav --keep-prompt
        cadenza generate notes.safetensors --seconds 60 -o - | aplay
        cadenza generate notes.safetensors --sample-rate 48000 -o studio.wav
        cadenza generate notes.safetensors --raw --format float -o - |
          ffmpeg -f f32le -ar 16000 -i - out.m4a
      """#
  )

  @Argument(help: "A model file (.safetensors).")
  var model: String

  @Option(
    parsing: .unconditional,
    help: "How long to play. (default: 5; with --notes, to the end of the last note and a second more)")
  var seconds: Double?

  @Option(name: .shortAndLong, help: "The sound file to write; '-' is standard output, as WAV.")
  var output = "out.wav"

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a condition; may be repeated. VALUE is a label, a class number, or numbers separated by commas; NAME@SECONDS "
        + "sets it at that moment.", valueName: "name=value"))
  var conditions: [ConditionArgument] = []

  @Option(help: ArgumentHelp("Short for --set pitch=PITCH: a MIDI pitch, 60 is middle C.", valueName: "pitch"))
  var pitch: Int?

  @Option(help: ArgumentHelp("Short for --set instrument=LABEL.", valueName: "label"))
  var instrument: String?

  @OptionGroup(title: "Latents")
  var latent: LatentOptions

  @OptionGroup(title: "Notes")
  var notes: NotesOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Sample rate of the output, 1,000 ... 768,000. (default: the model's)", valueName: "hz"))
  var sampleRate: Int?

  @Option(help: ArgumentHelp("A sound file to continue, at any sample rate; '-' is standard input.", valueName: "file"))
  var prompt: String?

  @Flag(help: "Begin the output with the prompt.")
  var keepPrompt = false

  @OptionGroup(title: "Sampling")
  var sampling: SamplingOptions

  @Option(help: "Bits a sample, where the file's format leaves the choice. (default: 16)")
  var format: SampleFormat?

  @Flag(help: "Write bare little-endian samples, without a header.")
  var raw = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Generate in blocks of N samples; the output does not depend on it.", valueName: "n"))
  var block = 512

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  func validate() throws {
    if let seconds, !(seconds > 0 && seconds <= 1e8) {
      throw ValidationError("--seconds takes a number above 0 and up to 100,000,000, not \(Text.plain(Float(seconds)))")
    }
    if output.isEmpty { throw ValidationError("--output takes the name of a file, not an empty one") }
    if !(1...1_048_576).contains(block) { throw ValidationError("--block takes 1 ... 1,048,576, not \(block)") }
    if let sampleRate, !SampleRateConverter.sampleRates.contains(sampleRate) {
      throw ValidationError("--sample-rate takes 1,000 ... 768,000 Hz, not \(sampleRate)")
    }
    if keepPrompt && prompt == nil { throw ValidationError("--keep-prompt needs --prompt") }
    if notes.path != nil {
      if prompt != nil { throw ValidationError("--notes and --prompt exclude each other: what plays notes continues nothing") }
      if pitch != nil { throw ValidationError("--notes and --pitch exclude each other: the notes have the pitches") }
    }
    if let pitch, !(0...127).contains(pitch) { throw ValidationError("--pitch takes 0 ... 127, not \(pitch)") }
  }

  func run() throws {
    if output == "-" && StandardStreams.isTerminal(STDOUT_FILENO) {
      throw CommandFailure(
        .wrongUsage, "standard output is a terminal; expected a pipe or a file, as in: cadenza generate \(model) -o - | aplay")
    }
    let model = try ModelLoading.load(model)
    if case .notes = model.configuration.codec {
      throw CommandFailure(
        "\"\(self.model)\" composes and plays no sound of its own; expected another model, or 'cadenza compose'")
    }
    let rate = sampleRate ?? model.sampleRate
    let notes = try notes.schedule(model: model, rate: rate)
    if notes != nil, let argument = conditions.first(where: { $0.name == "pitch" }) {
      throw CommandFailure(.wrongUsage, "--set pitch=\(argument.value) has no meaning with --notes: the notes have the pitches")
    }
    let schedule = try ConditionSchedule(shortcuts(for: model) + conditions, model: model, rate: rate)
    let seed = sampling.seed.draw()
    let prompt = try prompt.map { path throws in try SoundFileReader(path: path) }
    try prompt?.requireUsableRate()
    var options = sampling.streamOptions(for: model, seed: seed, block: block)
    options.sampleRate = rate
    options.inputSampleRate = prompt?.sampleRate ?? 0
    if notes != nil { options.voices = self.notes.voices }
    let stream: Stream
    do throws(Failure) {
      stream = try Stream(model: model, options: options)
    } catch {
      throw CommandFailure("\"\(self.model)\" cannot play\(notes == nil ? "" : " notes"): \(error.message)")
    }
    let frames: Int
    if let seconds {
      frames = max(1, Int((seconds * Double(rate)).rounded()))
    } else {
      frames = notes.map { $0.frames + rate } ?? 5 * rate
    }
    var score = HostScore(
      schedule: schedule, notes: notes, latents: try latent.path(for: model, frames: frames),
      morph: try latent.morph(
        for: model, values: try model.conditionValues(try shortcuts(for: model) + conditions.filter { $0.seconds == 0 }),
        frames: frames))

    var outputFrames = frames
    if keepPrompt, let prompt {
      outputFrames = prompt.frames.map { ($0 * rate + prompt.sampleRate - 1) / prompt.sampleRate + frames } ?? Int.max
    }
    let sink = try openSink(rate: rate, frames: outputFrames)
    var clipped = 0
    var repeated = 0
    if let prompt { repeated = try feed(prompt, to: stream, score: &score, sink: keepPrompt ? sink : nil) }
    let elapsed = try play(stream, frames: frames + repeated, score: &score, sink: sink, clipped: &clipped)
    try sink.finish()

    guard !quiet else { return }
    let length = Double(frames) / Double(rate)
    StandardStreams.remark(
      "\(Text.fixed(length, 2)) s to \(output == "-" ? "standard output" : Text.printable(output)) in "
        + "\(Text.fixed(elapsed, 2)) s: \(Text.significant(length / elapsed)) x real time, seed \(seed)")
    if clipped > 0 && format != .float {
      StandardStreams.remark("\(Text.grouped(clipped)) samples beyond -1 ... 1 were clipped; a lower --gain avoids it")
    }
  }

  /// What `--pitch` and `--instrument` stand for.
  private func shortcuts(for model: Model) throws -> [ConditionArgument] {
    var arguments: [ConditionArgument] = []
    if let pitch { arguments.append(ConditionArgument(name: "pitch", value: try pitchClass(pitch, of: model))) }
    if let instrument { arguments.append(ConditionArgument(name: "instrument", value: instrument)) }
    return arguments
  }

  /// The class of a MIDI pitch: its label, where the model's classes have labels.
  private func pitchClass(_ pitch: Int, of model: Model) throws -> String {
    let condition = model.configuration.conditions.first { $0.name == "pitch" }
    if let condition, case .classes(let labels, _) = condition.kind, !labels.isEmpty, !labels.contains(String(pitch)) {
      throw CommandFailure(
        .wrongUsage, "the model knows no pitch \(pitch); expected one of \(Text.list(labels.map { Text.printable($0) }))")
    }
    return String(pitch)
  }

  /// `frames` Int.max: not known.
  private func openSink(rate: Int, frames: Int) throws -> any AudioSink {
    if output == "-" {
      return try SampleStreamWriter(output: nil, format: format ?? .pcm16, header: !raw, sampleRate: rate, frames: frames)
    }
    if raw {
      let file = try OutputFile(path: output)
      return try SampleStreamWriter(output: file, format: format ?? .pcm16, header: false, sampleRate: rate, frames: frames)
    }
    return try AudioOutput.open(path: output, format: format, rate: rate, frames: frames)
  }

  /// The stream hears the prompt under the conditions that hold at the beginning. Returns how many frames of its end were not written,
  /// because the stream plays them itself, fading into what it goes on with.
  private func feed(
    _ prompt: SoundFileReader, to stream: Stream, score: inout HostScore, sink: (any AudioSink)?
  ) throws -> Int {
    _ = try score.apply(to: stream, at: 0, limit: 1)
    let converter = try SampleRateConverter(from: prompt.sampleRate, to: stream.sampleRate)
    let progress = ProgressBar("listening", total: prompt.frames ?? 0, isQuiet: quiet)
    defer { progress.clear() }
    var samples: [Float] = []
    /// What may be left out.
    var kept: [Float] = []
    var position = 0
    while true {
      try Interruption.check()
      try prompt.read(into: &samples, limit: 4096)
      if samples.isEmpty { break }
      try samples.withUnsafeBufferPointer { samples in
        guard let base = samples.baseAddress else { return }
        let status = stream.prime(base, frames: samples.count)
        if status == .invalidArgument {
          throw CommandFailure("\"\(prompt.path)\" holds a sample that is not finite, after \(position) frames")
        }
        if status.rawValue < 0 { throw CommandFailure("cannot listen to \"\(prompt.path)\": \(status.phrase)") }
        let converted = converter.convert(samples)
        if stream.primedOverlap > 0 { kept += converted } else { try sink?.write(converted) }
      }
      position += samples.count
      progress.update(position)
    }
    let status = stream.endAudio()
    if status.rawValue < 0 { throw CommandFailure("cannot listen to \"\(prompt.path)\": \(status.phrase)") }
    if stream.primedOverlap == 0 {
      try sink?.write(converter.finish())
      return 0
    }
    kept += converter.finish()
    guard let sink else { return 0 }
    let overlap = (stream.primedOverlap * stream.sampleRate + stream.model.sampleRate / 2) / stream.model.sampleRate
    let repeated = min(overlap, kept.count)
    try kept.withUnsafeBufferPointer { try sink.write(UnsafeBufferPointer(rebasing: $0.dropLast(repeated))) }
    return repeated
  }

  /// Returns the seconds spent generating, without writing. The frames before the stream's latency are left out: what is
  /// written begins with what the model generates first, and a condition for a moment is heard at that moment.
  private func play(
    _ stream: Stream, frames: Int, score: inout HostScore, sink: any AudioSink, clipped: inout Int
  ) throws -> Double {
    let rate = Double(stream.sampleRate)
    let end = frames + stream.latency
    let progress = ProgressBar("generating", total: frames, isQuiet: quiet)
    defer { progress.clear() }
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: block)
    defer { buffer.deallocate() }
    guard let base = buffer.baseAddress else { return 0 }
    var position = 0
    var elapsed = 0.0
    while position < end {
      try Interruption.check()
      let count = try score.apply(to: stream, at: position, limit: min(block, end - position))
      let start = Clock.nanoseconds()
      let status = stream.generate(into: base, frames: count)
      elapsed += Clock.seconds(since: start)
      if status.rawValue < 0 {
        throw CommandFailure("generating stopped after \(Text.fixed(Double(position) / rate, 3)) s: \(status.phrase)")
      }
      let late = min(count, max(0, stream.latency - position))
      let samples = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(buffer)[late..<count])
      for sample in samples where sample.magnitude > 1 { clipped += 1 }
      try sink.write(samples)
      position += count
      let written = max(0, position - stream.latency)
      progress.update(
        written,
        note: "\(Text.fixed(Double(written) / rate, 1)) s, \(Text.significant(Double(written) / rate / elapsed)) x real time")
      if status == .end { break }
    }
    return elapsed
  }
}
