import Cadenza

/// What a file becomes with a model's encoder: a sound file, or a MIDI file for a composer.
struct EncodedInput {
  /// Rows one after another; one of a global latent.
  var numbers: [Float]
  /// Numbers of a row.
  let size: Int
  /// Samples of the model that a row lasts; 0: the latent is global.
  let framesPerRow: Int

  var rowCount: Int { numbers.count / size }

  /// `values`: of the model's conditions, for encoders whose layers know them.
  init(path: String, model: Model, values: [[Float]]) throws {
    guard let encoder = model.configuration.encoder else {
      throw CommandFailure("the model has no encoder, so \"\(path)\" cannot be encoded; 'cadenza info' tells which have one")
    }
    let latent = model.configuration.conditions[encoder.latent]
    size = latent.size
    framesPerRow = latent.framesPerValue ?? 0
    do {
      if case .notes = model.configuration.codec {
        let composer = try ComposerModel(model, path: path)
        let piece = try MidiPiece(try MidiInput.read(path), for: composer, path: path)
        let (events, frames) = piece.events(rate: model.sampleRate, tempo: model.tempo)
        numbers = try events.withUnsafeBufferPointer { try model.encode($0, frames: frames) }
      } else {
        let (samples, rate) = try EncodedInput.samples(path)
        numbers = try samples.withUnsafeBufferPointer { try model.encode($0, sampleRate: rate, conditions: values) }
      }
    } catch let failure as Failure {
      throw CommandFailure("cannot encode \"\(path)\": \(failure.message)")
    }
  }

  /// Numbers that are there already.
  init(numbers: [Float], size: Int, framesPerRow: Int) {
    self.numbers = numbers
    self.size = size
    self.framesPerRow = framesPerRow
  }

  private static func samples(_ path: String) throws -> (samples: [Float], rate: Int) {
    let file = try SoundFileReader(path: path)
    try file.requireUsableRate()
    var samples: [Float] = []
    var piece: [Float] = []
    while true {
      try Interruption.check()
      try file.read(into: &piece, limit: 65_536)
      if piece.isEmpty { return (samples, file.sampleRate) }
      samples += piece
    }
  }

  /// A list of numbers in JSON, or, of an embedding, of rows.
  var json: JSON {
    let rows = (0..<rowCount).map { row in
      JSON.list(numbers[row * size..<(row + 1) * size].map { JSON.float($0) })
    }
    return framesPerRow == 0 ? rows.first ?? .list([]) : .list(rows)
  }

  /// The point `fraction` of the way to another, row by row; of the shorter one the last row goes on.
  func mixed(with other: EncodedInput, _ way: Interpolation, fraction: Double) -> [Float] {
    let rows = max(rowCount, other.rowCount)
    var mixed = [Float](repeating: 0, count: rows * size)
    for row in 0..<rows {
      let (a, b) = (min(row, rowCount - 1) * size, min(row, other.rowCount - 1) * size)
      numbers.withUnsafeBufferPointer { first in
        other.numbers.withUnsafeBufferPointer { second in
          mixed.withUnsafeMutableBufferPointer { target in
            guard let first = first.baseAddress, let second = second.baseAddress, let target = target.baseAddress else {
              return
            }
            way.write(from: first + a, to: second + b, fraction: fraction, count: size, into: target + row * size)
          }
        }
      }
    }
    return mixed
  }
}

extension Model {
  /// A value for each condition: the defaults, but for what is set.
  func conditionValues(_ arguments: [ConditionArgument]) throws(CommandFailure) -> [[Float]] {
    var values = configuration.conditions.map(\.defaultValue)
    for argument in arguments {
      guard argument.seconds == 0 else {
        throw CommandFailure(.wrongUsage, "--set NAME@SECONDS=VALUE is for generating; here only NAME=VALUE has a meaning")
      }
      let value = try ConditionValue(argument, conditions: configuration.conditions)
      values[value.index] = value.values
    }
    return values
  }
}
