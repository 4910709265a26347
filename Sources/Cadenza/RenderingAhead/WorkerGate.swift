import CadenzaKernels

/// Where a worker thread meets those who command it: it sleeps here, stops here while another thread works on what is its own, and
/// ends here.
struct WorkerGate {
  private struct State {
    let monitor: OpaquePointer
    /// What the worker works on; nil: nothing yet.
    var work: UnsafeMutableRawPointer?
    var isParkingAsked = false
    var isParked = false
    var isEnding = false
    /// Whether a thread waits for what the worker does.
    var isAwaited = false
  }

  // Only while the monitor is locked, but for the monitor itself.
  private let state: UnsafeMutablePointer<State>

  private var monitor: OpaquePointer {
    @_noLocks get { state.pointee.monitor }
  }

  /// nil where there is no memory.
  init?() {
    guard let monitor = ck_monitor_create() else { return nil }
    state = UnsafeMutablePointer<State>.allocate(capacity: 1)
    state.initialize(to: State(monitor: monitor))
  }

  /// The same gate as another thread sees it.
  init(address: UnsafeMutableRawPointer) { state = address.assumingMemoryBound(to: State.self) }

  var address: UnsafeMutableRawPointer { UnsafeMutableRawPointer(state) }

  func free() {
    ck_monitor_free(monitor)
    state.deallocate()
  }

  // MARK: The worker's side

  /// Waits for something to work on; nil where there will be nothing.
  func waitForWork() -> UnsafeMutableRawPointer? {
    ck_monitor_lock(monitor)
    defer { ck_monitor_unlock(monitor) }
    while state.pointee.work == nil && !state.pointee.isEnding { ck_monitor_wait(monitor, 0) }
    return state.pointee.isEnding ? nil : state.pointee.work
  }

  /// Between two pieces of work: stays for as long as others want it parked, then, where it `isIdle`, sleeps for `seconds` or until
  /// somebody calls. False where the worker is to end.
  func pass(isIdle: Bool, seconds: Double) -> Bool {
    ck_monitor_lock(monitor)
    defer { ck_monitor_unlock(monitor) }
    // Somebody who waits has called already.
    if isIdle && !isCalled { ck_monitor_wait(monitor, seconds) }
    if state.pointee.isAwaited { ck_monitor_tell(monitor) }
    while state.pointee.isParkingAsked && !state.pointee.isEnding {
      state.pointee.isParked = true
      ck_monitor_tell(monitor)
      ck_monitor_wait(monitor, 0)
    }
    state.pointee.isParked = false
    return !state.pointee.isEnding
  }

  private var isCalled: Bool { state.pointee.isAwaited || state.pointee.isParkingAsked || state.pointee.isEnding }

  // MARK: The others' side

  /// Lets the worker begin.
  func open(_ work: UnsafeMutableRawPointer) {
    ck_monitor_lock(monitor)
    state.pointee.work = work
    ck_monitor_tell(monitor)
    ck_monitor_unlock(monitor)
  }

  /// Waits until the worker does nothing, which takes as long as the piece of work at hand. Main thread.
  @_noLocks
  func park() {
    ck_monitor_lock(monitor)
    state.pointee.isParkingAsked = true
    ck_monitor_tell(monitor)
    while !state.pointee.isParked { ck_monitor_wait(monitor, 0) }
    ck_monitor_unlock(monitor)
  }

  /// Lets it go on. Main thread.
  @_noLocks
  func release() {
    ck_monitor_lock(monitor)
    state.pointee.isParkingAsked = false
    state.pointee.isParked = false
    ck_monitor_tell(monitor)
    ck_monitor_unlock(monitor)
  }

  /// Has the worker end; its thread can be joined.
  func end() {
    ck_monitor_lock(monitor)
    state.pointee.isEnding = true
    ck_monitor_tell(monitor)
    ck_monitor_unlock(monitor)
  }

  /// Waits until `ring` has frames beyond those before `frame`, or `epoch` has been begun: for hosts that render offline.
  @_noLocks
  func wait(until isDone: WorkerProgress) {
    ck_monitor_lock(monitor)
    state.pointee.isAwaited = true
    ck_monitor_tell(monitor)
    while !isDone.isReached { ck_monitor_wait(monitor, 0) }
    state.pointee.isAwaited = false
    ck_monitor_unlock(monitor)
  }
}
