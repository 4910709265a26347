import CadenzaKernels

/// What the audio thread works on: all that changes while a stream plays, in one memory, plus pointers into the model's.
struct StreamCore {
  private let kernels: UnsafePointer<ck_kernels>
  private let network: Network
  private let codec: Codec
  /// nil: the network predicts values.
  private let sampler: Sampler?

  /// The network's state.
  private let state: UnsafeMutablePointer<Float>
  private let stateCount: Int
  private let savedStateCount: Int

  private let conditions: UnsafeMutablePointer<ConditionPlayer>
  /// Where the host puts values for them, from whatever thread.
  let inboxes: UnsafeMutablePointer<ConditionInbox>
  let conditionCount: Int
  private let localConditionCount: Int
  /// The conditions' vector.
  private let h: UnsafeMutablePointer<Float>
  /// Whether the network has not seen h yet.
  private var conditionsChanged = true

  /// The element that the next step is fed.
  private var element: Element
  /// Steps since the beginning.
  private var time: UInt64 = 0
  private var random: RandomGenerator
  /// Whether the network produced a value that is not finite.
  private(set) var hasFailed = false

  /// Lays the core out in `arena`.
  init(_ plan: ModelPlan, defaults: [[Float]], seed: UInt64, arena: inout Arena) {
    kernels = plan.kernels
    network = plan.network
    codec = plan.codec
    stateCount = plan.layout.count
    savedStateCount = plan.layout.savedCount ?? plan.layout.count
    state = arena.take(Float.self, count: stateCount)
    h = arena.take(Float.self, count: RowOrder.padded(plan.conditionChannels))
    conditionCount = plan.conditions.count
    conditions = arena.take(ConditionPlayer.self, count: conditionCount)
    inboxes = arena.take(ConditionInbox.self, count: conditionCount)
    var localConditionCount = 0
    for (index, input) in plan.conditions.enumerated() {
      let inbox = ConditionInbox(input, arena: &arena)
      let player = ConditionPlayer(inbox, defaultValue: defaults[index], h: h, arena: &arena)
      if input.framesPerValue > 0 { localConditionCount += 1 }
      if !arena.isMeasuring {
        (inboxes + index).initialize(to: inbox)
        (conditions + index).initialize(to: player)
      }
    }
    self.localConditionCount = localConditionCount
    switch plan.prediction {
    case .logits(let vocabularySize):
      let size = Sampler.paddedSize(vocabularySize)
      sampler = Sampler(
        kernels: plan.kernels, vocabularySize: vocabularySize,
        distances: arena.take(Float.self, count: size), masses: arena.take(Float.self, count: size))
    case .value:
      sampler = nil
    }
    element = arena.isMeasuring ? Element(token: 0, value: 0) : plan.codec.silence
    random = RandomGenerator(seed: seed)
    if !arena.isMeasuring { network.begin(state, kernels) }
  }

  /// Back to the beginning.
  @_noLocks
  mutating func reset(seed: UInt64) {
    ck_zero(state, stateCount * 4)
    network.begin(state, kernels)
    for index in 0..<conditionCount { conditions[index].framesLeft = 0 }
    conditionsChanged = true
    element = codec.silence
    time = 0
    random = RandomGenerator(seed: seed)
    hasFailed = false
  }

  @_noLocks
  private mutating func beginBlock() {
    for index in 0..<conditionCount {
      if conditions[index].beginBlock(h) { conditionsChanged = true }
    }
  }

  /// Feeds the network the element of the step before, under the conditions of now.
  @_noLocks @inline(__always)
  private mutating func step() {
    if localConditionCount > 0 {
      for index in 0..<conditionCount {
        if conditions[index].beginSample(h) { conditionsChanged = true }
      }
    }
    if conditionsChanged {
      network.condition(state, h, kernels)
      conditionsChanged = false
    }
    network.feed(state, element, kernels)
    time &+= 1
  }

