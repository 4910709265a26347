import Testing

@testable import Cadenza

/// Small composers with random weights: one for each codec of notes, over whatever network plays it.
struct ComposerModel: Sendable, CustomTestStringConvertible {
  let name: String
  let codec: String
  let network: String
  var conditions = "[]"
  let tensors: [SmallModel.Shape]
  var testDescription: String { name }

  func bytes(tempo: Int? = nil) -> [UInt8] {
    var codec = codec
    if let tempo { codec = SmallModel.replacing("{", with: "{\"tempo\":\(tempo),", in: codec) }
    var writer = SafetensorsWriter(
      configuration: "{\"name\":\"\(name)\",\"network\":\(network),\"codec\":\(codec),\"conditions\":\(conditions)}")
    var random = RandomGenerator(seed: 5)
    for (name, shape) in tensors {
      let scale: Float = name.contains("bias") ? 0.3 : name.contains("head") ? 2.5 : 0.9
      let values = (0..<shape.reduce(1, *)).map { _ in (random.uniform() * 2 - 1) * scale }
      writer.add(name, shape: shape, values: values)
    }
    return writer.file()
  }

  func model() throws -> Model { try load(bytes()) }

  func stream(
    seed: UInt64 = 7, sampleRate: Int = 48_000, temperature: Float = 1, model: Model? = nil
  ) throws -> Cadenza.Stream {
    let model = try model ?? self.model()
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.seed = seed
    options.sampleRate = sampleRate
    options.temperature = temperature
    return try Stream(model: model, options: options)
  }

  static let all: [ComposerModel] = [performance, melody, chorale, chords, matrix, matrixOfClasses, bidirectional, transformer]

  /// An LSTM over tokens.
  private static func recurrent(_ vocabularySize: Int, conditionChannels: Int = 0) -> (String, [SmallModel.Shape]) {
    (
      """
      {"kind":"recurrent","input":{"kind":"embedding","channels":6},"vocabulary_size":\(vocabularySize),\
      "layers":[{"kind":"lstm","channels":16}],"head":{"kind":"softmax"}}
      """,
      [
        ("input.embedding.weight", [vocabularySize, 6]), ("layers.0.input.weight", [64, 6 + conditionChannels]),
        ("layers.0.input.bias", [64]), ("layers.0.recurrent.weight", [64, 16]), ("layers.0.recurrent.bias", [64]),
        ("head.weight", [vocabularySize, 16]), ("head.bias", [vocabularySize]),
      ]
    )
  }

  static let performance: ComposerModel = {
    let (network, tensors) = recurrent(389)
    return ComposerModel(
      name: "performance",
      codec: #"{"kind":"performance_events","pitches":[0,127],"time_shifts":100,"velocities":32,"end":true}"#,
      network: network, tensors: tensors)
  }()

  static let melody: ComposerModel = {
    let (network, tensors) = recurrent(8)
    return ComposerModel(
      name: "melody", codec: #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60,62,64,65,67,72]}"#,
      network: network, tensors: tensors)
  }()

  static let chorale: ComposerModel = {
    let (network, tensors) = recurrent(22, conditionChannels: 19)
    return ComposerModel(
      name: "chorale",
      codec: """
        {"kind":"chorale_grid","steps_per_beat":4,"maximum_note_beats":2,"voices":[\
        {"name":"soprano","symbols":["hold","off",72,74,76,77]},{"name":"alto","symbols":["hold","off",65,67,69]},\
        {"name":"tenor","symbols":["off","hold",60,62,64]},{"name":"bass","symbols":["hold",48,50,52,55,"off"]}]}
        """,
      network: network,
      conditions: """
        [{"name":"position","kind":"class","size":16,"follows":"position"},{"name":"key","kind":"class","size":3}]
        """,
      tensors: tensors)
  }()

  static let chords: ComposerModel = {
    let (network, tensors) = recurrent(5)
    return ComposerModel(
      name: "chords", codec: #"{"kind":"note_tokens","steps_per_beat":2,"tokens":[[60],[60,64,67],[],[57,60,64],[62,65]]}"#,
      network: network, tensors: tensors)
  }()

  static let matrix = ComposerModel(
    name: "matrix",
    codec: """
      {"kind":"note_matrix","pitch":{"range":[36,96]},"velocity":{"range":[20,110]},"interval":{"maximum_milliseconds":1500}}
      """,
    network: """
      {"kind":"recurrent","input":{"kind":"fields","fields":[{"kind":"value"},{"kind":"value"},{"kind":"value"}]},"window":6,\
      "layers":[{"kind":"lstm","channels":16}],\
      "head":{"kind":"fields","fields":[{"kind":"linear","noise":0.2},{"kind":"linear","noise":0.1},{"kind":"linear","noise":0.2}]}}
      """,
    tensors: [
      ("layers.0.input.weight", [64, 3]), ("layers.0.input.bias", [64]), ("layers.0.recurrent.weight", [64, 16]),
      ("layers.0.recurrent.bias", [64]), ("head.weight", [3, 16]), ("head.bias", [3]),
    ])

