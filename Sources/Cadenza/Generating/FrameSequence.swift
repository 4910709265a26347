import CadenzaKernels

/// The sound of a recurrent network over frames, at the model's rate, one sample after another, without end.
///
/// An element, one frame or several, is made while the one before it is heard: in slices, at a steady pace, so that every sample costs
/// about the same. So what is heard lags by `latency` samples what the model says.
///
/// Sound that is given takes the place of what would have been generated: its frames are fed to the network, and overlap with what the
/// network goes on with. Only frames that look at given samples alone are fed, and the part of a hop behind them is left out: the sound
/// goes on `primedOverlap` samples before the end of what was given, which are still its own, and fade into what is new.
///
/// Whoever owns it keeps `h`, the conditions' vector, and says when it has `changed`. Its memory is in the arena.
struct FrameSequence {
  private let kernels: UnsafePointer<ck_kernels>
  private let network: Network
  private let codec: UnsafePointer<Spectrogram>
  private let noisyValue: NoisyValue
  /// What step 0 is fed.
  private let first: UnsafePointer<Float>

  // Sizes.
  private let hop: Int
  private let columns: Int
  private let frameNumbers: Int
  private let elementNumbers: Int
  /// Slices of the making of an element: those of the network, then those in which its numbers are drawn.
  private let unitCount: Int
  private let networkUnitCount: Int
  private let networkStateCount: Int
  private let savedNetworkCount: Int
  private let savedCodecCount: Int

  // Memory.
  private let networkState: UnsafeMutablePointer<Float>
  private let codecState: UnsafeMutablePointer<Float>
  /// Two elements: the latest one, and the one that is being made.
  private let elements: UnsafeMutablePointer<Float>
  private let elementStride: Int
  /// What is heard of the present hop.
  private let hopSamples: UnsafeMutablePointer<Float>
  /// The last of the given samples, up to a frame of them, and the phases of the latest frame made of them.
  private let given: UnsafeMutablePointer<Float>
  private let givenTurns: UnsafeMutablePointer<UInt32>

  /// The conditions' vector, which the owner writes.
  let h: UnsafeMutablePointer<Float>
  /// Whether the network has not seen h yet. A step hears the conditions of its beginning.
  var conditionsChanged = true

  /// The sample of now.
  private(set) var sample: Float = 0

  private var random: RandomGenerator
  /// Steps since the beginning.
  private var time: UInt64 = 0
  /// Whole numbers that decide the future.
  private var place = Place()

  private struct Place: BitwiseCopyable {
    /// Which of the two elements is the latest.
    var latest: Int32 = 0
    /// Whether the network has been given the latest element.
    var isStepBegun: Int32 = 0
    /// Units of the step that are done, and those that should be by now.
    var unit: Int32 = 0
    var due: Int32 = 0
    /// Units times samples, in the fraction of a unit that should be done.
    var credit: Int64 = 0
    /// Whether the latest element is heard: not what step 0 is fed, nor what was given.
    var isPlaying: Int32 = 0
    /// Frames of the latest element that have begun.
    var frame: Int32 = 0
    /// Samples of the present hop that have been heard; the hop's length where none is present.
    var sampleOfHop: Int32 = 0
    var isHopHeard: Int32 = 0
    /// Samples of silence before it goes on, and samples of the first hop after them that are left out.
    var delay: Int32 = 0
    var skipped: Int32 = 0
    /// Whether sound is being given; how many of `given` are filled, frames of the coming element that are made of them, and frames
    /// that the codec was given, counted up to its overlap.
    var isListening: Int32 = 0
    var givenCount: Int32 = 0
    var givenFrames: Int32 = 0
    var heardFrames: Int32 = 0
    var reserved: Int32 = 0

    @_noLocks
    init() {}
  }

  /// Numbers that are drawn in one unit.
  private static var numbersPerUnit: Int { @_noLocks get { 512 } }

