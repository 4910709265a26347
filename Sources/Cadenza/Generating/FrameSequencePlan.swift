/// The codec of a recurrent network over frames, with what it needs of a stream's state.
struct FrameSequencePlan {
  let codec: UnsafePointer<Spectrogram>
  let layout: StateLayout
  /// Here while the model is measured too, when the pointer leads nowhere.
  let configuration: SpectrogramConfiguration

  /// Samples by which what is heard lags what the model says: see `FrameSequence`.
  var latency: Int { configuration.columns * configuration.hop + configuration.frameSize / 2 }

  init(_ configuration: SpectrogramConfiguration, arena: inout Arena) {
    self.configuration = configuration
    let place = arena.take(Spectrogram.self, count: 1)
    var layout = StateLayout()
    let value = Spectrogram(configuration, arena: &arena, layout: &layout)
    if !arena.isMeasuring { place.initialize(to: value) }
    codec = UnsafePointer(place)
    self.layout = layout
  }
}
