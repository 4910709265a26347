import ArgumentParser
import Cadenza
import CadenzaMidi
import Glibc

/// `cadenza compose`: a composer writes a piece, as notes and, played by an instrument, as sound.
struct ComposeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compose",
    abstract: "Let a composer write a piece, into a MIDI file and as sound.",
    discussion: #"""
      Without --bars and --seconds it writes until the model ends its piece, 32 bars at most. The files appear under their names \#
      once they are complete. An instrument is a model that plays notes, one with a condition 'pitch'; a sound font is played by \#
      libfluidsynth. VOICE is a voice's name or its number, from 0; 'cadenza info' lists them.

      EXAMPLES:
        cadenza compose chorales.safetensors -o chorale.mid --seed 7
        cadenza compose chorales.safetensors -o chorale.mid --tempo 80 \
          --instrument notes.safetensors --set-instrument instrument=piano \
          --set-instrument bass:instrument=electric_bass --wav chorale.wav
        cadenza compose chorales.safetensors -o whole.mid --bars 8 \
          --prompt beginning.mid --prompt-bars 2 --keep-prompt
        cadenza compose performance.safetensors -o piece.mid --seconds 60 \
          --soundfont FluidR3_GM.sf2 --wav piece.flac
      """#
  )

  @Argument(help: "A model file (.safetensors) of a composer.")
  var model: String

  @Option(name: .shortAndLong, help: "The MIDI file to write; '-' is standard output.")
  var output = "out.mid"

  @Option(parsing: .unconditional, help: ArgumentHelp("How many bars to write.", valueName: "n"))
  var bars: Int?

  @Option(parsing: .unconditional, help: "How long a piece to write.")
  var seconds: Double?

  @Option(parsing: .unconditional, help: "Beats a minute, 10 ... 1,000. (default: the model's)")
  var tempo: Float?

  @Option(parsing: .unconditional, help: ArgumentHelp("Semitones to add to every pitch.", valueName: "n"))
  var transpose = 0

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a condition; may be repeated. VALUE is a label, a class number, or numbers separated by commas; NAME@SECONDS "
        + "sets it at that moment.", valueName: "name=value"))
  var conditions: [ConditionArgument] = []

  @Flag(name: .shortAndLong, help: "Print the notes on standard error as they are composed.")
  var verbose = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  @Option(help: ArgumentHelp("A MIDI file to continue; '-' is standard input.", valueName: "file"))
  var prompt: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Continue its first N bars only.", valueName: "n"))
  var promptBars: Int?

  @Flag(help: "Begin the MIDI file, and what a sound font plays, with the prompt.")
  var keepPrompt = false

  @OptionGroup(title: "Sampling")
  var sampling: SamplingOptions

  @OptionGroup(title: "Sound")
  var sound: SoundOptions

  /// How the piece is heard.
  struct SoundOptions: ParsableArguments {
    @OptionGroup
    var instrument: ComposerInstrumentOptions

    @Option(help: ArgumentHelp("A sound font (.sf2) to play the notes.", valueName: "file"))
    var soundfont: String?

    @Option(help: ArgumentHelp("The sound file to write. (default: the MIDI file's name, as .wav)", valueName: "file"))
    var wav: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Sample rate of the sound, 1,000 ... 768,000. (default: 48,000)", valueName: "hz"))
    var sampleRate: Int?

    @Option(help: "Bits a sample, where the file's format leaves the choice. (default: 16)")
    var format: SampleFormat?

    var isHeard: Bool { instrument.path != nil || soundfont != nil }

    func validate() throws {
      if instrument.path != nil && soundfont != nil {
        throw ValidationError("--instrument and --soundfont both play the notes; expected one of them")
      }
      if wav != nil && !isHeard { throw ValidationError("--wav needs --instrument or --soundfont, to play the notes") }
      if wav == "-" || wav == "" { throw ValidationError("--wav takes the name of a file, not \"\(wav ?? "")\"") }
      if let sampleRate, !SampleRateConverter.sampleRates.contains(sampleRate) {
        throw ValidationError("--sample-rate takes 1,000 ... 768,000 Hz, not \(sampleRate)")
      }
    }
  }

  /// Bars that are written where nobody says how many and the model does not end its piece.
  private static let defaultBars = 32
  /// Frames of a block.
  private static let block = 512
  /// What sounds on after a piece's end is heard until it is gone, this many seconds at most.
  private static let longestTail = 3.0

  func validate() throws {
    if bars != nil && seconds != nil { throw ValidationError("--bars and --seconds both say how long; expected one of them") }
    if let bars, !(1...100_000).contains(bars) { throw ValidationError("--bars takes 1 ... 100,000, not \(bars)") }
    if let seconds, !(seconds > 0 && seconds <= 1e6) {
      throw ValidationError("--seconds takes a number above 0 and up to 1,000,000, not \(Text.plain(Float(seconds)))")
    }
    if let tempo, !Parameter.tempo.accepts(tempo) {
      throw ValidationError("--tempo takes 10 ... 1,000, not \(Text.plain(tempo))")
    }
    if !(-127...127).contains(transpose) { throw ValidationError("--transpose takes -127 ... 127, not \(transpose)") }
    if output.isEmpty { throw ValidationError("--output takes the name of a file, not an empty one") }
    if output == "-" && sound.isHeard && sound.wav == nil {
      throw ValidationError("--wav is needed where the MIDI file goes to standard output")
    }
    if prompt == nil && (keepPrompt || promptBars != nil) {
      throw ValidationError("--keep-prompt and --prompt-bars need --prompt")
    }
    if keepPrompt && sound.instrument.path != nil {
      throw ValidationError("--keep-prompt has no meaning for --instrument, which plays what is composed only")
    }
    if let promptBars, promptBars < 1 { throw ValidationError("--prompt-bars takes 1 or more, not \(promptBars)") }
  }

  /// What is composed, and how far it goes.
  private struct Composition {
    var score: Score
    /// Beats of the prompt: the stream's beat 0 comes so much earlier than what is composed first.
    var promptBeats = 0.0
    /// What the score's beats begin at, in the stream's.
    var origin = 0.0
    /// Where the piece is over, in the score's beats.
    var endBeat = 0.0
    var hasEnded = false
    var lostBlocks = 0
    /// Samples of the sound beyond −1 … 1.
    var clipped = 0
  }

  func run() throws {
    if output == "-" && StandardStreams.isTerminal(STDOUT_FILENO) {
      throw CommandFailure(
        .wrongUsage, "standard output is a terminal; expected a pipe or a file, as in: cadenza compose \(model) -o out.mid")
    }
    let loaded = try ModelLoading.load(model)
    let composer = try ComposerModel(loaded, path: model)
    let rate = sound.sampleRate ?? loaded.sampleRate
    let tempo = self.tempo ?? Float(composer.codec.tempo)
    let instrument = try sound.instrument.setup(for: composer, transpose: transpose)
    let font = try sound.soundfont.map { path throws(CommandFailure) in try SoundFont(path: path, sampleRate: rate) }
    let file = try prompt.map { try MidiInput.read($0) }
    let piece = try file.map { file throws(CommandFailure) in
      try MidiPiece(file, for: composer, bars: promptBars, path: prompt ?? "")
    }
    var schedule = try ConditionSchedule(conditions, model: loaded, rate: rate)
    let seed = sampling.seed.draw()

    var options = sampling.streamOptions(for: loaded, seed: seed, block: ComposeCommand.block)
    options.sampleRate = rate
    let stream = try Stream(model: loaded, options: options)
    let status = stream.setParameter(.tempo, tempo)
    if status.rawValue < 0 { throw CommandFailure("the tempo could not be set: \(status.phrase)") }
    try instrument?.apply(to: stream)

    var composition = Composition(score: Score(composer, tempo: Double(tempo), transpose: transpose))
    if let file, !composer.countsSeconds, let signature = file.timeSignature(beforeBar: promptBars) {
      composition.score.numerator = signature.numerator
      composition.score.denominatorPower = signature.denominatorPower
    }
    let frames = lengthInFrames(tempo: Double(tempo), rate: rate, score: composition.score)
    let midi = output == "-" ? nil : try OutputFile(path: output)
    let sink = try soundPath.map { path in
      // A sound font sounds on for a while that is not known; nor is it when the model ends its piece.
      try AudioOutput.open(path: path, format: sound.format, rate: rate, frames: Int.max)
    }
    if let piece { try prime(stream, with: piece, schedule: &schedule, tempo: tempo, composition: &composition) }
    let elapsed = try play(
      stream, frames: frames, tempo: Double(tempo), schedule: &schedule, sink: instrument == nil ? nil : sink,
      composition: &composition)
    if let font, let sink {
      composition.clipped = try SoundFontPlayer.play(
        composition.score, endBeat: composition.endBeat, on: font, rate: rate, gain: sampling.gain, sink: sink,
        isQuiet: quiet)
    }
    try write(composition, to: midi)
    try sink?.finish()
    try midi?.commit()
    if !quiet { report(composition, tempo: Double(tempo), elapsed: elapsed, seed: seed) }
  }

  /// nil: the piece is not heard.
  private var soundPath: String? {
    guard sound.isHeard else { return nil }
    if let wav = sound.wav { return wav }
    let ending = output.lastIndex(of: ".")
    let isEnding = ending.map { !output[$0...].contains("/") && $0 != output.startIndex } ?? false
    return (isEnding ? String(output[..<(ending ?? output.endIndex)]) : output) + ".wav"
  }

  private func lengthInFrames(tempo: Double, rate: Int, score: Score) -> Int {
    if let seconds { return max(1, Int((seconds * Double(rate)).rounded())) }
    let beatsPerBar = 4 * Double(score.numerator) / Double(1 << Int(score.denominatorPower))
    let beats = Double(bars ?? ComposeCommand.defaultBars) * beatsPerBar
    return max(1, Int((beats * 60 / tempo * Double(rate)).rounded()))
  }

  /// The stream takes the prompt under the conditions that hold at the beginning.
  private func prime(
    _ stream: Stream, with piece: MidiPiece, schedule: inout ConditionSchedule, tempo: Float, composition: inout Composition
  ) throws {
    _ = try schedule.apply(to: stream, at: 0)
    let (events, frames) = piece.events(rate: stream.sampleRate, tempo: tempo)
    let status = events.withUnsafeBufferPointer { events in
      stream.primeEvents(events.baseAddress, count: events.count, frames: frames)
    }
    if status.rawValue < 0 { throw CommandFailure("cannot continue \"\(prompt ?? "")\": \(status.phrase)") }
    composition.promptBeats = piece.beats
    composition.origin = keepPrompt ? 0 : piece.beats
    composition.endBeat = keepPrompt ? piece.beats : 0
    guard keepPrompt else { return }
    func beat(_ tick: Int) -> Double { Double(tick) / Double(piece.ticksPerBeat) }
    for note in piece.notes {
      composition.score.add(
        Score.Note(
          start: beat(note.start), end: beat(note.end), voice: note.voice, pitch: note.pitch, velocity: note.velocity))
    }
  }

  /// Returns the seconds spent composing and playing, without writing. The frames before the stream's latency are left out, so that
  /// a note sounds when the MIDI file says so.
  private func play(
    _ stream: Stream, frames: Int, tempo: Double, schedule: inout ConditionSchedule, sink: (any AudioSink)?,
    composition: inout Composition
  ) throws -> Double {
    let rate = Double(stream.sampleRate)
    let progress = ProgressBar("composing", total: frames, isQuiet: quiet || verbose)
    defer { progress.clear() }
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: ComposeCommand.block)
    defer { buffer.deallocate() }
    let events = UnsafeMutableBufferPointer<NoteEvent>.allocate(capacity: 4096)
    defer { events.deallocate() }
    guard let base = buffer.baseAddress, let eventBase = events.baseAddress else { return 0 }
    // A piece that is cut off fades out, so that nothing clicks.
    let fade = max(1, min(frames, stream.sampleRate / 50))
    let tail = Int(ComposeCommand.longestTail * rate) + stream.latency
    var end = sink == nil ? frames : frames + stream.latency
    var position = 0
    var silentFrames = 0
    var elapsed = 0.0
    while position < end {
      try Interruption.check()
      let quiet = try schedule.apply(to: stream, at: position)
      // What happens behind the piece's end is not a part of it.
      let limit = position < frames ? frames : end
      let count = min(ComposeCommand.block, limit - position, quiet)
      let start = Clock.nanoseconds()
      let status = stream.generate(into: base, frames: count)
      elapsed += Clock.seconds(since: start)
      if status.rawValue < 0 {
        throw CommandFailure("composing stopped after \(Text.fixed(Double(position) / rate, 3)) s: \(status.phrase)")
      }
      if position < frames && !composition.hasEnded {
        var eventCount = 0
        let reading = stream.readEvents(into: eventBase, capacity: events.count, count: &eventCount)
        if reading.rawValue < 0 { throw CommandFailure("the notes could not be read: \(reading.phrase)") }
        if reading.rawValue > 0 { composition.lostBlocks += 1 }
        for event in events[..<eventCount] { take(event, into: &composition) }
        if composition.hasEnded { end = sink == nil ? position + count : position + count + tail }
      }
      position += count
      if let sink {
        let late = min(count, max(0, stream.latency - (position - count)))
        let samples = UnsafeMutableBufferPointer(rebasing: buffer[late..<count])
        if !composition.hasEnded {
          // The sound that is written ends at `frames`.
          let left = frames + stream.latency - position + samples.count
          for index in samples.indices where left - index <= fade {
            samples[index] *= Float(left - index - 1) / Float(fade)
          }
        }
        for sample in samples where sample.magnitude > 1 { composition.clipped += 1 }
        try sink.write(UnsafeBufferPointer(samples))
        silentFrames = samples.allSatisfy { $0.magnitude < 1e-4 } ? silentFrames + count : 0
        // More than the latency: all that was played has been heard.
        if composition.hasEnded && silentFrames > stream.sampleRate / 4 + stream.latency { break }
      } else if composition.hasEnded {
        break
      }
      progress.update(
        min(position, frames),
        note: "\(Text.fixed(Double(position) / rate, 1)) s, "
          + "\(Text.significant(Double(position) / rate / elapsed)) x real time")
    }
    if !composition.hasEnded {
      composition.endBeat = composition.promptBeats - composition.origin + Double(frames) / rate * tempo / 60
    }
    composition.score.finish(beat: composition.endBeat)
    return elapsed
  }

  private func take(_ event: NoteEvent, into composition: inout Composition) {
    let beat = event.beat - composition.origin
    let voice = Int(event.voice)
    let pitch = Int(event.pitch)
    if event.kind == .noteOn {
      let velocity = Int((event.velocity * 127).rounded())
      // What the prompt's end cut sounds on.
      let isContinued = keepPrompt && event.beat == composition.promptBeats
      if !(isContinued && composition.score.resume(voice: voice, pitch: pitch, beat: beat)) {
        composition.score.begin(voice: voice, pitch: pitch, velocity: velocity, beat: beat)
      }
      if verbose {
        StandardStreams.remark(
          NoteLine.text(
            beat: beat, voice: voice, pitch: composition.score.sounding(pitch), velocity: velocity,
            voices: composition.score.voiceNames))
      }
    } else if event.kind == .noteOff {
      composition.score.end(voice: voice, pitch: pitch, beat: beat)
    } else {
      composition.hasEnded = true
      // Of an end event, beat says 0 in the header's words; the last thing that happened tells when it is.
      composition.endBeat = max(beat, composition.score.lastBeat)
    }
  }

  private func write(_ composition: Composition, to file: OutputFile?) throws {
    let bytes = composition.score.midiFile(endBeat: composition.endBeat).bytes
    try bytes.withUnsafeBytes { bytes in
      try StandardStreams.write(
        bytes, to: file?.descriptor ?? STDOUT_FILENO, name: file.map { "\"\($0.path)\"" } ?? "standard output")
    }
  }

  private func report(_ composition: Composition, tempo: Double, elapsed: Double, seed: UInt64) {
    let beats = composition.endBeat - (composition.promptBeats - composition.origin)
    let seconds = beats * 60 / tempo
    let places = [output == "-" ? "standard output" : output, soundPath].compactMap { $0 }.map { Text.printable($0) }
    let noteCount = composition.score.notes.count
    StandardStreams.remark(
      "\(Text.grouped(noteCount)) notes in \(Text.significant(beats)) beats, \(Text.fixed(seconds, 2)) s, to "
        + "\(places.joined(separator: " and ")) in \(Text.fixed(elapsed, 2)) s: "
        + "\(Text.significant(seconds / elapsed)) x real time, seed \(seed)")
    if composition.clipped > 0 && sound.format != .float {
      StandardStreams.remark(
        "\(Text.grouped(composition.clipped)) samples beyond -1 ... 1 were clipped; a lower --gain avoids it")
    }
    if composition.lostBlocks > 0 {
      StandardStreams.remark("some notes were lost: more happened in a block than are kept")
    }
  }
}
