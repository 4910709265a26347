import CadenzaKernels

/// A model as streams run it: network, codec and conditions over the model's memory.
struct ModelPlan {
  var kernels: UnsafePointer<ck_kernels>
  var network: Network
  /// What the network predicts, one for each field of an element.
  var fields: [FieldPrediction]
  var codec: Codec
  var conditions: [ConditionInput]
  var conditionChannels: Int
  /// nil: the model has no encoder.
  var encoding: ModelEncoding?
  /// Of a recurrent network over frames.
  var sequence: FrameSequencePlan?
  /// What step 0 is fed, where a recurrent network's elements are frames.
  var firstFrame: UnsafePointer<Float>?
  /// Of the network's state in a stream.
  var layout: StateLayout
  /// Of a network that gives frames.
  var frames: FramePlan?
  /// Of the condition "pitch", where it has classes.
  var pitches: ClassPitches?

  /// Builds all of it from the tensors, which it takes from the reader.
  init(_ configuration: Configuration, tensors: inout TensorReader, arena: inout Arena) throws(Failure) {
    kernels = ck_kernels_choose()
    var channels = 0
    var inputs: [ConditionInput] = []
    for condition in configuration.conditions {
      inputs.append(try ConditionInput(condition, firstChannel: channels, tensors: &tensors, arena: &arena))
      channels += condition.channels
    }
    conditions = inputs
    conditionChannels = channels
    layout = StateLayout()
    fields = configuration.network.fields
    pitches = ClassPitches(configuration.conditions, arena: &arena)
    if case .decoder(let decoder) = configuration.network {
      var codecLayout = StateLayout()
      let steps = try decoder.output(conditionChannels: channels).steps ?? 1
      guard let frameCodec = FrameCodec(configuration.codec, frameCount: steps, arena: &arena, layout: &codecLayout) else {
        throw Failure(.format, "codec.kind is \"\(configuration.codec.kind)\", expected one of frames")
      }
      let place = arena.take(Decoder.self, count: 1)
      let value = try Decoder(
        decoder, conditionChannels: channels, codecNeedsAll: configuration.codec.needsAllFrames, tensors: &tensors,
        arena: &arena,
        layout: &layout)
      if !arena.isMeasuring { place.initialize(to: value) }
      network = .decoder(place)
      codec = .frames
      frames = FramePlan(
        source: .decoder(place), codec: frameCodec, layout: layout, codecLayout: codecLayout, frameSize: value.frameSize,
        hop: configuration.codec.hop, framesPerTick: value.framesPerTick, frameCount: value.frameCount,
        isWhole: value.isWhole || configuration.codec.needsAllFrames)
    } else {
      firstFrame = configuration.takeFirstFrame(arena: &arena)
      network = try Network(
        configuration.network, conditionChannels: channels, firstFrame: firstFrame, tensors: &tensors, arena: &arena,
        layout: &layout)
      codec = Codec(configuration.codec, arena: &arena)
      if case .spectrogram(let spectrogram) = configuration.codec {
        sequence = FrameSequencePlan(spectrogram, arena: &arena)
      }
    }
    if let encoder = configuration.encoder {
      encoding = try ModelEncoding(encoder, configuration, tensors: &tensors, arena: &arena)
    }
  }
}

extension ModelPlan {
  /// Frames at the output's rate by which what is heard lags what the model says, without the conversion's: where a recurrent
  /// network's elements are frames.
  func generatorLatency(from model: Int, to output: Int) -> Int {
    guard let sequence else { return 0 }
    return (sequence.latency * output + model / 2) / model
  }

  /// Numbers of an element of a recurrent network over frames; 0 of any other model.
  var frameNumbers: Int {
    if case .frame(let size, _) = fields.first?.kind { return size }
    return 0
  }
}

extension Configuration {
  /// What step 0 of a recurrent network over frames is fed, in the model's memory; nil of any other model.
  fileprivate func takeFirstFrame(arena: inout Arena) -> UnsafePointer<Float>? {
    guard case .spectrogram(let spectrogram) = codec, case .recurrent(let recurrent) = network else { return nil }
    let numbers = arena.take(Float.self, count: spectrogram.elementNumbers)
    if !arena.isMeasuring && recurrent.firstInput == .silence {
      for index in 0..<spectrogram.elementNumbers { numbers[index] = spectrogram.silence(at: index) }
    }
    return UnsafePointer(numbers)
  }
}
