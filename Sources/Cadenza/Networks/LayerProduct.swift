import CadenzaKernels

/// The product of a dense layer, a convolution or a transposed convolution, while its stack is built.
///
/// Outputs lie across the lanes of vectors. Where a step has few channels, several neighbouring outputs are made by one product, of all
/// the inputs that any of them sees, with zeros where one does not see an input; so the lanes are filled. In one dimension the
/// neighbours are steps, in two they are bins. Zeros add nothing: the bits stay those of each output alone, but for the sign of a
/// zero, and which outputs are neighbours depends on nothing but their place.
struct LayerProduct {
  private let weight: Tensor
  private let bias: Tensor?
  /// Of a batch normalisation behind it, for each output channel.
  private var scale: [Double]?
  private var shift: [Double]?
  var activation: LayerConfiguration.Activation?

  private let channels: Int
  private let inputChannels: Int
  private let inputBins: Int
  private let outputBins: Int
  private let kernel: LayerExtent
  private let dilation: LayerExtent
  /// Of the outputs of a convolution.
  private let stride: LayerExtent
  /// Outputs of a transposed convolution for each input.
  private let scaling: LayerExtent
  private let isTransposed: Bool
  private let groups: Int
  /// Zeros before the first step and bin, of a transposed convolution what is cut off before the first.
  private let left: Int
  private let below: Int
  private let isDense: Bool
  /// "same" with a stride, where the zeros before depend on how many steps there are.
  let convolution: LayerConfiguration.Convolution?

  /// Neighbours that are made together.
  private var neighbours = 1
  /// Whether the steps that an input of a transposed convolution gives are made by a product each.
  private var isSeparate: Bool

  // MARK: Making

  init(
    dense channels: Int, bias: Bool, inputs: Int, at place: Sentence, tensors: inout TensorReader
  ) throws(Failure) {
    try self.init(
      channels: channels, inputChannels: inputs, inputBins: 1, outputBins: 1, shape: [channels, inputs], hasBias: bias,
      isDense: true, place, &tensors)
  }

  init(
    shortcut channels: Int, inputs: Int, bins: Int, isVector: Bool, at place: Sentence, tensors: inout TensorReader
  ) throws(Failure) {
    try self.init(
      channels: channels, inputChannels: inputs, inputBins: bins, outputBins: bins, shape: [channels, inputs], hasBias: true,
      isDense: isVector, place, &tensors)
  }

  init(
    _ convolution: LayerConfiguration.Convolution, bins: Int, channels: Int, at place: Sentence, tensors: inout TensorReader
  ) throws(Failure) {
    try self.init(
      channels: convolution.channels, inputChannels: channels, inputBins: bins,
      outputBins: (bins + convolution.stride.bins - 1) / convolution.stride.bins,
      shape: convolution.weightShape(channels), hasBias: convolution.bias, kernel: convolution.kernel,
      dilation: convolution.dilation, stride: convolution.stride, groups: convolution.groups,
      left: convolution.left(steps: 0), below: convolution.below(bins: bins), convolution: convolution, place, &tensors)
  }

  init(
    _ convolution: LayerConfiguration.TransposedConvolution, bins: Int, channels: Int, at place: Sentence,
    tensors: inout TensorReader
  ) throws(Failure) {
    try self.init(
      channels: convolution.channels, inputChannels: channels, inputBins: bins, outputBins: bins * convolution.stride.bins,
      shape: convolution.weightShape(channels), hasBias: convolution.bias, kernel: convolution.kernel,
      scaling: convolution.stride, isTransposed: true, left: (convolution.kernel.steps - convolution.stride.steps) / 2,
      below: (convolution.kernel.bins - convolution.stride.bins) / 2, place, &tensors)
  }

