import CadenzaKernels

/// All fields of an element, as they enter layer 0 of a recurrent network.
struct FieldInputs {
  /// The tensors of the fields' embeddings; nil for those that have none.
  struct Embeddings {
    fileprivate var tensors: [Tensor?] = []

    init(_ configuration: RecurrentConfiguration, tensors reader: inout TensorReader) throws(Failure) {
      for (index, field) in configuration.inputFields.enumerated() {
        if case .embedding(let size, let channels) = field {
          tensors.append(try reader.take(configuration.embeddingName(index), shape: [size, channels]))
        } else {
          tensors.append(nil)
        }
      }
    }
  }

  /// Field 0, which is the only one in audio.
  var first: FieldInput
  /// All of them.
  private var fields: UnsafeMutablePointer<FieldInput>
  private(set) var count: Int
  /// Columns of layer 0's input weights; the conditions' follow.
  private var columnCount: Int

  /// `weight`: layer 0's input weights, whose rows are packed in `order`.
  init(
    _ configuration: RecurrentConfiguration, weight: Tensor, order: [Int?], embeddings: Embeddings, arena: inout Arena
  ) throws(Failure) {
    let inputFields = configuration.inputFields
    fields = arena.take(FieldInput.self, count: inputFields.count)
    var column = 0
    var firstInput: FieldInput?
    for (index, field) in inputFields.enumerated() {
      let input = try FieldInput(
        field, weight: weight, order: order, firstColumn: column, embedding: embeddings.tensors[index], arena: &arena)
      if !arena.isMeasuring { (fields + index).initialize(to: input) }
      if firstInput == nil { firstInput = input }
      column += field.channels
    }
    guard let firstInput else { throw Failure(.format, "network.input has no fields, expected one or more") }
    first = firstInput
    count = inputFields.count
    columnCount = column
  }

  /// The columns that h is multiplied with; nil: no conditions.
  func conditionWeight(
    _ weight: Tensor, order: [Int?], channels: Int, arena: inout Arena
  ) -> UnsafeMutablePointer<ck_matrix>? {
    if channels == 0 { return nil }
    return arena.pack(
      [MatrixPart(weight, rows: order, columns: columnCount..<(columnCount + channels))], columns: channels)
  }

  /// y = `start` + W_input times the vectors of `elements`, one for each field.
  @_noLocks @inline(__always)
  func write(
    _ elements: UnsafePointer<Element>, start: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    first.write(elements.pointee, start: start, to: y, kernels)
    for index in 1..<max(1, count) { (fields + index).pointee.add(elements[index], to: y, kernels) }
  }

  // MARK: Elements in a stream's state: `count` words each

  @_noLocks
  func store(_ elements: UnsafePointer<Element>, to words: UnsafeMutablePointer<Float>) {
    for index in 0..<count { (fields + index).pointee.store(elements[index], to: words + index) }
  }

  /// Elements whose vectors are zeros.
  @_noLocks
  func storeZeros(to words: UnsafeMutablePointer<Float>) {
    for index in 0..<count { (fields + index).pointee.storeZeros(to: words + index) }
  }

  /// The same as `write`, of an element that was stored.
  @_noLocks
  func write(
    stored words: UnsafePointer<Float>, start: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    first.write(first.element(words[0]), start: start, to: y, kernels)
    for index in 1..<max(1, count) {
      (fields + index).pointee.add((fields + index).pointee.element(words[index]), to: y, kernels)
    }
  }

  /// Whether words may be ones that `store` wrote, or, where there may be such, `storeZeros`.
  func accepts(_ words: UnsafePointer<Float>, orZeros: Bool) -> Bool {
    for index in 0..<count where !(fields + index).pointee.accepts(words[index], orZeros: orZeros) { return false }
    return true
  }
}
