import Testing

@testable import Cadenza

/// An instrument whose notes are constants: at every sample, what it gives depends on the pitch and on the condition `colour` alone.
/// So what a voice does to a note can be read off its output.
///
/// One LSTM cell that forgets everything (σ(−30)) and lets everything through (σ(30)): h = tanh(tanh(w)), w by pitch and colour.
enum ToneModel {
  static let sampleRate = 8000
  /// Samples of the envelope: attack, release and take-over at the defaults' 3, 80 and 5 ms.
  static let attack = 24
  static let release = 640
  static let takeOver = 40

  /// The weights of the pitches 60, 62 and 64, which `labels` names.
  static let weights: [Float] = [0.25, -0.5, 0.75]

  /// `colour` is what the condition of this name is: "vector", or "latent".
  static func bytes(
    labels: String = #""labels":["60","62","64"]"#, pitches: [Float] = weights, colour: String = "vector"
  ) -> [UInt8] {
    var writer = SafetensorsWriter(
      configuration: """
        {"name":"tones","network":{"kind":"recurrent","input":{"kind":"vector","channels":1},\
        "layers":[{"kind":"lstm","channels":1}],"head":{"kind":"linear","channels":1}},\
        "codec":{"kind":"waveform","sample_rate":\(sampleRate)},\
        "conditions":[{"name":"colour","kind":"\(colour)","size":1},{"name":"pitch","kind":"class",\(labels)}]}
        """)
    let columns = 1 + 1 + pitches.count
    var input = [Float](repeating: 0, count: 4 * columns)
    input[2 * columns + 1] = 1
    for (index, weight) in pitches.enumerated() { input[2 * columns + 2 + index] = weight }
    writer.add("layers.0.input.weight", .float32, shape: [4, columns], values: input)
    writer.add("layers.0.input.bias", .float32, shape: [4], values: [30, -30, 0, 30])
    writer.add("layers.0.recurrent.weight", .float32, shape: [4, 1], values: [0, 0, 0, 0])
    writer.add("layers.0.recurrent.bias", .float32, shape: [4], values: [0, 0, 0, 0])
    writer.add("head.weight", .float32, shape: [1, 1], values: [1])
    writer.add("head.bias", .float32, shape: [1], values: [0])
    return writer.file()
  }

  static func stream(voices: Int = 4, sampleRate: Int = 0, colour: String = "vector", seed: UInt64 = 0) throws -> Stream {
    let model = try load(bytes(colour: colour))
    var options = StreamOptions(for: model)
    options.seed = seed
    options.smoothingSeconds = 0
    options.voices = voices
    options.sampleRate = sampleRate
    return try Stream(model: model, options: options)
  }

  /// What a note of this pitch gives at full velocity, held.
  static func level(_ pitch: Int) throws -> Float {
    let stream = try stream()
    #expect(stream.noteOn(frame: 0, voice: 0, pitch: pitch, velocity: 1) == .ok)
    return stream.take(200)[199]
  }
}
