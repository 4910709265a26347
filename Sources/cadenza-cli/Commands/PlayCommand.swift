import ArgumentParser
import Cadenza
import Glibc

/// `cadenza play`: a model plays to the sound card, and keys change how.
struct PlayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "play",
    abstract: "Let a model play to the sound card, and change it with keys.",
    discussion: #"""
      It plays until q, Ctrl-C or --seconds. A composer plays with --instrument, and its notes are printed. With --voices the \#
      model plays what the keys z to m ask for.

      KEYS:
        space   freeze, and play on     t T    lower and higher temperature
        r       begin anew, with the    k K    narrower and wider top-k
                next seed               p P    narrower and wider top-p
        q       quit                    g G    softer and louder, 1 dB
        [ ]     choose a condition, as do 1 ... 9 and the arrows to the sides
        - +     change it, as do the arrows up and down: the next class, or 0.1
        s S     slower and faster, of a composer
        z x c v b n m   with --voices: C D E F G A B, with shift a semitone higher
        , .     with --voices: an octave lower and higher

      Keys are read from standard input where it is a terminal or a pipe.

      EXAMPLES:
        cadenza play notes.safetensors --set instrument=electric_piano
        cadenza play notes.safetensors --voices 4
        cadenza play chorales.safetensors --instrument notes.safetensors
        cadenza play --list-devices
      """#
  )

  @Argument(help: "A model file (.safetensors).")
  var model: String?

  @Option(parsing: .unconditional, help: "How long to play. (default: until you stop it)")
  var seconds: Double?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a condition; may be repeated. VALUE is a label, a class number, or numbers separated by commas.",
      valueName: "name=value"))
  var conditions: [ConditionArgument] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Play notes with keys, so many at once, 1 ... 64.", valueName: "n"))
  var voices: Int?

  @Flag(help: "Print at the end, as JSON, what was played and how.")
  var json = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  @OptionGroup(title: "Sampling")
  var sampling: SamplingOptions

  @OptionGroup(title: "Sound device")
  var sound: DeviceOptions

  @OptionGroup(title: "Composers")
  var composing: ComposerOptions

  /// What it is heard on.
  struct DeviceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Its number, its name, or a part of that. (default: the system's)", valueName: "name"))
    var device: String?

    @Flag(help: "List what there is, and end; with --json as JSON.")
    var listDevices = false

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Sample rate to play at, 1,000 ... 768,000. (default: the device's)", valueName: "hz"))
    var sampleRate: Int?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Frames that the device asks for at a time. (default: its choice)", valueName: "n"))
    var blockSize: Int?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Generate so many frames ahead, for a model that is slow at times.", valueName: "frames"))
    var renderAhead: Int?

    func validate() throws {
      if let sampleRate, !SampleRateConverter.sampleRates.contains(sampleRate) {
        throw ValidationError("--sample-rate takes 1,000 ... 768,000 Hz, not \(sampleRate)")
      }
      if let blockSize, !(1...65_536).contains(blockSize) {
        throw ValidationError("--block-size takes 1 ... 65,536, not \(blockSize)")
      }
      if let renderAhead, !(0...StreamOptions.maximumRenderAheadFrames).contains(renderAhead) {
        throw ValidationError(
          "--render-ahead takes 0 ... \(Text.grouped(StreamOptions.maximumRenderAheadFrames)), not \(renderAhead)")
      }
    }
  }

  /// What plays a composer's notes.
  struct ComposerOptions: ParsableArguments {
    @OptionGroup
    var instrument: ComposerInstrumentOptions

    @Option(parsing: .unconditional, help: "Beats a minute, 10 ... 1,000. (default: the model's)")
    var tempo: Float?

    @Option(parsing: .unconditional, help: ArgumentHelp("Semitones to add to every pitch.", valueName: "n"))
    var transpose = 0

    func validate() throws {
      if let tempo, !Parameter.tempo.accepts(tempo) {
        throw ValidationError("--tempo takes 10 ... 1,000, not \(Text.plain(tempo))")
      }
      if !(-127...127).contains(transpose) { throw ValidationError("--transpose takes -127 ... 127, not \(transpose)") }
    }
  }

  /// Milliseconds between two looks at the keys.
  private static let rest: Int32 = 20
  /// Seconds that a device has, once it is asked to end, to take the last sound.
  private static let longestEnd = 1.0
  /// Seconds for which a device may ask for nothing before it is given up.
  private static let patience = 10.0

  func validate() throws {
    if sound.listDevices { return }
    if model == nil { throw ValidationError("expected a model file, as in: cadenza play notes.safetensors") }
    if let seconds, !(seconds > 0 && seconds <= 1e8) {
      throw ValidationError("--seconds takes a number above 0 and up to 100,000,000, not \(Text.plain(Float(seconds)))")
    }
    if let voices, !(1...64).contains(voices) { throw ValidationError("--voices takes 1 ... 64, not \(voices)") }
  }

  func run() throws {
    StandardStreams.silenceLibraries()
    if sound.listDevices { return try listDevices() }
    let path = model ?? ""
    let model = try ModelLoading.load(path)
    try checkWhatPlays(model, path: path)
    let instrument = try instrument(for: model, path: path)
    let device = try SoundDevice(sound.device)
    let rate = sound.sampleRate ?? device.description.sampleRate
    var schedule = try ConditionSchedule(conditions, model: model, rate: rate)
    try schedule.requireStatic()
    try device.check(rate: rate)

    let seed = sampling.seed.draw()
    var options = sampling.streamOptions(for: model, seed: seed, block: sound.blockSize ?? 4096)
    options.sampleRate = rate
    options.voices = voices ?? 0
    options.renderAheadFrames = sound.renderAhead ?? 0
    let stream = try Stream(model: model, options: options)
    if let tempo = composing.tempo {
      let status = stream.setParameter(.tempo, tempo)
      if status.rawValue < 0 { throw CommandFailure("the tempo could not be set: \(status.phrase)") }
    }
    try instrument?.apply(to: stream)
    _ = try schedule.apply(to: stream, at: 0)

    let frames = seconds.map { max(1, Int(($0 * Double(rate)).rounded())) } ?? Int.max
    let output = LiveOutput(stream: stream, frames: frames)
    var controls = LiveControls(
      stream: stream, output: output, values: try values(for: model), seed: seed, hasPiano: voices != nil)
    let interruption = try play(device, rate: rate, schedule: &schedule, controls: &controls, path: path)
    try report(output, controls: controls, device: device.description, rate: rate, path: path)
    if let interruption { throw interruption }
  }

  private func listDevices() throws {
    let devices = try SoundDevice.list()
    if json { return try StandardStreams.print(JSON.list(devices.map(\.json)).text) }
    if devices.isEmpty { StandardStreams.remark("there is no sound device to play on") }
    for device in devices {
      try StandardStreams.print(
        "\(Text.padded(String(device.number), 3, right: true))  \(Text.padded(Text.printable(device.name), 40))  "
          + "\(device.system), \(device.channels) channels, \(Text.grouped(device.sampleRate)) Hz"
          + (device.isDefault ? ", default" : ""))
    }
  }

  private func checkWhatPlays(_ model: Model, path: String) throws(CommandFailure) {
    if model.isComposer {
      if composing.instrument.path == nil {
        throw CommandFailure(
          .wrongUsage,
          "\"\(path)\" composes and plays no sound of its own; expected --instrument with a model that plays its notes")
      }
      if voices != nil { throw CommandFailure(.wrongUsage, "--voices is for a model of sound, and \"\(path)\" composes") }
    } else if composing.instrument.path != nil || composing.tempo != nil || composing.transpose != 0 {
      throw CommandFailure(
        .wrongUsage, "\"\(path)\" plays sound and does not compose; --instrument, --tempo and --transpose are for composers")
    }
  }

  private func instrument(for model: Model, path: String) throws -> InstrumentSetup? {
    guard model.isComposer else { return nil }
    return try composing.instrument.setup(for: try ComposerModel(model, path: path), transpose: composing.transpose)
  }

  /// What the conditions begin with: what --set says last, or else the model's defaults.
  private func values(for model: Model) throws(CommandFailure) -> [[Float]] {
    let known = model.configuration.conditions
    var values = known.map(\.defaultValue)
    for argument in conditions {
      let value = try ConditionValue(argument, conditions: known)
      values[value.index] = value.values.suffix(values[value.index].count)
    }
    return values
  }

  /// Plays to the end; returns the signal that ended it.
  private func play(
    _ device: SoundDevice, rate: Int, schedule: inout ConditionSchedule, controls: inout LiveControls, path: String
  ) throws -> Interrupted? {
    let output = controls.output
    let keys = KeyReader()
    var status = StatusLine(isQuiet: quiet)
    defer {
      device.close()
      RawTerminal.leave()
      status.clear()
    }
    let composer = controls.stream.model.isComposer ? try ComposerModel(controls.stream.model, path: path) : nil
    // What a pipe holds already was pressed before the music begins.
    var goesOn = true
    if !StandardStreams.isTerminal(STDIN_FILENO) { goesOn = press(keys.wait(milliseconds: 0), &controls) }
    if goesOn { try device.start(output, rate: rate, block: sound.blockSize ?? 0) }
    if !quiet {
      StandardStreams.remark(
        "\(Text.printable(path)) on \(Text.printable(device.description.name)), \(device.description.system), at "
          + "\(Text.grouped(rate)) Hz, heard after \(Text.fixed(device.latency * 1000, 0)) ms")
      if keys.isListening { StandardStreams.remark(controls.help) }
    }
    var interruption: Interrupted?
    var lastFrames = -1
    var lastMoved = Clock.nanoseconds()
    var ending = Clock.nanoseconds()
    while goesOn || !output.isFinished && device.isPlaying && Clock.seconds(since: ending) < PlayCommand.longestEnd {
      if goesOn {
        goesOn = press(keys.wait(milliseconds: PlayCommand.rest), &controls)
        do throws(Interrupted) { try Interruption.check() } catch {
          interruption = error
          goesOn = false
        }
        if !goesOn {
          ending = Clock.nanoseconds()
          _ = output.commands.write(LiveCommand(kind: .finish))
        }
      } else {
        poll(nil, 0, 1)
      }
      _ = try schedule.apply(to: controls.stream, at: output.figures.frames)
      controls.endNotes(now: Double(Clock.nanoseconds()) * 1e-9)
      printNotes(output, voices: composer?.voiceNames ?? [], status: &status)
      status.update(output, controls: controls, rate: rate)
      let frames = output.figures.frames
      if output.failure.rawValue < 0 {
        throw CommandFailure(
          "playing stopped after \(Text.fixed(Double(frames) / Double(rate), 3)) s: \(output.failure.phrase)")
      }
      if frames != lastFrames {
        lastFrames = frames
        lastMoved = Clock.nanoseconds()
      }
      let isLost = !device.isPlaying && !output.isFinished
      if isLost || Clock.seconds(since: lastMoved) > PlayCommand.patience {
        device.abandon()
        throw CommandFailure(
          "the sound device \"\(device.description.name)\" takes no more sound, after "
            + "\(Text.fixed(Double(frames) / Double(rate), 1)) s")
      }
      if output.isFinished { goesOn = false }
    }
    if output.isFinished {
      waitForTheLastSound(device)
    } else if device.isPlaying {
      // It does not even take the end.
      device.abandon()
    }
    printNotes(output, voices: composer?.voiceNames ?? [], status: &status)
    return interruption
  }

  /// What the device has taken is heard to its end.
  private func waitForTheLastSound(_ device: SoundDevice) {
    let start = Clock.nanoseconds()
    while device.isPlaying && Clock.seconds(since: start) < device.latency + 0.5 { poll(nil, 0, 5) }
  }

  /// Returns whether to go on.
  private func press(_ pressed: [Key], _ controls: inout LiveControls) -> Bool {
    let now = Double(Clock.nanoseconds()) * 1e-9
    for key in pressed where !controls.press(key, now: now) { return false }
    return true
  }

  private func printNotes(_ output: LiveOutput, voices: [String], status: inout StatusLine) {
    while let note = output.notes.read() {
      guard note.kind == .noteOn, !quiet else { continue }
      status.clear()
      StandardStreams.remark(
        NoteLine.text(
          beat: note.beat, voice: Int(note.voice), pitch: Int(note.pitch) + composing.transpose,
          velocity: Int((note.velocity * 127).rounded()), voices: voices))
    }
  }

  private func report(
    _ output: LiveOutput, controls: LiveControls, device: SoundDeviceDescription, rate: Int, path: String
  ) throws {
    let figures = output.figures
    let length = Double(figures.frames) / Double(rate)
    let generated = Double(figures.generatedFrames) / Double(rate)
    let load = generated > 0 ? figures.busySeconds / generated : 0
    if json { try printDocument(figures, controls: controls, device: device, rate: rate, path: path, load: load) }
    guard !quiet else { return }
    StandardStreams.remark(
      "\(Text.fixed(length, 2)) s on \(Text.printable(device.name)): generating took \(Text.significant(load * 100)) % of the "
        + "time, \(Text.significant(figures.worstLoad * 100)) % of the slowest block's, seed \(controls.seed)")
    if figures.underruns > 0 {
      StandardStreams.remark(
        "\(Text.grouped(figures.underruns)) times the sound came too late and was interrupted"
          + (load > 0.5
            ? "; --render-ahead or a smaller model avoids it" : "; a larger --block-size or --render-ahead avoids it"))
    }
    if figures.clipped > 0 {
      StandardStreams.remark("\(Text.grouped(figures.clipped)) samples beyond -1 ... 1 were clipped; a lower gain avoids it")
    }
    if figures.lostNotes > 0 { StandardStreams.remark("some notes were not printed: more happened than are kept") }
  }

  private func printDocument(
    _ figures: LiveOutput.Figures, controls: LiveControls, device: SoundDeviceDescription, rate: Int, path: String, load: Double
  ) throws {
    let stream = controls.stream
    var settings: [(key: String, value: JSON)] = []
    for condition in controls.conditions {
      let value = controls.values[condition.index][condition.component]
      settings.append((condition.name, condition.classCount == nil ? .float(value) : .text(condition.text(value))))
    }
    let document = JSON.object([
      ("model", .text(path)), ("device", device.json), ("sample_rate", .integer(rate)), ("frames", .integer(figures.frames)),
      ("generated_frames", .integer(figures.generatedFrames)), ("latency_frames", .integer(stream.latency)),
      ("seed", .text(String(controls.seed))), ("temperature", .float(stream.parameter(.temperature))),
      ("top_k", .integer(Int(stream.parameter(.topK)))), ("top_p", .float(stream.parameter(.topP))),
      ("gain", .float(stream.parameter(.gain))), ("tempo", stream.has(.tempo) ? .float(stream.parameter(.tempo)) : .null),
      ("conditions", .object(settings)), ("load", .number(load)), ("worst_load", .number(figures.worstLoad)),
      ("underruns", .integer(figures.underruns)), ("clipped", .integer(figures.clipped)),
    ])
    try StandardStreams.print(document.text)
  }
}
