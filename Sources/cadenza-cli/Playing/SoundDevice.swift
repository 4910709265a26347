import Cadenza
import Glibc

#if canImport(CPortAudio)
  import CPortAudio
#endif

/// What the system plays sound with.
struct SoundDeviceDescription {
  /// What `--device` takes.
  let number: Int
  let name: String
  /// ALSA, JACK and so on.
  let system: String
  let channels: Int
  /// Hz that it plays at unless asked.
  let sampleRate: Int
  let isDefault: Bool

  var json: JSON {
    .object([
      ("number", .integer(number)), ("name", .text(name)), ("system", .text(system)), ("channels", .integer(channels)),
      ("sample_rate", .integer(sampleRate)), ("default", .bool(isDefault)),
    ])
  }
}

/// A sound card, or what stands for one, opened through PortAudio. PortAudio and the systems below it write to standard error at will:
/// see `StandardStreams.silenceLibraries`.
final class SoundDevice {
  #if canImport(CPortAudio)
    let description: SoundDeviceDescription
    private let index: PaDeviceIndex
    /// PortAudio's stream, once it is open.
    private let opened = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)
    private var isAbandoned = false
    /// Kept alive while the device may call it.
    private var callback: UnsafeMutablePointer<DeviceCallback>?

    /// All that can play.
    static func list() throws(CommandFailure) -> [SoundDeviceDescription] {
      try begin()
      defer { finish() }
      return descriptions()
    }

    /// The device that `wanted` names or numbers; nil: the system's own choice.
    init(_ wanted: String?) throws(CommandFailure) {
      try SoundDevice.begin()
      do throws(CommandFailure) {
        description = try SoundDevice.choose(wanted, among: SoundDevice.descriptions())
      } catch {
        SoundDevice.finish()
        throw error
      }
      index = PaDeviceIndex(description.number)
      opened.initialize(to: nil)
    }

    deinit {
      guard !isAbandoned else { return }
      close()
      opened.deallocate()
      SoundDevice.finish()
    }

    /// The device went away. It is left as it is, with what its thread may still look at: to close it, PortAudio would wait for a JACK
    /// server that is gone, for ever. The process is about to end.
    func abandon() { isAbandoned = true }

    /// Plays on so many channels: both of a stereo device, so that it is heard in the middle.
    var channels: Int { min(2, description.channels) }

    /// Seconds from `fill` to the ear, as far as the device knows.
    var latency: Double {
      guard let stream = opened.pointee, let facts = Pa_GetStreamInfo(stream) else { return 0 }
      return facts.pointee.outputLatency
    }

    private var parameters: PaStreamParameters {
      // A generator is no instrument to play on: rather a little later than with gaps.
      let latency = Pa_GetDeviceInfo(index)?.pointee.defaultHighOutputLatency ?? 0.04
      return PaStreamParameters(
        device: index, channelCount: Int32(channels), sampleFormat: SoundDevice.separateFloats, suggestedLatency: latency,
        hostApiSpecificStreamInfo: nil)
    }

    /// paFloat32 | paNonInterleaved: casts, which Swift does not import.
    private static var separateFloats: PaSampleFormat { 0x8000_0001 }
    /// paDitherOff: what is played is what is generated.
    private static var plainConversion: PaStreamFlags { 2 }

    /// Throws where the device does not play at `rate` Hz.
    func check(rate: Int) throws(CommandFailure) {
      var parameters = parameters
      let result = Pa_IsFormatSupported(nil, &parameters, Double(rate))
      if result == paInvalidSampleRate.rawValue {
        throw CommandFailure(
          "the sound device \"\(description.name)\" does not play at \(Text.grouped(rate)) Hz; its own rate is "
            + "\(Text.grouped(description.sampleRate)) Hz")
      }
      if result != 0 { throw failure("cannot be used", result) }
    }

    /// Begins to play what `output` has, in blocks of `block` frames, or of the device's choice where that is 0. Call once.
    func start(_ output: LiveOutput, rate: Int, block: Int) throws(CommandFailure) {
      let callback = UnsafeMutablePointer<DeviceCallback>.allocate(capacity: 1)
      callback.initialize(to: DeviceCallback(output: output, unowned: Unmanaged.passUnretained(output), channelCount: channels))
      self.callback = callback
      var parameters = parameters
      let opening = Pa_OpenStream(
        opened, nil, &parameters, Double(rate), UInt(block), SoundDevice.plainConversion, fillDevice, callback)
      if opening != 0 { throw failure("cannot be opened", opening) }
      let starting = Pa_StartStream(opened.pointee)
      if starting != 0 { throw failure("does not begin to play", starting) }
    }

    /// Whether it still plays: it ends with what it plays, and where the device goes away.
    var isPlaying: Bool {
      guard let stream = opened.pointee else { return false }
      return Pa_IsStreamActive(stream) == 1
    }

    /// Stops at once.
    func close() {
      guard !isAbandoned else { return }
      if let stream = opened.pointee {
        Pa_AbortStream(stream)
        Pa_CloseStream(stream)
        opened.pointee = nil
      }
      callback?.deinitialize(count: 1)
      callback?.deallocate()
      callback = nil
    }

    private func failure(_ what: String, _ error: PaError) -> CommandFailure {
      CommandFailure("the sound device \"\(description.name)\" \(what): \(SoundDevice.phrase(error))")
    }

    private static func begin() throws(CommandFailure) {
      let error = Pa_Initialize()
      if error != 0 { throw CommandFailure("the system's sound cannot be used: \(phrase(error))") }
    }

    private static func finish() { Pa_Terminate() }

    private static func descriptions() -> [SoundDeviceDescription] {
      let standard = Pa_GetDefaultOutputDevice()
      var list: [SoundDeviceDescription] = []
      for index in 0..<max(0, Pa_GetDeviceCount()) {
        guard let facts = Pa_GetDeviceInfo(index)?.pointee, facts.maxOutputChannels > 0 else { continue }
        let system = Pa_GetHostApiInfo(facts.hostApi)?.pointee.name
        list.append(
          SoundDeviceDescription(
            number: Int(index), name: facts.name.map { String(cString: $0) } ?? "",
            system: system.map { String(cString: $0) } ?? "",
            channels: Int(facts.maxOutputChannels), sampleRate: Int(facts.defaultSampleRate.rounded()),
            isDefault: index == standard))
      }
      return list
    }

    private static func choose(
      _ wanted: String?, among devices: [SoundDeviceDescription]
    ) throws(CommandFailure) -> SoundDeviceDescription {
      guard let first = devices.first else {
        throw CommandFailure("there is no sound device to play on; 'cadenza generate' writes a file instead")
      }
      guard let wanted else { return devices.first { $0.isDefault } ?? first }
      if let exact = devices.first(where: { String($0.number) == wanted }) ?? devices.first(where: { $0.name == wanted }) {
        return exact
      }
      let similar = devices.filter { $0.name.lowercased().contains(wanted.lowercased()) }
      if similar.count == 1, let device = similar.first { return device }
      let names = (similar.isEmpty ? devices : similar).map { "\($0.number) (\($0.name))" }
      throw CommandFailure(
        .wrongUsage,
        similar.isEmpty
          ? "there is no sound device \"\(wanted)\"; there are \(Text.list(names))"
          : "\"\(wanted)\" may be each of the sound devices \(Text.list(names)); expected one of their numbers")
    }

    private static func phrase(_ error: PaError) -> String {
      // What the system itself says tells more than that it said something.
      if error == paUnanticipatedHostError.rawValue, let host = Pa_GetLastHostErrorInfo()?.pointee.errorText {
        let text = String(cString: host)
        if !text.isEmpty { return Text.printable(text) }
      }
      guard let text = Pa_GetErrorText(error) else { return "error \(error)" }
      let sentence = String(cString: text)
      return sentence.prefix(1).lowercased() + sentence.dropFirst()
    }
  #else
    private static let sentence =
      "this cadenza was built without PortAudio, which plays to the sound card; install what Debian calls portaudio19-dev, and "
      + "build it again with make"

    let description = SoundDeviceDescription(number: 0, name: "", system: "", channels: 0, sampleRate: 48_000, isDefault: false)
    let channels = 0
    let latency = 0.0
    let isPlaying = false

    static func list() throws(CommandFailure) -> [SoundDeviceDescription] { throw CommandFailure(sentence) }

    init(_ wanted: String?) throws(CommandFailure) { throw CommandFailure(SoundDevice.sentence) }

    func check(rate: Int) throws(CommandFailure) {}

    func start(_ output: LiveOutput, rate: Int, block: Int) throws(CommandFailure) {}

    func close() {}

    func abandon() {}
  #endif
}

