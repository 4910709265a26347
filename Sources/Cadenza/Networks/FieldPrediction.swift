/// What a network's head predicts for one field of an element. Networks over audio and tokens have one field.
struct FieldPrediction: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    /// Logits over tokens 0 ..< size.
    case softmax(size: Int)
    /// One value, and the standard deviation of the noise around it.
    case linear(noise: Float)
    /// So many values, likewise: a frame.
    case frame(size: Int, noise: Float)
  }

  var kind: Kind
  /// Floats into what `Network.predict` returns: a multiple of a panel, so that kernels may read it in whole panels.
  var offset: Int

  @_noLocks
  init(kind: Kind, offset: Int) {
    self.kind = kind
    self.offset = offset
  }

  /// Outputs of the head.
  var size: Int {
    @_noLocks get {
      switch kind {
      case .softmax(let size): size
      case .linear: 1
      case .frame(let size, _): size
      }
    }
  }

  /// Fields that lie one after another, each beginning at a panel.
  static func list(_ kinds: [Kind]) -> [FieldPrediction] {
    var fields: [FieldPrediction] = []
    var offset = 0
    for kind in kinds {
      let field = FieldPrediction(kind: kind, offset: offset)
      fields.append(field)
      offset += RowOrder.padded(field.size)
    }
    return fields
  }
}

extension NetworkConfiguration {
  /// What the network predicts, one for each field of an element.
  var fields: [FieldPrediction] {
    switch self {
    case .waveNet(let configuration): FieldPrediction.list([.softmax(size: configuration.vocabularySize)])
    case .recurrent(let configuration): configuration.fields
    case .transformer(let configuration): FieldPrediction.list([.softmax(size: configuration.vocabularySize)])
    case .decoder: []
    }
  }
}

extension RecurrentConfiguration {
  var fields: [FieldPrediction] {
    switch head {
    case .softmax: FieldPrediction.list([.softmax(size: vocabularySize ?? 0)])
    case .linear(1, let noise): FieldPrediction.list([.linear(noise: noise)])
    case .linear(let channels, let noise): FieldPrediction.list([.frame(size: channels, noise: noise)])
    case .fields(let fields):
      FieldPrediction.list(
        fields.map { field in
          switch field {
          case .softmax(let size): .softmax(size: size)
          case .linear(let noise): .linear(noise: noise)
          }
        })
    }
  }
}
