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
      guard let frameCodec = FrameCodec(configuration.codec, arena: &arena, layout: &codecLayout) else {
        throw Failure(.format, "codec.kind is \"\(configuration.codec.kind)\", expected one of frames")
      }
      let place = arena.take(Decoder.self, count: 1)
      let value = try Decoder(decoder, conditionChannels: channels, tensors: &tensors, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: value) }
      network = .decoder(place)
      codec = .frames
      frames = FramePlan(
        source: .decoder(place), codec: frameCodec, layout: layout, codecLayout: codecLayout, frameSize: value.frameSize,
        hop: configuration.codec.hop, framesPerTick: value.framesPerTick, frameCount: value.frameCount,
        isWhole: value.isWhole)
    } else {
      network = try Network(
        configuration.network, conditionChannels: channels, tensors: &tensors, arena: &arena, layout: &layout)
      codec = Codec(configuration.codec, arena: &arena)
    }
    if let encoder = configuration.encoder {
      encoding = try ModelEncoding(encoder, configuration, tensors: &tensors, arena: &arena)
    }
  }
}
