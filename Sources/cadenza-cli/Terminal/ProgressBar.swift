import Glibc

/// A line on standard error that tells how far the work is, while a terminal watches.
final class ProgressBar {
  private let label: String
  private let total: Int
  private let isShown: Bool
  private let start = Clock.nanoseconds()
  private var lastDrawn: UInt64 = 0
  private var isDrawn = false

  /// `total` 0: not known, nothing is shown.
  init(_ label: String, total: Int, isQuiet: Bool) {
    self.label = label
    self.total = total
    isShown = !isQuiet && total > 0 && StandardStreams.isTerminal(STDERR_FILENO)
  }

  /// `note` is only asked for when the line is drawn.
  func update(_ done: Int, note: @autoclosure () -> String = "") {
    guard isShown else { return }
    let now = Clock.nanoseconds()
    guard now - lastDrawn >= 100_000_000 else { return }
    lastDrawn = now
    draw(done, note: note(), elapsed: Double(now - start) * 1e-9)
  }

  /// Takes the line away.
  func clear() {
    guard isDrawn else { return }
    isDrawn = false
    send("\r\u{1B}[K")
  }

  deinit { clear() }

  private func draw(_ done: Int, note: String, elapsed: Double) {
    let share = min(max(Double(done) / Double(total), 0), 1)
    let left = share > 0 ? elapsed / share - elapsed : 0
    var tail = " \(Text.padded(Text.fixed(share * 100, 0), 3, right: true)) %"
    if !note.isEmpty { tail += "  \(note)" }
    if elapsed > 1 { tail += "  \(Text.fixed(left.rounded(.up), 0)) s left" }
    let columns = StandardStreams.columns(STDERR_FILENO)
    let width = min(40, columns - 1 - label.count - tail.count - 3)
    var line = label
    if width >= 8 {
      let filled = Int((share * Double(width)).rounded(.down))
      line += " [" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "]"
    }
    line += tail
    isDrawn = true
    send("\r" + line.prefix(max(1, columns - 1)) + "\u{1B}[K")
  }

  private func send(_ text: String) {
    var text = text
    text.withUTF8 { try? StandardStreams.write(UnsafeRawBufferPointer($0), to: STDERR_FILENO, name: "standard error") }
  }
}
