/// Where the bars of a file begin.
public struct BarLines: Sendable {
  private var signatures: [(tick: Int, barTicks: Double)]

  /// By the time signatures of whichever track; four quarters before the first one. A signature begins a bar.
  public init(_ file: MidiFile) {
    let ticksPerBeat: Double
    switch file.division {
    case .beats(let ticks): ticksPerBeat = Double(ticks)
    // Tempo 120: two beats a second.
    case .frames(let rate, let ticks): ticksPerBeat = (rate == 29 ? 30_000.0 / 1_001 : Double(rate)) * Double(ticks) / 2
    }
    signatures = [(0, 4 * ticksPerBeat)]
    for (_, event) in file.merged() {
      guard case .timeSignature(let numerator, let power) = event.message else { continue }
      if signatures[signatures.count - 1].tick == event.tick { signatures.removeLast() }
      let quarters = 4 * Double(numerator) / Double(1 << Int(min(power, 8)))
      signatures.append((event.tick, quarters * ticksPerBeat))
    }
  }

  /// The tick at which bar `index` begins, counted from 0.
  public func tick(ofBar index: Int) -> Int {
    var left = Double(max(0, index))
    for (position, signature) in signatures.enumerated() {
      let next = position + 1 < signatures.count ? signatures[position + 1].tick : nil
      if let next {
        // A bar that a new signature cuts short is one, too.
        let bars = (Double(next - signature.tick) / signature.barTicks).rounded(.up)
        if left >= bars {
          left -= bars
          continue
        }
      }
      let tick = Double(signature.tick) + (left * signature.barTicks).rounded()
      return tick < Double(Int.max / 2) ? Int(tick) : Int.max / 2
    }
    return 0
  }
}

extension MidiFile {
  /// The time signature that holds at the end of bar `index`, counted from 1, or of the piece; nil where none does.
  public func timeSignature(beforeBar index: Int?) -> (numerator: UInt8, denominatorPower: UInt8)? {
    let end = index.map { BarLines(self).tick(ofBar: $0) } ?? Int.max
    var found: (numerator: UInt8, denominatorPower: UInt8)?
    for (_, event) in merged() {
      guard event.tick == 0 || event.tick < end else { break }
      if case .timeSignature(let numerator, let power) = event.message { found = (numerator, power) }
    }
    return found
  }
}
