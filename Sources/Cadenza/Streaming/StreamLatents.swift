// What a stream does with latents: conditions that move while they sound.

extension Stream {
  /// Copies what condition `index` was last set to, or glides to; what it plays where nobody has set it. `invalidArgument` for an unknown
  /// index, "pitch" of a stream that plays notes, a wrong count; `state` where another thread is setting a condition right now. Any thread.
  @_noLocks
  public func condition(_ index: Int, into values: UnsafeMutablePointer<Float>, count: Int) -> Status {
    guard let inbox = beginUsingInbox(index) else { return unusable(index) }
    let status = inbox.pointee.read(into: values, count: count)
    endUsingInbox()
    return status
  }

  /// Lets latent `index` go to `values` in `frames` of the output, at most 2³⁰, from the next block on; 0: at once. Notes that sound
  /// follow. `unsupported` where the condition is no latent that moves; else as `setCondition`. Any thread.
  @_noLocks
  public func glideLatent(
    _ index: Int, to values: UnsafePointer<Float>, count: Int, frames: Int, _ interpolation: Interpolation
  ) -> Status {
    guard frames >= 0, frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    guard let inbox = beginUsingInbox(index) else { return unusable(index) }
    let status = inbox.pointee.glide(values, count: count, samples: glideSamples(frames), interpolation)
    endUsingInbox()
    return status
  }

  /// Glides to what `seed` draws from the latent's prior.
  @_noLocks
  public func randomizeLatent(_ index: Int, seed: UInt64, frames: Int, _ interpolation: Interpolation) -> Status {
    guard frames >= 0, frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    guard let inbox = beginUsingInbox(index) else { return unusable(index) }
    let status = inbox.pointee.glideToDraw(seed: seed, index: index, samples: glideSamples(frames), interpolation)
    endUsingInbox()
    return status
  }

  /// As `glideLatent`, of a composer's instrument, for its voice or for `allVoices`. `state` where there is none. Not at once with anything but
  /// parameters and conditions.
  public func glideInstrumentLatent(
    voice: Int, index: Int, to values: UnsafePointer<Float>, count: Int, frames: Int, _ interpolation: Interpolation
  ) -> Status {
    guard frames >= 0, frames <= StreamOptions.maximumFrames else { return .invalidArgument }
    let part = voice == Stream.allVoices ? nil : voice
    if let part, part < 0 || part >= InstrumentConditions.partCount { return .invalidArgument }
    pause()
    defer { goOn() }
    return player.glideInstrumentLatent(part: part, index: index, values, count: count, frames: frames, interpolation)
  }

  @_noLocks
  private func unusable(_ index: Int) -> Status { isCondition(index) ? .state : .invalidArgument }
}

/// Frames of the output as samples of the model, rounded up.
@_noLocks
func samples(ofFrames frames: Int, from output: Int, to model: Int) -> UInt64 {
  let product = UInt64(frames) * UInt64(model)
  return (product + UInt64(output) - 1) / UInt64(output)
}
