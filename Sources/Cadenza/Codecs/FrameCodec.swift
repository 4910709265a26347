import CadenzaKernels

/// Turns frames, rows of numbers that a network gives, into sound: `hop` samples for each.
///
/// A codec is pointers into the model's memory; all that changes lies in the state, at the offsets of its layout. A clip of T frames is
/// T · hop samples: after `begin`, `add` each frame, and then `finish` until it gives no more. A codec that must see a few frames
/// ahead gives no samples for the first ones, and owes as many at the end.
enum FrameCodec {
  /// A frame is a sample.
  case waveform(WaveformFrames)
  /// Harmonics and noise.
  case harmonic(UnsafePointer<HarmonicSynthesis>)
  /// Columns of spectra.
  case spectrogram(UnsafePointer<Spectrogram>)
  /// Columns of spectra without a phase, which is found when all are there.
  case phaseless(UnsafePointer<PhaselessSpectrogram>)

  /// Lays its state out in `layout`, for clips of `frameCount` frames; nil where the codec is none of frames.
  init?(_ configuration: CodecConfiguration, frameCount: Int, arena: inout Arena, layout: inout StateLayout) {
    switch configuration {
    case .waveform(_, let range): self = .waveform(WaveformFrames(range))
    case .harmonic(let configuration):
      let place = arena.take(HarmonicSynthesis.self, count: 1)
      let synthesis = HarmonicSynthesis(configuration, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: synthesis) }
      self = .harmonic(place)
    case .spectrogram(let configuration):
      if case .none(let iterations) = configuration.phase {
        let place = arena.take(PhaselessSpectrogram.self, count: 1)
        let value = PhaselessSpectrogram(
          configuration, frameCount: frameCount, iterations: iterations, arena: &arena, layout: &layout)
        if !arena.isMeasuring { place.initialize(to: value) }
        self = .phaseless(place)
        return
      }
      let place = arena.take(Spectrogram.self, count: 1)
      let value = Spectrogram(configuration, arena: &arena, layout: &layout)
      if !arena.isMeasuring { place.initialize(to: value) }
      self = .spectrogram(place)
    case .muLaw, .notes: return nil
    }
  }

  /// Numbers of a frame.
  var frameSize: Int {
    @_noLocks get {
      switch self {
      case .waveform: 1
      case .harmonic(let synthesis): synthesis.pointee.frameSize
      case .spectrogram(let spectrogram): spectrogram.pointee.frameNumbers
      case .phaseless(let clip): clip.pointee.frameNumbers
      }
    }
  }

  /// Samples for each frame.
  var hop: Int {
    @_noLocks get {
      switch self {
      case .waveform: 1
      case .harmonic(let synthesis): synthesis.pointee.hop
      case .spectrogram(let spectrogram): spectrogram.pointee.hop
      case .phaseless(let clip): clip.pointee.hop
      }
    }
  }

  /// The most frames that it is behind.
  var delay: Int {
    @_noLocks get {
      switch self {
      case .waveform: 0
      case .harmonic(let synthesis): synthesis.pointee.delay
      case .spectrogram(let spectrogram): spectrogram.pointee.overlap / 2
      case .phaseless(let clip): clip.pointee.frameCount
      }
    }
  }

  /// Makes the state the beginning of a clip.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    switch self {
    case .waveform: return
    case .harmonic(let synthesis): synthesis.pointee.begin(state)
    case .spectrogram(let spectrogram): spectrogram.pointee.begin(state)
    case .phaseless(let clip): clip.pointee.begin(state)
    }
  }

  /// Takes the next frame, of `frameSize` numbers; true: it wrote `hop` samples, the next ones of the clip. `samples` has room for them
  /// in whole panels. `pitch` is MIDI's, of the note that is played.
  @_noLocks
  func add(
    _ state: UnsafeMutablePointer<Float>, _ frame: UnsafePointer<Float>, _ samples: UnsafeMutablePointer<Float>,
    _ settings: SamplerSettings, _ random: inout RandomGenerator, pitch: Float, _ kernels: UnsafePointer<ck_kernels>
  ) -> Bool {
    switch self {
    case .waveform(let waveform):
      samples.pointee = waveform.sample(frame.pointee)
      return true
    case .harmonic(let synthesis):
      return synthesis.pointee.add(state, frame, samples, settings, &random, pitch: pitch, kernels)
    case .spectrogram(let spectrogram): return spectrogram.pointee.add(state, frame, samples, kernels)
    case .phaseless(let clip):
      clip.pointee.add(state, frame, kernels)
      return false
    }
  }

  /// After the last frame: true while it wrote another `hop` samples that are still owed.
  @_noLocks
  func finish(
    _ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) -> Bool {
    switch self {
    case .waveform: return false
    case .harmonic(let synthesis): return synthesis.pointee.finish(state, samples, kernels)
    case .spectrogram(let spectrogram): return spectrogram.pointee.finish(state, samples)
    case .phaseless(let clip): return clip.pointee.finish(state, samples)
    }
  }

  /// Whether the saved part of a state can be one of this codec's: what it is indexed by must be in range.
  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    switch self {
    case .waveform: true
    case .harmonic(let synthesis): synthesis.pointee.accepts(saved)
    case .spectrogram(let spectrogram): spectrogram.pointee.accepts(saved)
    case .phaseless(let clip): clip.pointee.accepts(saved)
    }
  }
}

/// Frames of one number each, which is the sample.
struct WaveformFrames: BitwiseCopyable {
  private let scale: Float
  private let shift: Float

  /// What lies in `range` means −1 … 1; nil: it is the sample.
  init(_ range: ClosedRange<Float>?) {
    guard let range else {
      (scale, shift) = (1, 0)
      return
    }
    let width = Double(range.upperBound) - Double(range.lowerBound)
    scale = Float(2 / width)
    shift = Float(-2 * Double(range.lowerBound) / width - 1)
  }

  /// Within −1 … 1; what is no number stays.
  @_noLocks @inline(__always)
  func sample(_ number: Float) -> Float {
    let sample = number * scale + shift
    return sample < -1 ? -1 : sample > 1 ? 1 : sample
  }
}
