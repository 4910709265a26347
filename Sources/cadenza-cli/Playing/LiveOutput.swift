import Cadenza
import CadenzaKernels
import Synchronization

/// What the sound device plays: it calls `fill` on a thread of its own, which generates then and there, allocates nothing and waits for
/// nothing. Everything else is for the main thread.
final class LiveOutput: @unchecked Sendable {
  // Unchecked: the two threads share the atomics and the rings; the rest is the device's thread's alone once it plays.

  /// Of what has been played so far.
  struct Figures {
    /// Frames handed to the device, those of silence included.
    var frames = 0
    /// Frames generated, and the seconds that took.
    var generatedFrames = 0
    var busySeconds = 0.0
    /// The largest share of its own length that a block took.
    var worstLoad = 0.0
    /// Blocks that the stream had not ready, and times that the device ran dry.
    var underruns = 0
    /// Samples beyond −1 … 1.
    var clipped = 0
    /// Notes that were composed and not read in time.
    var lostNotes = 0
  }

  /// For how long the sound fades where it would click: when it is frozen, begins anew or ends. Seconds.
  private static let fadeSeconds = 0.005
  /// What sounds on after a piece's end is played until it is gone, so many seconds at most. Below −80 dB it is gone.
  private static let longestTail = 3.0
  private static let silence: Float = 1e-4

  /// Keys' wishes, to the device's thread.
  let commands = Ring<LiveCommand>(capacity: 256)
  /// A composer's notes, from it.
  let notes = Ring<NoteEvent>(capacity: 4096)

  private let stream: Stream
  /// The same, reached without counting a reference.
  private let unowned: Unmanaged<Stream>
  private let isComposer: Bool
  private let rate: Double
  /// Frames after which it ends; Int.max: never.
  private let end: Int
  private let fadeFrames: Int
  private let events: UnsafeMutablePointer<NoteEvent>
  private let eventCapacity = 4096

  // The device's thread's own.
  /// How far the sound is faded in, in frames, 0 ... fadeFrames.
  private var level: Int
  private var isFrozen = false
  private var isEnding = false
  private var pendingSeed: UInt64?
  private var position = 0
  private var generatedFrames = 0
  private var busySeconds = 0.0
  private var worstLoad = 0.0
  /// Frames since the piece ended, and how many of them, at the end, were silent.
  private var tailFrames = 0
  private var silentFrames = 0

  private let frameCount = Atomic<Int>(0)
  private let generatedCount = Atomic<Int>(0)
  // Bit patterns of seconds and of shares.
  private let busyBits = Atomic<UInt64>(0)
  private let worstBits = Atomic<UInt64>(0)
  private let underrunCount = Atomic<Int>(0)
  private let clippedCount = Atomic<Int>(0)
  private let lostNoteCount = Atomic<Int>(0)
  /// Bit pattern of the largest magnitude since it was asked for.
  private let peakBits = Atomic<UInt32>(0)
  private let failureStatus = Atomic<Int32>(0)
  private let hasEndedFlag = Atomic<Bool>(false)
  private let isFinishedFlag = Atomic<Bool>(false)

  /// `frames` Int.max: without an end.
  init(stream: Stream, frames: Int) {
    self.stream = stream
    unowned = Unmanaged.passUnretained(stream)
    isComposer = stream.model.isComposer
    rate = Double(stream.sampleRate)
    end = frames
    fadeFrames = max(1, Int(LiveOutput.fadeSeconds * Double(stream.sampleRate)))
    level = fadeFrames
    events = .allocate(capacity: eventCapacity)
  }

  deinit {
    commands.free()
    notes.free()
    events.deallocate()
  }

  // MARK: The main thread

  var figures: Figures {
    Figures(
      frames: frameCount.load(ordering: .relaxed), generatedFrames: generatedCount.load(ordering: .relaxed),
      busySeconds: Double(bitPattern: busyBits.load(ordering: .relaxed)),
      worstLoad: Double(bitPattern: worstBits.load(ordering: .relaxed)),
      underruns: underrunCount.load(ordering: .relaxed), clipped: clippedCount.load(ordering: .relaxed),
      lostNotes: lostNoteCount.load(ordering: .relaxed))
  }

  /// The largest magnitude since the last call.
  func takePeak() -> Float { Float(bitPattern: peakBits.exchange(0, ordering: .relaxed)) }

  /// Below 0 once the stream has failed.
  var failure: Status { Status(rawValue: failureStatus.load(ordering: .relaxed)) }

  /// Whether the composer has ended its piece.
  var hasEnded: Bool { hasEndedFlag.load(ordering: .relaxed) }

  /// Whether all has been handed to the device: from now on `fill` gives silence.
  var isFinished: Bool { isFinishedFlag.load(ordering: .acquiring) }

  // MARK: The device's thread

  /// Fills each of `channels` with the next `frames` frames. Returns whether more will come.
  @_noLocks
  func fill(_ channels: UnsafePointer<UnsafeMutablePointer<Float>>, channelCount: Int, frames: Int, deviceRanDry: Bool) -> Bool
  {
    if deviceRanDry { _ = underrunCount.wrappingAdd(1, ordering: .relaxed) }
    takeCommands()
    let output = channels[0]
    var done = 0
    while done < frames {
      let count = play(output + done, limit: frames - done)
      if count == 0 {
        ck_zero(output + done, (frames - done) * 4)
        if !isFinishedFlag.load(ordering: .relaxed) { position += frames - done }
        break
      }
      done += count
      position += count
    }
    var channel = 1
    while channel < channelCount {
      ck_copy(channels[channel], output, frames * 4)
      channel += 1
    }
    frameCount.store(position, ordering: .relaxed)
    return !isFinishedFlag.load(ordering: .relaxed)
  }

