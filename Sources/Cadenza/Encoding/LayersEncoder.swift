import CadenzaKernels

/// Turns a recording into a latent with a stack of layers: one row of numbers, or, for an embedding, a row for every so many samples.
///
/// The layers are run over the whole recording. Where that would take much memory, and the layers give the same wherever the
/// recording is cut, it is run piece by piece, each with as much before and behind as its rows can see: the bits are the same.
struct LayersEncoder {
  let configuration: LayersEncoderConfiguration
  /// Shapes only: the bytes of its tensors are gone when the model is loaded.
  private let plan: LayerPlan
  private let stack: LayerStack
  /// Of an encoder that is given a spectrogram.
  private let spectrogram: Spectrogram?
  /// Numbers of a row.
  private let size: Int
  let conditionChannels: Int

  /// Bytes that a run may take, and from which on pieces are tried.
  private static let maximumByteCount = 2 << 30
  private static let pieceByteCount = 256 << 20

  init(
    _ configuration: LayersEncoderConfiguration, size: Int, conditionChannels: Int, tensors: inout TensorReader,
    arena: inout Arena
  ) throws(Failure) {
    self.configuration = configuration
    self.size = size
    self.conditionChannels = conditionChannels
    let prefix = tensors.prefix
    tensors.prefix = ""
    var plan = LayerPlan(
      source: configuration.inputShape, rate: nil, conditionChannels: conditionChannels, prefix: prefix)
    for (index, layer) in configuration.layers.enumerated() {
      try plan.append(layer, "layers.\(index)", tensors: &tensors)
    }
    tensors.prefix = prefix
    self.plan = plan
    stack = try LayerStack(plan, arena: &arena)
    switch configuration.input {
    case .waveform: spectrogram = nil
    case .spectrogram(let input):
      // Of its state nothing is used: it is for sound that is made.
      var layout = StateLayout()
      spectrogram = Spectrogram(input, arena: &arena, layout: &layout)
    }
  }

  /// The rows of a recording of finite samples at the model's rate. `h`: of all conditions but the latents. Throws `invalidArgument` where
  /// the recording is too short, `unsupported` where it is too long, `outOfMemory`, `numeric`.
  func encode(_ samples: [Float], h: [Float], _ kernels: UnsafePointer<ck_kernels>) throws(Failure) -> [Float] {
    var recording = samples
    if let frames = configuration.frames {
      if recording.count > frames { recording.removeLast(recording.count - frames) }
      recording.append(contentsOf: repeatElement(0, count: frames - recording.count))
    }
    let rows = try configuration.rowCount(frames: recording.count)
    let numbers = try encode(recording, 0..<recording.count, rows: 0..<rows, h, kernels)
    for number in numbers where !number.isFinite {
      throw Failure(.numeric, "the encoder produced a value that is not finite")
    }
    return numbers
  }

