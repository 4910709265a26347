import CadenzaKernels

/// Reads a melody, a token for each step, and gives a latent: a recurrent network over one window.
struct RecurrentEncoder {
  private let network: UnsafePointer<WindowedRecurrent>
  private let layout: StateLayout
  /// Tokens that it reads.
  let tokenCount: Int
  /// Numbers of the latent.
  private let size: Int

  init(
    _ configuration: RecurrentConfiguration, size: Int, tensors: inout TensorReader, arena: inout Arena
  ) throws(Failure) {
    self.size = size
    tokenCount = configuration.window ?? 1
    var layout = StateLayout()
    let place = arena.take(WindowedRecurrent.self, count: 1)
    let network = try WindowedRecurrent(
      configuration, window: tokenCount, conditionChannels: 0, firstFrame: nil, tensors: &tensors,
      arena: &arena, layout: &layout)
    if !arena.isMeasuring { place.initialize(to: network) }
    self.network = UnsafePointer(place)
    self.layout = layout
    guard StateLayout.product(layout.count, 4) <= Model.maximumStreamBytes else {
      throw Failure(
        .unsupported,
        "the encoder needs \(layout.count * 4) bytes to work on, at most \(Model.maximumStreamBytes) are allowed")
    }
  }

  /// The latent of `tokenCount` tokens. Throws `outOfMemory`, and `numeric` where a number is not finite.
  func encode(_ tokens: [Int], _ kernels: UnsafePointer<ck_kernels>) throws(Failure) -> [Float] {
    guard let memory = ck_allocate(layout.count * 4) else {
      throw Failure(.outOfMemory, "no memory for \(layout.count * 4) bytes to encode in")
    }
    defer { ck_free(memory) }
    let state = memory.assumingMemoryBound(to: Float.self)
    var element = Element(token: 0, value: 0)
    network.pointee.begin(state, &element)
    for token in tokens {
      element = Element(token: token, value: 0)
      network.pointee.start(state, &element)
    }
    for unit in 0..<network.pointee.unitCount { network.pointee.work(state, unit, frame: nil, kernels) }
    let prediction = network.pointee.predict(state)
    var latent: [Float] = []
    latent.reserveCapacity(size)
    for index in 0..<size {
      guard prediction[index].isFinite else {
        throw Failure(.numeric, "the encoder produced a value that is not finite")
      }
      latent.append(prediction[index])
    }
    return latent
  }
}