  private init(
    channels: Int, inputChannels: Int, inputBins: Int, outputBins: Int, shape: [Int], hasBias: Bool,
    kernel: LayerExtent = LayerExtent(steps: 1), dilation: LayerExtent = LayerExtent(steps: 1),
    stride: LayerExtent = LayerExtent(steps: 1), scaling: LayerExtent = LayerExtent(steps: 1), isTransposed: Bool = false,
    groups: Int = 1, left: Int = 0, below: Int = 0, isDense: Bool = false,
    convolution: LayerConfiguration.Convolution? = nil, _ place: Sentence, _ tensors: inout TensorReader
  ) throws(Failure) {
    weight = try tensors.take("\(place).weight", shape: shape)
    bias = hasBias ? try tensors.take("\(place).bias", shape: [channels]) : nil
    self.channels = channels
    self.inputChannels = inputChannels
    self.inputBins = inputBins
    self.outputBins = outputBins
    self.kernel = kernel
    self.dilation = dilation
    self.stride = stride
    self.scaling = scaling
    self.isTransposed = isTransposed
    self.groups = groups
    self.left = left
    self.below = below
    self.isDense = isDense
    self.convolution = convolution
    isSeparate = !(inputBins == 1 && outputBins == 1)
  }

  /// A batch normalisation behind it.
  mutating func fold(scale: [Double], shift: [Double]) {
    guard let oldScale = self.scale, let oldShift = self.shift else {
      self.scale = scale
      self.shift = shift
      return
    }
    self.scale = zip(oldScale, scale).map { $0 * $1 }
    self.shift = zip(zip(oldShift, scale).map { $0 * $1 }, shift).map { $0 + $1 }
  }

  // MARK: Geometry

  private var isAlongSteps: Bool { inputBins == 1 && outputBins == 1 }

  /// Whether neighbours can share a product.
  private var canGroup: Bool {
    guard !isDense, groups == 1 else { return false }
    return isAlongSteps ? dilation.steps == 1 && stride.steps == 1 : dilation.bins == 1 && stride.bins == 1
  }

  /// Decides which neighbours are made together: so that the lanes are full, and few of the products are with zeros. `rate`: steps
  /// of the input at a tick, of which neighbours must make a whole.
  mutating func chooseGrouping(rate: Int?) {
    guard canGroup || isTransposed else { return }
    let places = isAlongSteps ? rate ?? 64 : outputBins / scaling.bins
    var best = Double.infinity
    for count in 1...64 where places.isMultiple(of: count) && (count == 1 || canGroup) {
      for separately in isAlongSteps && isTransposed && scaling.steps > 1 ? [true, false] : [isSeparate] {
        if separately && isAlongSteps && count > 1 { continue }
        var trial = self
        trial.neighbours = count
        trial.isSeparate = separately
        let cost = trial.costPerOutput
        if cost < best * 0.999 {
          best = cost
          neighbours = count
          isSeparate = separately
        }
      }
    }
  }

  /// Products of vectors for each output.
  private var costPerOutput: Double {
    var cost = 0
    for phase in 0..<(isSeparate ? scaling.steps : 1) {
      let taps = stepTaps(phase).count * binTaps.count
      cost += RowOrder.padded(rowCount) * taps
    }
    return Double(cost) / Double(rowCount * (isSeparate ? scaling.steps : 1))
  }

  /// Rows of one product: [neighbour][step][bin][channel].
  private var rowCount: Int {
    neighbours * (isSeparate ? 1 : scaling.steps) * scaling.bins * channels
  }

  /// Steps made together.
  var groupSteps: Int { (isAlongSteps ? neighbours : 1) * scaling.steps }
  var advance: Int { (isAlongSteps ? neighbours : 1) * stride.steps }
  var upsampling: Int { scaling.steps }

  /// The first and the last place that the outputs see, from the place of the group. `phases`: which outputs of an input.
  private static func reach(
    neighbours: Int, phases: ClosedRange<Int>, kernel: Int, dilation: Int, stride: Int, scaling: Int, before: Int,
    isTransposed: Bool
  ) -> ClosedRange<Int> {
    guard isTransposed else { return -before...((neighbours - 1) * stride + dilation * (kernel - 1) - before) }
    // k = (m − δ) · scaling + phase + before, within 0 ..< kernel.
    let first = phases.lowerBound + before - kernel + 1
    let low = first >= 0 ? (first + scaling - 1) / scaling : -(-first / scaling)
    return low...max(low, neighbours - 1 + (phases.upperBound + before) / scaling)
  }

