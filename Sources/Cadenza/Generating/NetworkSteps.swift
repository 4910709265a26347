import CadenzaKernels

/// A model's network alone, step after step, for measuring what a step costs: a composer's stream takes steps when its music needs
/// them, and shows only the time of both. Each step is fed the likeliest token, or the predicted value, of the one before.
public final class NetworkSteps {
  private let model: Model
  private let memory: UnsafeMutableRawPointer
  private let state: UnsafeMutablePointer<Float>
  private let elements: UnsafeMutablePointer<Element>
  /// Of a network over frames: what its next step is fed.
  private let frame: UnsafeMutablePointer<Float>?

  /// Begins at the model's beginning, under its default conditions. nil where there is no memory.
  public init?(model: Model) {
    self.model = model
    let plan = model.plan
    var measuring = Arena.measuring()
    _ = NetworkSteps.parts(plan, &measuring)
    guard let memory = ck_allocate(measuring.byteCount) else { return nil }
    self.memory = memory
    var arena = Arena(filling: memory)
    let parts = NetworkSteps.parts(plan, &arena)
    state = parts.state
    elements = parts.elements
    frame = parts.frame
    if let frame, let first = plan.firstFrame { ck_copy(frame, first, plan.frameNumbers * 4) }

    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    if case .notes(let codec) = plan.codec {
      codec.writeFirst(elements)
    } else {
      elements.pointee = plan.codec.silence
    }
    plan.network.begin(state, elements, plan.kernels)
    for (condition, input) in zip(model.configuration.conditions, plan.conditions) {
      input.write(condition.defaultValue, to: parts.h)
    }
    plan.network.condition(state, parts.h, plan.kernels)
  }

  deinit { ck_free(memory) }

  private static func parts(
    _ plan: ModelPlan, _ arena: inout Arena
  ) -> (
    state: UnsafeMutablePointer<Float>, elements: UnsafeMutablePointer<Element>, h: UnsafeMutablePointer<Float>,
    frame: UnsafeMutablePointer<Float>?
  ) {
    let state = arena.take(Float.self, count: plan.layout.count)
    let elements = arena.take(Element.self, count: plan.fields.count)
    let h = arena.take(Float.self, count: RowOrder.padded(plan.conditionChannels))
    let frame = plan.frameNumbers == 0 ? nil : arena.take(Float.self, count: plan.frameNumbers)
    return (state, elements, h, frame)
  }

  /// The next `count` steps. False where the network produced a value that is not finite.
  public func take(_ count: Int) -> Bool {
    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    let plan = model.plan
    for _ in 0..<count {
      plan.network.start(state, elements, plan.kernels)
      for unit in 0..<plan.network.unitCount { plan.network.work(state, unit, frame: frame, plan.kernels) }
      let prediction = plan.network.predict(state, plan.kernels)
      for index in 0..<plan.network.fieldCount {
        let field = plan.network.field(index)
        let outputs = prediction + field.offset
        switch field.kind {
        case .softmax(let size):
          let maximum = ck_maximum(plan.kernels, outputs, size)
          guard maximum.isFinite else { return false }
          var token = 0
          while token < size - 1 && outputs[token] != maximum { token += 1 }
          elements[index] = Element(token: token, value: 0)
        case .frame(let size, _):
          guard let frame else { return false }
          for number in 0..<size {
            guard outputs[number].isFinite else { return false }
            frame[number] = min(max(outputs[number], -1), 1)
          }
        case .linear:
          guard outputs.pointee.isFinite else { return false }
          elements[index] = Element(token: 0, value: min(max(outputs.pointee, -1), 1))
        }
      }
    }
    return true
  }
}
