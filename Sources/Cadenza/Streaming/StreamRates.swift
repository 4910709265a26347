/// The sample rates that meet in a stream, in Hz.
struct StreamRates: Equatable {
  let model: Int
  /// Of what it generates.
  let output: Int
  /// Of the audio that it is given.
  let input: Int

  /// 0 stands for the model's.
  init(model: Int, output: Int = 0, input: Int = 0) {
    self.model = model
    self.output = output == 0 ? model : output
    self.input = input == 0 ? model : input
  }

  /// Whether there is anything to convert.
  var differ: Bool { output != model || input != model }
}
