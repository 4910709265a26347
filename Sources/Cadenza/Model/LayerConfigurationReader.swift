extension LayerConfiguration {
  /// Of one network, those within residual layers included.
  static let maximumCount = 256
  private static let kernelSizes = 1...65_536
  private static let strides = 1...4_096
  private static let dilations = 1...1_048_576

  /// The layers of a list.
  static func list(_ value: JsonValue) throws(Failure) -> [LayerConfiguration] {
    var count = 0
    return try list(value, count: &count)
  }

  private static func list(_ value: JsonValue, count: inout Int) throws(Failure) -> [LayerConfiguration] {
    var layers: [LayerConfiguration] = []
    for element in try value.list(upTo: maximumCount) {
      count += 1
      guard count <= maximumCount else {
        throw Failure(.format, "\(element.place) is one layer too many, expected at most \(maximumCount) in all")
      }
      layers.append(try LayerConfiguration(element, count: &count))
    }
    return layers
  }

  private init(_ value: JsonValue, count: inout Int) throws(Failure) {
    let kind = try ConfigurationObject.kind(of: value)
    if kind.isText("dense") {
      let object = try ConfigurationObject(value, keys: ["kind", "channels", "bias"])
      // The product before `reshape` is as large as the reshaped steps.
      self = .dense(
        channels: try object.required("channels").whole(1...LayerShapeChain.maximumNumbers),
        bias: try object.optional("bias")?.boolean() ?? true)
    } else if kind.isText("reshape") {
      let object = try ConfigurationObject(value, keys: ["kind", "steps", "bins", "channels"])
      self = .reshape(
        steps: try object.required("steps").whole(1...LayerShapeChain.maximumNumbers),
        bins: try object.whole("bins", JsonValue.channels) ?? 1,
        channels: try object.required("channels").whole(JsonValue.channels))
    } else if kind.isText("flatten") {
      _ = try ConfigurationObject(value, keys: ["kind"])
      self = .flatten
    } else if kind.isText("convolution") {
      self = .convolution(try LayerConfiguration.convolution(value))
    } else if kind.isText("transposed_convolution") {
      self = .transposedConvolution(try LayerConfiguration.transposedConvolution(value))
    } else if kind.isText("upsample") {
      let object = try ConfigurationObject(value, keys: ["kind", "factor", "mode"])
      self = .upsample(
        factor: try object.required("factor").extent(LayerConfiguration.strides).extent,
        isLinear: try object.choice("mode", ["nearest", "linear"]) == 1)
    } else if kind.isText("pool") {
      let object = try ConfigurationObject(value, keys: ["kind", "size", "mode"])
      self = .pool(
        size: try object.required("size").whole(0...(1 << 24)), isMaximum: try object.choice("mode", ["mean", "max"]) == 1)
    } else if kind.isText("residual") {
      let object = try ConfigurationObject(value, keys: ["kind", "layers", "shortcut"])
      self = .residual(
        layers: try LayerConfiguration.list(try object.required("layers"), count: &count),
        hasShortcut: try object.optional("shortcut")?.boolean() ?? false)
    } else if kind.isText("normalization") {
      let object = try ConfigurationObject(value, keys: ["kind", "over"])
      let over = try object.required("over")
      let all: [Normalization] = [.batch, .layer, .pixel, .instance]
      self = .normalization(all[try over.choice(["batch", "layer", "pixel", "instance"])])
    } else if kind.isText("activation") {
      self = .activation(try LayerConfiguration.activation(value))
    } else if kind.isText("condition") {
      let object = try ConfigurationObject(value, keys: ["kind", "mode"])
      let all: [ConditionMode] = [.add, .modulate, .concatenate]
      self = .condition(all[try object.choice("mode", ["add", "modulate", "concatenate"])])
    } else {
      throw kind.unknownKind(
        """
        "dense", "reshape", "flatten", "convolution", "transposed_convolution", "upsample", "pool", "residual", \
        "normalization", "activation" or "condition"
        """)
    }
  }

  private static func convolution(_ value: JsonValue) throws(Failure) -> Convolution {
    let object = try ConfigurationObject(
      value, keys: ["kind", "channels", "kernel_size", "dilation", "groups", "stride", "padding", "bias"])
    let kernel = try object.required("kernel_size").extent(kernelSizes)
    var padding = Convolution.Padding.same
    if let given = object.optional("padding") {
      if given.kind == .list {
        let sizes = try given.extent(0...1_048_576).extent
        padding = .zeros(left: sizes.steps, right: sizes.bins)
      } else if given.isText("causal") {
        padding = .causal
      } else if !given.isText("same") {
        throw given.unexpected("\"same\", \"causal\" or a list of 2 whole numbers")
      }
    }
    return Convolution(
      channels: try object.required("channels").whole(JsonValue.channels), kernel: kernel.extent, isOverBins: kernel.isPair,
      dilation: try object.optional("dilation")?.extent(dilations).extent ?? LayerExtent(steps: 1),
      stride: try object.optional("stride")?.extent(strides).extent ?? LayerExtent(steps: 1),
      groups: try object.whole("groups", JsonValue.channels) ?? 1, padding: padding,
      bias: try object.optional("bias")?.boolean() ?? true)
  }

  private static func transposedConvolution(_ value: JsonValue) throws(Failure) -> TransposedConvolution {
    let object = try ConfigurationObject(value, keys: ["kind", "channels", "kernel_size", "stride", "bias"])
    let kernel = try object.required("kernel_size").extent(kernelSizes)
    let stride = try object.required("stride").extent(strides).extent
    guard kernel.extent.steps >= stride.steps, kernel.extent.bins >= stride.bins else {
      throw Failure(
        .format,
        "\(value.place).stride is [\(stride.steps), \(stride.bins)], expected at most the kernel's size, [\(kernel.extent.steps), \(kernel.extent.bins)]"
      )
    }
    return TransposedConvolution(
      channels: try object.required("channels").whole(JsonValue.channels), kernel: kernel.extent, isOverBins: kernel.isPair,
      stride: stride, bias: try object.optional("bias")?.boolean() ?? true)
  }

  private static func activation(_ value: JsonValue) throws(Failure) -> Activation {
    let object = try ConfigurationObject(value, keys: ["kind", "function", "slope"])
    let function = try object.required("function")
    let slope = object.optional("slope")
    switch try function.choice(["relu", "leaky_relu", "elu", "tanh", "sigmoid"]) {
    case 1: return .leakyRectifier(slope: Float(try slope?.number(upTo: 1) ?? 0.2))
    case let other:
      if let slope { throw Failure(.format, "\(slope.place) is given, but \(function.found) has no slope") }
      let all: [Activation] = [.rectifier, .rectifier, .exponentialLinear, .tanh, .sigmoid]
      return all[other]
    }
  }
}

extension DecoderConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(value, keys: ["kind", "layers"])
    self.init(layers: try LayerConfiguration.list(try object.required("layers")))
  }
}

extension JsonValue {
  /// A whole number, of steps, or a list of two, of steps and of bins.
  fileprivate func extent(_ range: ClosedRange<Int>) throws(Failure) -> (extent: LayerExtent, isPair: Bool) {
    if kind != .list { return (LayerExtent(steps: try whole(range)), false) }
    guard count == 2 else { throw unexpected("a whole number, or a list of 2") }
    var sizes: [Int] = []
    for element in elements { sizes.append(try element.whole(range)) }
    return (LayerExtent(steps: sizes[0], bins: sizes[1]), true)
  }

  /// Which of these texts it is.
  fileprivate func choice(_ names: [StaticString]) throws(Failure) -> Int {
    for (index, name) in names.enumerated() where isText(name) { return index }
    throw unexpected("one of \(names)")
  }
}

extension ConfigurationObject {
  /// Which of these texts the value of `key` is; 0 where the key is absent.
  fileprivate func choice(_ key: StaticString, _ names: [StaticString]) throws(Failure) -> Int {
    guard let value = optional(key) else { return 0 }
    return try value.choice(names)
  }
}
