/// The results of a bench as a table for people.
enum BenchTable {
  private static let columns: [(title: String, unit: String, cell: @Sendable (BenchResult) -> String)] = [
    ("model", "", { Text.printable($0.name) }),
    ("weights", "", { $0.weights }),
    ("time", "a sample", { Text.duration(nanoseconds: $0.nanosecondsPerSample) }),
    ("samples", "a second", { Text.grouped(Int($0.samplesPerSecond)) }),
    ("x real", "time", { $0.realTimeFactor.map { Text.significant($0) } ?? "-" }),
    ("p50", "us a block", { Text.significant($0.blockMicroseconds[0]) }),
    ("p99", "us", { Text.significant($0.blockMicroseconds[1]) }),
    ("p99.9", "us", { Text.significant($0.blockMicroseconds[2]) }),
    ("max", "us", { Text.significant($0.blockMicroseconds[3]) }),
    ("weights", "KB a sample", { Text.significant(Double($0.weightBytesPerSample) * 1e-3) }),
    ("read", "GB/s", { Text.significant($0.bytesPerSecond * 1e-9) }),
    ("of", "GB/s", { Text.significant($0.readBandwidth * 1e-9) }),
    ("share", "%", { Text.fixed($0.shareOfBandwidth * 100, 0) }),
    ("load", "ms", { Text.significant($0.loadMilliseconds) }),
    ("stream", "KB", { Text.significant(Double($0.streamBytes) * 1e-3) }),
  ]

  static func text(_ results: [BenchResult]) -> String {
    var rows = [columns.map(\.title), columns.map(\.unit)]
    rows += results.map { result in columns.map { $0.cell(result) } }
    let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = columns.indices.map { Text.padded(row[$0], widths[$0], right: $0 >= 2) }
      let line = cells.joined(separator: "  ")
      return line.last == " " ? String(line.reversed().drop { $0 == " " }.reversed()) : line
    }.joined(separator: "\n")
  }
}
