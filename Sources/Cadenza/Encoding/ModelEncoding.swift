/// A model's encoder, and the latent that it gives.
struct ModelEncoding {
  let encoder: Encoder
  /// Index of the latent among the conditions.
  let condition: Int
  /// Numbers of a row.
  let size: Int
  /// Where in h a row lies.
  let firstChannel: Int
  /// Samples of the model that a row lasts; 0: the latent is global, one row.
  let framesPerRow: Int
  /// Samples of the shortest recording.
  let minimumFrames: Int

  init(
    _ configuration: EncoderConfiguration, _ model: Configuration, tensors: inout TensorReader, arena: inout Arena
  ) throws(Failure) {
    condition = configuration.latent
    let latent = model.conditions[configuration.latent]
    size = latent.size
    firstChannel = model.conditions[..<configuration.latent].reduce(0) { $0 + $1.channels }
    framesPerRow = latent.framesPerValue ?? 0
    minimumFrames = configuration.minimumFrames
    encoder = try Encoder(configuration, size: size, tensors: &tensors, arena: &arena)
  }
}
