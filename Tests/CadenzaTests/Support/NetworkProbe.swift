import CadenzaKernels

@testable import Cadenza

/// Runs a model's network by hand, step by step, on kernels of choice, and hands out what it predicts.
final class NetworkProbe {
  let plan: ModelPlan
  private let model: Model
  private let kernels: UnsafePointer<ck_kernels>
  private let state: UnsafeMutablePointer<Float>
  private let h: UnsafeMutablePointer<Float>
  private var element: Element

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
    element = plan.codec.silence
    plan.network.begin(state, &element, kernels)
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

  /// What the network predicts for the next step.
  func predict() -> [Float] {
    plan.network.feed(state, element, kernels)
    let prediction = plan.network.predict(state, kernels)
    return plan.fields.flatMap { field in (0..<field.size).map { prediction[field.offset + $0] } }
  }

  func accept(token: Int) { element = plan.codec.element(of: token) }
  func accept(sample: Float) { element = plan.codec.element(of: sample) }
}
