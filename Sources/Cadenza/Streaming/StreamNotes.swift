// What a stream does with notes that the host plays, and with an instrument.

extension InstrumentOptions {
  /// The defaults of `model`.
  public init(for model: Model) {
    self.init(model.configuration.sampling)
  }

  /// The index of the condition that notes set. Throws `invalidArgument` where a value is out of range, `unsupported` where `model`
  /// cannot play notes.
  func check(for model: Model) throws(Failure) -> Int {
    try check()
    return try model.configuration.checkThatItPlaysNotes()
  }
}

extension Stream {
  /// Every voice of a composer.
  public static var allVoices: Int { 0xFFFF_FFFF }

  /// Lets `instrument` play what the stream composes, instead of what did before; nil: silence. Throws `invalidArgument` for an option
  /// out of range, `unsupported` where the stream is no composer's or the instrument cannot play notes, `outOfMemory`: the stream is
  /// unchanged. Not at once with anything but parameters and conditions.
  public func setInstrument(_ instrument: Model?, options: InstrumentOptions) throws(Failure) {
    pause()
    defer { goOn() }
    guard let composer = player.composer else {
      throw Failure(
        .unsupported, "the stream does not compose: only a composer's notes are played by another model")
    }
    let owner: OwnedInstrument?
    if let instrument {
      let pitchIndex = try options.check(for: instrument)
      guard ahead != nil || !instrument.decodesWhole else {
        throw Failure(
          .unsupported,
          "the instrument decodes a clip as a whole, which no audio thread has the time for: render_ahead_frames must be above 0"
        )
      }
      owner = try OwnedInstrument(
        instrument, pitchIndex: pitchIndex, options: options, outputRate: sampleRate, seed: composer.pointee.seed)
    } else {
      owner = nil
    }
    if composer.pointee.hasFailed { owner?.instrument.pointee.fail() }
    composer.pointee.instrument = owner?.instrument
    ownedInstrument = owner
    instrumentHasChanged()
  }

  /// Sets a condition for the notes of `voice`, or of `allVoices`, that begin from now on; "pitch" is the notes' own. `state` where
  /// the stream has no instrument. Not at once with anything but parameters and conditions.
  public func setInstrumentCondition(
    voice: Int, index: Int, values: UnsafePointer<Float>, count: Int
  ) -> Status {
    pause()
    defer { goOn() }
    return player.setInstrumentCondition(part: voice == Stream.allVoices ? nil : voice, index: index, values, count: count)
  }

  /// Begins a note `frame` frames after the beginning of the next block. `invalidArgument` where an argument is out of range or the
  /// frame is before one that waits, `state` where the stream plays no notes or too many wait; nothing is changed then.
  @_noLocks
  public func noteOn(frame: Int, voice: Int, pitch: Int, velocity: Float) -> Status {
    guard isPossible(frame: frame, voice: voice, pitch: pitch), velocity >= 0, velocity <= 1 else {
      return .invalidArgument
    }
    return ask(HostNote(frame: 0, isOn: true, part: voice, pitch: pitch, velocity: velocity), after: frame)
  }

  /// Ends a note; nothing where it does not sound then. Otherwise as `noteOn`.
  @_noLocks
  public func noteOff(frame: Int, voice: Int, pitch: Int) -> Status {
    guard isPossible(frame: frame, voice: voice, pitch: pitch) else { return .invalidArgument }
    return ask(HostNote(frame: 0, isOn: false, part: voice, pitch: pitch, velocity: 0), after: frame)
  }

  @_noLocks
  private func ask(_ note: HostNote, after frames: Int) -> Status {
    guard let ahead else { return player.queue(note, after: frames) }
    return playsNotes ? ahead.append(note, after: frames) : .state
  }
}

/// Whether a host's note may be so.
@_noLocks
private func isPossible(frame: Int, voice: Int, pitch: Int) -> Bool {
  guard frame >= 0, frame <= StreamOptions.maximumFrames else { return false }
  guard voice >= 0, voice < InstrumentConditions.partCount else { return false }
  guard pitch >= 0, pitch < PitchTable.pitchCount else { return false }
  return true
}
