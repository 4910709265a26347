import CadenzaKernels

@testable import Cadenza

/// A codec of spectra with memory of its own.
final class SpectrogramProbe {
  let codec: Spectrogram
  let state: UnsafeMutablePointer<Float>
  let layout: StateLayout
  private let memory: UnsafeMutableRawPointer
  private let kernels: UnsafePointer<ck_kernels>

  init(_ configuration: SpectrogramConfiguration, kernels: UnsafePointer<ck_kernels> = ck_kernels_choose()) {
    var measuring = Arena.measuring()
    var measured = StateLayout()
    _ = Spectrogram(configuration, arena: &measuring, layout: &measured)
    memory = ck_allocate(measuring.byteCount)!
    var arena = Arena(filling: memory)
    var layout = StateLayout()
    codec = Spectrogram(configuration, arena: &arena, layout: &layout)
    self.layout = layout
    self.kernels = kernels
    state = ck_allocate(layout.count * 4)!.assumingMemoryBound(to: Float.self)
    codec.begin(state)
  }

  deinit {
    ck_free(memory)
    ck_free(state)
  }

  /// All frames of a sound, one after another.
  func analyse(_ samples: [Float]) -> [Float] {
    var frames = [Float](repeating: .nan, count: codec.frameCount(samples: samples.count) * codec.frameNumbers)
    codec.analyse(samples, count: samples.count, into: &frames)
    return frames
  }

  /// The sound of frames, ends included.
  func synthesise(_ frames: [Float]) -> [Float] {
    codec.begin(state)
    var sound: [Float] = []
    for first in stride(from: 0, to: frames.count, by: codec.frameNumbers) {
      if let hop = add(Array(frames[first..<(first + codec.frameNumbers)])) { sound += hop }
    }
    while let hop = finish() { sound += hop }
    return sound
  }

  /// The samples that are complete with this frame; nil: none.
  func add(_ frame: [Float]) -> [Float]? {
    var samples = [Float](repeating: .nan, count: codec.hop)
    return codec.add(state, frame, &samples, kernels) ? samples : nil
  }

  func finish() -> [Float]? {
    var samples = [Float](repeating: .nan, count: codec.hop)
    return codec.finish(state, &samples) ? samples : nil
  }
}
