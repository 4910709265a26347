/// Where a network keeps what in a stream's state: offsets in floats from the state's base, each region aligned to 64 bytes.
///
/// The state has two parts. What comes before `savedCount` decides the future, is zero at the start of a sequence and is saved with
/// the stream. What comes after is scratch, or follows from the rest.
struct StateLayout {
  private(set) var count = 0
  private(set) var savedCount: Int?

  /// Room for `size` floats; their offset. Saturates: a model that asks for more than a stream may take is refused afterwards.
  mutating func take(_ size: Int) -> Int {
    let offset = count
    let padded = size > StateLayout.limit ? StateLayout.limit : (size + 15) & ~15
    count = min(count + padded, StateLayout.limit)
    return offset
  }

  /// Ends the part that is saved.
  mutating func beginScratch() { savedCount = count }

  /// Far above what a stream may take, far below where sums overflow.
  static let limit = 1 << 40

  /// a × b, saturating.
  static func product(_ a: Int, _ b: Int) -> Int {
    let (value, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? limit : min(value, limit)
  }
}
