import CadenzaKernels

/// A model's sound at its own rate, of a network that gives frames: the frames of a tick are played while those of the next tick are
/// made, unit by unit, in step with the samples that are played. So no block costs much more than its share, but the one at which a
/// clip begins: there the first tick is made at once.
///
/// Whoever owns it keeps `h`, the conditions' vector, and says when it has `changed`. When a tick begins, it takes the conditions of
/// that moment; so the bits do not depend on when its units are done. Its memory is in the arena.
struct FrameGenerator {
  private let kernels: UnsafePointer<ck_kernels>
  private let source: FrameSource
  private let codec: FrameCodec
  private let state: UnsafeMutablePointer<Float>
  private let codecState: UnsafeMutablePointer<Float>
  private let codecSavedCount: Int

  /// The conditions' vector, which the owner writes.
  let h: UnsafeMutablePointer<Float>
  /// Whether the network has not seen h yet.
  var conditionsChanged = true
  /// MIDI's, of what is played.
  var pitch: Float = 0

  /// The sample of now.
  private(set) var value: Float = 0
  /// Whether the clip is over.
  private(set) var hasEnded = false
  private var random: RandomGenerator

  /// Frames of the tick that is played, and room for the next one's.
  private var frames: UnsafeMutablePointer<Float>
  private var nextFrames: UnsafeMutablePointer<Float>
  private let framesPerTick: Int
  private let frameSize: Int
  private var frameCount = 0
  private var nextFrameCount = 0
  /// The next frame to be played.
  private var frame = 0
  /// The tick that is played; −1: none yet.
  private var tick = -1

  /// Samples of a hop, and the next of them.
  private let samples: UnsafeMutablePointer<Float>
  private let hop: Int
  private var sample = 0
  private var sampleCount = 0

  private let unitCount: Int
  /// Of the next tick: units that are done.
  private var unit = 0
  /// For each sample that is played it grows by `unitCount`, and for each unit that is done it falls by the samples of a tick.
  private var credit = 0

  /// Lays it out in `arena`.
  init(_ plan: ModelPlan, _ frames: FramePlan, seed: UInt64, arena: inout Arena) {
    kernels = plan.kernels
    source = frames.source
    codec = frames.codec
    state = arena.take(Float.self, count: frames.layout.count)
    codecState = arena.take(Float.self, count: frames.codecLayout.count)
    codecSavedCount = frames.codecLayout.savedCount ?? frames.codecLayout.count
    h = arena.take(Float.self, count: RowOrder.padded(plan.conditionChannels))
    // What a measuring arena gives is not followed, so what lies in it comes from the plan.
    framesPerTick = frames.framesPerTick
    frameSize = frames.frameSize
    hop = frames.hop
    unitCount = arena.isMeasuring ? 0 : source.unitCount
    let count = StateLayout.product(framesPerTick, frameSize)
    self.frames = arena.take(Float.self, count: count)
    nextFrames = arena.take(Float.self, count: count)
    samples = arena.take(Float.self, count: RowOrder.padded(hop))
    random = RandomGenerator(seed: seed)
    if !arena.isMeasuring { begin() }
  }

  @_noLocks
  private mutating func begin() {
    source.begin(state)
    codec.begin(codecState)
    value = 0
    hasEnded = false
    tick = -1
    frame = 0
    frameCount = 0
    nextFrameCount = 0
    sample = 0
    sampleCount = 0
    ck_zero(samples, hop * 4)
    unit = 0
    credit = 0
    conditionsChanged = true
  }

  /// Back to the beginning, and h taken anew.
  @_noLocks
  mutating func reset(seed: UInt64) {
    begin()
    random = RandomGenerator(seed: seed)
  }

