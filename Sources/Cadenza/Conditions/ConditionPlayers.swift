import CadenzaKernels

/// All conditions of one stream, as the audio thread plays them into the vector h.
struct ConditionPlayers {
  private let players: UnsafeMutablePointer<ConditionPlayer>
  /// Where the host puts values, from whatever thread.
  let inboxes: UnsafeMutablePointer<ConditionInbox>
  let count: Int
  private let localCount: Int
  /// Latents that may move.
  private let movableCount: Int
  private let h: UnsafeMutablePointer<Float>

  /// They play `defaults` into `h`.
  init(_ plan: ModelPlan, defaults: [[Float]], h: UnsafeMutablePointer<Float>, arena: inout Arena) {
    self.h = h
    count = plan.conditions.count
    players = arena.take(ConditionPlayer.self, count: count)
    inboxes = arena.take(ConditionInbox.self, count: count)
    var localCount = 0
    var movableCount = 0
    for (index, input) in plan.conditions.enumerated() {
      let inbox = ConditionInbox(input, arena: &arena)
      let player = ConditionPlayer(inbox, defaultValue: defaults[index], h: h, arena: &arena)
      if input.framesPerValue > 0 { localCount += 1 }
      if input.isMovable { movableCount += 1 }
      if !arena.isMeasuring {
        (inboxes + index).initialize(to: inbox)
        (players + index).initialize(to: player)
      }
    }
    self.localCount = localCount
    self.movableCount = movableCount
  }

  /// Back to the beginning; the values stay.
  @_noLocks
  func reset() {
    for index in 0..<count { players[index].framesLeft = 0 }
  }

  /// Takes what the host has set; true where h changed.
  @_noLocks
  func beginBlock() -> Bool {
    var changed = false
    for index in 0..<count {
      if players[index].beginBlock(h) { changed = true }
    }
    return changed
  }

  /// Lets local conditions and latents play on to the next sample; true where h changed.
  @_noLocks @inline(__always)
  func beginSample() -> Bool {
    guard localCount + movableCount > 0 else { return false }
    var changed = advance(1)
    guard localCount > 0 else { return changed }
    for index in 0..<count {
      if players[index].beginSample(h) { changed = true }
    }
    return changed
  }

  /// Lets latents go on by `samples`; true where h changed.
  @_noLocks
  func advance(_ samples: UInt64) -> Bool {
    guard movableCount > 0 else { return false }
    var changed = false
    for index in 0..<count {
      if players[index].advance(samples, h) { changed = true }
    }
    return changed
  }

  /// Sets the conditions that follow the position of what is chosen next; true where h changed.
  @_noLocks
  func follow(position: UInt64) -> Bool {
    var changed = false
    for index in 0..<count {
      if players[index].follow(position: position, h) { changed = true }
    }
    return changed
  }

  // MARK: State

  var savedByteCount: Int {
    var bytes = 0
    for index in 0..<count { bytes += 8 + players[index].savedCount * 4 + players[index].savedGlideByteCount }
    return bytes
  }

  /// Writes what plays and what waits; true where h changed, because the host had set something.
  func save(_ writer: inout ByteWriter) -> Bool {
    var changed = false
    for index in 0..<count {
      let savedCount = players[index].savedCount
      let numbers = UnsafeMutablePointer<Float>.allocate(capacity: savedCount)
      defer { numbers.deallocate() }
      if players[index].save(to: numbers, h) { changed = true }
      writer.write(UInt32(players[index].framesLeft))
      writer.write(UInt32(players[index].waitingCount()))
      writer.write(UnsafeRawPointer(numbers), count: savedCount * 4)
      players[index].saveGlide(&writer)
    }
    return changed
  }

  /// Reads what `save` wrote: checks it, or, where `isLoading`, plays what was checked before.
  func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    for index in 0..<count {
      let framesLeft = reader.readUInt32()
      let waiting = reader.readUInt32()
      let savedCount = players[index].savedCount
      let numbers = UnsafeMutablePointer<Float>.allocate(capacity: savedCount)
      defer { numbers.deallocate() }
      reader.read(into: numbers, count: savedCount * 4)
      if isLoading {
        players[index].load(numbers, framesLeft: framesLeft, waiting: waiting, h)
      } else if !players[index].accepts(numbers, framesLeft: framesLeft, waiting: waiting) {
        return false
      }
      guard players[index].readGlide(&reader, isLoading: isLoading) else { return false }
    }
    return true
  }
}
