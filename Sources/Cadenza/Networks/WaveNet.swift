import CadenzaKernels

/// WaveNet (van den Oord et al. 2016): a stack of dilated causal convolutions with gated activations, residual and skip
/// connections. FORMAT.md states the equations; this file arranges them for one sample at a time.
///
/// Per sample, each layer reads its weights once, so their bytes are the cost. What can be taken out of that loop is:
/// - The far taps, those before the last, reach back by a dilation or more. For a layer of dilation d, their products for the next
///   min(d, 16) samples depend only on what is known already: they are computed as one matrix–matrix product at every
///   min(d, 16)th sample (`lookahead`), and wait in the state.
/// - V h is computed when a condition changes, not per sample, and waits there too.
/// - The input's product with a one-hot vector is a row of a table.
///
/// An output is always summed in the same order, far taps, near tap, then bias and condition: the bits do not depend on how the
/// samples fall into blocks.
struct WaveNet {
  private var layers: UnsafeMutablePointer<WaveNetLayer>
  private var layerCount: Int

  /// Row `(tap * vocabularySize + token)`: what a token at that tap adds to x₀.
  private var inputTable: UnsafeMutablePointer<Float>
  private var inputBias: UnsafeMutablePointer<Float>
  private var inputTaps: Int
  private var vocabularySize: Int

  private var headHidden: UnsafeMutablePointer<ck_matrix>
  private var headHiddenBias: UnsafeMutablePointer<Float>
  private var headOutput: UnsafeMutablePointer<ck_matrix>
  private var headOutputBias: UnsafeMutablePointer<Float>

  private var residualSize: Int
  private var skipSize: Int
  private var gateSize: Int
  private var headSize: Int

  // Offsets into the state, in floats.
  /// The tokens at the input convolution's taps, oldest first, as Int32; 0: none yet, else token + 1.
  private var tokensOffset: Int
  /// x of the layer at work, then the sum of the skips.
  private var carryOffset: Int
  private var gateOffset: Int
  private var hiddenOffset: Int
  private var logitsOffset: Int

  /// The largest number of samples for which far taps are computed ahead. Their weights are then read once for so many samples;
  /// beyond 16 little is gained and the state grows.
  private static let maximumLookahead = 16

  init(
    _ configuration: WaveNetConfiguration, conditionChannels: Int, tensors: inout TensorReader,
    arena: inout Arena, layout: inout StateLayout
  ) throws(Failure) {
    let residual = configuration.residualChannels
    let gate = configuration.gateChannels
    let skip = configuration.skipChannels
    let head = configuration.headChannels
    vocabularySize = configuration.vocabularySize
    residualSize = RowOrder.padded(residual)
    gateSize = RowOrder.padded(gate)
    skipSize = RowOrder.padded(skip)
    headSize = RowOrder.padded(head)

    // Input.
    switch configuration.input {
    case .embedding:
      inputTaps = 1
      let embedding = try tensors.take("input.embedding.weight", shape: [vocabularySize, residual])
      inputTable = arena.take(Float.self, count: vocabularySize * residualSize)
      if !arena.isMeasuring {
        for token in 0..<vocabularySize {
          for channel in 0..<residual {
            inputTable[token * residualSize + channel] = embedding.value(at: token * residual + channel)
          }
        }
      }
      inputBias = arena.take(nil, order: RowOrder.plain(residual))
    case .convolution(let kernelSize):
      inputTaps = kernelSize
      let weight = try tensors.take("input.convolution.weight", shape: [residual, vocabularySize, kernelSize])
      inputTable = arena.take(Float.self, count: kernelSize * vocabularySize * residualSize)
      if !arena.isMeasuring {
        for tap in 0..<kernelSize {
          for token in 0..<vocabularySize {
            for channel in 0..<residual {
              inputTable[(tap * vocabularySize + token) * residualSize + channel] =
                weight.value(at: (channel * vocabularySize + token) * kernelSize + tap)
            }
          }
        }
      }
      let bias = configuration.inputBias ? try tensors.take("input.convolution.bias", shape: [residual]) : nil
      inputBias = arena.take(bias, order: RowOrder.plain(residual))
    }

    // State that is saved: the histories and what was computed ahead come with the layers.
    tokensOffset = layout.take(inputTaps)

    // Layers.
    layerCount = configuration.dilations.count
    layers = arena.take(WaveNetLayer.self, count: layerCount)
    var sources: [WaveNetLayer.Source] = []
    var occasional: [WaveNetLayer.OccasionalMatrices] = []
    for index in 0..<layerCount {
      let source = try WaveNetLayer.Source(
        configuration, index: index, conditionChannels: conditionChannels, tensors: &tensors)
      sources.append(source)
      occasional.append(WaveNetLayer.OccasionalMatrices(source, arena: &arena))
    }
    var built: [WaveNetLayer] = []
    for index in 0..<layerCount {
      built.append(
        WaveNetLayer(
          sources[index], occasional: occasional[index], maximumLookahead: WaveNet.maximumLookahead, arena: &arena,
          layout: &layout))
    }

    // Head.
    let hiddenWeight = try tensors.take("head.hidden.weight", shape: [head, skip])
    let hiddenBias = configuration.headBias ? try tensors.take("head.hidden.bias", shape: [head]) : nil
    let outputWeight = try tensors.take("head.output.weight", shape: [vocabularySize, head])
    let outputBias = configuration.headBias ? try tensors.take("head.output.bias", shape: [vocabularySize]) : nil
    headHidden = arena.pack([MatrixPart(hiddenWeight, rows: RowOrder.plain(head))], columns: skip)
    headHiddenBias = arena.take(hiddenBias, order: RowOrder.plain(head))
    headOutput = arena.pack([MatrixPart(outputWeight, rows: RowOrder.plain(vocabularySize))], columns: head)
    headOutputBias = arena.take(outputBias, order: RowOrder.plain(vocabularySize))

    // Scratch.
    layout.beginScratch()
    carryOffset = layout.take(residualSize + skipSize)
    gateOffset = layout.take(gateSize)
    hiddenOffset = layout.take(headSize)
    logitsOffset = layout.take(RowOrder.padded(vocabularySize))
    for index in 0..<layerCount {
      built[index].placeScratch(&layout)
      if !arena.isMeasuring { (layers + index).initialize(to: built[index]) }
    }
  }

