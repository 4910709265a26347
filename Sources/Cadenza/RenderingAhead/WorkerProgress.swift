/// What a thread may wait for: that a worker has begun an epoch, and has written frames that wait.
struct WorkerProgress {
  let ring: FrameRing
  let beginning: EpochBeginning
  let epoch: UInt64

  @_noLocks
  init(ring: FrameRing, beginning: EpochBeginning, epoch: UInt64) {
    self.ring = ring
    self.beginning = beginning
    self.epoch = epoch
  }

  var isReached: Bool {
    @_noLocks get { beginning.isBegun(epoch) && ring.written > max(ring.taken, beginning.frame) }
  }
}
