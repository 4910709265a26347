import CadenzaKernels

/// One layer of a transformer: attention over a ring of keys and values, then the feed-forward network, each beside a residual
/// path.
struct TransformerLayer {
  /// A layer's tensors.
  struct Source {
    /// A normalisation or a product: its weight and, where it has one, its bias.
    struct Pair {
      var weight: Tensor
      var bias: Tensor?

      init(_ name: Sentence, shape: [Int], hasBias: Bool, tensors: inout TensorReader) throws(Failure) {
        weight = try tensors.take("\(name).weight", shape: shape)
        if hasBias { bias = try tensors.take("\(name).bias", shape: [shape[0]]) }
      }
    }

    var attentionNormalization: Pair
    var attentionInput: Pair
    /// nil where positions are not relative.
    var relativeWeight: Tensor?
    var attentionOutput: Pair
    var feedforwardNormalization: Pair
    var feedforwardHidden: Pair
    var feedforwardOutput: Pair

    init(_ configuration: TransformerConfiguration, index: Int, tensors: inout TensorReader) throws(Failure) {
      let channels = configuration.channels
      let hidden = configuration.feedforwardChannels
      let attentionBias = configuration.attentionBias
      let feedforwardBias = configuration.feedforwardBias
      attentionNormalization = try Pair(
        "layers.\(index).attention.normalization", shape: [channels], hasBias: true, tensors: &tensors)
      attentionInput = try Pair(
        "layers.\(index).attention.input", shape: [3 * channels, channels], hasBias: attentionBias, tensors: &tensors)
      if case .relative = configuration.positions {
        relativeWeight = try tensors.take(
          "layers.\(index).attention.relative.weight",
          shape: [configuration.heads, configuration.window, configuration.headChannels])
      }
      attentionOutput = try Pair(
        "layers.\(index).attention.output", shape: [channels, channels], hasBias: attentionBias, tensors: &tensors)
      feedforwardNormalization = try Pair(
        "layers.\(index).feedforward.normalization", shape: [channels], hasBias: true, tensors: &tensors)
      feedforwardHidden = try Pair(
        "layers.\(index).feedforward.hidden", shape: [hidden, channels], hasBias: feedforwardBias, tensors: &tensors)
      feedforwardOutput = try Pair(
        "layers.\(index).feedforward.output", shape: [channels, hidden], hasBias: feedforwardBias, tensors: &tensors)
    }
  }

  /// Where a layer works, which all layers share: offsets into the state.
  struct Scratch {
    /// What a sublayer reads: normalised x, or the heads' results.
    var input: Int
    /// Queries, keys and values.
    var qkv: Int
    /// Of `ck_attend`.
    var scores: Int
    /// The heads' results, in whole panels for each.
    var attended: Int
    var hidden: Int

    init(_ configuration: TransformerConfiguration, layout: inout StateLayout) {
      let padded = StateLayout.product(configuration.heads, RowOrder.padded(configuration.headChannels))
      let slots = TransformerLayer.slots(configuration)
      input = layout.take(RowOrder.padded(configuration.channels))
      qkv = layout.take(StateLayout.product(3, padded))
      scores = layout.take(StateLayout.product(configuration.heads + 1, slots) + configuration.heads)
      attended = layout.take(padded)
      hidden = layout.take(RowOrder.padded(configuration.feedforwardChannels))
    }
  }

  /// Slots of the ring of keys and values: whole blocks, since keys lie in the state as weights lie in a packed matrix.
  static func slots(_ configuration: TransformerConfiguration) -> Int {
    (configuration.window + Int(CK_BLOCK) - 1) & ~(Int(CK_BLOCK) - 1)
  }

  private struct Product {
    var matrix: UnsafeMutablePointer<ck_matrix>
    var bias: UnsafeMutablePointer<Float>
  }

  private struct Normalization {
    var weight: UnsafeMutablePointer<Float>
    var bias: UnsafeMutablePointer<Float>
  }

  private var attention: UnsafeMutablePointer<ck_attention>
  private var attentionNormalization: Normalization
  private var attentionInput: Product
  private var attentionOutput: Product
  private var feedforwardNormalization: Normalization
  private var feedforwardHidden: Product
  private var feedforwardOutput: Product

  private var isPre: Bool
  private var activation: TransformerConfiguration.Activation
  private var channels: Int
  private var heads: Int
  private var headChannels: Int
  /// In whole panels.
  private var headSize: Int
  private var hiddenSize: Int

  // Offsets into the state.
  private var keysOffset: Int
  private var valuesOffset: Int

