/// An oscillator of harmonics and filtered noise (Engel et al. 2020). See FORMAT.md.
public struct HarmonicConfiguration: Sendable {
  /// Hz.
  public var sampleRate: Int
  /// Samples of a frame.
  public var hop: Int
  /// Harmonics of the oscillator, the fundamental among them.
  public var harmonics: Int
  /// Bands of the noise; 0: no noise.
  public var noiseBands: Int

  /// A configuration as written, unchecked.
  public init(sampleRate: Int, hop: Int, harmonics: Int, noiseBands: Int) {
    self.sampleRate = sampleRate
    self.hop = hop
    self.harmonics = harmonics
    self.noiseBands = noiseBands
  }

  /// Numbers of a frame.
  public var frameSize: Int { 1 + harmonics + noiseBands }
}

extension HarmonicConfiguration {
  init(_ value: JsonValue) throws(Failure) {
    let object = try ConfigurationObject(value, keys: ["kind", "sample_rate", "hop", "harmonics", "noise_bands"])
    let bands = try object.required("noise_bands")
    let noiseBands = try bands.whole(0...257)
    guard noiseBands == 0 || (noiseBands >= 3 && (noiseBands - 1) & (noiseBands - 2) == 0) else {
      throw bands.unexpected("0, or a power of two plus 1, 3 to 257")
    }
    self.init(
      sampleRate: try object.required("sample_rate").whole(CodecConfiguration.sampleRates),
      hop: try object.required("hop").whole(1...65_536), harmonics: try object.required("harmonics").whole(1...1_024),
      noiseBands: noiseBands)
  }
}
