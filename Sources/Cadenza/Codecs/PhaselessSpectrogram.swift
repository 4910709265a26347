import CadenzaKernels

/// Frames that are columns of a spectrum without a phase: a clip's are gathered, and when all are there, Griffin and Lim's algorithm
/// makes the clip of them, which is then given hop by hop. Not for audio threads: a model with this codec is decoded whole.
struct PhaselessSpectrogram {
  private let spectrogram: Spectrogram
  /// Numbers of a frame.
  let frameNumbers: Int
  let hop: Int
  /// Frames of a clip.
  let frameCount: Int
  private let iterations: Int

  // Offsets into the state.
  /// Frames that have come, and hops that were given: two UInt32.
  private let countersOffset: Int
  private let memoryOffset: Int

  init(
    _ configuration: SpectrogramConfiguration, frameCount: Int, iterations: Int, arena: inout Arena,
    layout: inout StateLayout
  ) {
    countersOffset = layout.take(2)
    let savedCount = GriffinLim.savedCount(configuration, frameCount: frameCount)
    memoryOffset = layout.take(savedCount)
    layout.beginScratch()
    _ = layout.take(GriffinLim.count(configuration, frameCount: frameCount) - savedCount)
    // What it keeps between frames is not needed here.
    var own = StateLayout()
    spectrogram = Spectrogram(configuration, arena: &arena, layout: &own)
    frameNumbers = configuration.frameNumbers
    hop = configuration.hop
    self.frameCount = frameCount
    self.iterations = iterations
  }

  @_noLocks
  private func algorithm(_ state: UnsafeMutablePointer<Float>) -> GriffinLim {
    GriffinLim(spectrogram, frameCount: frameCount, iterations: iterations, memory: state + memoryOffset)
  }

  @_noLocks
  private func counters(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    spectrogram.turns(state + countersOffset)
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    let counters = counters(state)
    counters[0] = 0
    counters[1] = 0
  }

  /// Takes the next frame of finite numbers.
  @_noLocks
  func add(_ state: UnsafeMutablePointer<Float>, _ frame: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    let counters = counters(state)
    guard Int(counters[0]) < frameCount else { return }
    algorithm(state).take(Int(counters[0]), frame, kernels)
    counters[0] += 1
  }

  /// After the last frame: true while there was another hop of the clip.
  @_noLocks
  func finish(_ state: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>) -> Bool {
    let counters = counters(state)
    guard Int(counters[0]) == frameCount, Int(counters[1]) < frameCount else { return false }
    let algorithm = algorithm(state)
    if counters[1] == 0 { algorithm.decode() }
    let place = algorithm.samples + Int(counters[1]) * hop
    for index in 0..<hop { samples[index] = Spectrogram.limited(place[index]) }
    counters[1] += 1
    return true
  }

  /// Whether the saved part of a state can be one.
  func accepts(_ saved: UnsafePointer<Float>) -> Bool {
    guard saved[countersOffset].bitPattern <= UInt32(frameCount), saved[countersOffset + 1].bitPattern <= UInt32(frameCount)
    else { return false }
    let count = GriffinLim.savedCount(frameSize: spectrogram.frameSize, hop: hop, frameCount: frameCount)
    for index in 0..<count where !saved[memoryOffset + index].isFinite { return false }
    return true
  }
}