  /// Lays it out in `arena`. The model's codec is of spectra that tell their phase, its network recurrent.
  init(_ plan: ModelPlan, _ sequence: FrameSequencePlan, seed: UInt64, arena: inout Arena) {
    kernels = plan.kernels
    network = plan.network
    codec = sequence.codec
    let configuration = sequence.configuration
    let layout = sequence.layout
    if case .frame(_, let noise) = plan.fields.first?.kind {
      noisyValue = NoisyValue(noise: noise)
    } else {
      noisyValue = NoisyValue(noise: 0)
    }
    hop = configuration.hop
    columns = configuration.columns
    frameNumbers = configuration.frameNumbers
    elementNumbers = configuration.elementNumbers
    networkUnitCount = arena.isMeasuring ? 0 : plan.network.unitCount
    unitCount = networkUnitCount + (elementNumbers + FrameSequence.numbersPerUnit - 1) / FrameSequence.numbersPerUnit
    networkStateCount = plan.layout.count
    savedNetworkCount = plan.layout.savedCount ?? plan.layout.count
    savedCodecCount = layout.savedCount ?? layout.count

    networkState = arena.take(Float.self, count: networkStateCount)
    codecState = arena.take(Float.self, count: layout.count)
    elementStride = RowOrder.padded(elementNumbers)
    elements = arena.take(Float.self, count: StateLayout.product(2, elementStride))
    hopSamples = arena.take(Float.self, count: hop)
    given = arena.take(Float.self, count: configuration.frameSize)
    if case .instantaneousFrequency = configuration.phase {
      givenTurns = arena.take(UInt32.self, count: configuration.bins)
    } else {
      givenTurns = arena.take(UInt32.self, count: 0)
    }
    h = arena.take(Float.self, count: RowOrder.padded(plan.conditionChannels))
    random = RandomGenerator(seed: seed)
    first = plan.firstFrame ?? UnsafePointer(elements)
    if !arena.isMeasuring { begin() }
  }

  /// Samples by which what is heard lags: an element, and half a frame.
  var latency: Int {
    @_noLocks get { columns * hop + codec.pointee.frameSize / 2 }
  }

  /// Samples at the end of the sound that was given last with which it goes on, once `latency` samples have passed.
  var primedOverlap: Int {
    @_noLocks get {
      let frameSize = codec.pointee.frameSize
      return frameSize - hop + Int(place.givenFrames) * hop
    }
  }

  /// Of a state that is all zeros.
  @_noLocks
  private mutating func begin() {
    var element = Element(token: 0, value: 0)
    network.begin(networkState, &element, kernels)
    codec.pointee.begin(codecState)
    ck_copy(elements, first, elementNumbers * 4)
    place = Place()
    place.sampleOfHop = Int32(truncatingIfNeeded: hop)
    conditionsChanged = true
    time = 0
    sample = 0
  }

  /// Back to the beginning.
  @_noLocks
  mutating func reset(seed: UInt64) {
    ck_zero(networkState, networkStateCount * 4)
    begin()
    random = RandomGenerator(seed: seed)
  }

  // MARK: Generating

