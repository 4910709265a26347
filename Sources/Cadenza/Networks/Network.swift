import CadenzaKernels

/// What networks have in common: an element in, a prediction out.
///
/// A network is a struct of pointers into the model's memory; everything that changes lies in the stream's state, at the offsets of
/// its layout. Both stay where they are while a stream lives.
///
/// At every step: `feed` the element of the step before, then, where a prediction is wanted, `predict`. An element may have several
/// fields, and a step may be taken in slices: `start` it with an element for each field, `work` through its units, then `predict`.
/// Both ways give the same bits.
enum Network {
  case waveNet(UnsafePointer<WaveNet>)
  case recurrent(UnsafePointer<Recurrent>)
  case windowedRecurrent(UnsafePointer<WindowedRecurrent>)
  case transformer(UnsafePointer<Transformer>)
  /// Takes no elements: see `FrameSource`.
  case decoder(UnsafePointer<Decoder>)

  /// Builds the network that `configuration` describes from the tensors, which it takes from the reader. `firstFrame`: what step 0 is
  /// fed where elements are frames.
  init(
    _ configuration: NetworkConfiguration, conditionChannels: Int, firstFrame: UnsafePointer<Float>?,
    tensors: inout TensorReader, arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    switch configuration {
    case .waveNet(let configuration):
      let place = arena.take(WaveNet.self, count: 1)
      let network = try WaveNet(
        configuration, conditionChannels: conditionChannels, tensors: &tensors, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: network) }
      self = .waveNet(place)
    case .recurrent(let configuration):
      if let window = configuration.window {
        let place = arena.take(WindowedRecurrent.self, count: 1)
        let network = try WindowedRecurrent(
          configuration, window: window, conditionChannels: conditionChannels, firstFrame: firstFrame, tensors: &tensors,
          arena: &arena, layout: &layout)
        if !arena.isMeasuring { place.initialize(to: network) }
        self = .windowedRecurrent(place)
        return
      }
      let place = arena.take(Recurrent.self, count: 1)
      let network = try Recurrent(
        configuration, conditionChannels: conditionChannels, tensors: &tensors, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: network) }
      self = .recurrent(place)
    case .transformer(let configuration):
      let place = arena.take(Transformer.self, count: 1)
      let network = try Transformer(
        configuration, conditionChannels: conditionChannels, tensors: &tensors, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: network) }
      self = .transformer(place)
    case .decoder:
      throw Failure(.unsupported, "network.kind is \"decoder\", which gives frames, and takes no elements")
    }
  }

  /// Fields of an element: what `start` is given and `predict` returns so many of.
  var fieldCount: Int {
    @_noLocks get {
      switch self {
      case .waveNet, .transformer: 1
      case .decoder: 0
      case .recurrent(let network): network.pointee.fieldCount
      case .windowedRecurrent(let network): network.pointee.fieldCount
      }
    }
  }

  /// What is predicted for field `index`.
  @_noLocks
  func field(_ index: Int) -> FieldPrediction {
    switch self {
    case .waveNet(let network): network.pointee.prediction
    case .recurrent(let network): network.pointee.field(index)
    case .windowedRecurrent(let network): network.pointee.field(index)
    case .transformer(let network): network.pointee.prediction
    case .decoder: FieldPrediction(kind: .linear(noise: 0), offset: 0)
    }
  }

  /// Makes a state that is all zeros the beginning of a sequence whose step 0 will be fed `first`, an element for each field. Call
  /// `condition` before and after as conditions ask.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>, _ first: UnsafePointer<Element>, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .waveNet(let network): network.pointee.begin(state)
    case .recurrent(let network): network.pointee.begin(state, kernels)
    case .windowedRecurrent(let network): network.pointee.begin(state, first)
    case .transformer(let network): network.pointee.begin(state)
    case .decoder(let network): network.pointee.begin(state)
    }
  }

  /// Takes a new vector h of the conditions. Between steps, not in the middle of one.
  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .waveNet(let network): network.pointee.condition(state, h, kernels)
    case .recurrent(let network): network.pointee.condition(state, h, kernels)
    case .windowedRecurrent(let network): network.pointee.condition(state, h, kernels)
    case .transformer(let network): network.pointee.condition(state, h, kernels)
    case .decoder: return
    }
  }

  /// A whole step of a network of one field.
  @_noLocks @inline(__always)
  func feed(_ state: UnsafeMutablePointer<Float>, _ element: Element, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .waveNet(let network): network.pointee.feed(state, element.token, kernels)
    case .recurrent(let network): network.pointee.feed(state, element, kernels)
    case .windowedRecurrent(let network): network.pointee.feed(state, element, kernels)
    case .transformer(let network): network.pointee.feed(state, element.token, kernels)
    case .decoder: return
    }
  }

  /// Begins a step with an element for each field; `unitCount` units of work complete it.
  @_noLocks
  func start(
    _ state: UnsafeMutablePointer<Float>, _ elements: UnsafePointer<Element>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    switch self {
    case .waveNet(let network): network.pointee.feed(state, elements.pointee.token, kernels)
    case .recurrent(let network): network.pointee.start(state, elements, kernels)
    case .windowedRecurrent(let network): network.pointee.start(state, elements)
    case .transformer(let network): network.pointee.start(state, elements.pointee.token, kernels)
    case .decoder: return
    }
  }

  /// Slices into which the rest of a step falls, each about as large as one layer's product.
  var unitCount: Int {
    @_noLocks get {
      switch self {
      case .waveNet, .decoder: 0
      case .recurrent(let network): network.pointee.unitCount
      case .windowedRecurrent(let network): network.pointee.unitCount
      case .transformer(let network): network.pointee.unitCount
      }
    }
  }

  /// Of these, the units after which the step's element has been heard, and only the prediction is left to make: where elements are
  /// frames that are given, the others may be left out.
  var hearingUnitCount: Int {
    @_noLocks get {
      switch self {
      case .recurrent(let network): network.pointee.hearingUnitCount
      case .windowedRecurrent(let network): network.pointee.hearingUnitCount
      default: unitCount
      }
    }
  }

  /// One of the units 0 ..< `unitCount`, which are called in order after `start`. `frame`: the step's element, where elements are
  /// frames; it stays as it is from unit to unit.
  @_noLocks
  func work(
    _ state: UnsafeMutablePointer<Float>, _ unit: Int, frame: UnsafePointer<Float>? = nil,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    switch self {
    case .waveNet, .decoder: return
    case .recurrent(let network): network.pointee.work(state, unit, frame: frame, kernels)
    case .windowedRecurrent(let network): network.pointee.work(state, unit, frame: frame, kernels)
    case .transformer(let network): network.pointee.work(state, unit, kernels)
    }
  }

  /// The prediction for the step that was taken last: each field's at its offset, logits padded to whole panels, or one value.
  /// Valid until the next step.
  @_noLocks @inline(__always)
  func predict(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) -> UnsafeMutablePointer<Float> {
    switch self {
    case .waveNet(let network): network.pointee.predict(state, kernels)
    case .recurrent(let network): network.pointee.predict(state)
    case .windowedRecurrent(let network): network.pointee.predict(state)
    case .transformer(let network): network.pointee.predict(state, kernels)
    case .decoder: state
    }
  }

  /// Whether the saved part of a state can be one of this network's: what it is indexed by must be in range.
  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    switch self {
    case .waveNet(let network): network.pointee.accepts(saved)
    case .windowedRecurrent(let network): network.pointee.accepts(saved)
    case .recurrent, .transformer, .decoder: true
    }
  }

  /// Rebuilds what follows from the saved part of a state after `time` steps.
  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    switch self {
    case .waveNet(let network): network.pointee.restore(state, time: time)
    case .recurrent(let network): network.pointee.restore(state, time: time)
    case .windowedRecurrent(let network): network.pointee.restore(state, time: time)
    case .transformer(let network): network.pointee.restore(state, time: time)
    case .decoder: return
    }
  }
}

extension NetworkConfiguration {
  /// As the model file names it.
  public var kind: StaticString {
    switch self {
    case .waveNet: "wavenet"
    case .recurrent: "recurrent"
    case .transformer: "transformer"
    case .decoder: "decoder"
    }
  }

  /// Size of the softmax; nil where the network predicts values, or several fields.
  public var vocabularySize: Int? {
    switch self {
    case .waveNet(let configuration): configuration.vocabularySize
    case .transformer(let configuration): configuration.vocabularySize
    case .recurrent(let configuration):
      switch configuration.head {
      case .softmax: configuration.vocabularySize
      case .linear, .fields: nil
      }
    case .decoder: nil
    }
  }

  /// Samples of the past that a prediction can depend on; nil: unbounded.
  public var receptiveField: Int? {
    switch self {
    case .waveNet(let configuration): configuration.receptiveField
    case .recurrent(let configuration): configuration.window
    case .transformer(let configuration): configuration.receptiveField
    case .decoder: nil
    }
  }
}