  private func stepReach(_ phases: ClosedRange<Int>) -> ClosedRange<Int> {
    LayerProduct.reach(
      neighbours: isAlongSteps ? neighbours : 1, phases: phases, kernel: kernel.steps, dilation: dilation.steps,
      stride: stride.steps, scaling: scaling.steps, before: left, isTransposed: isTransposed)
  }

  private var binReach: ClosedRange<Int> {
    LayerProduct.reach(
      neighbours: isAlongSteps ? 1 : neighbours, phases: 0...(scaling.bins - 1), kernel: kernel.bins,
      dilation: dilation.bins, stride: stride.bins, scaling: scaling.bins, before: below, isTransposed: isTransposed)
  }

  var low: Int { stepReach(0...(scaling.steps - 1)).lowerBound }
  var high: Int { stepReach(0...(scaling.steps - 1)).upperBound + 1 }

  /// Which steps a product sees.
  private func stepTaps(_ phase: Int) -> [Int] {
    let reach = stepReach(isSeparate ? phase...phase : 0...(scaling.steps - 1))
    return Array(Swift.stride(from: reach.lowerBound, through: reach.upperBound, by: dilation.steps))
  }

  /// Which bins a product sees; along steps there is one.
  private var binTaps: [Int] {
    if isAlongSteps { return [0] }
    let reach = binReach
    return Array(Swift.stride(from: reach.lowerBound, through: reach.upperBound, by: dilation.bins))
  }

  private var vectorsPerGroup: Int { isAlongSteps ? 1 : outputBins / scaling.bins / neighbours }

  /// Bins of zeros that the input needs.
  var binsBelow: Int { isAlongSteps ? 0 : max(0, -binReach.lowerBound) }
  var binsAbove: Int {
    if isAlongSteps { return 0 }
    return max(0, (vectorsPerGroup - 1) * neighbours * stride.bins + binReach.upperBound - (inputBins - 1))
  }

  /// The kernel's tap that an output has at a distance of `delta` from its group's place; nil: none.
  private static func tap(
    _ delta: Int, neighbour: Int, phase: Int, kernel: Int, dilation: Int, stride: Int, scaling: Int, before: Int,
    isTransposed: Bool
  ) -> Int? {
    if isTransposed {
      let tap = (neighbour - delta) * scaling + phase + before
      return tap >= 0 && tap < kernel ? tap : nil
    }
    let distance = delta + before - neighbour * stride
    guard distance >= 0, distance % dilation == 0, distance / dilation < kernel else { return nil }
    return distance / dilation
  }

  // MARK: Packing

