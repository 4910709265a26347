import CadenzaKernels

/// What the audio thread works on: all that changes while a stream plays, in one memory, plus pointers into the model's.
struct StreamCore {
  private let kernels: UnsafePointer<ck_kernels>
  private let network: Network
  private let codec: Codec
  /// nil: the network predicts values.
  private let sampler: Sampler?
  /// Of predicted values.
  private let noisyValue: NoisyValue

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

  /// From the model's rate to the output's; nil where they are the same.
  private let outputConverter: UnsafeMutablePointer<RateConverter>?
  /// From the rate of given audio to the model's; nil where they are the same.
  private let inputConverter: UnsafeMutablePointer<AlignedConverter>?

  /// The element that the next step is fed.
  private var element: Element
  /// Steps since the beginning.
  private var time: UInt64 = 0
  private var random: RandomGenerator
  /// Whether the network produced a value that is not finite.
  private(set) var hasFailed = false

  /// Lays the core out in `arena`.
  init(_ plan: ModelPlan, defaults: [[Float]], rates: StreamRates, seed: UInt64, arena: inout Arena) {
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
    switch plan.fields.first?.kind {
    case .softmax(let vocabularySize):
      let size = Sampler.paddedSize(vocabularySize)
      sampler = Sampler(
        kernels: plan.kernels, vocabularySize: vocabularySize,
        distances: arena.take(Float.self, count: size), masses: arena.take(Float.self, count: size))
      noisyValue = NoisyValue(noise: 0)
    case .linear(let noise):
      sampler = nil
      noisyValue = NoisyValue(noise: noise)
    case nil:
      sampler = nil
      noisyValue = NoisyValue(noise: 0)
    }
    if rates.output != rates.model {
      let converter = arena.take(RateConverter.self, count: 1)
      let ratio = RateRatio(from: rates.model, to: rates.output)
      let value = RateConverter(ratio, kernels: plan.kernels, arena: &arena)
      if !arena.isMeasuring { converter.initialize(to: value) }
      outputConverter = converter
    } else {
      outputConverter = nil
    }
    if rates.input != rates.model {
      let converter = arena.take(AlignedConverter.self, count: 1)
      let ratio = RateRatio(from: rates.input, to: rates.model)
      let value = AlignedConverter(ratio, kernels: plan.kernels, arena: &arena)
      if !arena.isMeasuring { converter.initialize(to: value) }
      inputConverter = converter
    } else {
      inputConverter = nil
    }
    element = arena.isMeasuring ? Element(token: 0, value: 0) : plan.codec.silence
    random = RandomGenerator(seed: seed)
    if !arena.isMeasuring { network.begin(state, &element, kernels) }
  }

  /// Back to the beginning.
  @_noLocks
  mutating func reset(seed: UInt64) {
    ck_zero(state, stateCount * 4)
    element = codec.silence
    network.begin(state, &element, kernels)
    for index in 0..<conditionCount { conditions[index].framesLeft = 0 }
    conditionsChanged = true
    if let outputConverter { outputConverter.pointee.reset() }
    if let inputConverter { inputConverter.pointee.reset() }
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

  /// Frames of the output by which it lags what the network generates.
  var latency: Int {
    @_noLocks get {
      guard let outputConverter else { return 0 }
      return outputConverter.pointee.latency
    }
  }

  /// Generates the next element; false where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  private mutating func choose(_ settings: SamplerSettings) -> Bool {
    step()
    let prediction = network.predict(state, kernels)
    if let sampler {
      let token = sampler.choose(prediction, settings, &random)
      if token < 0 { return false }
      element = codec.element(of: token)
    } else {
      if !prediction[0].isFinite { return false }
      element = codec.element(of: noisyValue.choose(prediction[0], settings, &random))
    }
    return true
  }