  @_noLocks
  private func takeCommands() {
    while let place = commands.positions.placeToRead {
      let command = commands.elements[place]
      commands.positions.endReading()
      switch command.kind {
      case .reset: pendingSeed = command.value
      case .freeze: isFrozen = true
      case .play: isFrozen = false
      case .finish: isEnding = true
      case .noteOn:
        _ = unowned._withUnsafeGuaranteedRef {
          $0.noteOn(frame: 0, voice: 0, pitch: Int(command.value), velocity: 0.8)
        }
      case .noteOff:
        _ = unowned._withUnsafeGuaranteedRef { $0.noteOff(frame: 0, voice: 0, pitch: Int(command.value)) }
      }
    }
  }

  /// Generates up to `limit` frames, to where something changes; 0: from here on it is silent.
  @_noLocks
  private func play(_ output: UnsafeMutablePointer<Float>, limit: Int) -> Int {
    // Frames to where the last fade begins. (Not with && and ||, whose right sides would count references.)
    let left = end - fadeFrames - position
    if left <= 0 { isEnding = true }
    if level == 0, let seed = pendingSeed {
      _ = unowned._withUnsafeGuaranteedRef { $0.reset(seed: seed) }
      pendingSeed = nil
      tailFrames = 0
      silentFrames = 0
      hasEndedFlag.store(false, ordering: .relaxed)
      // A stream begins as a file that it writes does: from silence, with no fade.
      if !isFrozen { level = fadeFrames }
    }
    var isHeard = pendingSeed == nil
    if isFrozen { isHeard = false }
    if isEnding { isHeard = false }
    if !isHeard, level == 0 {
      if isEnding { isFinishedFlag.store(true, ordering: .releasing) }
      return 0
    }
    var count = isEnding ? limit : min(limit, left)
    let fadeLeft = isHeard ? fadeFrames - level : level
    if fadeLeft > 0 { count = min(count, fadeLeft) }
    generate(output, frames: count)
    if fadeLeft > 0 { fade(output, frames: count, step: isHeard ? 1 : -1) }
    look(at: output, frames: count)
    return count
  }

  @_noLocks
  private func generate(_ output: UnsafeMutablePointer<Float>, frames: Int) {
    let begin = ck_seconds()
    let status = unowned._withUnsafeGuaranteedRef { $0.generate(into: output, frames: frames) }
    if isComposer { readEvents() }
    let seconds = ck_seconds() - begin
    busySeconds += seconds
    generatedFrames += frames
    worstLoad = max(worstLoad, seconds * rate / Double(frames))
    busyBits.store(busySeconds.bitPattern, ordering: .relaxed)
    generatedCount.store(generatedFrames, ordering: .relaxed)
    worstBits.store(worstLoad.bitPattern, ordering: .relaxed)
    if status.rawValue == Status.underrun.rawValue { _ = underrunCount.wrappingAdd(1, ordering: .relaxed) }
    if status.rawValue == Status.end.rawValue { hasEndedFlag.store(true, ordering: .relaxed) }
    if status.rawValue < 0 {
      failureStatus.store(status.rawValue, ordering: .relaxed)
      isEnding = true
    }
  }

  @_noLocks
  private func readEvents() {
    var count = 0
    let events = events
    let capacity = eventCapacity
    let status = unowned._withUnsafeGuaranteedRef { $0.readEvents(into: events, capacity: capacity, count: &count) }
    if status.rawValue > 0 { _ = lostNoteCount.wrappingAdd(1, ordering: .relaxed) }
    var index = 0
    while index < count {
      if let place = notes.positions.placeToWrite {
        notes.elements[place] = events[index]
        notes.positions.endWriting()
      } else {
        _ = lostNoteCount.wrappingAdd(1, ordering: .relaxed)
      }
      index += 1
    }
  }

  @_noLocks
  private func fade(_ output: UnsafeMutablePointer<Float>, frames: Int, step: Int) {
    var index = 0
    while index < frames {
      level += step
      output[index] *= Float(level) / Float(fadeFrames)
      index += 1
    }
  }

  /// The level meter, what clips, and whether a piece that is over has died away.
  @_noLocks
  private func look(at output: UnsafeMutablePointer<Float>, frames: Int) {
    var peak: Float = 0
    var clipped = 0
    var index = 0
    while index < frames {
      let magnitude = output[index].magnitude
      if magnitude > peak { peak = magnitude }
      if magnitude > 1 { clipped += 1 }
      index += 1
    }
    // The bit patterns of positive numbers are in their order. A peak that the main thread takes meanwhile is shown once more.
    if peak.bitPattern > peakBits.load(ordering: .relaxed) { peakBits.store(peak.bitPattern, ordering: .relaxed) }
    if clipped > 0 { _ = clippedCount.wrappingAdd(clipped, ordering: .relaxed) }
    guard hasEndedFlag.load(ordering: .relaxed) else { return }
    tailFrames += frames
    silentFrames = peak < LiveOutput.silence ? silentFrames + frames : 0
    let latency = unowned._withUnsafeGuaranteedRef { $0.latency }
    // More than the latency: all that was played has been heard.
    if silentFrames > Int(rate / 4) + latency { isEnding = true }
    if tailFrames > Int(LiveOutput.longestTail * rate) + latency { isEnding = true }
  }
}