  /// Fills in what a node has of a product. The input's rows are `inputWidth` floats, with `inputPad` bins of zeros before the first;
  /// the output's likewise.
  func pack(
    _ node: inout LayerNode, inputWidth: Int, inputPad: Int, arena: inout Arena
  ) throws(Failure) {
    node.isAlongBins = !isAlongSteps
    node.vectorsPerGroup = vectorsPerGroup
    node.inputStride = isAlongSteps ? advance * inputWidth : neighbours * stride.bins * inputChannels
    node.outputStride = isAlongSteps ? groupSteps * node.rowWidth : neighbours * scaling.bins * channels

    // Groups of channels that together fill a panel.
    let groupRows = channels / groups
    var joined = 1
    while joined < groups && (joined * groupRows < RowOrder.panel || groups % joined != 0) { joined += 1 }
    let phases = isSeparate ? scaling.steps : 1
    node.partCount = phases * (groups / joined)
    node.parts = arena.take(LayerNode.Part.self, count: node.partCount)
    var cost = 0
    for phase in 0..<phases {
      for first in Swift.stride(from: 0, to: groups, by: joined) {
        let rows = joined == groups ? rowCount : joined * groupRows
        let inputs = joined * (inputChannels / groups)
        let taps = stepTaps(phase)
        let bins = binTaps
        // What lies side by side is one run.
        let isOneRun = isAlongSteps && dilation.steps == 1 && groups == joined
        let isRunOfBins = !isAlongSteps && dilation.bins == 1 && groups == joined
        let runLength = isOneRun ? taps.count * inputs : isRunOfBins ? bins.count * inputs : inputs
        let runs = isOneRun ? 1 : isRunOfBins ? taps.count : taps.count * bins.count
        let (columns, overflow) = runLength.multipliedReportingOverflow(by: runs)
        guard !overflow, columns <= 1 << 30, rows <= 1 << 30 else {
          throw Failure(.unsupported, "tensor \(quoted: weight.name.utf8) makes a product that is too large")
        }
        let offsets = arena.take(Int64.self, count: runs)
        let order = RowOrder.padded(rows)
        let biases = arena.take(Float.self, count: order)
        // Padding reads nothing: which row and column is which weight.
        let matrix = arena.packLayer(weight, rows: rows, columns: columns, scale: scale, keepsType: scale == nil) {
          row, column in
          source(
            row: row, column: column, phase: phase, first: first, joined: joined, taps: taps, bins: bins, inputs: inputs)
        }
        cost += order * columns * vectorsPerGroup
        if arena.isMeasuring { continue }
        for run in 0..<runs {
          let step = taps[isOneRun ? 0 : isRunOfBins ? run : run / bins.count]
          let bin = bins[isOneRun || isRunOfBins ? 0 : run % bins.count]
          offsets[run] = Int64(
            (step - low) * inputWidth + (inputPad + bin) * inputChannels + first * (inputChannels / groups))
        }
        for row in 0..<rows { biases[row] = biasValue(channel(of: row, first: first, joined: joined)) }
        var slope: Float = 0
        let code = activation?.code(&slope) ?? CK_IDENTITY
        node.parts[phase * (groups / joined) + first / joined] = LayerNode.Part(
          convolution: ck_convolution(
            matrix: matrix.pointee, offsets: offsets, bias: biases, runs: Int32(runs), run_length: Int32(runLength),
            outputs: Int32(rows), activation: code, slope: slope, reserved: 0),
          outputOffset: phase * node.rowWidth + node.padBelow * channels + first * groupRows)
      }
    }
    node.cost = cost / max(1, groupSteps)
  }

  /// The output channel of a row.
  private func channel(of row: Int, first: Int, joined: Int) -> Int {
    groups == 1 ? row % channels : first * (channels / groups) + row
  }

  func biasValue(_ channel: Int) -> Float {
    let value = bias?.value(at: channel) ?? 0
    guard let scale, let shift else { return value }
    return Float(Double(value) * scale[channel] + shift[channel])
  }

  /// The flat index of the weight at a row and column, and its output channel; nil: zero.
  private func source(
    row: Int, column: Int, phase: Int, first: Int, joined: Int, taps: [Int], bins: [Int], inputs: Int
  ) -> (index: Int, channel: Int)? {
    let input = column % inputs
    let place = column / inputs
    let step = taps[place / bins.count]
    let bin = bins[place % bins.count]
    let channel = channel(of: row, first: first, joined: joined)
    var inputWithin = input
    var neighbour = 0
    var stepPhase = phase
    var binPhase = 0
    if groups == 1 {
      var rest = row / channels
      binPhase = rest % scaling.bins
      rest /= scaling.bins
      if !isSeparate {
        stepPhase = rest % scaling.steps
        rest /= scaling.steps
      }
      neighbour = rest
    } else {
      // Of the joined groups, a row sees its own.
      let perGroup = inputChannels / groups
      guard input / perGroup == row / (channels / groups) else { return nil }
      inputWithin = input % perGroup
    }
    let tap = LayerProduct.tap(
      step, neighbour: isAlongSteps ? neighbour : 0, phase: stepPhase, kernel: kernel.steps, dilation: dilation.steps,
      stride: stride.steps, scaling: scaling.steps, before: left, isTransposed: isTransposed)
    // In one dimension the middle bin of a kernel is the only one that sees anything.
    let binTap = LayerProduct.tap(
      bin, neighbour: isAlongSteps ? 0 : neighbour, phase: binPhase, kernel: kernel.bins, dilation: dilation.bins,
      stride: stride.bins, scaling: scaling.bins, before: below, isTransposed: isTransposed)
    guard let tap, let binTap else { return nil }
    let index = ((channel * (inputChannels / groups) + inputWithin) * kernel.steps + tap) * kernel.bins + binTap
    return (index, channel)
  }