  /// Fills `output`; from a value that is not finite on, with silence.
  @_noLocks
  mutating func generate(
    into output: UnsafeMutablePointer<Float>, frames: Int, settings: SamplerSettings, gain: Float
  ) -> Status {
    var frame = 0
    if !hasFailed {
      beginBlock()
      // Audio that nobody ended ends here.
      if let inputConverter { _ = endAudio(inputConverter, nil) }
      if let outputConverter {
        while frame < frames {
          // The network is asked for what this very frame needs, and nothing ahead: that makes any split of the frames the
          // same.
          while !outputConverter.pointee.isReady {
            if !choose(settings) {
              hasFailed = true
              break
            }
            outputConverter.pointee.push(element.value)
          }
          if hasFailed { break }
          output[frame] = outputConverter.pointee.next() * gain
          frame += 1
        }
      } else {
        while frame < frames {
          if !choose(settings) {
            hasFailed = true
            break
          }
          output[frame] = element.value * gain
          frame += 1
        }
      }
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
    if let inputConverter {
      for frame in 0..<frames {
        inputConverter.pointee.push(samples[frame])
        while inputConverter.pointee.isReady {
          if let sample = inputConverter.pointee.next() {
            if !accept(sample, nats) { return .numeric }
          }
        }
      }
    } else {
      for frame in 0..<frames {
        if !accept(samples[frame], nats) { return .numeric }
      }
    }
    return .ok
  }

  /// Whether the conversion of given audio holds samples back until more of it comes.
  var isListening: Bool {
    @_noLocks get {
      guard let inputConverter else { return false }
      return inputConverter.pointee.isOpen
    }
  }

  /// Ends audio at another rate: feeds what its conversion held back until more of it would come. Nothing where there is none.
  @_noLocks
  mutating func endAudio(nats: UnsafeMutablePointer<Double>?) -> Status {
    guard isListening, let inputConverter else { return .ok }
    if hasFailed { return .state }
    beginBlock()
    return endAudio(inputConverter, nats)
  }

  @_noLocks
  private mutating func endAudio(
    _ converter: UnsafeMutablePointer<AlignedConverter>, _ nats: UnsafeMutablePointer<Double>?
  ) -> Status {
    guard converter.pointee.isOpen else { return .ok }
    for _ in 0..<converter.pointee.owed {
      while !converter.pointee.isReady { converter.pointee.extend() }
      if let sample = converter.pointee.next() {
        if !accept(sample, nats) { return .numeric }
      }
    }
    converter.pointee.reset()
    return .ok
  }

  /// Feeds one sample at the model's rate; false where its likelihood was asked for and the network produced a value that is
  /// not finite.
  @_noLocks @inline(__always)
  private mutating func accept(_ sample: Float, _ nats: UnsafeMutablePointer<Double>?) -> Bool {
    step()
    let next = codec.element(of: sample)
    if let nats, let sampler {
      guard let value = sampler.nats(network.predict(state, kernels), of: next.token) else {
        hasFailed = true
        return false
      }
      nats.pointee += value
    }
    element = next
    // It sounds on, as what is generated does, while the output's frames stay where they are.
    if let outputConverter { outputConverter.pointee.insert(next.value) }
    return true
  }

  var predictsLogits: Bool {
    @_noLocks get { sampler != nil }
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    var count = SavedHeader.byteCount + SavedHeader.fixedByteCount + savedStateCount * 4
    for index in 0..<conditionCount { count += 8 + conditions[index].savedCount * 4 }
    if inputConverter != nil || outputConverter != nil { count += SavedHeader.ratesByteCount }
    if let outputConverter { count += outputConverter.pointee.savedByteCount }
    if let inputConverter { count += inputConverter.pointee.savedByteCount }
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
    if let outputConverter { outputConverter.pointee.save(&writer) }
    if let inputConverter { inputConverter.pointee.save(&writer) }
  }

  /// Whether `load` takes these bytes: as many as `save` writes, and each what it may have written.
  mutating func accepts(_ reader: ByteReader) -> Bool { read(reader, isLoading: false) }

  /// Loads what `save` wrote, or changes nothing and returns false. The reader holds as many bytes as `save` writes.
  mutating func load(_ reader: ByteReader) -> Bool {
    // Twice over the same bytes: to check, then to load.
    guard read(reader, isLoading: false) else { return false }
    return read(reader, isLoading: true)
  }

  private mutating func read(_ bytes: ByteReader, isLoading: Bool) -> Bool {
    var reader = bytes
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
    if let outputConverter, !outputConverter.pointee.read(&reader, isLoading: isLoading) { return false }
    if let inputConverter, !inputConverter.pointee.read(&reader, isLoading: isLoading) { return false }
    return true
  }
}