  static let matrixOfClasses = ComposerModel(
    name: "matrix of classes",
    codec: """
      {"kind":"note_matrix","pitch":{"range":[48,84],"classes":true},"velocity":{"range":[1,127],"classes":8},\
      "interval":{"maximum_milliseconds":1000,"classes":12}}
      """,
    network: """
      {"kind":"recurrent","input":{"kind":"fields","fields":[{"kind":"embedding","size":37,"channels":5},\
      {"kind":"one_hot","size":8},{"kind":"embedding","size":12,"channels":3}]},"layers":[{"kind":"gru","channels":16}],\
      "head":{"kind":"fields","fields":[{"kind":"softmax","size":37},{"kind":"softmax","size":8},{"kind":"softmax","size":12}]}}
      """,
    tensors: [
      ("input.fields.0.embedding.weight", [37, 5]), ("input.fields.2.embedding.weight", [12, 3]),
      ("layers.0.input.weight", [48, 16]), ("layers.0.input.bias", [48]), ("layers.0.recurrent.weight", [48, 16]),
      ("layers.0.recurrent.bias", [48]), ("head.weight", [57, 16]), ("head.bias", [57]),
    ])

  /// Steps in many units of work.
  static let bidirectional: ComposerModel = {
    let (_, tensors) = recurrent(8)
    return ComposerModel(
      name: "bidirectional", codec: melody.codec,
      network: """
        {"kind":"recurrent","input":{"kind":"embedding","channels":6},"vocabulary_size":8,"window":9,\
        "layers":[{"kind":"lstm","channels":16,"bidirectional":true}],"head":{"kind":"softmax"}}
        """,
      tensors: tensors.filter { $0.name != "head.weight" } + [
        ("layers.0.backward.input.weight", [64, 6]), ("layers.0.backward.input.bias", [64]),
        ("layers.0.backward.recurrent.weight", [64, 16]), ("layers.0.backward.recurrent.bias", [64]), ("head.weight", [8, 32]),
      ])
  }()

  static let transformer: ComposerModel = {
    var tensors: [SmallModel.Shape] = [("input.embedding.weight", [388, 16])]
    for layer in 0..<2 {
      let place = "layers.\(layer)"
      tensors += [
        ("\(place).attention.normalization.weight", [16]), ("\(place).attention.normalization.bias", [16]),
        ("\(place).attention.input.weight", [48, 16]), ("\(place).attention.input.bias", [48]),
        ("\(place).attention.relative.weight", [2, 20, 8]),
        ("\(place).attention.output.weight", [16, 16]), ("\(place).attention.output.bias", [16]),
        ("\(place).feedforward.normalization.weight", [16]), ("\(place).feedforward.normalization.bias", [16]),
        ("\(place).feedforward.hidden.weight", [64, 16]), ("\(place).feedforward.hidden.bias", [64]),
        ("\(place).feedforward.output.weight", [16, 64]), ("\(place).feedforward.output.bias", [16]),
      ]
    }
    tensors += [
      ("head.normalization.weight", [16]), ("head.normalization.bias", [16]), ("head.weight", [388, 16]), ("head.bias", [388]),
    ]
    return ComposerModel(
      name: "transformer", codec: #"{"kind":"performance_events","pitches":[0,127],"time_shifts":100,"velocities":32}"#,
      network: """
        {"kind":"transformer","vocabulary_size":388,"channels":16,"layers":2,"heads":2,"window":20,"positions":"relative"}
        """,
      tensors: tensors)
  }()
}

extension Cadenza.Stream {
  /// An event of a piece, with its frame counted from the beginning, not from its block.
  struct Happening: Equatable {
    var frame: UInt64
    var kind: Int32
    var voice: UInt32
    var pitch: UInt32
    var velocity: UInt32
    var beat: UInt64

    init(_ event: NoteEvent, from start: Int) {
      frame = event.frame + UInt64(start)
      kind = event.kind.rawValue
      voice = event.voice
      pitch = event.pitch
      velocity = event.velocity.bitPattern
      beat = event.beat.bitPattern
    }
  }

  /// The sound and the events of the next `frames` frames, asked for in blocks of the given sizes, in turn; `before` is called
  /// with each block's first frame.
  func compose(
    _ frames: Int, blocks: [Int] = [64], before: (Int) -> Void = { _ in }
  ) -> (sound: [Float], events: [Happening], status: Status) {
    var sound = [Float](repeating: .nan, count: frames)
    var events: [Happening] = []
    var room = [NoteEvent](repeating: NoteEvent(frame: 0, kind: .end, voice: 0, pitch: 0, velocity: 0), count: 5_000)
    var status = Status.ok
    var done = 0
    var turn = 0
    while done < frames {
      let count = min(blocks[turn % blocks.count], frames - done)
      before(done)
      sound.withUnsafeMutableBufferPointer { status = generate(into: $0.baseAddress! + done, frames: count) }
      var number = 0
      room.withUnsafeMutableBufferPointer { _ = readEvents(into: $0.baseAddress!, capacity: 5_000, count: &number) }
      events += room[0..<number].map { Happening($0, from: done) }
      done += count
      turn += 1
    }
    return (sound, events, status)
  }

  func prime(_ events: [NoteEvent], frames: UInt64) -> Status {
    events.withUnsafeBufferPointer { primeEvents($0.baseAddress, count: $0.count, frames: frames) }
  }
}
