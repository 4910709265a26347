import Glibc

/// One line on a terminal that tells how the playing goes, drawn ten times a second.
struct StatusLine {
  private let isShown: Bool
  private var lastDrawn: UInt64 = 0
  private var isDrawn = false
  /// What the meter shows, which falls slowly.
  private var peak: Float = 0
  private var last = LiveOutput.Figures()

  init(isQuiet: Bool) {
    isShown = !isQuiet && StandardStreams.isTerminal(StandardStreams.errors.load(ordering: .relaxed))
  }

  mutating func update(_ output: LiveOutput, controls: LiveControls, rate: Int) {
    guard isShown else { return }
    let now = Clock.nanoseconds()
    guard now - lastDrawn >= 100_000_000 else { return }
    lastDrawn = now
    let figures = output.figures
    peak = max(output.takePeak(), peak * 0.8)
    let generated = figures.generatedFrames - last.generatedFrames
    let load = generated > 0 ? (figures.busySeconds - last.busySeconds) * Double(rate) / Double(generated) : 0
    last = figures
    let parts = [
      controls.isFrozen ? "frozen " : "playing", StatusLine.meter(peak),
      "load \(Text.padded(Text.fixed(load * 100, 0), 2, right: true)) %", "late \(figures.underruns)",
      "\(Text.fixed(Double(figures.frames) / Double(rate), 0)) s", controls.text,
    ]
    let columns = StandardStreams.columns(StandardStreams.errors.load(ordering: .relaxed))
    isDrawn = true
    StandardStreams.remark("\r" + parts.joined(separator: "  ").prefix(max(1, columns - 1)) + "\u{1B}[K", end: "")
  }

  /// Takes the line away, so that something else can be said.
  mutating func clear() {
    guard isDrawn else { return }
    isDrawn = false
    lastDrawn = 0
    StandardStreams.remark("\r\u{1B}[K", end: "")
  }

  /// −48 … 0 dB in twelve steps; beyond it clips.
  private static func meter(_ peak: Float) -> String {
    let decibels = peak > 0 ? 20 * log10(Double(peak)) : -100
    let filled = min(12, max(0, Int(((decibels + 48) / 4).rounded(.up))))
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 12 - filled)
    return "[\(bar)]" + (peak > 1 ? " clips" : "")
  }
}
