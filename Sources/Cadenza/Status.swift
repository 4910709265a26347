/// What became of a call: the `cadenza_status` of the C header, value for value.
public struct Status: RawRepresentable, Equatable, Sendable {
  /// The number that the C header gives it: 0 is fine, above 0 information, below 0 an error.
  public var rawValue: Int32

  /// A status of this number, which may be one that nobody knows.
  @inlinable @_noLocks
  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// Done.
  @inlinable public static var ok: Status { @_noLocks get { Status(rawValue: 0) } }
  /// Done, and the model has declared its piece finished.
  @inlinable public static var end: Status { @_noLocks get { Status(rawValue: 1) } }
  /// Part of the block was not ready and is silent.
  @inlinable public static var underrun: Status { @_noLocks get { Status(rawValue: 2) } }
  /// Done, and more events happened than are kept.
  @inlinable public static var eventsLost: Status { @_noLocks get { Status(rawValue: 3) } }
  /// An argument is missing, out of range, not finite, or of the wrong size.
  @inlinable public static var invalidArgument: Status { @_noLocks get { Status(rawValue: -1) } }
  /// A file could not be opened or read.
  @inlinable public static var io: Status { @_noLocks get { Status(rawValue: -2) } }
  /// The bytes are not a well-formed Cadenza model or state.
  @inlinable public static var format: Status { @_noLocks get { Status(rawValue: -3) } }
  /// Well-formed, but this version or this model cannot do it.
  @inlinable public static var unsupported: Status { @_noLocks get { Status(rawValue: -4) } }
  /// Memory ran out, or the request is larger than memory can be.
  @inlinable public static var outOfMemory: Status { @_noLocks get { Status(rawValue: -5) } }
  /// The network produced a value that is not finite.
  @inlinable public static var numeric: Status { @_noLocks get { Status(rawValue: -6) } }
  /// Not possible now.
  @inlinable public static var state: Status { @_noLocks get { Status(rawValue: -7) } }

  /// Whether the two are the same number.
  @inlinable @_noLocks
  public static func == (left: Status, right: Status) -> Bool { left.rawValue == right.rawValue }

  /// A short English phrase.
  public var phrase: StaticString {
    switch rawValue {
    case 0: "ok"
    case 1: "the piece has ended"
    case 2: "underrun"
    case 3: "more events than are kept"
    case -1: "invalid argument"
    case -2: "input or output error"
    case -3: "malformed file"
    case -4: "unsupported"
    case -5: "out of memory"
    case -6: "the network produced a value that is not finite"
    case -7: "not possible in this state"
    default: "unknown status"
    }
  }
}
