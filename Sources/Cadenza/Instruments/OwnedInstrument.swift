import CadenzaKernels

/// An instrument in memory of its own, with the model that it plays: what a composer's stream is given.
final class OwnedInstrument {
  let model: Model
  let instrument: UnsafeMutablePointer<Instrument>
  private let memory: UnsafeMutableRawPointer

  /// The options were checked for the model. Throws `outOfMemory`.
  convenience init(
    _ model: Model, pitchIndex: Int, options: InstrumentOptions, outputRate: Int, seed: UInt64
  ) throws(Failure) {
    var measuring = Arena.measuring()
    _ = Instrument(
      model.plan, model.configuration, pitchIndex: pitchIndex, options: options, outputRate: outputRate, seed: seed,
      arena: &measuring)
    guard let memory = ck_allocate(measuring.byteCount) else {
      throw Failure(.outOfMemory, "no memory for an instrument of \(measuring.byteCount) bytes")
    }
    self.init(model, memory, pitchIndex: pitchIndex, options: options, outputRate: outputRate, seed: seed)
  }

  /// Embedded Swift leaks an object whose designated initialiser throws: this one does not.
  private init(
    _ model: Model, _ memory: UnsafeMutableRawPointer, pitchIndex: Int, options: InstrumentOptions, outputRate: Int,
    seed: UInt64
  ) {
    self.model = model
    self.memory = memory
    var arena = Arena(filling: memory)
    let arithmetic = ck_enter_arithmetic()
    instrument = UnsafeMutablePointer<Instrument>.allocate(capacity: 1)
    instrument.initialize(
      to: Instrument(
        model.plan, model.configuration, pitchIndex: pitchIndex, options: options, outputRate: outputRate, seed: seed,
        arena: &arena))
    ck_leave_arithmetic(arithmetic)
  }

  deinit {
    instrument.pointee.latentMix?.pointee.free()
    instrument.deinitialize(count: 1)
    instrument.deallocate()
    ck_free(memory)
  }
}
