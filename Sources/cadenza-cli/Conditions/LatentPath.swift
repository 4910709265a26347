import Cadenza

/// A latent's way through several places, evenly over the length of a sound.
struct LatentPath {
  private let index: Int
  private let places: [[Float]]
  private let interpolation: Interpolation
  /// Of the whole way.
  private let frames: Int
  /// Places that have been set, or are on the way to.
  private var taken = 0

  init(_ arguments: [LatentArgument], _ interpolation: Interpolation, model: Model, frames: Int) throws {
    let conditions = model.configuration.conditions
    guard let index = conditions.firstIndex(where: \.isMovable) else {
      throw CommandFailure(.wrongUsage, "the model has no latent: --latent has no meaning")
    }
    self.index = index
    self.interpolation = interpolation
    self.frames = frames
    places = try arguments.map { try $0.values(index: index, size: conditions[index].size) }
  }

  /// The frame at which the way from place `place` to the next one begins.
  private func frame(_ place: Int) -> Int {
    frames / (places.count - 1) * place + frames % (places.count - 1) * place / (places.count - 1)
  }

  /// Does what is due at `position`; returns for how many frames nothing else will be.
  mutating func apply(to stream: Stream, at position: Int) throws -> Int {
    if taken == 0 { try glide(stream, to: places[0], frames: 0) }
    taken = max(taken, 1)
    while taken < places.count, frame(taken - 1) <= position {
      try glide(stream, to: places[taken], frames: min(frame(taken) - frame(taken - 1), StreamOptions.maximumFrames))
      taken += 1
    }
    return taken < places.count ? max(1, frame(taken - 1) - position) : Int.max
  }

  private func glide(_ stream: Stream, to values: [Float], frames: Int) throws {
    let status = values.withUnsafeBufferPointer { values in
      values.baseAddress.map { stream.glideLatent(index, to: $0, count: values.count, frames: frames, interpolation) }
        ?? .invalidArgument
    }
    if status.rawValue < 0 { throw CommandFailure("the latent could not be set: \(status.phrase)") }
  }
}
