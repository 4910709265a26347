import CadenzaKernels

/// One direction of a layer that runs over a window of elements.
struct WindowedDirection {
  struct Source {
    var tensors: RecurrentLayer.Source
    var layer: Int
    var isBackward: Bool
    /// Of the layer: of both directions, where it has two.
    var outputChannels: Int
  }

  /// Where directions work: one at a time, so they share it. Offsets into the state.
  struct Scratch {
    var hidden: Int
    var cell: Int
    /// The recurrent product for the next element.
    var product: Int
    /// W_input x + b_input for `elementsPerProduct` elements.
    var input: Int
    /// A layer's outputs at each element, and those of the layer below.
    var outputs: (Int, Int)
    /// What the head reads of the last layer.
    var summary: Int

    init(_ sources: [Source], window: Int, layout: inout StateLayout) {
      var units = 0
      var rows = 0
      var width = 0
      for source in sources {
        units = max(units, RowOrder.padded(source.tensors.channels))
        rows = max(rows, source.tensors.order.count)
        width = max(width, RowOrder.padded(source.outputChannels))
      }
      hidden = layout.take(units)
      cell = layout.take(units)
      product = layout.take(rows)
      input = layout.take(StateLayout.product(elementsPerProduct, rows))
      // The last layer hands up its ends only.
      let layerCount = (sources.last?.layer ?? 0) + 1
      let even = layout.take(layerCount > 1 ? StateLayout.product(window, width) : 0)
      let odd = layout.take(layerCount > 2 ? StateLayout.product(window, width) : 0)
      outputs = (even, odd)
      summary = layout.take(width)
    }
  }

  /// Elements for which the products with the inputs are made at once: the weights are then read once for so many, and a unit of work
  /// is no more than so many products longer than the others.
  static let elementsPerProduct = 4

  private enum Input {
    /// Layer 0: the elements themselves.
    case elements(FieldInputs)
    /// Layer 0, of frames: what its weights made of them, `offset` floats into rows of `stride`.
    case products(offset: Int, stride: Int)
    /// The outputs of the layer below, in rows of `stride` floats.
    case below(UnsafeMutablePointer<ck_matrix>, offset: Int, stride: Int)
  }

  private var cell: RecurrentConfiguration.Cell
  private var isBackward: Bool
  private var channels: Int
  /// Channels in whole panels.
  private var units: Int
  private var window: Int

  private var input: Input
  private var inputBias: UnsafeMutablePointer<Float>
  /// Condition columns of layer 0's input weights; nil: no conditions, or another layer.
  private var conditionWeight: UnsafeMutablePointer<ck_matrix>?
  private var recurrent: UnsafeMutablePointer<ck_matrix>
  private var recurrentBias: UnsafeMutablePointer<Float>
  private var rows: Int

  private var initialHidden: UnsafeMutablePointer<Float>
  private var initialCell: UnsafeMutablePointer<Float>
  /// W_recurrent times the initial hidden state, plus b_recurrent.
  private var initialProduct: UnsafeMutablePointer<Float>
  /// nil: the states of above. Else what the conditions make of them lies in the state: hidden, cell and product.
  private var initialHiddenMap: InitialState?
  private var initialCellMap: InitialState?

  // Offsets into the state.
  private var hiddenOffset: Int
  private var cellOffset: Int
  private var productOffset: Int
  private var inputOffset: Int
  /// b_input + W_condition h: what the product with an input is added to.
  private var conditionedOffset: Int
  private var initialOffset: Int
  /// Where the outputs of element 0 go, and how many floats after it those of element 1; stride 0: only the last step's are wanted.
  private var outputOffset: Int
  private var outputStride: Int

