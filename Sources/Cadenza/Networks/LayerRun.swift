import CadenzaKernels

/// A stack of layers at work: where in a state its steps lie, and how many of them are made at each tick.
///
/// At tick j each node makes the steps that the last node's next `stack.outputRate` steps need, a batch for the products; or at tick 0 all
/// of them, where the run is whole. A node's memory holds the steps that its readers still need, one after another; when its end is
/// reached, they move to its front.
struct LayerRun {
  let stack: LayerStack
  let paces: UnsafeMutablePointer<LayerPace>
  /// Ticks of the whole clip.
  let tickCount: Int

  // Offsets into the state.
  /// For each node the step at which its memory begins, and the step behind the last one in it.
  private let positionsOffset: Int
  private let conditionsOffset: Int
  /// h, as the steps that are made now know it.
  let hOffset: Int
  private let scratchOffset: Int
  private let scratchCount: Int

  /// `totals`: steps of each node. `isWhole`: all at tick 0. The state's memory is taken from `layout`; `arena` is the model's.
  init(
    _ stack: LayerStack, _ plan: LayerPlan, totals: [Int], isWhole: Bool, arena: inout Arena, layout: inout StateLayout
  ) {
    self.stack = stack
    // As wide as the stack has its rows.
    var plan = plan
    plan.padBins()
    let count = plan.nodes.count
    var paces: [LayerPace] = []
    for (index, node) in plan.nodes.enumerated() {
      var (low, high) = (node.low, node.high)
      if let convolution = node.product?.convolution, node.input >= 0, convolution.stride.steps > 1 {
        low = -convolution.left(steps: totals[node.input])
        high = low + (node.high - node.low)
      }
      if case .pool(0, _) = node.operation { high = totals[node.input] }
      if case .flatten = node.operation { high = totals[node.input] }
      paces.append(
        LayerPace(
          total: totals[index], rate: isWhole ? totals[index] : node.rate ?? totals[index], lead: 0, low: low, high: high,
          capacity: 0, offset: 0))
    }
    let last = plan.last
    if !isWhole {
      // From the last node back: what its next steps need.
      var leads = [Int](repeating: Int.min, count: count)
      leads[last] = 0
      for index in stride(from: count - 1, through: 0, by: -1) {
        let node = plan.nodes[index]
        if leads[index] == Int.min { leads[index] = 0 }
        leads[index] = LayerRun.ceiling(leads[index], node.group) * node.group
        paces[index].lead = leads[index]
        if node.input >= 0 {
          let need = LayerRun.ceiling(leads[index], node.group) * node.advance - node.advance + paces[index].high
          leads[node.input] = max(leads[node.input], need)
        }
        if node.addend >= 0 { leads[node.addend] = max(leads[node.addend], leads[index]) }
      }
    }
    tickCount = isWhole ? 1 : LayerRun.ceiling(paces[last].total, max(1, paces[last].rate))

    positionsOffset = layout.take(4 * count)
    for index in 0..<count {
      let node = plan.nodes[index]
      let width = (node.padBelow + node.shape.bins + node.padAbove) * node.shape.channels
      var needed = LayerRun.room(index, plan, paces, isWhole: isWhole)
      // Room for as many steps again, so that they seldom move.
      if !isWhole && index != last { needed = StateLayout.product(needed, 2) }
      paces[index].capacity = needed
      paces[index].offset = layout.take(StateLayout.product(needed, width))
    }
    var outputs = 0
    for condition in plan.conditions { outputs += RowOrder.padded(condition.bias.count) }
    conditionsOffset = layout.take(outputs)
    hOffset = layout.take(RowOrder.padded(plan.conditionChannels))
    var widest = 0
    for node in plan.nodes {
      for finish in node.finishes {
        switch finish {
        case .layerNorm, .pixelNorm, .condition: widest = max(widest, RowOrder.padded(node.shape.channels))
        case .activation, .affine, .instanceNorm, .addend: continue
        }
      }
    }
    scratchCount = widest
    scratchOffset = layout.take(2 * widest)

    self.paces = arena.take(LayerPace.self, count: count)
    if !arena.isMeasuring {
      for index in 0..<count { (self.paces + index).initialize(to: paces[index]) }
    }
  }

