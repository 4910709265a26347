import CadenzaKernels

/// A network that gives frames: some at each tick, whose work falls into units.
enum FrameSource {
  /// A clip from the conditions.
  case decoder(UnsafePointer<Decoder>)

  /// Numbers of a frame.
  var frameSize: Int {
    @_noLocks get {
      switch self {
      case .decoder(let decoder): decoder.pointee.frameSize
      }
    }
  }

  /// The most frames of a tick.
  var framesPerTick: Int {
    @_noLocks get {
      switch self {
      case .decoder(let decoder): decoder.pointee.framesPerTick
      }
    }
  }

  /// Ticks of a clip; `Int.max`: it never ends.
  var tickCount: Int {
    @_noLocks get {
      switch self {
      case .decoder(let decoder): decoder.pointee.tickCount
      }
    }
  }

  /// Units of work in a tick.
  var unitCount: Int {
    @_noLocks get {
      switch self {
      case .decoder(let decoder): decoder.pointee.unitCount
      }
    }
  }

  /// Makes the state the beginning.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    switch self {
    case .decoder(let decoder): decoder.pointee.begin(state)
    }
  }

  /// Begins a tick under the conditions of now: `h` where they have changed since the tick before.
  @_noLocks
  func start(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>?, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .decoder(let decoder): decoder.pointee.start(state, h, kernels)
    }
  }

  /// One of the units 0 ..< `unitCount` of a tick, in order.
  @_noLocks
  func work(_ state: UnsafeMutablePointer<Float>, tick: Int, unit: Int, _ kernels: UnsafePointer<ck_kernels>) {
    switch self {
    case .decoder(let decoder): decoder.pointee.work(state, tick: tick, unit: unit, kernels)
    }
  }

  /// Copies the frames of a tick that is done; how many they are.
  @_noLocks
  func copyFrames(_ state: UnsafeMutablePointer<Float>, tick: Int, to frames: UnsafeMutablePointer<Float>) -> Int {
    switch self {
    case .decoder(let decoder): decoder.pointee.copyFrames(state, tick: tick, to: frames)
    }
  }

  // MARK: State

  /// Bytes that `save` writes.
  var savedByteCount: Int {
    switch self {
    case .decoder(let decoder): decoder.pointee.savedByteCount
    }
  }

  /// Writes what the ticks after `tick`, which is done, need.
  func save(_ state: UnsafeMutablePointer<Float>, after tick: Int, _ writer: inout ByteWriter) {
    switch self {
    case .decoder(let decoder): decoder.pointee.save(state, after: tick, &writer)
    }
  }

  func load(_ state: UnsafeMutablePointer<Float>, after tick: Int, _ reader: inout ByteReader) {
    switch self {
    case .decoder(let decoder): decoder.pointee.load(state, after: tick, &reader)
    }
  }
}

/// A source of frames with the codec that sounds them, and what both need of a stream's state.
struct FramePlan {
  let source: FrameSource
  let codec: FrameCodec
  let layout: StateLayout
  let codecLayout: StateLayout
  // What source and codec say too: here also while the model is measured, when their pointers lead nowhere.
  let frameSize: Int
  let hop: Int
  let framesPerTick: Int
  /// Frames of a clip; nil: it never ends.
  let frameCount: Int?
  /// Whether a clip is made at once, which no audio thread may do.
  let isWhole: Bool
}