  /// `elements`: how layer 0 reads them, nil above it; `products`: where it finds what was made of frames.
  init(
    _ source: Source, elements: FieldInputs?, products: (offset: Int, stride: Int)?, conditionChannels: Int, window: Int,
    isLast: Bool, scratch: Scratch, arena: inout Arena, layout: inout StateLayout
  ) {
    let tensors = source.tensors
    cell = tensors.cell
    isBackward = source.isBackward
    channels = tensors.channels
    units = RowOrder.padded(tensors.channels)
    rows = tensors.order.count
    self.window = window
    hiddenOffset = scratch.hidden
    cellOffset = scratch.cell
    productOffset = scratch.product
    inputOffset = scratch.input

    inputBias = arena.take(tensors.inputBias, order: tensors.order)
    if let elements {
      if let products {
        input = .products(offset: products.offset, stride: products.stride)
      } else {
        input = .elements(elements)
      }
      conditionWeight = elements.conditionWeight(
        tensors.inputWeight, order: tensors.order, channels: conditionChannels, arena: &arena)
    } else {
      let width = tensors.inputWeight.shape[1]
      input = .below(
        arena.pack([MatrixPart(tensors.inputWeight, rows: tensors.order)], columns: width),
        offset: source.layer & 1 == 1 ? scratch.outputs.0 : scratch.outputs.1, stride: RowOrder.padded(width))
      conditionWeight = nil
    }
    conditionedOffset = layout.take(rows)

    recurrent = arena.pack([MatrixPart(tensors.recurrentWeight, rows: tensors.order)], columns: channels)
    recurrentBias = arena.take(tensors.recurrentBias, order: tensors.order)
    let plain = RowOrder.plain(channels)
    initialHidden = arena.take(tensors.initialHidden, order: plain)
    initialCell = arena.take(tensors.initialCell, order: plain)
    initialHiddenMap = InitialState(tensors.initialHiddenMap, arena: &arena)
    initialCellMap = InitialState(tensors.initialCellMap, arena: &arena)
    initialOffset = layout.take(initialHiddenMap == nil ? 0 : 2 * units + rows)
    initialProduct = arena.take(Float.self, count: rows)
    if !arena.isMeasuring {
      // The same kernel as at run time: the same bits on every machine.
      ck_product(ck_kernels_choose(), recurrent, initialHidden, nil, recurrentBias, initialProduct)
    }

    // The backward direction's channels follow the forward's.
    let shift = isBackward ? channels : 0
    if isLast {
      outputOffset = scratch.summary + shift
      outputStride = 0
    } else {
      outputOffset = (source.layer & 1 == 0 ? scratch.outputs.0 : scratch.outputs.1) + shift
      outputStride = RowOrder.padded(source.outputChannels)
    }
  }

  /// Sets what conditions do not.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    if conditionWeight == nil { ck_copy(state + conditionedOffset, inputBias, rows * 4) }
  }

  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    if let conditionWeight { ck_product(kernels, conditionWeight, h, inputBias, nil, state + conditionedOffset) }
    guard let initialHiddenMap else { return }
    let initial = state + initialOffset
    initialHiddenMap.write(h, to: initial, kernels)
    if let initialCellMap { initialCellMap.write(h, to: initial + units, kernels) }
    ck_product(kernels, recurrent, initial, nil, recurrentBias, initial + 2 * units)
  }

  /// Step 0 ..< `window`, in this direction's order. `elements`: the ring, whose oldest place is `oldest`.
  @_noLocks
  func work(
    _ state: UnsafeMutablePointer<Float>, step: Int, elements: UnsafePointer<Float>, oldest: Int,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let hidden = state + hiddenOffset
    let product = state + productOffset
    if step == 0 {
      let isConditioned = initialHiddenMap != nil
      let initial = state + initialOffset
      ck_copy(hidden, isConditioned ? UnsafePointer(initial) : UnsafePointer(initialHidden), units * 4)
      ck_copy(state + cellOffset, isConditioned ? UnsafePointer(initial + units) : UnsafePointer(initialCell), units * 4)
      ck_copy(product, isConditioned ? UnsafePointer(initial + 2 * units) : UnsafePointer(initialProduct), rows * 4)
    }

    // The elements that this step and the next few read, from the oldest of them on.
    let done = step % WindowedDirection.elementsPerProduct
    let begun = step - done
    let count = min(WindowedDirection.elementsPerProduct, window - begun)
    let lowest = isBackward ? window - begun - count : begun
    if done == 0 { readInputs(state, lowest: lowest, count: count, elements: elements, oldest: oldest, kernels) }

    let element = isBackward ? window - 1 - step : step
    let input = state + inputOffset + (element - lowest) * rows
    switch cell {
    case .lstm: ck_lstm_cell(kernels, product, input, units, state + cellOffset, hidden)
    case .gru: ck_gru_cell(kernels, product, input, units, hidden)
    }
    let isLastStep = step == window - 1
    if !isLastStep { ck_product_returning(kernels, recurrent, Int32(step & 1), hidden, recurrentBias, product) }
    if outputStride > 0 || isLastStep { ck_copy(state + outputOffset + element * outputStride, hidden, channels * 4) }
  }

  /// The products with the inputs at elements `lowest` ..< `lowest + count`.
  @_noLocks
  private func readInputs(
    _ state: UnsafeMutablePointer<Float>, lowest: Int, count: Int, elements: UnsafePointer<Float>, oldest: Int,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let products = state + inputOffset
    let conditioned = state + conditionedOffset
    switch input {
    case .elements(let fields):
      for index in 0..<count {
        let place = oldest + lowest + index
        let words = elements + (place < window ? place : place - window) * fields.count
        fields.write(stored: words, start: conditioned, to: products + index * rows, kernels)
      }
    case .products(let offset, let stride):
      for index in 0..<count {
        let place = oldest + lowest + index
        ck_copy(products + index * rows, elements + (place < window ? place : place - window) * stride + offset, rows * 4)
        ck_add(kernels, conditioned, products + index * rows, rows)
      }
    case .below(let matrix, let offset, let stride):
      for index in 0..<count { ck_copy(products + index * rows, conditioned, rows * 4) }
      ck_product_batch(kernels, matrix, state + offset + lowest * stride, stride, count, 1, products, rows)
    }
  }
}
