import CadenzaKernels

/// How a condition's value enters h: a class through a table or as one-hot, a vector as it is.
struct ConditionInput {
  private enum Kind {
    case embedding(UnsafeMutablePointer<Float>)
    case oneHot
    case vector
  }

  private var kind: Kind
  /// Classes, or numbers.
  var size: Int
  /// Where in h, and how many channels.
  private var firstChannel: Int
  private var channels: Int
  /// Numbers that the host sets: 1 for a class.
  var width: Int
  /// 0: global.
  var framesPerValue: Int
  /// Whether the codec sets it, to the position of what is chosen next.
  var followsPosition: Bool
  /// Whether the host may move it while it sounds.
  var isMovable: Bool

  init(
    _ configuration: ConditionConfiguration, firstChannel: Int, tensors: inout TensorReader, arena: inout Arena
  ) throws(Failure) {
    self.firstChannel = firstChannel
    size = configuration.size
    channels = configuration.channels
    framesPerValue = configuration.framesPerValue ?? 0
    followsPosition = configuration.followsPosition
    isMovable = configuration.isMovable
    switch configuration.kind {
    case .classes(_, let embeddingChannels):
      width = 1
      if let embeddingChannels {
        let table = try tensors.take(
          "conditions.\(configuration.name).embedding.weight", shape: [configuration.size, embeddingChannels])
        let values = arena.take(Float.self, count: table.count)
        if !arena.isMeasuring {
          for index in 0..<table.count { values[index] = table.value(at: index) }
        }
        kind = .embedding(values)
      } else {
        kind = .oneHot
      }
    case .vector, .latent:
      width = configuration.size
      kind = .vector
    }
  }

  /// Whether every number is one that this condition may have.
  @_noLocks
  func accepts(_ values: UnsafePointer<Float>) -> Bool {
    switch kind {
    case .embedding, .oneHot:
      let value = values[0]
      return value >= 0 && value < Float(size) && value == Float(Int32(value))
    case .vector:
      for index in 0..<width where !values[index].isFinite { return false }
      return true
    }
  }

  /// Writes the condition's part of h. The value was accepted.
  @_noLocks
  func write(_ values: UnsafePointer<Float>, to h: UnsafeMutablePointer<Float>) {
    let part = h + firstChannel
    switch kind {
    case .embedding(let table):
      ck_copy(part, table + Int(Int32(values[0])) * channels, channels * 4)
    case .oneHot:
      ck_zero(part, channels * 4)
      part[Int(Int32(values[0]))] = 1
    case .vector:
      ck_copy(part, values, channels * 4)
    }
  }
}
