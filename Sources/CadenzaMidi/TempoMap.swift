/// When ticks of a file happen, in seconds and in beats.
public struct TempoMap: Sendable {
  private struct Stretch {
    var tick: Int
    var seconds: Double
    var secondsPerTick: Double
  }

  /// Of a quarter note, where a file names no tempo.
  public static let defaultMicrosecondsPerBeat = 500_000

  private var stretches: [Stretch]
  private let ticksPerBeat: Int?

  /// Tempos count whichever track they stand in; of several at one tick the last one.
  public init(_ file: MidiFile) {
    switch file.division {
    case .frames(let framesPerSecond, let ticksPerFrame):
      let rate = framesPerSecond == 29 ? 30_000.0 / 1_001 : Double(framesPerSecond)
      ticksPerBeat = nil
      stretches = [Stretch(tick: 0, seconds: 0, secondsPerTick: 1 / (rate * Double(ticksPerFrame)))]
    case .beats(let ticks):
      ticksPerBeat = ticks
      func secondsPerTick(_ microseconds: Int) -> Double { Double(microseconds) / (1e6 * Double(ticks)) }
      stretches = [
        Stretch(tick: 0, seconds: 0, secondsPerTick: secondsPerTick(TempoMap.defaultMicrosecondsPerBeat))
      ]
      for (_, event) in file.merged() {
        guard case .tempo(let microseconds) = event.message else { continue }
        let seconds = seconds(at: event.tick)
        if stretches[stretches.count - 1].tick == event.tick { stretches.removeLast() }
        stretches.append(
          Stretch(tick: event.tick, seconds: seconds, secondsPerTick: secondsPerTick(Int(microseconds))))
      }
    }
  }

  /// Beats a minute at the beginning.
  public var firstTempo: Double {
    guard let ticksPerBeat, let first = stretches.first else { return 120 }
    return 60 / (first.secondsPerTick * Double(ticksPerBeat))
  }

  /// Seconds from the beginning of the piece to a tick.
  public func seconds(at tick: Int) -> Double {
    // The last stretch that does not begin later.
    var low = 0
    var high = stretches.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if stretches[middle].tick <= tick { low = middle } else { high = middle }
    }
    let stretch = stretches[low]
    return stretch.seconds + Double(tick - stretch.tick) * stretch.secondsPerTick
  }

  /// Quarter notes. A file that counts film frames has none: it is taken to be at tempo 120.
  public func beat(at tick: Int) -> Double {
    if let ticksPerBeat { return Double(tick) / Double(ticksPerBeat) }
    return seconds(at: tick) * 2
  }
}
