import CadenzaKernels

/// How loud a note is at each sample of the model: it rises, holds, and falls after its end, along halves of a cosine, from
/// wherever it is.
///
/// From level a to level b in n samples, sample k has the level a + (b − a) · (1 − cos(πk / n)) / 2, which is sin²(πk / 2n) of the
/// way. So no two samples differ by more than π / 2n.
struct Envelope: BitwiseCopyable {
  enum Stage: UInt32, BitwiseCopyable {
    /// Silent, and nothing to come.
    case idle = 0
    case attack = 1
    case sustain = 2
    /// After the note's end.
    case release = 3
    /// The voice is wanted for another note.
    case takeOver = 4
  }

  /// Samples that its stages last, 1 and more.
  struct Lengths: BitwiseCopyable {
    let attack: Int
    let release: Int
    let takeOver: Int

    /// A voice that is taken over fades for so long, in seconds.
    static let takeOverSeconds: Float = 0.005

    init(attackSeconds: Float, releaseSeconds: Float, sampleRate: Int) {
      attack = Lengths.samples(attackSeconds, sampleRate)
      release = Lengths.samples(releaseSeconds, sampleRate)
      takeOver = Lengths.samples(Lengths.takeOverSeconds, sampleRate)
    }

    private static func samples(_ seconds: Float, _ sampleRate: Int) -> Int {
      max(1, Int(Double(seconds) * Double(sampleRate) + 0.5))
    }
  }

  private(set) var stage = Stage.idle
  /// The level of the next sample, 0 … 1.
  private(set) var level: Float = 0
  /// Where the stage began.
  private var start: Float = 0
  /// Samples since then.
  private var elapsed = 0

  let lengths: Lengths

  init(_ lengths: Lengths) { self.lengths = lengths }

  var isIdle: Bool {
    @_noLocks get { stage == .idle }
  }
  /// Whether the note goes on until it is ended.
  var isHeld: Bool {
    @_noLocks get { stage == .attack || stage == .sustain }
  }

  /// A note begins: its first sample is silent.
  @_noLocks
  mutating func begin() { enter(.attack, from: 0) }

  /// The note ends.
  @_noLocks
  mutating func end() {
    if isHeld { enter(.release, from: level) }
  }

  /// Another note is to begin here: fades away soon, if it would not be gone sooner anyway.
  @_noLocks
  mutating func makeWay() {
    guard stage != .idle, stage != .takeOver else { return }
    if stage == .release && lengths.release - elapsed <= lengths.takeOver { return }
    enter(.takeOver, from: level)
  }

  /// Silence at once.
  @_noLocks
  mutating func stop() { enter(.idle, from: 0) }

  @_noLocks
  private mutating func enter(_ next: Stage, from level: Float) {
    stage = next
    start = level
    self.level = level
    elapsed = 0
  }

  private var length: Int {
    @_noLocks get {
      switch stage {
      case .idle, .sustain: 0
      case .attack: lengths.attack
      case .release: lengths.release
      case .takeOver: lengths.takeOver
      }
    }
  }

  /// The level of this sample; goes on to the next one.
  @_noLocks @inline(__always)
  mutating func next() -> Float {
    let level = level
    if stage != .sustain && stage != .idle { advance() }
    return level
  }

  @_noLocks
  private mutating func advance() {
    elapsed += 1
    if elapsed >= length {
      if stage == .attack { enter(.sustain, from: 1) } else { enter(.idle, from: 0) }
    } else {
      level = levelNow()
    }
  }

  @_noLocks
  private func levelNow() -> Float {
    if stage == .sustain { return 1 }
    if stage == .idle { return 0 }
    let target: Float = stage == .attack ? 1 : 0
    let sine = ck_sine_of_pi(Double(elapsed) / Double(2 * length))
    return start + (target - start) * Float(sine * sine)
  }

  // MARK: State

  static let savedByteCount = 16

  func save(_ writer: inout ByteWriter) {
    writer.write(stage.rawValue)
    writer.write(start.bitPattern)
    writer.write(UInt64(elapsed))
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let stage = Stage(rawValue: reader.readUInt32())
    let start = Float(bitPattern: reader.readUInt32())
    let elapsed = reader.readUInt64()
    guard let stage, start >= 0, start <= 1 else { return false }
    var envelope = Envelope(lengths)
    envelope.stage = stage
    envelope.start = start
    guard elapsed < UInt64(max(1, envelope.length)) else { return false }
    envelope.elapsed = Int(elapsed)
    envelope.level = envelope.levelNow()
    if isLoading { self = envelope }
    return true
  }
}
