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
    var parts = [controls.isFrozen ? "[ frozen ]" : StatusLine.meter(peak), controls.text]
    if figures.underruns > 0 { parts.append("late \(figures.underruns)") }
    parts.append("load \(Text.fixed(load * 100, 0)) %")
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

  /// −48 … 0 dB in eight steps; beyond it clips.
  private static func meter(_ peak: Float) -> String {
    if peak > 1 { return "[ clips  ]" }
    let decibels = peak > 0 ? 20 * log10(Double(peak)) : -100
    let filled = min(8, max(0, Int(((decibels + 48) / 6).rounded(.up))))
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: 8 - filled) + "]"
  }
}
