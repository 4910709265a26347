/// A set of MIDI pitches, 0 … 127.
public struct PitchSet: BitwiseCopyable, Equatable, Sendable {
  /// Bit p: pitch p.
  var low: UInt64 = 0
  /// Bit p: pitch 64 + p.
  var high: UInt64 = 0

  /// The empty set.
  @_noLocks
  public init() {}

  /// Of a sequence of pitches; those that are none are left out.
  public init(_ pitches: some Sequence<Int>) {
    for pitch in pitches { insert(pitch) }
  }

  /// Adds a pitch; nothing where it is none.
  @_noLocks
  public mutating func insert(_ pitch: Int) {
    guard pitch >= 0, pitch < 128 else { return }
    if pitch < 64 { low |= 1 &<< UInt64(pitch) } else { high |= 1 &<< UInt64(pitch - 64) }
  }

  /// Whether the pitch is in the set; false where it is none.
  @_noLocks
  public func contains(_ pitch: Int) -> Bool {
    guard pitch >= 0, pitch < 128 else { return false }
    return (pitch < 64 ? low &>> UInt64(pitch) : high &>> UInt64(pitch - 64)) & 1 == 1
  }

  /// How many pitches there are.
  public var count: Int {
    @_noLocks get { low.nonzeroBitCount + high.nonzeroBitCount }
  }

  /// The lowest pitch at or above `pitch`; 128 where there is none.
  @_noLocks
  public func next(from pitch: Int) -> Int {
    if pitch < 64 {
      let skipped = UInt64(pitch < 0 ? 0 : pitch)
      let rest = (low &>> skipped) &<< skipped
      if rest != 0 { return rest.trailingZeroBitCount }
    }
    if pitch > 127 { return 128 }
    let skipped = UInt64(pitch < 64 ? 0 : pitch - 64)
    let rest = (high &>> skipped) &<< skipped
    return rest == 0 ? 128 : 64 + rest.trailingZeroBitCount
  }

  /// The highest pitch; −1 where there is none.
  public var highest: Int {
    @_noLocks get { high != 0 ? 127 - high.leadingZeroBitCount : low != 0 ? 63 - low.leadingZeroBitCount : -1 }
  }

  /// Pitches that are in one of the two sets only.
  func difference(from other: PitchSet) -> Int {
    (low ^ other.low).nonzeroBitCount + (high ^ other.high).nonzeroBitCount
  }

  /// Ascending.
  public var pitches: [Int] {
    var pitches: [Int] = []
    var pitch = next(from: 0)
    while pitch < 128 {
      pitches.append(pitch)
      pitch = next(from: pitch + 1)
    }
    return pitches
  }
}
