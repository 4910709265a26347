import CadenzaKernels

/// What networks have in common: an element in, a prediction out.
///
/// A network is a struct of pointers into the model's memory; everything that changes lies in the stream's state, at the offsets of
/// its layout. Both stay where they are while a stream lives.
///
/// At every step: `feed` the element of the step before, then, where a prediction is wanted, `predict`.
enum Network {
  case waveNet(UnsafePointer<WaveNet>)
  case recurrent(UnsafePointer<Recurrent>)

  /// What `predict` returns.
  enum Prediction {
    /// Logits over a vocabulary.
    case logits(vocabularySize: Int)
    /// One value.
    case value
  }

  /// Builds the network that `configuration` describes from the tensors, which it takes from the reader.
  init(
    _ configuration: NetworkConfiguration, conditionChannels: Int, tensors: inout TensorReader,
    arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    switch configuration {
    case .waveNet(let configuration):
      let place = arena.take(WaveNet.self, count: 1)
      let network = try WaveNet(
        configuration, conditionChannels: conditionChannels, tensors: &tensors, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: network) }
      self = .waveNet(place)
    case .recurrent(let configuration):
      let place = arena.take(Recurrent.self, count: 1)
      let network = try Recurrent(
        configuration, conditionChannels: conditionChannels, tensors: &tensors, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: network) }
      self = .recurrent(place)
    }
  }

  /// Makes a state that is all zeros the beginning of a sequence. Call `condition` before and after as conditions ask.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .waveNet(let network): network.pointee.begin(state)
    case .recurrent(let network): network.pointee.begin(state, kernels)
    }
  }

  /// Takes a new vector h of the conditions.
  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .waveNet(let network): network.pointee.condition(state, h, kernels)
    case .recurrent(let network): network.pointee.condition(state, h, kernels)
    }
  }

  @_noLocks @inline(__always)
  func feed(_ state: UnsafeMutablePointer<Float>, _ element: Element, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .waveNet(let network): network.pointee.feed(state, element.token, kernels)
    case .recurrent(let network): network.pointee.feed(state, element, kernels)
    }
  }

  /// The prediction for the step that was fed last: logits, padded to whole panels, or one value. Valid until the next `feed`.
  @_noLocks @inline(__always)
  func predict(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) -> UnsafeMutablePointer<Float> {
    switch self {
    case .waveNet(let network): network.pointee.predict(state, kernels)
    case .recurrent(let network): network.pointee.predict(state)
    }
  }

  /// Whether the saved part of a state can be one of this network's: what it is indexed by must be in range.
  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    switch self {
    case .waveNet(let network): network.pointee.accepts(saved)
    case .recurrent: true
    }
  }

  /// Rebuilds what follows from the saved part of a state after `time` steps.
  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    switch self {
    case .waveNet(let network): network.pointee.restore(state, time: time)
    case .recurrent(let network): network.pointee.restore(state)
    }
  }
}

extension NetworkConfiguration {
  /// As the model file names it.
  public var kind: StaticString {
    switch self {
    case .waveNet: "wavenet"
    case .recurrent: "recurrent"
    }
  }

  /// Size of the softmax; nil where the network predicts values.
  public var vocabularySize: Int? {
    switch self {
    case .waveNet(let configuration): configuration.vocabularySize
    case .recurrent(let configuration):
      switch configuration.head {
      case .softmax: configuration.vocabularySize
      case .linear: nil
      }
    }
  }

  /// Samples of the past that a prediction can depend on; nil: unbounded.
  public var receptiveField: Int? {
    switch self {
    case .waveNet(let configuration): configuration.receptiveField
    case .recurrent: nil
    }
  }
}