  /// A dense layer's rows of one step after another, `width` of them: a matrix for each, behind one another, and the biases likewise.
  func packSteps(width: Int, steps: Int, arena: inout Arena) throws(Failure) -> DecoderRows {
    let order = RowOrder.padded(width)
    let type: ElementType = scale == nil ? weight.elementType : .float32
    let (count, overflow) = order.multipliedReportingOverflow(by: inputChannels)
    guard !overflow, count <= 1 << 40, width <= 1 << 30 else {
      throw Failure(.unsupported, "tensor \(quoted: weight.name.utf8) makes a product that is too large")
    }
    let stride = count * type.byteCount
    let weights = arena.take(UInt8.self, count: StateLayout.product(stride, steps))
    let biases = arena.take(Float.self, count: StateLayout.product(order, steps))
    var slope: Float = 0
    let rows = DecoderRows(
      weights: weights, stride: stride, biases: biases, offsets: arena.take(Int64.self, count: 1), width: width, order: order,
      columns: inputChannels,
      elementType: type.kernelValue, activation: activation?.code(&slope) ?? CK_IDENTITY, slope: slope)
    if arena.isMeasuring { return rows }
    for step in 0..<steps {
      Arena.fillLayer(
        weights + step * stride, weight, rows: width, columns: inputChannels, type: type, scale: scale
      ) { row, column in ((step * width + row) * inputChannels + column, step * width + row) }
      for row in 0..<width { biases[step * order + row] = biasValue(step * width + row) }
    }
    return rows
  }
}

extension Arena {
  /// Packs a matrix whose weights `source` finds in the tensor, with the output channel that `scale` multiplies; nil: zero.
  fileprivate mutating func packLayer(
    _ tensor: Tensor, rows: Int, columns: Int, scale: [Double]?, keepsType: Bool,
    source: (_ row: Int, _ column: Int) -> (index: Int, channel: Int)?
  ) -> UnsafeMutablePointer<ck_matrix> {
    let type: ElementType = keepsType ? tensor.elementType : .float32
    let order = RowOrder.padded(rows)
    let matrix = take(ck_matrix.self, count: 1)
    let (count, overflow) = order.multipliedReportingOverflow(by: columns)
    let weights = take(
      UInt8.self, count: overflow ? Int.max : count.multipliedReportingOverflow(by: type.byteCount).partialValue)
    if isMeasuring { return matrix }
    matrix.pointee = ck_matrix(
      weights: weights, rows: Int32(order), columns: Int32(columns), element_type: type.kernelValue, reserved: 0)
    Arena.fillLayer(weights, tensor, rows: rows, columns: columns, type: type, scale: scale, source: source)
    return matrix
  }

  /// The same into memory that is all zeros, as ck_matrix lays it out.
  fileprivate static func fillLayer(
    _ weights: UnsafeMutablePointer<UInt8>, _ tensor: Tensor, rows: Int, columns: Int, type: ElementType, scale: [Double]?,
    source: (_ row: Int, _ column: Int) -> (index: Int, channel: Int)?
  ) {
    let order = RowOrder.padded(rows)
    let memory = UnsafeMutableRawPointer(weights)
    for row in 0..<rows {
      let block = row & ~63
      let blockRows = min(64, order - block)
      for column in 0..<columns {
        guard let place = source(row, column) else { continue }
        let target = block * columns + column * blockRows + (row - block)
        if let scale {
          let value = Double(tensor.value(at: place.index)) * scale[place.channel]
          memory.storeBytes(of: Float(value), toByteOffset: target * 4, as: Float.self)
        } else {
          tensor.copyValue(at: place.index, to: weights, at: target, as: type)
        }
      }
    }
  }
}

extension LayerConfiguration.Activation {
  /// As kernels know it.
  func code(_ slope: inout Float) -> Int32 {
    switch self {
    case .rectifier: return CK_RECTIFY
    case .leakyRectifier(let value):
      slope = value
      return CK_LEAKY_RECTIFY
    case .exponentialLinear: return CK_ELU
    case .tanh: return CK_TANH
    case .sigmoid: return CK_SIGMOID
    }
  }
}
