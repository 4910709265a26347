import CadenzaKernels

/// A thread that renders ahead for one stream, from before the stream is there until it is no more.
struct Worker {
  let gate: WorkerGate
  let thread: OpaquePointer?

  init(gate: WorkerGate, thread: OpaquePointer?) {
    self.gate = gate
    self.thread = thread
  }

  /// Starts one, which waits for its gate to be opened with an unretained `Stream`. Throws `outOfMemory`, and `state` where the system
  /// has no thread to give.
  init() throws(Failure) {
    guard let gate = WorkerGate() else {
      throw Failure(.outOfMemory, "no memory for the worker of a stream that renders ahead")
    }
    let thread = ck_thread_start({ Worker.run($0) }, gate.address)
    guard let thread else {
      gate.free()
      throw Failure(
        .state, "the thread that is to render ahead cannot be started: the system, or a limit of this process, allows no more")
    }
    self.gate = gate
    self.thread = thread
  }

  private static func run(_ address: UnsafeMutableRawPointer?) {
    guard let address else { return }
    let gate = WorkerGate(address: address)
    // The stream lets its worker end before it is gone: nobody needs to count a reference.
    if let work = gate.waitForWork() {
      Unmanaged<Stream>.fromOpaque(UnsafeRawPointer(work))._withUnsafeGuaranteedRef { $0.renderAhead() }
    }
  }

  /// Waits until the thread has ended, and frees what it had.
  func end() {
    gate.end()
    if let thread { ck_thread_join(thread) }
    gate.free()
  }
}