  /// Generates the next sample; silence after the end. False where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  mutating func choose(_ settings: SamplerSettings) -> Bool {
    if sample == sampleCount {
      if hasEnded { return true }
      guard nextHop(settings) else { return false }
      if hasEnded { return true }
    }
    value = samples[sample]
    sample &+= 1
    credit &+= unitCount
    let perTick = framesPerTick &* hop
    while credit >= perTick {
      credit &-= perTick
      if unit < unitCount { workOn() }
    }
    return true
  }

  /// Whether another tick follows the one that is played.
  private var hasNext: Bool {
    @_noLocks get { tick &+ 1 < source.tickCount }
  }

  /// Does a unit of the next tick.
  @_noLocks
  private mutating func workOn() {
    guard hasNext else { return }
    if unit == 0 {
      source.start(state, conditionsChanged ? UnsafePointer(h) : nil, kernels)
      conditionsChanged = false
    }
    source.work(state, tick: tick &+ 1, unit: unit, kernels)
    unit &+= 1
    if unit == unitCount { nextFrameCount = source.copyFrames(state, tick: tick &+ 1, to: nextFrames) }
  }

  /// Does what is left of the next tick, and goes on to it.
  @_noLocks
  private mutating func nextTick() {
    while unit < unitCount { workOn() }
    tick &+= 1
    swap(&frames, &nextFrames)
    frameCount = nextFrameCount
    frame = 0
    unit = 0
    // So that the units are done when the tick's last sample is played.
    credit = framesPerTick &* hop &- 1
    // The conditions of now are those of the tick that begins.
    if hasNext { workOn() }
  }

  /// The next `hop` samples, or the end.
  @_noLocks
  private mutating func nextHop(_ settings: SamplerSettings) -> Bool {
    sample = 0
    while true {
      if frame < frameCount {
        let numbers = frames + frame &* frameSize
        guard FrameGenerator.areFinite(numbers, frameSize) else { return fail() }
        frame &+= 1
        if codec.add(codecState, numbers, samples, settings, &random, pitch: pitch, kernels) { break }
      } else if hasNext {
        nextTick()
      } else if codec.finish(codecState, samples, kernels) {
        break
      } else {
        hasEnded = true
        value = 0
        sampleCount = 0
        return true
      }
    }
    sampleCount = hop
    return FrameGenerator.areFinite(samples, hop) || fail()
  }

  @_noLocks
  private static func areFinite(_ numbers: UnsafePointer<Float>, _ count: Int) -> Bool {
    // 0 x is 0 for finite x, else no number.
    var sum: Float = 0
    for index in 0..<count { sum += numbers[index] * 0 }
    return sum == 0
  }

  /// Forgets all, as nothing of it can be heard: so a state that is saved now can be loaded. False.
  @_noLocks
  private mutating func fail() -> Bool {
    begin()
    return false
  }

  // MARK: State

  /// Bytes that `saveChoices` writes, and `saveNetwork`.
  static let choicesByteCount = 72
  var networkByteCount: Int {
    source.savedByteCount + (codecSavedCount + RowOrder.padded(hop) + 2 * framesPerTick * frameSize) * 4
  }

  /// Writes the random generator and where in the clip it is.
  mutating func saveChoices(_ writer: inout ByteWriter) {
    // What has begun is brought to its end: the bits do not depend on when.
    if unit > 0 {
      while unit < unitCount { workOn() }
    }
    writer.write(random.state.0)
    writer.write(random.state.1)
    writer.write(random.state.2)
    writer.write(random.state.3)
    writer.write(UInt64(bitPattern: Int64(tick)))
    writer.write(UInt32(truncatingIfNeeded: frame))
    writer.write(UInt32(truncatingIfNeeded: frameCount))
    writer.write(UInt32(truncatingIfNeeded: nextFrameCount))
    writer.write(UInt32(truncatingIfNeeded: sample))
    writer.write(UInt32(truncatingIfNeeded: sampleCount))
    writer.write(UInt32(hasEnded ? 1 : 0) | (unit > 0 ? 2 : 0) | (conditionsChanged ? 4 : 0))
    writer.write(value.bitPattern)
    writer.write(UInt32(0))
  }

  /// Reads what `saveChoices` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func readChoices(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let words = (reader.readUInt64(), reader.readUInt64(), reader.readUInt64(), reader.readUInt64())
    let tick = Int(Int64(bitPattern: reader.readUInt64()))
    let frame = Int(reader.readUInt32())
    let frameCount = Int(reader.readUInt32())
    let nextFrameCount = Int(reader.readUInt32())
    let sample = Int(reader.readUInt32())
    let sampleCount = Int(reader.readUInt32())
    let flags = reader.readUInt32()
    let value = Float(bitPattern: reader.readUInt32())
    guard let random = RandomGenerator(state: words), value.isFinite, reader.readUInt32() == 0, flags <= 7,
      tick >= -1, tick < source.tickCount, frameCount <= framesPerTick, nextFrameCount <= framesPerTick,
      frame <= frameCount, sampleCount == 0 || sampleCount == hop, sample <= sampleCount,
      tick >= 0 || (frameCount == 0 && flags & 2 == 0), flags & 2 == 0 || tick + 1 < source.tickCount
    else { return false }
    if isLoading {
      self.random = random
      self.tick = tick
      self.frame = frame
      self.frameCount = frameCount
      self.nextFrameCount = nextFrameCount
      self.sample = sample
      self.sampleCount = sampleCount
      self.value = value
      hasEnded = flags & 1 != 0
      unit = flags & 2 != 0 ? unitCount : 0
      credit = 0
    }
    return true
  }

  /// Writes the network's state, and what is ready.
  func saveNetwork(_ writer: inout ByteWriter) {
    source.save(state, after: unit > 0 ? tick + 1 : tick, &writer)
    writer.write(UnsafeRawPointer(codecState), count: codecSavedCount * 4)
    writer.write(UnsafeRawPointer(samples), count: RowOrder.padded(hop) * 4)
    writer.write(UnsafeRawPointer(frames), count: framesPerTick * frameSize * 4)
    writer.write(UnsafeRawPointer(nextFrames), count: framesPerTick * frameSize * 4)
  }

  /// Reads what `saveNetwork` wrote, after the choices and h.
  mutating func readNetwork(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    if isLoading {
      source.load(state, after: unit > 0 ? tick + 1 : tick, &reader)
      reader.read(into: codecState, count: codecSavedCount * 4)
      reader.read(into: samples, count: RowOrder.padded(hop) * 4)
      reader.read(into: frames, count: framesPerTick * frameSize * 4)
      reader.read(into: nextFrames, count: framesPerTick * frameSize * 4)
      conditionsChanged = true
      return true
    }
    reader.skip(source.savedByteCount)
    let numbers = UnsafeMutablePointer<Float>.allocate(capacity: max(codecSavedCount, RowOrder.padded(hop)))
    defer { numbers.deallocate() }
    reader.read(into: numbers, count: codecSavedCount * 4)
    guard codec.accepts(numbers) else { return false }
    // Samples are played as they are. Frames, and what the network makes of its memory, are looked at before they sound.
    reader.read(into: numbers, count: RowOrder.padded(hop) * 4)
    for index in 0..<hop where !numbers[index].isFinite { return false }
    reader.skip(2 * framesPerTick * frameSize * 4)
    return true
  }
}