  /// Fills `output`; from a value that is not finite on, with silence.
  @_noLocks
  mutating func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings, gain: Float
  ) -> Status {
    var frame = 0
    if !hasFailed {
      beginBlock()
      while frame < frames {
        step()
        let prediction = network.predict(state, kernels)
        if let sampler {
          let token = sampler.choose(prediction, settings, &random)
          if token < 0 { break }
          element = codec.element(of: token)
        } else {
          if !prediction[0].isFinite { break }
          element = codec.element(of: prediction[0])
        }
        output[frame] = element.value * gain
        frame += 1
      }
      hasFailed = frame < frames
    }
    if frame < frames { ck_zero(output + frame, (frames - frame) * 4) }
    return hasFailed ? .numeric : .ok
  }

  /// Feeds audio as if it had been generated; adds its negative log-likelihood to `nats`, where that is asked for.
  @_noLocks
  mutating func prime(_ samples: UnsafePointer<Float>, frames: Int, nats: UnsafeMutablePointer<Double>?) -> Status {
    if hasFailed { return .state }
    for frame in 0..<frames where !samples[frame].isFinite { return .invalidArgument }
    beginBlock()
    for frame in 0..<frames {
      step()
      let next = codec.element(of: samples[frame])
      if let nats, let sampler {
        guard let value = sampler.nats(network.predict(state, kernels), of: next.token) else {
          hasFailed = true
          return .numeric
        }
        nats.pointee += value
      }
      element = next
    }
    return .ok
  }

  var predictsLogits: Bool {
    @_noLocks get { sampler != nil }
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    var count = SavedHeader.byteCount + savedStateCount * 4
    for index in 0..<conditionCount { count += 8 + conditions[index].savedCount * 4 }
    return count
  }

  /// Writes all that decides the future but the parameters.
  mutating func save(_ writer: inout ByteWriter) {
    writer.write(random.state.0)
    writer.write(random.state.1)
    writer.write(random.state.2)
    writer.write(random.state.3)
    writer.write(time)
    writer.write(UInt32(truncatingIfNeeded: element.token))
    writer.write(element.value.bitPattern)
    writer.write(UInt32(hasFailed ? 1 : 0))
    writer.write(UInt32(0))
    for index in 0..<conditionCount {
      let count = conditions[index].savedCount
      let numbers = UnsafeMutablePointer<Float>.allocate(capacity: count)
      defer { numbers.deallocate() }
      if conditions[index].save(to: numbers, h) { conditionsChanged = true }
      writer.write(UInt32(conditions[index].framesLeft))
      writer.write(UInt32(conditions[index].waitingCount()))
      writer.write(UnsafeRawPointer(numbers), count: count * 4)
    }
    writer.write(UnsafeRawPointer(state), count: savedStateCount * 4)
  }

  /// Loads what `save` wrote, or changes nothing and returns false. The reader holds as many bytes as `save` writes.
  mutating func load(_ reader: ByteReader) -> Bool {
    // Twice over the same bytes: to check, then to load.
    for isLoading in [false, true] {
      var reader = reader
      let words = (reader.readUInt64(), reader.readUInt64(), reader.readUInt64(), reader.readUInt64())
      let time = reader.readUInt64()
      let token = Int(reader.readUInt32())
      let value = Float(bitPattern: reader.readUInt32())
      let failed = reader.readUInt32()
      _ = reader.readUInt32()
      guard let random = RandomGenerator(state: words), value.isFinite, failed <= 1, token <= Int(Int32.max) else {
        return false
      }
      if let sampler, token >= sampler.vocabularySize { return false }
      for index in 0..<conditionCount {
        let framesLeft = reader.readUInt32()
        let waiting = reader.readUInt32()
        let count = conditions[index].savedCount
        let numbers = UnsafeMutablePointer<Float>.allocate(capacity: count)
        defer { numbers.deallocate() }
        reader.read(into: numbers, count: count * 4)
        if isLoading {
          conditions[index].load(numbers, framesLeft: framesLeft, waiting: waiting, h)
        } else if !conditions[index].accepts(numbers, framesLeft: framesLeft, waiting: waiting) {
          return false
        }
      }
      if isLoading {
        ck_zero(state, stateCount * 4)
        reader.read(into: state, count: savedStateCount * 4)
        network.restore(state, time: time)
        self.random = random
        self.time = time
        element = Element(token: token, value: value)
        hasFailed = failed == 1
        conditionsChanged = true
      } else {
        let numbers = UnsafeMutablePointer<Float>.allocate(capacity: max(1, savedStateCount))
        defer { numbers.deallocate() }
        reader.read(into: numbers, count: savedStateCount * 4)
        if !network.accepts(numbers) { return false }
      }
    }
    return true
  }
}
