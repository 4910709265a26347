/// How long blocks took, in nanoseconds.
struct BlockTimes {
  private var times: [UInt32] = []
  private var isSorted = true

  mutating func append(_ nanoseconds: UInt64) {
    times.append(UInt32(clamping: nanoseconds))
    isSorted = false
  }

  var count: Int { times.count }

  /// The time that `share` of the blocks did not exceed, in microseconds.
  mutating func quantile(_ share: Double) -> Double {
    if !isSorted { times.sort() }
    isSorted = true
    guard !times.isEmpty else { return 0 }
    let rank = Int((share * Double(times.count)).rounded(.up)) - 1
    return Double(times[min(max(rank, 0), times.count - 1)]) * 1e-3
  }
}
