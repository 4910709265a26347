import CadenzaKernels

/// What turns a recording, or a melody, into the value of the model's latent: rows of numbers. Pointers into the model's memory.
///
/// It runs off the audio thread, and allocates what it works on.
enum Encoder {
  case recurrent(RecurrentEncoder)
  case layers(LayersEncoder)

  /// Takes its tensors, whose names begin with "encoder.", from the reader.
  init(
    _ configuration: EncoderConfiguration, size: Int, tensors: inout TensorReader, arena: inout Arena
  ) throws(Failure) {
    let prefix = tensors.prefix
    tensors.prefix = "encoder."
    switch configuration.kind {
    case .recurrent(let recurrent):
      self = .recurrent(try RecurrentEncoder(recurrent, size: size, tensors: &tensors, arena: &arena))
    case .layers(let layers):
      self = .layers(
        try LayersEncoder(
          layers, size: size, conditionChannels: layers.conditionChannels, tensors: &tensors, arena: &arena))
    }
    tensors.prefix = prefix
  }
}
