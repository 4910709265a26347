import CadenzaKernels
import Synchronization

/// Samples that one thread has generated and another has not played yet. Neither ever waits.
///
/// Frames are counted from the ring's beginning, and never fall.
struct FrameRing {
  /// Samples that it holds at most.
  let capacity: Int
  private let samples: UnsafeMutablePointer<Float>
  private let writtenFrames: UnsafeMutablePointer<Atomic<UInt64>>
  private let takenFrames: UnsafeMutablePointer<Atomic<UInt64>>

  init(capacity: Int, arena: inout Arena) {
    self.capacity = capacity
    samples = arena.take(Float.self, count: capacity)
    writtenFrames = arena.takeAtomicCounter()
    takenFrames = arena.takeAtomicCounter()
  }

  /// Frames written since the beginning, whichever thread asks.
  var written: UInt64 {
    @_noLocks get { writtenFrames.pointee.load(ordering: .acquiring) }
  }

  /// Frames taken since the beginning, whichever thread asks.
  var taken: UInt64 {
    @_noLocks get { takenFrames.pointee.load(ordering: .acquiring) }
  }

  /// Frames that wait.
  var count: Int {
    @_noLocks get {
      let taken = taken
      let written = written
      // A thread that is neither the writer nor the reader may see them at different moments.
      return written > taken ? min(Int(written - taken), capacity) : 0
    }
  }

  // MARK: Writer's side

  /// Frames for which there is room.
  var room: Int {
    @_noLocks get { capacity - Int(written - taken) }
  }

  /// Where the next frames go, and for how many in one piece, `room` of them at most.
  @_noLocks
  func place(room: Int) -> (samples: UnsafeMutablePointer<Float>, count: Int) {
    let index = Int(written % UInt64(capacity))
    return (samples + index, room < capacity - index ? room : capacity - index)
  }

  /// Hands over the next `frames`, which are in their place.
  @_noLocks
  func append(_ frames: Int) { writtenFrames.pointee.store(written + UInt64(frames), ordering: .releasing) }

  // MARK: Reader's side

  /// Takes the next frames into `output`, as many as there are and at most `limit`; returns how many.
  @_noLocks
  func take(into output: UnsafeMutablePointer<Float>, limit: Int) -> Int {
    let position = taken
    let waiting = Int(written - position)
    let frames = waiting < limit ? waiting : limit
    if frames == 0 { return 0 }
    let index = Int(position % UInt64(capacity))
    let first = frames < capacity - index ? frames : capacity - index
    ck_copy(output, samples + index, first * 4)
    if first < frames { ck_copy(output + first, samples, (frames - first) * 4) }
    takenFrames.pointee.store(position + UInt64(frames), ordering: .releasing)
    return frames
  }

  /// Leaves out all that wait before `position`.
  @_noLocks
  func skip(to position: UInt64) {
    if position > taken { takenFrames.pointee.store(position, ordering: .releasing) }
  }

  // MARK: State, while neither side works

  /// Writes `capacity` samples: those that wait, and zeros behind them.
  func save(_ writer: inout ByteWriter) {
    let begin = taken
    let count = self.count
    for frame in 0..<capacity {
      let sample = frame < count ? samples[Int((begin + UInt64(frame)) % UInt64(capacity))] : 0
      writer.write(sample.bitPattern)
    }
  }

  /// Reads what `save` wrote, of which `count` samples wait; false where one cannot be. Changes nothing but where `isLoading`.
  func read(_ reader: inout ByteReader, count: Int, isLoading: Bool) -> Bool {
    if isLoading { skip(to: written) }
    let begin = written
    for frame in 0..<capacity {
      let sample = Float(bitPattern: reader.readUInt32())
      guard sample.magnitude <= FrameRing.maximumSample else { return false }
      if isLoading && frame < count { samples[Int((begin + UInt64(frame)) % UInt64(capacity))] = sample }
    }
    if isLoading { append(count) }
    return true
  }

  /// More than 64 voices add up to.
  private static let maximumSample: Float = 4_096
}

extension Arena {
  /// A counter that two threads share, 0 at first.
  mutating func takeAtomicCounter() -> UnsafeMutablePointer<Atomic<UInt64>> {
    let word = take(UInt64.self, count: 1)
    let counter = UnsafeMutableRawPointer(word).assumingMemoryBound(to: Atomic<UInt64>.self)
    if !isMeasuring { counter.initialize(to: Atomic(0)) }
    return counter
  }
}