  init(
    _ source: Source, _ configuration: TransformerConfiguration, arena: inout Arena, layout: inout StateLayout
  ) {
    isPre = configuration.normalization == .pre
    activation = configuration.activation
    channels = configuration.channels
    heads = configuration.heads
    headChannels = configuration.headChannels
    headSize = RowOrder.padded(headChannels)
    hiddenSize = RowOrder.padded(configuration.feedforwardChannels)
    let slots = TransformerLayer.slots(configuration)
    let plain = RowOrder.plain(channels)
    let hiddenOrder = RowOrder.plain(configuration.feedforwardChannels)
    // Queries, keys, values; of each, every head in whole panels.
    let inputOrder = RowOrder.padding(groups: 3 * heads, of: headChannels)

    // What is small first, so that the matrices follow one another in the order in which a step reads them.
    attention = arena.take(ck_attention.self, count: 1)
    attentionNormalization = TransformerLayer.take(source.attentionNormalization, plain, &arena)
    feedforwardNormalization = TransformerLayer.take(source.feedforwardNormalization, plain, &arena)
    let inputBias = arena.take(source.attentionInput.bias, order: inputOrder)
    let outputBias = arena.take(source.attentionOutput.bias, order: plain)
    let hiddenBias = arena.take(source.feedforwardHidden.bias, order: hiddenOrder)
    let feedforwardBias = arena.take(source.feedforwardOutput.bias, order: plain)

    attentionInput = Product(
      matrix: arena.pack([MatrixPart(source.attentionInput.weight, rows: inputOrder)], columns: channels), bias: inputBias)
    var relative: UnsafeMutablePointer<ck_matrix>?
    if let weight = source.relativeWeight {
      var parts: [MatrixPart] = []
      for head in 0..<heads {
        let ages = (0..<slots).map { age in slots - 1 - age < configuration.window ? slots - 1 - age : nil }
        parts.append(MatrixPart(weight, rows: ages, group: head))
      }
      relative = arena.pack(parts, columns: headChannels)
    }
    attentionOutput = Product(
      matrix: arena.pack([MatrixPart(source.attentionOutput.weight, rows: plain)], columns: channels), bias: outputBias)
    feedforwardHidden = Product(
      matrix: arena.pack([MatrixPart(source.feedforwardHidden.weight, rows: hiddenOrder)], columns: channels),
      bias: hiddenBias)
    feedforwardOutput = Product(
      matrix: arena.pack(
        [MatrixPart(source.feedforwardOutput.weight, rows: plain)], columns: configuration.feedforwardChannels),
      bias: feedforwardBias)

    if !arena.isMeasuring {
      attention.pointee = ck_attention(
        heads: Int32(heads), channels: Int32(headChannels), window: Int32(configuration.window), slots: Int32(slots),
        scale: 1 / Float(headChannels).squareRoot(), reserved: 0, relative: relative)
    }
    keysOffset = layout.take(StateLayout.product(slots, channels))
    valuesOffset = layout.take(StateLayout.product(slots, StateLayout.product(heads, headSize)))
  }

  private static func take(_ pair: Source.Pair, _ order: [Int?], _ arena: inout Arena) -> Normalization {
    Normalization(weight: arena.take(pair.weight, order: order), bias: arena.take(pair.bias, order: order))
  }

  /// x of this layer becomes x of the next. `time`: the step's number, from 0.
  @_noLocks
  func work(
    _ state: UnsafeMutablePointer<Float>, _ x: UnsafeMutablePointer<Float>, _ scratch: Scratch, time: UInt64,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let input = state + scratch.input
    let qkv = state + scratch.qkv
    let hidden = state + scratch.hidden
    if isPre { normalize(attentionNormalization, x, input, kernels) }
    ck_product(kernels, attentionInput.matrix, isPre ? input : x, nil, attentionInput.bias, qkv)
    let attended = state + scratch.attended
    ck_attend(
      kernels, attention, time, qkv, state + keysOffset, state + valuesOffset, state + scratch.scores, attended)
    var result = attended
    if headChannels < headSize {
      // The product reads channels without the padding behind each head.
      for head in 0..<heads {
        ck_copy(input + head * headChannels, attended + head * headSize, headChannels * 4)
      }
      result = input
    }
    ck_product(kernels, attentionOutput.matrix, result, x, attentionOutput.bias, x)
    if !isPre { normalize(attentionNormalization, x, x, kernels) }

    if isPre { normalize(feedforwardNormalization, x, input, kernels) }
    ck_product(kernels, feedforwardHidden.matrix, isPre ? input : x, nil, feedforwardHidden.bias, hidden)
    switch activation {
    case .relu: ck_rectify(kernels, hidden, hiddenSize)
    case .gelu: ck_gelu(kernels, hidden, hiddenSize)
    }
    ck_product(kernels, feedforwardOutput.matrix, hidden, x, feedforwardOutput.bias, x)
    if !isPre { normalize(feedforwardNormalization, x, x, kernels) }
  }

  @_noLocks @inline(__always)
  private func normalize(
    _ normalization: Normalization, _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    ck_normalize(kernels, x, normalization.weight, normalization.bias, channels, y)
  }
}
