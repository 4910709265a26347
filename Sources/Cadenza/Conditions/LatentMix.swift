import CadenzaKernels

/// What the recordings that a stream was given were encoded to, two slots of rows, and how they are mixed:
/// (1 − m) · slot 0 + m · slot 1. A slot that holds nothing is zeros.
///
/// The main thread fills the slots while nothing plays; the audio thread reads them.
struct LatentMix {
  private struct Slot {
    var rows: UnsafeMutablePointer<Float>?
    var count = 0
  }

  /// Index of the condition, a latent, whose value it is.
  let condition: Int
  /// Numbers of a row.
  let size: Int
  /// Of the row in h.
  let firstChannel: Int
  /// Samples of the model that a row lasts; 0: there is one row, of a global latent.
  let framesPerRow: Int
  private var slots = (Slot(), Slot())
  /// Room for the value of a global latent.
  private let scratch: UnsafeMutablePointer<Float>
  /// m, 0 … 1.
  private(set) var mix: Float = 0

  static var slotCount: Int { 2 }
  /// Samples after which a mix that has changed is heard, at the latest.
  static var mixFrames: UInt64 { @_noLocks get { 64 } }

  /// nil where the model has no encoder.
  init?(_ plan: ModelPlan, arena: inout Arena) {
    guard let encoding = plan.encoding else { return nil }
    scratch = arena.take(Float.self, count: encoding.size)
    condition = encoding.condition
    size = encoding.size
    firstChannel = encoding.firstChannel
    framesPerRow = encoding.framesPerRow
  }

  var isEmpty: Bool {
    @_noLocks get { slots.0.count == 0 && slots.1.count == 0 }
  }

  @_noLocks
  mutating func setMix(_ mix: Float) { self.mix = mix }

  /// Writes row `row`, or the last one where there are fewer, of what is heard to `values`.
  @_noLocks
  func write(row: UInt64, to values: UnsafeMutablePointer<Float>) {
    let first = LatentMix.row(row, of: slots.0, size)
    let second = LatentMix.row(row, of: slots.1, size)
    for index in 0..<size {
      let (a, b) = (first?[index] ?? 0, second?[index] ?? 0)
      // At the ends the bits are those of one slot alone.
      values[index] = mix == 0 ? a : mix == 1 ? b : (1 - mix) * a + mix * b
    }
  }

  /// The value of a global latent, until the next call; nil where nothing is encoded, or the latent is local.
  @_noLocks
  func globalValue() -> UnsafePointer<Float>? {
    if isEmpty || framesPerRow > 0 { return nil }
    write(row: 0, to: scratch)
    return UnsafePointer(scratch)
  }

  @_noLocks
  private static func row(_ row: UInt64, of slot: Slot, _ size: Int) -> UnsafePointer<Float>? {
    guard let rows = slot.rows, slot.count > 0 else { return nil }
    let last = UInt64(slot.count - 1)
    return UnsafePointer(rows) + Int(row < last ? row : last) * size
  }

  // MARK: Main thread

  /// Fills slot 0 or 1 with whole rows, instead of what was there; none: empties it. False where there is no memory: it is unchanged.
  mutating func fill(_ slot: Int, _ numbers: UnsafeBufferPointer<Float>) -> Bool {
    var filled = Slot()
    if numbers.count > 0, let base = numbers.baseAddress {
      guard let memory = ck_allocate(numbers.count * 4) else { return false }
      filled.rows = memory.assumingMemoryBound(to: Float.self)
      filled.count = numbers.count / size
      ck_copy(memory, base, numbers.count * 4)
    }
    if slot == 0 {
      ck_free(slots.0.rows)
      slots.0 = filled
    } else {
      ck_free(slots.1.rows)
      slots.1 = filled
    }
    return true
  }

  mutating func free() {
    ck_free(slots.0.rows)
    ck_free(slots.1.rows)
    slots = (Slot(), Slot())
  }

  // MARK: State

  /// Bytes before the rows: two counts of rows, the mix as the host set it, and as it is heard.
  static let savedHeaderByteCount = 24

  var savedByteCount: Int { LatentMix.savedHeaderByteCount + (slots.0.count + slots.1.count) * size * 4 }

  /// `mix`: as the host set it.
  func save(_ writer: inout ByteWriter, mix hostMix: Float) {
    writer.write(UInt64(slots.0.count))
    writer.write(UInt64(slots.1.count))
    writer.write(hostMix.bitPattern)
    writer.write(mix.bitPattern)
    for slot in [slots.0, slots.1] {
      if let rows = slot.rows { writer.write(UnsafeRawPointer(rows), count: slot.count * size * 4) }
    }
  }

  /// What `save` wrote, read but not taken. nil where it cannot be of this model.
  struct Saved {
    fileprivate var counts = (0, 0)
    private(set) var hostMix: Float = 0
    fileprivate var mix: Float = 0
    fileprivate var numbers: [Float] = []

    /// `room`: bytes that the reader may read.
    init?(_ reader: inout ByteReader, room: Int, size: Int, isLocal: Bool) {
      guard let counts = LatentMix.savedCounts(reader, room: room, size: size) else { return nil }
      reader.skip(16)
      self.counts = counts
      hostMix = Float(bitPattern: reader.readUInt32())
      mix = Float(bitPattern: reader.readUInt32())
      guard hostMix >= 0, hostMix <= 1, mix >= 0, mix <= 1 else { return nil }
      if !isLocal { guard counts.0 <= 1, counts.1 <= 1 else { return nil } }
      let count = (counts.0 + counts.1) * size
      guard count > 0 else { return }
      numbers = [Float](repeating: 0, count: count)
      numbers.withUnsafeMutableBufferPointer { room in
        if let base = room.baseAddress { reader.read(into: base, count: count * 4) }
      }
      for number in numbers where !number.isFinite { return nil }
    }
  }

  /// How many rows of each slot a state has, whose reader is at the beginning of what `save` wrote and may read `room` bytes.
  static func savedCounts(_ bytes: ByteReader, room: Int, size: Int) -> (Int, Int)? {
    guard room >= savedHeaderByteCount else { return nil }
    var reader = bytes
    let (first, second) = (reader.readUInt64(), reader.readUInt64())
    let most = UInt64((room - savedHeaderByteCount) / (4 * size))
    guard first <= most, second <= most - first else { return nil }
    return (Int(first), Int(second))
  }

  /// Takes what was read. False where there is no memory for it: nothing is changed then.
  mutating func load(_ saved: Saved) -> Bool {
    var loaded = self
    loaded.slots = (Slot(), Slot())
    let split = saved.counts.0 * size
    let isFilled = saved.numbers.withUnsafeBufferPointer { numbers in
      loaded.fill(0, UnsafeBufferPointer(rebasing: numbers[..<split]))
        && loaded.fill(1, UnsafeBufferPointer(rebasing: numbers[split...]))
    }
    guard isFilled else {
      loaded.free()
      return false
    }
    free()
    slots = loaded.slots
    mix = saved.mix
    return true
  }
}

extension Arena {
  /// Room for a stream's mix of what is encoded; nil where the model has no encoder.
  mutating func takeLatentMix(_ plan: ModelPlan) -> UnsafeMutablePointer<LatentMix>? {
    guard let mix = LatentMix(plan, arena: &self) else { return nil }
    let words = take(UInt64.self, count: (MemoryLayout<LatentMix>.stride + 7) / 8)
    let place = UnsafeMutableRawPointer(words).assumingMemoryBound(to: LatentMix.self)
    if !isMeasuring { place.initialize(to: mix) }
    return place
  }
}
