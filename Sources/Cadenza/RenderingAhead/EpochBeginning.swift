import Synchronization

/// A reset on its way from the thread that asks for it to the one that generates, and the answer: the frame of the ring at which the
/// stream began anew.
///
/// Epochs are counted: the first is 0, and each reset begins the next.
struct EpochBeginning {
  private let asked: UnsafeMutablePointer<Atomic<UInt64>>
  private let begun: UnsafeMutablePointer<Atomic<UInt64>>
  private let seedBits: UnsafeMutablePointer<Atomic<UInt64>>
  private let firstFrame: UnsafeMutablePointer<Atomic<UInt64>>

  init(arena: inout Arena) {
    asked = arena.takeAtomicCounter()
    begun = arena.takeAtomicCounter()
    seedBits = arena.takeAtomicCounter()
    firstFrame = arena.takeAtomicCounter()
  }

  // MARK: Player's side

  /// Asks for the next epoch.
  @_noLocks
  func ask(seed: UInt64) {
    seedBits.pointee.store(seed, ordering: .releasing)
    asked.pointee.store(latest + 1, ordering: .releasing)
  }

  /// The epoch that was last asked for.
  var latest: UInt64 {
    @_noLocks get { asked.pointee.load(ordering: .acquiring) }
  }

  /// Whether the generator is in `epoch`.
  @_noLocks
  func isBegun(_ epoch: UInt64) -> Bool { begun.pointee.load(ordering: .acquiring) == epoch }

  /// Of the epoch that was last begun.
  var frame: UInt64 {
    @_noLocks get { firstFrame.pointee.load(ordering: .relaxed) }
  }

  // MARK: Generator's side

  /// The epoch at hand.
  var current: UInt64 {
    @_noLocks get { begun.pointee.load(ordering: .relaxed) }
  }

  /// Of a new epoch where one is asked for, the seed. (Where the next reset comes meanwhile it may be that one's: then this epoch is
  /// over before anybody hears it.)
  @_noLocks
  func next() -> (epoch: UInt64, seed: UInt64)? {
    let epoch = latest
    if epoch == current { return nil }
    return (epoch, seedBits.pointee.load(ordering: .acquiring))
  }

  /// Tells that `epoch` begins at `frame` of the ring.
  @_noLocks
  func begin(_ epoch: UInt64, at frame: UInt64) {
    firstFrame.pointee.store(frame, ordering: .relaxed)
    begun.pointee.store(epoch, ordering: .releasing)
  }
}
