import Cadenza

/// One or two recordings that a sound is made of: encoded into a stream's slots, and mixed from the first to the second while it plays.
struct Morph {
  private let inputs: [EncodedInput]
  /// Of the whole way.
  private let frames: Int
  private var hasBegun = false

  /// After so many frames the mix is set anew.
  private static let framesPerMix = 256

  init(_ inputs: [EncodedInput], frames: Int) {
    self.inputs = inputs
    self.frames = frames
  }

  /// Does what is due at `position`; returns for how many frames nothing else will be.
  mutating func apply(to stream: Stream, at position: Int) throws -> Int {
    if !hasBegun {
      hasBegun = true
      for (slot, input) in inputs.enumerated() {
        do throws(Failure) {
          try input.numbers.withUnsafeBufferPointer { (numbers) throws(Failure) in try stream.setEncoded(slot: slot, numbers) }
        } catch {
          throw CommandFailure("what was encoded could not be set: \(error.message)")
        }
      }
    }
    guard inputs.count > 1 else { return Int.max }
    let mix = min(1, Float(Double(position) / Double(max(1, frames - 1))))
    let status = stream.setParameter(.mix, mix)
    if status.rawValue < 0 { throw CommandFailure("the mix could not be set: \(status.phrase)") }
    return Morph.framesPerMix - position % Morph.framesPerMix
  }
}