  /// Rows of the samples `range`, of which row 0 is the first.
  private func encode(
    _ samples: [Float], _ range: Range<Int>, rows: Range<Int>, _ h: [Float], _ kernels: UnsafePointer<ck_kernels>
  ) throws(Failure) -> [Float] {
    var arena = Arena.measuring()
    var layout = StateLayout()
    let totals = totals(steps: spectrogram?.frameCount(samples: range.count) ?? range.count)
    _ = LayerRun(stack, plan, totals: totals, isWhole: true, arena: &arena, layout: &layout)
    let bytes = StateLayout.product(layout.count, 4)
    if bytes > LayersEncoder.pieceByteCount, range.count == samples.count, let piece = pieceRows(bytes, rows.count) {
      return try encodePieces(samples, rowsOfPiece: piece, rows: rows.count, h, kernels)
    }
    guard bytes <= LayersEncoder.maximumByteCount else {
      throw Failure(
        .unsupported,
        "to encode this recording of \(samples.count) frames takes \(bytes) bytes of memory, at most \(LayersEncoder.maximumByteCount) are allowed"
      )
    }
    guard let memory = ck_allocate(arena.byteCount + layout.count * 4 + Arena.alignment) else {
      throw Failure(.outOfMemory, "no memory for \(bytes) bytes to encode in")
    }
    defer { ck_free(memory) }
    var filling = Arena(filling: memory)
    var filledLayout = StateLayout()
    let run = LayerRun(stack, plan, totals: totals, isWhole: true, arena: &filling, layout: &filledLayout)
    let state = filling.take(Float.self, count: filledLayout.count)
    run.begin(state)
    run.condition(state, h, kernels)
    run.prepare(state, 0, tick: 0)
    if let spectrogram {
      var frames = [Float](repeating: 0, count: totals[0] * spectrogram.frameNumbers)
      frames.withUnsafeMutableBufferPointer { frames in
        samples.withUnsafeBufferPointer { samples in
          guard let base = samples.baseAddress, let target = frames.baseAddress else { return }
          spectrogram.analyse(base + range.lowerBound, count: range.count, into: target)
          for step in 0..<totals[0] {
            ck_copy(run.source(state, step), target + step * spectrogram.frameNumbers, spectrogram.frameNumbers * 4)
          }
        }
      }
    } else {
      for step in 0..<totals[0] { run.source(state, step).pointee = samples[range.lowerBound + step] }
    }
    for node in 0..<stack.nodeCount {
      if node > 0 { run.prepare(state, node, tick: 0) }
      run.make(state, node, tick: 0, slice: 0, of: 1, kernels)
    }
    var numbers: [Float] = []
    numbers.reserveCapacity(rows.count * size)
    for row in rows {
      let values = run.output(state, row)
      for index in 0..<size { numbers.append(values[index]) }
    }
    return numbers
  }

  /// Steps of each node, of a recording of so many.
  private func totals(steps: Int) -> [Int] {
    var totals: [Int] = []
    for node in plan.nodes {
      let before = node.input >= 0 ? totals[node.input] : steps
      let total =
        switch node.operation {
        case .source: node.shape.steps ?? steps
        case .convolution:
          node.product?.convolution?.outputSteps(before) ?? before * (node.product?.upsampling ?? 1)
        case .nearest(let factor, _), .linear(let factor, _): before * Int(factor)
        case .concatenate, .copy: before
        case .pool(let size, _): size == 0 ? 1 : before / Int(size)
        case .flatten: 1
        }
      totals.append(total)
    }
    return totals
  }

  // MARK: Pieces

  /// Rows of a piece that take a fair amount of memory, where all `rows` take `bytes`; nil: the recording cannot be cut.
  private func pieceRows(_ bytes: Int, _ rows: Int) -> Int? {
    guard configuration.frames == nil, rows > 1, let reach = configuration.reach else { return nil }
    let row = configuration.samplesPerRow
    let reachRows = (reach + row - 1) / row
    let fitting = rows * LayersEncoder.pieceByteCount / bytes
    let piece = max(fitting - 2 * reachRows, reachRows, 1)
    return piece < rows ? piece : nil
  }

  func encodePieces(
    _ samples: [Float], rowsOfPiece: Int, rows: Int, _ h: [Float], _ kernels: UnsafePointer<ck_kernels>
  ) throws(Failure) -> [Float] {
    let row = configuration.samplesPerRow
    let reachRows = ((configuration.reach ?? 0) + row - 1) / row
    var numbers: [Float] = []
    var first = 0
    while first < rows {
      let end = min(first + rowsOfPiece, rows)
      let begin = max(0, first - reachRows)
      // What is left of a row behind the last one is seen by those before it.
      let stop = end + reachRows >= rows ? samples.count : (end + reachRows) * row
      numbers += try encode(samples, begin * row..<stop, rows: first - begin..<end - begin, h, kernels)
      first = end
    }
    return numbers
  }
}

extension LayerConfiguration.Convolution {
  /// Steps that it makes of so many, which are enough.
  fileprivate func outputSteps(_ steps: Int) -> Int {
    switch padding {
    case .same: (steps + stride.steps - 1) / stride.steps
    case .causal: (steps - 1) / stride.steps + 1
    case .zeros(let left, let right): max(0, steps + left + right - span - 1) / stride.steps + 1
    }
  }
}