  var prediction: FieldPrediction {
    @_noLocks get { FieldPrediction(kind: .softmax(size: vocabularySize), offset: 0) }
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    for index in 0..<layerCount { (layers + index).pointee.begin(state) }
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    for index in 0..<layerCount { (layers + index).pointee.condition(state, h, kernels) }
  }

  @_noLocks
  func feed(_ state: UnsafeMutablePointer<Float>, _ token: Int, _ kernels: UnsafePointer<ck_kernels>) {
    let carry = state + carryOffset
    // x₀
    ck_copy(carry, inputBias, residualSize * 4)
    let tokens = UnsafeMutableRawPointer(state + tokensOffset).assumingMemoryBound(to: Int32.self)
    for tap in 0..<inputTaps {
      tokens[tap] = tap == inputTaps - 1 ? Int32(truncatingIfNeeded: token) &+ 1 : tokens[tap + 1]
      if tokens[tap] > 0 {
        let row = tap * vocabularySize + Int(tokens[tap]) - 1
        ck_add(kernels, inputTable + row * residualSize, carry, residualSize)
      }
    }
    ck_zero(carry + residualSize, skipSize * 4)
    let gated = state + gateOffset
    for index in 0..<layerCount {
      (layers + index).pointee.feed(state, carry, gated, residualSize, kernels)
    }
  }

  @_noLocks
  func predict(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) -> UnsafeMutablePointer<Float> {
    let skip = state + carryOffset + residualSize
    let hidden = state + hiddenOffset
    let logits = state + logitsOffset
    ck_rectify(kernels, skip, skipSize)
    ck_product(kernels, headHidden, skip, nil, headHiddenBias, hidden)
    ck_rectify(kernels, hidden, headSize)
    ck_product(kernels, headOutput, hidden, nil, headOutputBias, logits)
    return logits
  }

  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    for tap in 0..<inputTaps {
      let token = Int32(bitPattern: saved[tokensOffset + tap].bitPattern)
      if token < 0 || Int(token) > vocabularySize { return false }
    }
    return true
  }

  func restore(_ state: UnsafeMutablePointer<Float>, time: UInt64) {
    for index in 0..<layerCount { (layers + index).pointee.restore(state, time: time) }
  }
}

extension WaveNetConfiguration {
  /// Samples of the past that a prediction can depend on.
  public var receptiveField: Int {
    let taps =
      switch input {
      case .embedding: 1
      case .convolution(let kernelSize): kernelSize
      }
    return dilations.reduce(taps) { $0 + (kernelSize - 1) * $1 }
  }
}
