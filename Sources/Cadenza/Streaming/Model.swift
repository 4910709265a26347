import CadenzaKernels

/// A trained model, loaded and ready: immutable, shared by any number of streams and threads.
///
///     let model = try Model(path: "notes.safetensors")
///     let stream = try Stream(model: model, options: StreamOptions(for: model))
public final class Model: @unchecked Sendable {
  // Unchecked: it holds pointers into memory that nobody writes once `init` is done.

  /// What the file says of itself.
  public let configuration: Configuration
  /// Trained numbers in the file.
  public let parameterCount: Int
  /// Bytes of the packed weights in memory.
  public let weightBytes: Int
  /// Bytes of memory that each stream takes which converts no sample rates.
  public let streamBytes: Int
  /// Texts for the C interface.
  public let cStrings: ModelCStrings

  let plan: ModelPlan
  /// Tells this model from others where states are loaded.
  let fingerprint: UInt64
  private let memory: UnsafeMutableRawPointer

  /// Bytes that one stream may take: FORMAT.md, limits.
  static let maximumStreamBytes = 256 << 20
  /// Bytes that packed weights may take, padding included.
  static let maximumWeightBytes = 1 << 33

  /// Loads a model file. Throws `io`, `format`, `unsupported`, `outOfMemory`.
  public convenience init(path: String) throws(Failure) {
    let file = try ModelFile(path: path)
    try self.init(bytes: file.bytes)
  }

  /// The same from a C string, whose bytes need not be UTF-8.
  public convenience init(terminatedPath path: UnsafePointer<CChar>) throws(Failure) {
    let file = try ModelFile(path: path)
    try self.init(bytes: file.bytes)
  }

  /// Loads a model from the bytes of its file, which are not needed afterwards.
  public convenience init(bytes: UnsafeRawBufferPointer) throws(Failure) {
    self.init(try Parts(bytes))
  }

  /// What a model is made of, and all that may be refused: Embedded Swift leaks an object whose designated initialiser throws.
  private struct Parts {
    let configuration: Configuration
    let plan: ModelPlan
    let cStrings: ModelCStrings
    let memory: UnsafeMutableRawPointer
    let weightBytes: Int
    let streamBytes: Int
    let parameterCount: Int
    let fingerprint: UInt64

    init(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
      // Tables and packed weights must not depend on the host's rounding mode either.
      let arithmetic = ck_enter_arithmetic()
      defer { ck_leave_arithmetic(arithmetic) }
      let file = try SafetensorsFile(bytes)
      let configuration = try Configuration(file)
      let tensors = TensorReader(file)

      var measuring = Arena.measuring()
      var measured = tensors
      let measuredPlan = try ModelPlan(configuration, tensors: &measured, arena: &measuring)
      try measured.finish()
      guard measuring.byteCount <= Model.maximumWeightBytes else {
        throw Failure(
          .unsupported,
          "the weights need \(measuring.byteCount) bytes in memory, this version takes \(Model.maximumWeightBytes) at most")
      }
      let defaults = configuration.conditions.map { $0.defaultValue }
      streamBytes = try Model.measureStream(measuredPlan, defaults, StreamRates(model: configuration.codec.sampleRate))

      guard let memory = ck_allocate(measuring.byteCount) else {
        throw Failure(.outOfMemory, "no memory for \(measuring.byteCount) bytes of weights")
      }
      do throws(Failure) {
        var arena = Arena(filling: memory)
        var remaining = tensors
        plan = try ModelPlan(configuration, tensors: &remaining, arena: &arena)
        cStrings = try ModelCStrings(configuration, kernels: plan.kernels)
      } catch {
        ck_free(memory)
        throw error
      }
      self.memory = memory
      self.configuration = configuration
      weightBytes = measuring.byteCount
      parameterCount = (0..<file.tensorCount).reduce(0) { $0 + file.tensor($1).count }
      fingerprint = Cadenza.fingerprint(bytes)
    }
  }

  private init(_ parts: Parts) {
    configuration = parts.configuration
    plan = parts.plan
    cStrings = parts.cStrings
    memory = parts.memory
    weightBytes = parts.weightBytes
    streamBytes = parts.streamBytes
    parameterCount = parts.parameterCount
    fingerprint = parts.fingerprint
  }

  deinit {
    cStrings.free()
    ck_free(memory)
  }

  private static func measureStream(
    _ plan: ModelPlan, _ defaults: [[Float]], _ rates: StreamRates
  ) throws(Failure) -> Int {
    let arena = measure(plan, defaults, rates)
    let needed = max(arena.byteCount, plan.layout.count * 4)
    guard needed <= maximumStreamBytes else {
      throw Failure(
        .unsupported,
        "a stream of this model needs \(needed) bytes, at most \(maximumStreamBytes) are allowed"
      )
    }
    return arena.byteCount
  }

  /// Bytes of memory that a stream with these rates takes.
  func streamBytes(_ rates: StreamRates) -> Int {
    guard rates.differ else { return streamBytes }
    return Model.measure(plan, configuration.conditions.map { $0.defaultValue }, rates).byteCount
  }

  /// What a stream without an instrument, or voices for notes, is laid out in.
  private static func measure(_ plan: ModelPlan, _ defaults: [[Float]], _ rates: StreamRates) -> Arena {
    var arena = Arena.measuring()
    if case .notes(let codec) = plan.codec {
      _ = Composer(plan, codec: codec, defaults: defaults, sampleRate: rates.output, seed: 0, arena: &arena)
    } else {
      _ = StreamCore(plan, defaults: defaults, rates: rates, seed: 0, arena: &arena)
    }
    return arena
  }

  /// Whether it writes notes: its codec is one of notes.
  public var isComposer: Bool {
    if case .notes = configuration.codec { return true }
    return false
  }

  /// The lowest and the highest MIDI pitch that the model knows, where it plays notes.
  public var playablePitches: ClosedRange<Int>? {
    guard let index = configuration.pitchCondition, !isComposer else { return nil }
    guard case .classes(let labels, _) = configuration.conditions[index].kind else { return nil }
    guard let numbers = PitchTable.numbers(labels) else { return 0...min(configuration.conditions[index].size, 128) - 1 }
    guard let lowest = numbers.min(), let highest = numbers.max() else { return nil }
    return lowest...highest
  }

  /// Hz.
  public var sampleRate: Int { configuration.codec.sampleRate }

  /// Beats a minute at which a composer's music is meant; 120 of any other model.
  public var tempo: Float {
    if case .notes(let notes) = configuration.codec { return Float(notes.tempo) }
    return 120
  }

  /// Size of the softmax; nil where the network predicts values.
  public var vocabularySize: Int? { configuration.network.vocabularySize }

  /// Samples of the past that a prediction can depend on; nil: unbounded.
  public var receptiveField: Int? { configuration.network.receptiveField }

  /// The kernels in use: "portable", "avx2", "avx512", "neon".
  public var instructionSet: String {
    String(cString: ck_kernels_name(plan.kernels))
  }
}

extension Model {
  /// Samples of the clip that it decodes, at its own rate; nil: it plays without an end.
  public var clipFrames: Int? {
    guard let frames = plan.frames, let count = frames.frameCount else { return nil }
    return count * frames.hop
  }

  /// Whether a clip is decoded at once, when it begins: a stream must then render ahead, or a composer's that has such an instrument.
  public var decodesWhole: Bool { plan.frames?.isWhole ?? false }
}