  /// Rounded up, also below 0.
  private static func ceiling(_ value: Int, _ divisor: Int) -> Int {
    value >= 0 ? (value + divisor - 1) / divisor : -(-value / divisor)
  }

  /// Steps of a node that must be in its memory at once: from what its readers' next steps see to what is made at a tick.
  private static func room(_ index: Int, _ plan: LayerPlan, _ paces: [LayerPace], isWhole: Bool) -> Int {
    let pace = paces[index]
    var first = 0
    var firstLater = isWhole || index != plan.last ? Int.max : pace.lead
    var end = isWhole ? pace.total : pace.rate + pace.lead
    for (reader, node) in plan.nodes.enumerated() {
      let other = paces[reader]
      let made = isWhole ? other.total : other.rate + other.lead
      if node.input == index {
        first = min(first, other.low)
        end = max(end, (ceiling(made, node.group) - 1) * node.advance + other.high)
        // What the reader's next step sees after its first tick, in steps before this node's rate.
        firstLater = min(firstLater, floorDivision(other.lead, node.group) * node.advance + other.low)
      }
      if node.addend == index {
        end = max(end, made)
        firstLater = min(firstLater, other.lead)
      }
    }
    if firstLater == Int.max { firstLater = 0 }
    let group = plan.nodes[index].group
    end = max(0, end) + group
    return max(end - first, isWhole ? 0 : end - firstLater, 1)
  }

  private static func floorDivision(_ value: Int, _ divisor: Int) -> Int {
    value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
  }

  // MARK: State