  /// Generates the next sample; false where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  mutating func choose(_ settings: SamplerSettings) -> Bool {
    if place.isListening != 0 { endListening() }
    if place.delay > 0 {
      place.delay -= 1
      sample = 0
      return true
    }
    if Int(place.sampleOfHop) == hop {
      if !beginHop(settings) { return false }
    }
    sample = place.isHopHeard != 0 ? hopSamples[Int(place.sampleOfHop)] : 0
    place.sampleOfHop += 1
    let elementSamples = Int64(columns * hop)
    place.credit += Int64(unitCount)
    while place.credit >= elementSamples {
      place.credit -= elementSamples
      place.due += 1
      // (A saved place may say that more is due than there is.)
      if place.unit < place.due, Int(place.unit) < unitCount {
        if !work(settings) { return false }
      }
    }
    return true
  }

  @_noLocks
  private mutating func beginHop(_ settings: SamplerSettings) -> Bool {
    if Int(place.frame) == columns {
      while Int(place.unit) < unitCount {
        if !work(settings) { return false }
      }
      place.latest = 1 - place.latest
      place.isPlaying = 1
      place.frame = 0
      place.isStepBegun = 0
    }
    if place.isStepBegun == 0 { beginStep() }
    place.isHopHeard = 0
    if place.isPlaying != 0 {
      let frame = latestElement + Int(place.frame) * frameNumbers
      place.isHopHeard = codec.pointee.add(codecState, frame, hopSamples, kernels) ? 1 : 0
    }
    place.frame += 1
    place.sampleOfHop = 0
    if place.isHopHeard != 0 {
      place.sampleOfHop = place.skipped
      place.skipped = 0
    }
    return true
  }

  private var latestElement: UnsafeMutablePointer<Float> {
    @_noLocks get { elements + Int(place.latest) * elementStride }
  }

  private var comingElement: UnsafeMutablePointer<Float> {
    @_noLocks get { elements + Int(1 - place.latest) * elementStride }
  }

  /// Begins to feed the network the latest element, under the conditions of now.
  @_noLocks
  private mutating func beginStep() {
    if conditionsChanged {
      network.condition(networkState, h, kernels)
      conditionsChanged = false
    }
    var element = Element(token: 0, value: 0)
    network.start(networkState, &element, kernels)
    time &+= 1
    place.isStepBegun = 1
    place.unit = 0
    place.due = 0
    place.credit = 0
  }

  /// The next unit of the step; false where the network produced a value that is not finite.
  @_noLocks
  private mutating func work(_ settings: SamplerSettings) -> Bool {
    let unit = Int(place.unit)
    if unit < networkUnitCount {
      network.work(networkState, unit, frame: latestElement, kernels)
    } else {
      let begin = (unit - networkUnitCount) * FrameSequence.numbersPerUnit
      let end = begin + FrameSequence.numbersPerUnit < elementNumbers ? begin + FrameSequence.numbersPerUnit : elementNumbers
      let prediction = network.predict(networkState, kernels)
      let coming = comingElement
      for index in begin..<end {
        if !prediction[index].isFinite { return false }
        let value = noisyValue.choose(prediction[index], settings, &random)
        coming[index] = value < -1 ? -1 : value > 1 ? 1 : value
      }
    }
    place.unit += 1
    return true
  }

  // MARK: Given sound

  /// Takes a finite sample as if it had been generated; beyond −1 … 1 it is clipped.
  @_noLocks
  mutating func accept(_ sample: Float) {
    if place.isListening == 0 { beginListening() }
    given[Int(place.givenCount)] = Spectrogram.limited(sample)
    place.givenCount += 1
    let frameSize = codec.pointee.frameSize
    if Int(place.givenCount) < frameSize { return }

    let frame = comingElement + Int(place.givenFrames) * frameNumbers
    codec.pointee.analyse(given, before: givenTurns, into: frame, codec.pointee.scratch(codecState))
    if case .instantaneousFrequency = codec.pointee.phase {
      for bin in 0..<codec.pointee.bins { givenTurns[bin] &+= ck_turn_of(frame[2 * bin + 1]) }
    }
    for index in 0..<(frameSize - hop) { given[index] = given[index + hop] }
    place.givenCount -= Int32(truncatingIfNeeded: hop)
    place.givenFrames += 1
    if Int(place.givenFrames) == columns { acceptElement() }
  }

  /// What was heard is cut off: sound that is given begins as a stream does.
  @_noLocks
  private mutating func beginListening() {
    // The element that is heard was fed, or begun to be: the network hears it to its end.
    if place.isStepBegun != 0 { hear() }
    codec.pointee.begin(codecState)
    let half = codec.pointee.frameSize / 2
    ck_zero(given, half * 4)
    if case .instantaneousFrequency = codec.pointee.phase { ck_zero(givenTurns, codec.pointee.bins * 4) }
    place.isListening = 1
    place.givenCount = Int32(truncatingIfNeeded: half)
    place.givenFrames = 0
    place.heardFrames = 0
  }

  /// Does what is left of the step until the network has heard the latest element.
  @_noLocks
  private mutating func hear() {
    while Int(place.unit) < network.hearingUnitCount {
      network.work(networkState, Int(place.unit), frame: latestElement, kernels)
      place.unit += 1
    }
  }

  /// Takes the coming element, which is complete, for the latest one.
  @_noLocks
  private mutating func acceptElement() {
    if place.isStepBegun == 0 { beginStep() }
    hear()
    place.latest = 1 - place.latest
    place.isStepBegun = 0
    place.givenFrames = 0
    for index in 0..<columns {
      // Nobody hears it: it lies in the past. The samples of the hop are overwritten by the next one.
      _ = codec.pointee.add(codecState, latestElement + index * frameNumbers, hopSamples, kernels)
      if Int(place.heardFrames) < codec.pointee.overlap { place.heardFrames += 1 }
    }
  }

  /// Goes on from what was given: an element is made while nothing is heard, and then the first hop is, which lies half a frame before
  /// the last one that was fed. The delay makes it the same lag as ever.
  @_noLocks
  private mutating func endListening() {
    let half = codec.pointee.overlap / 2
    let frames = Int(place.heardFrames)
    place.isListening = 0
    place.isPlaying = 0
    place.frame = 0
    place.isHopHeard = 0
    place.sampleOfHop = Int32(truncatingIfNeeded: hop)
    place.delay = Int32(truncatingIfNeeded: (frames < half ? frames : half) * hop)
    // The rest of a hop, behind the last whole one.
    let rest = Int(place.givenCount) - (codec.pointee.frameSize - hop)
    place.skipped = frames >= half && rest > 0 ? Int32(truncatingIfNeeded: rest) : 0
    place.credit = 0
    place.due = 0
  }

  // MARK: State

  /// Bytes that `saveChoices` writes, and `saveNetwork`.
  static var choicesByteCount: Int { 40 + MemoryLayout<Place>.size }
  var networkByteCount: Int {
    var count = savedNetworkCount + savedCodecCount + 2 * elementStride + hop + codec.pointee.frameSize
    if case .instantaneousFrequency = codec.pointee.phase { count += codec.pointee.bins }
    return count * 4
  }

  /// Writes random numbers and where it is. What is left of the network's step is done first, which no bit depends on.
  mutating func saveChoices(_ writer: inout ByteWriter) {
    if place.isStepBegun != 0 {
      while Int(place.unit) < networkUnitCount {
        network.work(networkState, Int(place.unit), frame: latestElement, kernels)
        place.unit += 1
      }
    }
    writer.write(random.state.0)
    writer.write(random.state.1)
    writer.write(random.state.2)
    writer.write(random.state.3)
    writer.write(time)
    withUnsafeBytes(of: place) { bytes in
      if let base = bytes.baseAddress { writer.write(base, count: bytes.count) }
    }
  }

  /// Reads what `saveChoices` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func readChoices(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let words = (reader.readUInt64(), reader.readUInt64(), reader.readUInt64(), reader.readUInt64())
    let time = reader.readUInt64()
    var place = Place()
    withUnsafeMutableBytes(of: &place) { bytes in
      if let base = bytes.baseAddress { reader.read(into: base.assumingMemoryBound(to: Float.self), count: bytes.count) }
    }
    guard let random = RandomGenerator(state: words), accepts(place) else { return false }
    if isLoading {
      self.random = random
      self.time = time
      self.place = place
      sample = 0
    }
    return true
  }

  /// Whether a place may be one that was saved.
  private func accepts(_ place: Place) -> Bool {
    let frameSize = codec.pointee.frameSize
    let isListening = place.isListening != 0
    for flag in [place.latest, place.isStepBegun, place.isPlaying, place.isHopHeard, place.isListening] {
      guard flag == 0 || flag == 1 else { return false }
    }
    guard place.unit >= 0, Int(place.unit) <= unitCount, place.due >= 0, Int(place.due) <= unitCount,
      place.credit >= 0, place.credit < Int64(columns * hop), place.frame >= 0, Int(place.frame) <= columns,
      place.sampleOfHop >= 0, Int(place.sampleOfHop) <= hop, place.delay >= 0, Int(place.delay) <= frameSize / 2,
      place.skipped >= 0, Int(place.skipped) < hop, place.givenFrames >= 0, Int(place.givenFrames) < columns,
      place.heardFrames >= 0, Int(place.heardFrames) <= codec.pointee.overlap, place.reserved == 0
    else { return false }
    // Between calls, fewer than a whole frame of samples wait; before the first one, none.
    guard place.givenCount >= 0, Int(place.givenCount) < frameSize, !isListening || Int(place.givenCount) >= frameSize / 2
    else { return false }
    // A step that was begun was done as far as the network goes.
    return place.isStepBegun == 0 || Int(place.unit) >= networkUnitCount
  }

  /// Writes the network's state, the codec's, and what is heard.
  func saveNetwork(_ writer: inout ByteWriter) {
    writer.write(UnsafeRawPointer(networkState), count: savedNetworkCount * 4)
    writer.write(UnsafeRawPointer(codecState), count: savedCodecCount * 4)
    writer.write(UnsafeRawPointer(elements), count: 2 * elementStride * 4)
    writer.write(UnsafeRawPointer(hopSamples), count: hop * 4)
    writer.write(UnsafeRawPointer(given), count: codec.pointee.frameSize * 4)
    if case .instantaneousFrequency = codec.pointee.phase {
      writer.write(UnsafeRawPointer(givenTurns), count: codec.pointee.bins * 4)
    }
  }

  /// Reads what `saveNetwork` wrote, after the choices and h.
  mutating func readNetwork(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    if isLoading {
      ck_zero(networkState, networkStateCount * 4)
      reader.read(into: networkState, count: savedNetworkCount * 4)
      reader.read(into: codecState, count: savedCodecCount * 4)
      reader.read(into: elements, count: 2 * elementStride * 4)
      reader.read(into: hopSamples, count: hop * 4)
      reader.read(into: given, count: codec.pointee.frameSize * 4)
      network.restore(networkState, time: time)
      conditionsChanged = true
    } else {
      let most = max(savedNetworkCount, savedCodecCount, max(2 * elementStride, hop, codec.pointee.frameSize))
      let numbers = UnsafeMutablePointer<Float>.allocate(capacity: max(1, most))
      defer { numbers.deallocate() }
      reader.read(into: numbers, count: savedNetworkCount * 4)
      guard network.accepts(numbers) else { return false }
      reader.read(into: numbers, count: savedCodecCount * 4)
      guard codec.pointee.accepts(numbers) else { return false }
      reader.read(into: numbers, count: 2 * elementStride * 4)
      for index in 0..<(2 * elementStride) where !numbers[index].isFinite { return false }
      reader.read(into: numbers, count: hop * 4)
      for index in 0..<hop where !numbers[index].isFinite { return false }
      reader.read(into: numbers, count: codec.pointee.frameSize * 4)
      for index in 0..<codec.pointee.frameSize where !numbers[index].isFinite { return false }
    }
    if case .instantaneousFrequency = codec.pointee.phase {
      // Turns of any number are turns.
      if isLoading {
        let turns = UnsafeMutableRawPointer(givenTurns).assumingMemoryBound(to: Float.self)
        reader.read(into: turns, count: codec.pointee.bins * 4)
      } else {
        reader.skip(codec.pointee.bins * 4)
      }
    }
    return true
  }
}