#if canImport(CPortAudio)
  /// What the device's thread is given.
  private struct DeviceCallback {
    /// Keeps it alive.
    let output: LiveOutput
    /// The same, reached without counting a reference.
    let unowned: Unmanaged<LiveOutput>
    let channelCount: Int
  }

  /// PortAudio calls it on a thread of its own whenever the device wants `frames` frames.
  @_noLocks
  private func fillDevice(
    input: UnsafeRawPointer?, output: UnsafeMutableRawPointer?, frames: UInt,
    time: UnsafePointer<PaStreamCallbackTimeInfo>?, flags: PaStreamCallbackFlags, context: UnsafeMutableRawPointer?
  ) -> Int32 {
    guard let output, let context else { return Int32(paAbort.rawValue) }
    let callback = context.assumingMemoryBound(to: DeviceCallback.self)
    let channels = UnsafePointer(output.assumingMemoryBound(to: UnsafeMutablePointer<Float>.self))
    // paOutputUnderflow
    let ranDry = flags & 4 != 0
    let hasMore = callback.pointee.unowned._withUnsafeGuaranteedRef {
      $0.fill(channels, channelCount: callback.pointee.channelCount, frames: Int(frames), deviceRanDry: ranDry)
    }
    return hasMore ? Int32(paContinue.rawValue) : Int32(paComplete.rawValue)
  }
#endif
