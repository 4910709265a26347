import CadenzaKernels

@testable import Cadenza

/// Runs a model's network by hand, step by step, on kernels of choice, and hands out what it predicts.
final class NetworkProbe {
  let plan: ModelPlan
  private let model: Model
  private let kernels: UnsafePointer<ck_kernels>
  private let state: UnsafeMutablePointer<Float>
  private let h: UnsafeMutablePointer<Float>
  /// What the next step is fed, one for each field.
  private var elements: [Element]
  /// The same, where elements are frames.
  private var frame: [Float] = []

  /// nil where this machine cannot run the instruction set.
  init?(_ model: Model, instructionSet: String? = nil) {
    self.model = model
    plan = model.plan
    if let instructionSet {
      guard let named = ck_kernels_named(instructionSet) else { return nil }
      kernels = named
    } else {
      kernels = plan.kernels
    }
    state = ck_allocate(plan.layout.count * 4)!.assumingMemoryBound(to: Float.self)
    h = ck_allocate(RowOrder.padded(plan.conditionChannels) * 4)!.assumingMemoryBound(to: Float.self)
    elements = NetworkProbe.first(plan)
    if let first = plan.firstFrame { frame = (0..<plan.frameNumbers).map { first[$0] } }
    plan.network.begin(state, elements, kernels)
    set(model.configuration.conditions.map { $0.defaultValue })
  }

  deinit {
    ck_free(state)
    ck_free(h)
  }

  func set(_ conditions: [[Float]]) {
    for (input, values) in zip(plan.conditions, conditions) { input.write(values, to: h) }
    plan.network.condition(state, h, kernels)
  }

  /// What step 0 is fed.
  static func first(_ plan: ModelPlan) -> [Element] {
    guard case .notes(let codec) = plan.codec else { return [plan.codec.silence] }
    var elements = [Element](repeating: Element(token: 0, value: 0), count: codec.fieldCount)
    codec.writeFirst(&elements)
    return elements
  }

  /// What the network predicts for the next step: the outputs of all fields, one after another. `inUnits`: step by step through the
  /// units of work, as a composer takes it.
  func predict(inUnits: Bool = false) -> [Float] {
    if elements.count == 1 && !inUnits && frame.isEmpty {
      plan.network.feed(state, elements[0], kernels)
    } else {
      plan.network.start(state, elements, kernels)
      for unit in 0..<plan.network.unitCount { plan.network.work(state, unit, frame: frame, kernels) }
    }
    let prediction = plan.network.predict(state, kernels)
    return plan.fields.flatMap { field in (0..<field.size).map { prediction[field.offset + $0] } }
  }

  func accept(token: Int) { elements = [plan.codec.element(of: token)] }
  func accept(sample: Float) { elements = [plan.codec.element(of: sample)] }

  /// One number for each field, a token's or a value; or a frame.
  func accept(_ numbers: [Float]) {
    if !frame.isEmpty {
      frame = numbers
      return
    }
    elements = zip(plan.fields, numbers).map { field, number in
      if case .softmax = field.kind { return Element(token: Int(number), value: 0) }
      return Element(token: 0, value: number)
    }
  }

  /// Accepts any element, out of numbers of 0 ..< 1.
  func accept(uniform: () -> Float) {
    if !frame.isEmpty {
      // One number makes all of them.
      let number = uniform()
      frame = frame.indices.map { 2 * (number * 7.31 * Float($0 + 1)).truncatingRemainder(dividingBy: 1) - 1 }
      return
    }
    if plan.fields.count > 1 {
      accept(
        plan.fields.map { field in
          if case .softmax(let size) = field.kind { return Float(Int(uniform() * Float(size))) }
          return uniform()
        })
    } else if case .softmax(let size) = plan.fields[0].kind {
      accept(token: Int(uniform() * Float(size)))
    } else {
      accept(sample: uniform() * 2 - 1)
    }
  }

  /// Whether the network takes this as the saved part of a state.
  func accepts(saved words: [UInt32]) -> Bool {
    plan.network.accepts(words.map { Float(bitPattern: $0) })
  }

  /// The saved part of the state, in words.
  var saved: [UInt32] {
    (0..<(plan.layout.savedCount ?? plan.layout.count)).map { state[$0].bitPattern }
  }
}
