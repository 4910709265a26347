import CadenzaKernels

/// One LSTM or GRU layer, with the weights of whatever reads its output.
struct RecurrentLayer {
  /// A layer's tensors.
  struct Source {
    var cell: RecurrentConfiguration.Cell
    var channels: Int
    var inputWeight: Tensor
    var inputBias: Tensor?
    var recurrentWeight: Tensor
    var recurrentBias: Tensor?
    var initialHidden: Tensor?
    var initialCell: Tensor?
    /// What makes the initial states of the conditions, where the model has that.
    var initialHiddenMap: InitialState.Source?
    var initialCellMap: InitialState.Source?
    /// Rows of the gates, a panel of each in turn.
    var order: [Int?]

    /// `place`: what the tensors' names begin with. One direction of a layer that has two.
    init(
      _ layer: RecurrentConfiguration.Layer, at place: Sentence, inputChannels: Int, biases: Bool,
      initialStates: RecurrentConfiguration.InitialStates, conditionChannels: Int, tensors: inout TensorReader
    ) throws(Failure) {
      cell = layer.cell
      channels = layer.channels
      let gates = layer.cell == .lstm ? 4 : 3
      let rows = gates * channels
      inputWeight = try tensors.take("\(place).input.weight", shape: [rows, inputChannels])
      recurrentWeight = try tensors.take("\(place).recurrent.weight", shape: [rows, channels])
      if biases {
        inputBias = try tensors.take("\(place).input.bias", shape: [rows])
        recurrentBias = try tensors.take("\(place).recurrent.bias", shape: [rows])
      }
      switch initialStates {
      case .zeros: break
      case .stored:
        initialHidden = try tensors.take("\(place).initial.hidden", shape: [channels])
        if layer.cell == .lstm { initialCell = try tensors.take("\(place).initial.cell", shape: [channels]) }
      case .conditions:
        let shape = [channels, conditionChannels]
        initialHiddenMap = try InitialState.Source("\(place).initial.hidden", shape: shape, tensors: &tensors)
        if layer.cell == .lstm {
          initialCellMap = try InitialState.Source("\(place).initial.cell", shape: shape, tensors: &tensors)
        }
      }
      order = RowOrder.interleaved(groups: gates, of: channels)
    }
  }

  /// What reads a layer's output beside the layer itself.
  struct Reader {
    var weight: Tensor
    var bias: Tensor?
    var order: [Int?]
  }

  private var cell: RecurrentConfiguration.Cell
  /// Units in whole panels.
  private var units: Int
  /// Recurrent rows over the reader's rows.
  private var matrix: UnsafeMutablePointer<ck_matrix>
  private var bias: UnsafeMutablePointer<Float>
  private var recurrentRows: Int
  private var initialHidden: UnsafeMutablePointer<Float>
  private var initialCell: UnsafeMutablePointer<Float>
  /// nil: the states of above.
  private var initialHiddenMap: InitialState?
  private var initialCellMap: InitialState?

  // Offsets into the state.
  private(set) var hiddenOffset: Int
  private var cellOffset: Int
  /// The recurrent product for the next step, then the reader's product for this one.
  private var productOffset: Int

  /// Where the reader's product lies.
  var readerOffset: Int {
    @_noLocks get { productOffset + recurrentRows }
  }

  init(_ source: Source, reader: Reader, arena: inout Arena, layout: inout StateLayout) {
    cell = source.cell
    units = RowOrder.padded(source.channels)
    recurrentRows = source.order.count
    matrix = arena.pack(
      [MatrixPart(source.recurrentWeight, rows: source.order), MatrixPart(reader.weight, rows: reader.order)],
      columns: source.channels)
    bias = arena.take(Float.self, count: recurrentRows + reader.order.count)
    if !arena.isMeasuring {
      for (position, row) in source.order.enumerated() {
        if let row { bias[position] = source.recurrentBias?.value(at: row) ?? 0 }
      }
      for (position, row) in reader.order.enumerated() {
        if let row { bias[recurrentRows + position] = reader.bias?.value(at: row) ?? 0 }
      }
    }
    let plain = RowOrder.plain(source.channels)
    initialHidden = arena.take(source.initialHidden, order: plain)
    initialCell = arena.take(source.initialCell, order: plain)
    initialHiddenMap = InitialState(source.initialHiddenMap, arena: &arena)
    initialCellMap = InitialState(source.initialCellMap, arena: &arena)

    hiddenOffset = layout.take(units)
    cellOffset = layout.take(units)
    productOffset = layout.take(recurrentRows + reader.order.count)
  }

  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    ck_copy(state + hiddenOffset, initialHidden, units * 4)
    ck_copy(state + cellOffset, initialCell, units * 4)
    ck_product(kernels, matrix, state + hiddenOffset, nil, bias, state + productOffset)
  }

  /// Takes the initial states from the conditions, where they come from there. Before the first step only.
  @_noLocks
  func beginFromConditions(
    _ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    guard let initialHiddenMap else { return }
    initialHiddenMap.write(h, to: state + hiddenOffset, kernels)
    if let initialCellMap { initialCellMap.write(h, to: state + cellOffset, kernels) }
    ck_product(kernels, matrix, state + hiddenOffset, nil, bias, state + productOffset)
  }

  /// `input`: W_input x + b_input. Returns the reader's product. `backwards` alternates from step to step.
  @_noLocks @inline(__always)
  func feed(
    _ state: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, backwards: Int32,
    _ kernels: UnsafePointer<ck_kernels>
  ) -> UnsafePointer<Float> {
    let hidden = state + hiddenOffset
    let product = state + productOffset
    switch cell {
    case .lstm: ck_lstm_cell(kernels, product, input, units, state + cellOffset, hidden)
    case .gru: ck_gru_cell(kernels, product, input, units, hidden)
    }
    ck_product_returning(kernels, matrix, backwards, hidden, bias, product)
    return UnsafePointer(product + recurrentRows)
  }
}