  @_noLocks
  private func positions(_ state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Int64> {
    UnsafeMutableRawPointer(state + positionsOffset).assumingMemoryBound(to: Int64.self)
  }

  /// The row of a step.
  @_noLocks @inline(__always)
  private func row(_ state: UnsafeMutablePointer<Float>, _ index: Int, _ step: Int) -> UnsafeMutablePointer<Float> {
    let begin = Int(positions(state)[2 * index])
    return state + paces[index].offset + (step - begin) * stack.nodes[index].rowWidth
  }

  /// The last node's row of a step that is there.
  @_noLocks
  func output(_ state: UnsafeMutablePointer<Float>, _ step: Int) -> UnsafeMutablePointer<Float> {
    let last = stack.nodes + (stack.nodeCount - 1)
    return row(state, stack.nodeCount - 1, step) + last.pointee.padBelow * last.pointee.channels
  }

  /// Where the owner writes step `step` of the source, bin by bin.
  @_noLocks
  func source(_ state: UnsafeMutablePointer<Float>, _ step: Int) -> UnsafeMutablePointer<Float> {
    row(state, 0, step) + stack.nodes[0].padBelow * stack.nodes[0].channels
  }

  /// Makes the state the beginning of a clip. It was all zeros when it was allocated.
  @_noLocks
  func begin(_ state: UnsafeMutablePointer<Float>) {
    for index in 0..<stack.nodeCount {
      var first = 0
      let node = stack.nodes + index
      for reader in 0..<node.pointee.readerCount {
        let other = Int(node.pointee.readers[reader])
        if stack.nodes[other].input == index { first = min(first, paces[other].low) }
      }
      // The steps before the first are zeros.
      positions(state)[2 * index] = Int64(first)
      positions(state)[2 * index + 1] = 0
      ck_zero(state + paces[index].offset, -first * node.pointee.rowWidth * 4)
    }
  }

  /// Takes the conditions: the steps that are made from now on know them.
  @_noLocks
  func condition(_ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>) {
    ck_copy(state + hOffset, h, stack.conditionChannels * 4)
    conditionProducts(state, h, kernels)
  }

  /// What layers make of h.
  @_noLocks
  func conditionProducts(
    _ state: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>, _ kernels: UnsafePointer<ck_kernels>
  ) {
    for index in 0..<stack.conditionCount {
      let product = stack.conditions + index
      ck_product(
        kernels, product.pointee.weight, h, product.pointee.bias, nil, state + conditionsOffset + product.pointee.offset)
    }
  }

  // MARK: Making steps

  /// Makes room in a node's memory for the steps of a tick.
  @_noLocks
  func prepare(_ state: UnsafeMutablePointer<Float>, _ index: Int, tick: Int) {
    let node = stack.nodes + index
    let pace = paces + index
    let to = pace.pointee.steps(after: tick)
    let group = node.pointee.group
    var end = (to + group - 1) / group * group
    var keep = Int.max
    if node.pointee.readerCount == 0 { keep = pace.pointee.steps(after: tick - 1) }
    for reader in 0..<node.pointee.readerCount {
      let other = Int(node.pointee.readers[reader])
      let otherNode = stack.nodes + other
      let done = paces[other].steps(after: tick - 1)
      let made = paces[other].steps(after: tick)
      if otherNode.pointee.input == index {
        let groups = (made + otherNode.pointee.group - 1) / otherNode.pointee.group
        if groups > 0 { end = max(end, (groups - 1) * otherNode.pointee.advance + paces[other].high) }
        if done < paces[other].total {
          keep = min(keep, done / otherNode.pointee.group * otherNode.pointee.advance + paces[other].low)
        }
      }
      if otherNode.pointee.addend == index {
        end = max(end, made)
        if done < paces[other].total { keep = min(keep, done) }
      }
    }
    let places = positions(state) + 2 * index
    let begin = Int(places[0])
    let oldEnd = Int(places[1])
    end = max(end, oldEnd)
    keep = max(min(keep, oldEnd), begin)
    if end - begin > pace.pointee.capacity {
      let width = node.pointee.rowWidth
      let memory = state + pace.pointee.offset
      ck_move(memory, memory + (keep - begin) * width, (oldEnd - keep) * width * 4)
      places[0] = Int64(keep)
    }
    // Behind the last step there are zeros.
    if to == pace.pointee.total && end > oldEnd {
      let first = max(to, oldEnd)
      ck_zero(row(state, index, first), (end - first) * node.pointee.rowWidth * 4)
    }
    places[1] = Int64(end)
  }

  /// Part `slice` of `slices` of what a node makes at a tick; the last part finishes it. Parts go in order, and `prepare` comes first.
  @_noLocks
  func make(
    _ state: UnsafeMutablePointer<Float>, _ index: Int, tick: Int, slice: Int, of slices: Int,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let node = stack.nodes + index
    let from = paces[index].steps(after: tick - 1)
    let to = paces[index].steps(after: tick)
    guard to > from else { return }
    let group = node.pointee.group
    let firstGroup = from / group
    let groups = (to + group - 1) / group - firstGroup
    switch node.pointee.operation {
    case .source: break
    case .convolution:
      let vectors = groups * node.pointee.vectorsPerGroup
      convolve(
        state, index, firstGroup: firstGroup, vectors * slice / slices, vectors * (slice + 1) / slices, kernels)
    case .nearest, .linear, .concatenate, .copy, .pool, .flatten:
      let first = firstGroup + groups * slice / slices
      let end = firstGroup + groups * (slice + 1) / slices
      for place in first..<end { copy(state, index, place) }
    }
    guard slice == slices - 1 else { return }
    for finish in 0..<node.pointee.finishCount {
      self.finish(state, index, node.pointee.finishes[finish], from, to, kernels)
    }
    // What a product made beyond the last step.
    let made = (to + group - 1) / group * group
    if to == paces[index].total && made > to {
      ck_zero(row(state, index, to), (made - to) * node.pointee.rowWidth * 4)
    }
  }

  /// Vectors `first` ..< `end` of the product, counted from group `firstGroup`.
  @_noLocks
  private func convolve(
    _ state: UnsafeMutablePointer<Float>, _ index: Int, firstGroup: Int, _ first: Int, _ end: Int,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let node = stack.nodes + index
    let perGroup = node.pointee.vectorsPerGroup
    var vector = first
    while vector < end {
      let group = firstGroup + vector / perGroup
      let within = vector % perGroup
      let count = node.pointee.isAlongBins ? min(perGroup - within, end - vector) : end - vector
      let input = row(state, node.pointee.input, group * node.pointee.advance + paces[index].low)
      let output = row(state, index, group * node.pointee.group)
      for part in 0..<node.pointee.partCount {
        let product = node.pointee.parts + part
        // The first of its fields.
        let convolution = UnsafeRawPointer(product).assumingMemoryBound(to: ck_convolution.self)
        ck_convolve(
          kernels, convolution, input + within * node.pointee.inputStride, node.pointee.inputStride, count,
          output + product.pointee.outputOffset + within * node.pointee.outputStride, node.pointee.outputStride)
      }
      vector += count
    }
  }

  /// One group of steps of a node without weights.
  @_noLocks
  private func copy(_ state: UnsafeMutablePointer<Float>, _ index: Int, _ group: Int) {
    let node = stack.nodes + index
    let input = stack.nodes + node.pointee.input
    let channels = input.pointee.channels
    let bins = input.pointee.bins
    let pad = input.pointee.padBelow * channels
    let outputPad = node.pointee.padBelow * node.pointee.channels
    switch node.pointee.operation {
    case .source, .convolution: return
    case .copy:
      ck_copy(
        row(state, index, group) + outputPad, row(state, node.pointee.input, group) + pad, bins * channels * 4)
    case .concatenate:
      let source = row(state, node.pointee.input, group) + pad
      let target = row(state, index, group) + outputPad
      let width = node.pointee.channels
      for bin in 0..<bins {
        ck_copy(target + bin * width, source + bin * channels, channels * 4)
        ck_copy(target + bin * width + channels, state + hOffset, stack.conditionChannels * 4)
      }
    case .nearest(let steps, let factor):
      let source = row(state, node.pointee.input, group) + pad
      let target = row(state, index, group * Int(steps)) + outputPad
      for bin in 0..<bins {
        for copy in 0..<Int(factor) {
          ck_copy(target + (bin * Int(factor) + copy) * channels, source + bin * channels, channels * 4)
        }
      }
      for copy in 1..<max(1, Int(steps)) {
        ck_copy(target + copy * node.pointee.rowWidth, target, node.pointee.bins * channels * 4)
      }
    case .linear(let steps, let factor):
      let last = paces[node.pointee.input].total - 1
      for copy in 0..<Int(steps) {
        let (below, share) = LayerRun.place(group * Int(steps) + copy, Int(steps))
        let first = row(state, node.pointee.input, min(max(below, 0), last)) + pad
        // Where nothing is to be seen of it, it need not be there.
        let second = share == 0 ? first : row(state, node.pointee.input, min(max(below + 1, 0), last)) + pad
        let target = row(state, index, group * Int(steps) + copy) + outputPad
        for bin in 0..<(bins * Int(factor)) {
          let (lower, binShare) = LayerRun.place(bin, Int(factor))
          let a = min(max(lower, 0), bins - 1) * channels
          let b = min(max(lower + 1, 0), bins - 1) * channels
          for channel in 0..<channels {
            let before = first[a + channel] + binShare * (first[b + channel] - first[a + channel])
            let after = second[a + channel] + binShare * (second[b + channel] - second[a + channel])
            target[bin * channels + channel] = before + share * (after - before)
          }
        }
      }
    case .pool(let size, let isMaximum):
      let all = paces[node.pointee.input].total
      let count = size == 0 ? all : Int(size)
      let begin = size == 0 ? 0 : group * count
      let target = row(state, index, group) + outputPad
      ck_copy(target, row(state, node.pointee.input, begin) + pad, bins * channels * 4)
      for step in 1..<max(1, count) {
        let source = row(state, node.pointee.input, begin + step) + pad
        for number in 0..<(bins * channels) {
          target[number] = isMaximum ? max(target[number], source[number]) : target[number] + source[number]
        }
      }
      if isMaximum { return }
      for number in 0..<(bins * channels) { target[number] /= Float(count) }
    case .flatten:
      let target = row(state, index, 0)
      for step in 0..<paces[node.pointee.input].total {
        ck_copy(target + step * bins * channels, row(state, node.pointee.input, step) + pad, bins * channels * 4)
      }
    }
  }

  /// Between which inputs an output of a linear interpolation lies, and how far from the first.
  @_noLocks
  private static func place(_ output: Int, _ factor: Int) -> (below: Int, share: Float) {
    // (o + ½) / r − ½ = (2 o + 1 − r) / (2 r).
    let numerator = 2 * output + 1 - factor
    let below = numerator >= 0 ? numerator / (2 * factor) : -((-numerator + 2 * factor - 1) / (2 * factor))
    return (below, Float(numerator - below * 2 * factor) / Float(2 * factor))
  }

  // MARK: Finishing

  @_noLocks
  private func finish(
    _ state: UnsafeMutablePointer<Float>, _ index: Int, _ finish: LayerNode.Finish, _ from: Int, _ to: Int,
    _ kernels: UnsafePointer<ck_kernels>
  ) {
    let node = stack.nodes + index
    let channels = node.pointee.channels
    let width = node.pointee.bins * channels
    let rowWidth = node.pointee.rowWidth
    let first = row(state, index, from) + node.pointee.padBelow * channels
    switch finish {
    case .activation(let code, let slope):
      if rowWidth == width {
        ck_activate(kernels, code, slope, first, (to - from) * width)
        return
      }
      for step in 0..<(to - from) { ck_activate(kernels, code, slope, first + step * rowWidth, width) }
    case .affine(let scale, let shift):
      for step in 0..<(to - from) {
        ck_scale_rows(kernels, scale, shift, node.pointee.bins, channels, first + step * rowWidth, channels)
      }
    case .conditionAdd(let number):
      let values = state + conditionsOffset + stack.conditions[Int(number)].offset
      let ones = state + scratchOffset
      for channel in 0..<channels { ones[channel] = 1 }
      for step in 0..<(to - from) {
        ck_scale_rows(kernels, ones, values, node.pointee.bins, channels, first + step * rowWidth, channels)
      }
    case .conditionModulate(let number):
      let values = state + conditionsOffset + stack.conditions[Int(number)].offset
      let scale = state + scratchOffset
      for channel in 0..<channels { scale[channel] = 1 + values[channel] }
      for step in 0..<(to - from) {
        ck_scale_rows(kernels, scale, values + channels, node.pointee.bins, channels, first + step * rowWidth, channels)
      }
    case .addend:
      let other = stack.nodes + node.pointee.addend
      for step in 0..<(to - from) {
        let source = row(state, node.pointee.addend, from + step) + other.pointee.padBelow * channels
        let target = first + step * rowWidth
        for number in 0..<width { target[number] += source[number] }
      }
    case .layerNorm, .pixelNorm:
      let numbers = state + scratchOffset
      ck_zero(numbers, scratchCount * 4)
      for step in 0..<(to - from) {
        for bin in 0..<node.pointee.bins {
          let place = first + (step * rowWidth + bin * channels)
          ck_copy(numbers, place, channels * 4)
          normalize(numbers, finish, channels, kernels)
          ck_copy(place, numbers, channels * 4)
        }
      }
    case .instanceNorm(let weight, let bias):
      for channel in 0..<channels {
        var total = 0.0
        for step in 0..<(to - from) {
          for bin in 0..<node.pointee.bins { total += Double(first[step * rowWidth + bin * channels + channel]) }
        }
        let count = Double((to - from) * node.pointee.bins)
        let mean = total / count
        total = 0
        for step in 0..<(to - from) {
          for bin in 0..<node.pointee.bins {
            let centred = Double(first[step * rowWidth + bin * channels + channel]) - mean
            total += centred * centred
          }
        }
        let scale = Double(weight[channel]) / ck_square_root(total / count + 1e-5)
        for step in 0..<(to - from) {
          for bin in 0..<node.pointee.bins {
            let place = first + (step * rowWidth + bin * channels + channel)
            place.pointee = Float((Double(place.pointee) - mean) * scale + Double(bias[channel]))
          }
        }
      }
    }
  }

  /// The channels of one step and bin, padded with zeros to whole panels.
  @_noLocks
  private func normalize(
    _ numbers: UnsafeMutablePointer<Float>, _ finish: LayerNode.Finish, _ channels: Int, _ kernels: UnsafePointer<ck_kernels>
  ) {
    if case .layerNorm(let weight, let bias) = finish {
      ck_normalize(kernels, numbers, weight, bias, channels, numbers)
      return
    }
    let mean = ck_dot(kernels, numbers, numbers, (channels + 15) & ~15) / Float(channels)
    let scale = Float(1 / ck_square_root(Double(mean + 1e-8)))
    for channel in 0..<channels { numbers[channel] *= scale }
  }

  // MARK: Saving

  /// Steps of a node that are still needed after tick `tick`, all of which is done.
  @_noLocks
  private func kept(_ index: Int, after tick: Int) -> Range<Int> {
    let node = stack.nodes + index
    var end = 0
    var keep = Int.max
    for reader in 0..<node.pointee.readerCount {
      let other = Int(node.pointee.readers[reader])
      let otherNode = stack.nodes + other
      let made = paces[other].steps(after: tick)
      guard made < paces[other].total else { continue }
      if otherNode.pointee.input == index {
        keep = min(keep, made / otherNode.pointee.group * otherNode.pointee.advance + paces[other].low)
      }
      if otherNode.pointee.addend == index { keep = min(keep, made) }
    }
    // What lies behind the last step is zeros, which need not be kept.
    end = paces[index].steps(after: tick)
    return min(keep, end)..<end
  }

  /// Floats that `save` writes: as many after every tick.
  var savedCount: Int {
    if tickCount <= 1 { return 0 }
    var count = 0
    for index in 0..<stack.nodeCount { count += savedSteps(index) * stack.nodes[index].rowWidth }
    return count
  }

  /// The most steps of a node that are kept.
  private func savedSteps(_ index: Int) -> Int {
    stack.nodes[index].readerCount == 0 ? 0 : (paces[index].capacity + 1) / 2
  }

  /// Writes the steps that are still needed after tick `tick`, zeros behind them.
  func save(_ state: UnsafeMutablePointer<Float>, after tick: Int, _ writer: inout ByteWriter) {
    if tickCount <= 1 { return }
    for index in 0..<stack.nodeCount {
      let width = stack.nodes[index].rowWidth
      let room = savedSteps(index)
      let steps = kept(index, after: tick)
      let count = min(steps.count, room)
      if count > 0 { writer.write(UnsafeRawPointer(row(state, index, steps.upperBound - count)), count: count * width * 4) }
      for _ in 0..<((room - count) * width) { writer.write(UInt32(0)) }
    }
  }

  /// Loads what `save` wrote.
  func load(_ state: UnsafeMutablePointer<Float>, after tick: Int, _ reader: inout ByteReader) {
    if tickCount <= 1 { return }
    for index in 0..<stack.nodeCount {
      let width = stack.nodes[index].rowWidth
      let room = savedSteps(index)
      let steps = kept(index, after: tick)
      let count = min(steps.count, room)
      let places = positions(state) + 2 * index
      places[0] = Int64(steps.upperBound - count)
      places[1] = Int64(steps.upperBound)
      reader.read(into: state + paces[index].offset, count: room * width * 4)
      // Steps before the first that are still needed come with the others; those behind the last one are made anew.
    }
  }
}
