import Cadenza

/// The model that plays what a composer writes, and how.
struct InstrumentSetup {
  let model: Model
  private let path: String
  private let options: InstrumentOptions
  /// `voice` nil: all of them.
  private let settings: [(voice: Int?, value: ConditionValue)]

  init(
    path: String, options configure: (inout InstrumentOptions) -> Void, arguments: [InstrumentArgument], composer: ComposerModel
  ) throws {
    self.path = path
    model = try ModelLoading.load(path)
    var options = InstrumentOptions(for: model)
    configure(&options)
    self.options = options
    let conditions = model.configuration.conditions
    settings = try arguments.map { argument in
      if argument.condition.seconds > 0 {
        throw CommandFailure(.wrongUsage, "--set-instrument takes NAME=VALUE, not NAME@SECONDS=VALUE")
      }
      if argument.condition.name == "pitch" {
        throw CommandFailure(.wrongUsage, "the instrument's condition \"pitch\" is set by the notes that it plays")
      }
      let value = try ConditionValue(argument.condition, conditions: conditions)
      return (try argument.voice.map { name throws(CommandFailure) in try composer.voice(name) }, value)
    }
  }

  /// What is set for a voice wins over what is set for all, in whichever order.
  func apply(to stream: Stream) throws {
    do throws(Failure) {
      try stream.setInstrument(model, options: options)
    } catch {
      throw CommandFailure("\"\(path)\" cannot play the notes: \(error.message)")
    }
    for setting in settings.filter({ $0.voice == nil }) + settings.filter({ $0.voice != nil }) {
      let status = setting.value.values.withUnsafeBufferPointer { values in
        values.baseAddress.map {
          stream.setInstrumentCondition(
            voice: setting.voice ?? Stream.allVoices, index: setting.value.index, values: $0, count: values.count)
        } ?? .invalidArgument
      }
      if status.rawValue < 0 {
        let name = model.configuration.conditions[setting.value.index].name
        throw CommandFailure("the instrument's condition \"\(name)\" could not be set: \(status.phrase)")
      }
    }
  }
}
