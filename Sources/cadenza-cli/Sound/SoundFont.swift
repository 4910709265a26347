import Glibc

#if canImport(CFluidsynth)
  import CFluidsynth
#endif

/// A sound font, played by libfluidsynth: notes in, mono samples out.
final class SoundFont {
  #if canImport(CFluidsynth)
    private let settings: OpaquePointer
    private let synthesizer: OpaquePointer
    private var left: [Float] = []
    private var right: [Float] = []

    /// Throws where the file cannot be read, or is none. It plays its first instrument on all channels.
    init(path: String, sampleRate: Int) throws(CommandFailure) {
      // libfluidsynth's own rates.
      guard (8_000...96_000).contains(sampleRate) else {
        throw CommandFailure(.wrongUsage, "a sound font plays at 8,000 ... 96,000 Hz, not at \(sampleRate)")
      }
      guard access(path, R_OK) == 0 else { throw CommandFailure("cannot read \"\(path)\": \(SystemError.current)") }
      // What it has to say is said here, in a sentence.
      for level in [FLUID_PANIC, FLUID_ERR, FLUID_WARN, FLUID_INFO, FLUID_DBG] {
        fluid_set_log_function(Int32(level.rawValue), nil, nil)
      }
      guard fluid_is_soundfont(path) != 0 else {
        throw CommandFailure("\"\(path)\" is not a sound font; expected an .sf2 or .sf3 file")
      }
      guard let settings = new_fluid_settings() else { throw CommandFailure("no memory for the sound font") }
      fluid_settings_setnum(settings, "synth.sample-rate", Double(sampleRate))
      fluid_settings_setint(settings, "synth.cpu-cores", 1)
      // libfluidsynth's own 0.2 leaves room for a whole orchestra; this is for a few voices.
      fluid_settings_setnum(settings, "synth.gain", 0.8)
      guard let synthesizer = new_fluid_synth(settings) else {
        delete_fluid_settings(settings)
        throw CommandFailure("no memory for the sound font")
      }
      guard fluid_synth_sfload(synthesizer, path, 1) >= 0 else {
        delete_fluid_synth(synthesizer)
        delete_fluid_settings(settings)
        throw CommandFailure(
          "\"\(path)\" cannot be read as a sound font: it is damaged, or of a kind that libfluidsynth does not know")
      }
      self.settings = settings
      self.synthesizer = synthesizer
    }

    deinit {
      delete_fluid_synth(synthesizer)
      delete_fluid_settings(settings)
    }

    func begin(channel: Int, pitch: Int, velocity: Int) {
      fluid_synth_noteon(synthesizer, Int32(channel), Int32(pitch), Int32(velocity))
    }

    func end(channel: Int, pitch: Int) { fluid_synth_noteoff(synthesizer, Int32(channel), Int32(pitch)) }

    /// Fills `samples` with the next `count`.
    func render(_ count: Int, into samples: inout [Float]) throws(CommandFailure) {
      if left.count < count {
        left = [Float](repeating: 0, count: count)
        right = left
      }
      guard fluid_synth_write_float(synthesizer, Int32(count), &left, 0, 1, &right, 0, 1) == 0 else {
        throw CommandFailure("libfluidsynth stopped playing the sound font")
      }
      samples.removeAll(keepingCapacity: true)
      for frame in 0..<count { samples.append((left[frame] + right[frame]) / 2) }
    }
  #else
    init(path: String, sampleRate: Int) throws(CommandFailure) {
      throw CommandFailure(
        "this cadenza was built without libfluidsynth, which plays sound fonts; install what Debian calls libfluidsynth-dev, "
          + "and build it again with make")
    }

    func begin(channel: Int, pitch: Int, velocity: Int) {}

    func end(channel: Int, pitch: Int) {}

    func render(_ count: Int, into samples: inout [Float]) throws(CommandFailure) {}
  #endif
}
