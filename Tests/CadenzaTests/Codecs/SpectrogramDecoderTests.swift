import CadenzaKernels
import Testing

@testable import Cadenza

/// Decoders whose frames are columns of spectra.
@Suite("Decoders of spectra")
struct SpectrogramDecoderTests {
  /// A clip of 20 frames of 16 bins: from a latent of 4 numbers through one dense layer.
  private static func bytes(phase: String, iterations: String = "") -> [UInt8] {
    let channels = phase == "none" ? 1 : 2
    let numbers = 20 * 16 * channels
    var random = RandomGenerator(seed: 8)
    var writer = SafetensorsWriter(
      configuration: """
        {"network":{"kind":"decoder","layers":[{"kind":"dense","channels":\(numbers)},\
        {"kind":"reshape","steps":20,"bins":16,"channels":\(channels)},{"kind":"activation","function":"tanh"}]},\
        "codec":{"kind":"spectrogram","sample_rate":16000,"frame_size":32,"hop":8,"magnitude":[-4,2],"phase":"\(phase)"\(iterations)},\
        "conditions":[{"name":"z","kind":"latent","size":4}]}
        """)
    func add(_ name: String, _ shape: [Int]) {
      writer.add(name, .float32, shape: shape, values: (0..<shape.reduce(1, *)).map { _ in 2 * random.uniform() - 1 })
    }
    add("layers.0.weight", [numbers, 4])
    add("layers.0.bias", [numbers])
    return writer.file()
  }

  private static let latent: [Float] = [0.3, -0.8, 0.5, 0.1]

  private static func clip(_ model: Model, ahead: Int) throws -> (samples: [Float], rest: [Float]) {
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.renderAheadFrames = ahead
    let stream = try Stream(model: model, options: options)
    stream.renderMode = .offline
    #expect(stream.setCondition(0, latent) == .ok)
    _ = stream.reset(seed: 0)
    return (stream.take(160), stream.take(64))
  }

  private static func spectrogram(_ model: Model) throws -> SpectrogramConfiguration {
    guard case .spectrogram(let configuration) = model.configuration.codec else { throw Failure(.format, "no spectrogram") }
    return configuration
  }

  /// Streamed, the clip is its frames through the codec, as long as its frames say; then silence.
  @Test(arguments: ["phase", "instantaneous_frequency"])
  func clipsAreStreamed(_ phase: String) throws {
    let bytes = Self.bytes(phase: phase)
    let model = try load(bytes)
    #expect(!model.decodesWhole)
    #expect(model.clipFrames == 160)
    let probe = try #require(try DecoderProbe(bytes))
    let expected = SpectrogramProbe(try Self.spectrogram(model)).synthesise(probe.frames([Self.latent]))
    let (samples, rest) = try Self.clip(model, ahead: 0)
    #expect(samples.bits == expected.bits)
    #expect(power(samples) > 1e-4)
    #expect(rest.allSatisfy { $0 == 0 })
  }

  /// Without a phase it is decoded whole, which needs a stream that renders ahead, and is what the algorithm makes of the frames.
  @Test func clipsWithoutPhaseAreDecodedWhole() throws {
    let bytes = Self.bytes(phase: "none", iterations: #","iterations":5"#)
    let model = try load(bytes)
    #expect(model.decodesWhole)
    #expect(throws: Failure.self) { _ = try Stream(model: model, options: StreamOptions(for: model)) }
    let configuration = try Self.spectrogram(model)
    let frames = try #require(try DecoderProbe(bytes)).frames([Self.latent])
    #expect(frames.count == 20 * 16)
    let memory = ck_allocate(4 * GriffinLim.count(configuration, frameCount: 20))!
    defer { ck_free(memory) }
    let codec = SpectrogramProbe(configuration)
    let algorithm = GriffinLim(
      codec.codec, frameCount: 20, iterations: 5, memory: memory.assumingMemoryBound(to: Float.self))
    for index in 0..<20 { algorithm.take(index, Array(frames[(16 * index)..<(16 * index + 16)]), ck_kernels_choose()) }
    algorithm.decode()
    let (samples, rest) = try Self.clip(model, ahead: 256)
    #expect(samples.bits == (0..<160).map { max(-1, min(1, algorithm.samples[$0])) }.bits)
    #expect(power(samples) > 1e-4)
    #expect(rest.allSatisfy { $0 == 0 })
  }
}
