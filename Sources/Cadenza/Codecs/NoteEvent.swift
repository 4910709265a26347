/// Something that happens in a composer's music: the `cadenza_event` of the C header, field for field.
public struct NoteEvent: BitwiseCopyable, Sendable {
  /// The `cadenza_event_kind` of the C header, value for value.
  public struct Kind: RawRepresentable, BitwiseCopyable, Equatable, Sendable {
    /// The number that the C header gives it.
    public var rawValue: Int32

    /// A kind of this number, which may be one that nobody knows.
    @_noLocks
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// A note begins.
    public static var noteOn: Kind { @_noLocks get { Kind(rawValue: 0) } }
    /// A note ends.
    public static var noteOff: Kind { @_noLocks get { Kind(rawValue: 1) } }
    /// The piece is over.
    public static var end: Kind { @_noLocks get { Kind(rawValue: 2) } }

    /// Whether the two are the same number.
    @_noLocks
    public static func == (left: Kind, right: Kind) -> Bool { left.rawValue == right.rawValue }
  }

  /// At the stream's sample rate: in a block that was generated, or from the beginning of a piece that is given.
  public var frame: UInt64
  /// What happens.
  public var kind: Kind
  /// Of a grid of several voices; else 0.
  public var voice: UInt32
  /// MIDI, 0 … 127.
  public var pitch: UInt32
  /// 0 … 1; 0 for a note off.
  public var velocity: Float
  /// In beats since the stream began. Of events that are given, ignored.
  public var beat: Double

  /// An event as told.
  @_noLocks
  public init(frame: UInt64, kind: Kind, voice: UInt32, pitch: UInt32, velocity: Float, beat: Double = 0) {
    self.frame = frame
    self.kind = kind
    self.voice = voice
    self.pitch = pitch
    self.velocity = velocity
    self.beat = beat
  }
}
