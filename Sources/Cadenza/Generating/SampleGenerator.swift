import CadenzaKernels

/// A model's sound at its own rate, one sample after another: network, sampler, codec, and the random generator between them.
///
/// Whoever owns it keeps `h`, the conditions' vector, and says when it has `changed`. Its memory is in the arena.
struct SampleGenerator {
  private let kernels: UnsafePointer<ck_kernels>
  private let network: Network
  private let codec: Codec
  /// nil: the network predicts values.
  let sampler: Sampler?
  /// Of predicted values.
  private let noisyValue: NoisyValue

  /// The network's state.
  private let state: UnsafeMutablePointer<Float>
  private let stateCount: Int
  private let savedStateCount: Int

  /// The conditions' vector, which the owner writes.
  let h: UnsafeMutablePointer<Float>
  /// Whether the network has not seen h yet.
  var conditionsChanged = true

  /// Plays what is encoded into h, where the model has an embedding.
  private var embedding: EmbeddingPlayer?

  /// The sample of now, and what the next step is fed.
  private(set) var element: Element
  /// Steps since the beginning.
  private var time: UInt64 = 0
  private var random: RandomGenerator

  /// Lays it out in `arena`. The sampler's scratch may be shared by all generators of a thread.
  init(
    _ plan: ModelPlan, sampler: Sampler?, latentMix: UnsafeMutablePointer<LatentMix>?, seed: UInt64, arena: inout Arena
  ) {
    kernels = plan.kernels
    network = plan.network
    codec = plan.codec
    self.sampler = sampler
    if case .linear(let noise) = plan.fields.first?.kind {
      noisyValue = NoisyValue(noise: noise)
    } else {
      noisyValue = NoisyValue(noise: 0)
    }
    stateCount = plan.layout.count
    savedStateCount = plan.layout.savedCount ?? plan.layout.count
    state = arena.take(Float.self, count: stateCount)
    h = arena.take(Float.self, count: RowOrder.padded(plan.conditionChannels))
    if let encoding = plan.encoding, encoding.framesPerRow > 0, let latentMix {
      embedding = EmbeddingPlayer(encoding, latentMix, h: h, arena: &arena)
    }
    element = arena.isMeasuring ? Element(token: 0, value: 0) : plan.codec.silence
    random = RandomGenerator(seed: seed)
    if !arena.isMeasuring { network.begin(state, &element, kernels) }
  }

  /// Back to the beginning: the network's state is zeroed, and h taken anew.
  @_noLocks
  mutating func reset(seed: UInt64) {
    ck_zero(state, stateCount * 4)
    element = codec.silence
    network.begin(state, &element, kernels)
    conditionsChanged = true
    time = 0
    random = RandomGenerator(seed: seed)
  }

  /// Feeds the network the element of the step before, under the conditions of now.
  @_noLocks @inline(__always)
  private mutating func step() {
    if embedding != nil, embedding?.beginSample(time) == true { conditionsChanged = true }
    if conditionsChanged {
      network.condition(state, h, kernels)
      conditionsChanged = false
    }
    network.feed(state, element, kernels)
    time &+= 1
  }

  /// Generates the next element; false where the network produced a value that is not finite.
  @_noLocks @inline(__always)
  mutating func choose(_ settings: SamplerSettings) -> Bool {
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

  /// Takes `sample` for the next element, as if it had been generated, and adds its negative log-likelihood to `nats` where that
  /// is asked for; false, and no element taken, where the network then produced a value that is not finite.
  @_noLocks @inline(__always)
  mutating func accept(_ sample: Float, _ nats: UnsafeMutablePointer<Double>?) -> Bool {
    step()
    let next = codec.element(of: sample)
    if let nats, let sampler {
      guard let value = sampler.nats(network.predict(state, kernels), of: next.token) else { return false }
      nats.pointee += value
    }
    element = next
    return true
  }

  // MARK: State

  /// Bytes that `saveChoices` writes, and `saveNetwork`.
  static let choicesByteCount = 48
  var networkByteCount: Int { savedStateCount * 4 + (embedding?.savedByteCount ?? 0) }

  /// Writes the random generator, the time and the latest element.
  func saveChoices(_ writer: inout ByteWriter) {
    writer.write(random.state.0)
    writer.write(random.state.1)
    writer.write(random.state.2)
    writer.write(random.state.3)
    writer.write(time)
    writer.write(UInt32(truncatingIfNeeded: element.token))
    writer.write(element.value.bitPattern)
  }

  /// Reads what `saveChoices` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func readChoices(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let words = (reader.readUInt64(), reader.readUInt64(), reader.readUInt64(), reader.readUInt64())
    let time = reader.readUInt64()
    let token = Int(reader.readUInt32())
    let value = Float(bitPattern: reader.readUInt32())
    guard let random = RandomGenerator(state: words), value.isFinite, token <= Int(Int32.max) else { return false }
    if let sampler, token >= sampler.vocabularySize { return false }
    if isLoading {
      self.random = random
      self.time = time
      element = Element(token: token, value: value)
    }
    return true
  }

  /// Writes the network's state, and what it hears of an embedding.
  func saveNetwork(_ writer: inout ByteWriter) {
    embedding?.save(&writer)
    writer.write(UnsafeRawPointer(state), count: savedStateCount * 4)
  }

  /// Reads what `saveNetwork` wrote, after the choices and h.
  mutating func readNetwork(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    if embedding != nil, embedding?.read(&reader, isLoading: isLoading) == false { return false }
    if isLoading {
      ck_zero(state, stateCount * 4)
      reader.read(into: state, count: savedStateCount * 4)
      network.restore(state, time: time)
      conditionsChanged = true
      return true
    }
    let numbers = UnsafeMutablePointer<Float>.allocate(capacity: max(1, savedStateCount))
    defer { numbers.deallocate() }
    reader.read(into: numbers, count: savedStateCount * 4)
    return network.accepts(numbers)
  }
}

extension ModelPlan {
  /// A sampler for the model's predictions, with scratch of its own; nil where it predicts values.
  func sampler(arena: inout Arena) -> Sampler? {
    guard case .softmax(let vocabularySize) = fields.first?.kind else { return nil }
    let size = Sampler.paddedSize(vocabularySize)
    return Sampler(
      kernels: kernels, vocabularySize: vocabularySize,
      distances: arena.take(Float.self, count: size), masses: arena.take(Float.self, count: size))
  }
}
