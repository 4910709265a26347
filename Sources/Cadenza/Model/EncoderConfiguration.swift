/// What turns a recording, or a melody, into the value of the model's latent. See FORMAT.md, "Encoders".
public struct EncoderConfiguration: Sendable {
  /// The encoders, by what they are made of.
  public enum Kind: Sendable {
    /// Reads a melody of `window` tokens of the model's codec, and gives what its linear head predicts.
    case recurrent(RecurrentConfiguration)
    /// Reads a recording.
    case layers(LayersEncoderConfiguration)
  }

  /// What it is made of.
  public var kind: Kind
  /// Index of the condition, a latent, that it gives.
  public var latent: Int
  /// Samples of the shortest recording that makes sense; 1 for melodies.
  public var minimumFrames: Int

  /// An encoder as written, unchecked.
  public init(kind: Kind, latent: Int, minimumFrames: Int = 1) {
    self.kind = kind
    self.latent = latent
    self.minimumFrames = minimumFrames
  }
}
