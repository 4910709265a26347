import Cadenza

/// What `--set` asked for, set on a stream when its time comes.
struct ConditionSchedule {
  private struct Change {
    var frame: Int
    var value: ConditionValue
  }

  private let conditions: [ConditionConfiguration]
  private var changes: [Change]
  /// Values of local conditions that the stream's queue has had no room for yet, by condition.
  private var waiting: [[Float]]
  private let modelRate: Int
  /// Of the stream's frames.
  private let rate: Int

  /// For a stream whose output has a sample rate of `rate`.
  init(_ arguments: [ConditionArgument], model: Model, rate: Int) throws(CommandFailure) {
    modelRate = model.sampleRate
    self.rate = rate
    conditions = model.configuration.conditions
    waiting = conditions.map { _ in [] }
    changes = []
    for argument in arguments {
      let frame = Int((argument.seconds * Double(rate)).rounded())
      changes.append(Change(frame: frame, value: try ConditionValue(argument, conditions: conditions)))
    }
    // Stable: of two for the same moment, the later on the command line wins.
    changes = changes.enumerated().sorted { ($0.element.frame, $0.offset) < ($1.element.frame, $1.offset) }.map(\.element)
  }

  /// Only what holds from the beginning makes sense.
  func requireStatic() throws(CommandFailure) {
    if changes.contains(where: { $0.frame > 0 }) {
      throw CommandFailure(.wrongUsage, "--set NAME@SECONDS=VALUE is for generating; here only NAME=VALUE has a meaning")
    }
  }

  /// Sets everything that is due at `frame`; returns for how many frames nothing else will be.
  mutating func apply(to stream: Stream, at frame: Int) throws(CommandFailure) -> Int {
    while let change = changes.first, change.frame <= frame {
      changes.removeFirst()
      let index = change.value.index
      if conditions[index].framesPerValue == nil {
        try check(set(change.value.values, index: index, of: stream), index: index)
      } else {
        waiting[index] += change.value.values
      }
    }
    var quiet = changes.first.map { $0.frame - frame } ?? Int.max
    for index in conditions.indices where !waiting[index].isEmpty {
      try fill(index: index, of: stream)
      guard !waiting[index].isEmpty, let framesPerValue = conditions[index].framesPerValue else { continue }
      // The queue is full now; come back before it runs dry.
      let samples = framesPerValue * max(1, conditions[index].queueCapacity)
      // One less: a frame may take a sample of the model more than its share.
      quiet = min(quiet, (samples - 1) * rate / modelRate)
    }
    return max(1, quiet)
  }

  private mutating func fill(index: Int, of stream: Stream) throws(CommandFailure) {
    let width: Int
    switch conditions[index].kind {
    case .classes: width = 1
    case .vector, .latent: width = conditions[index].size
    }
    var taken = 0
    while taken < waiting[index].count {
      let status = set(Array(waiting[index][taken..<taken + width]), index: index, of: stream)
      if status == .state { break }
      try check(status, index: index)
      taken += width
    }
    waiting[index].removeFirst(taken)
  }

  private func set(_ values: [Float], index: Int, of stream: Stream) -> Status {
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return .invalidArgument }
      return stream.setCondition(index, base, count: values.count)
    }
  }

  private func check(_ status: Status, index: Int) throws(CommandFailure) {
    if status.rawValue < 0 {
      throw CommandFailure("condition \"\(conditions[index].name)\" could not be set: \(status.phrase)")
    }
  }
}
