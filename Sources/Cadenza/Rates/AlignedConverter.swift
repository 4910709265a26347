import CadenzaKernels

/// Converts whole sounds, each from its first sample to its last, without a lag: output sample n is where input sample
/// n · input / output is, and a sound of N input samples becomes one of ⌈N · output / input⌉.
///
/// `push` each sample and take what is ready; at the end, `extend` for as long as `owed` outputs are not out. A sound begins
/// after silence; behind its end it is taken to go on turned about its last sample, which bends least what comes shortly
/// before.
struct AlignedConverter {
  private var converter: RateConverter
  /// Whether a sound has begun and not ended.
  private(set) var isOpen = false
  /// Outputs to leave out: the lag.
  private var lag = 0
  /// Samples of the extension so far.
  private var extended = 0

  init(_ ratio: RateRatio, kernels: UnsafePointer<ck_kernels>, arena: inout Arena) {
    converter = RateConverter(ratio, kernels: kernels, arena: &arena)
  }

  /// Outputs that are still to come once all of a sound was pushed, the ones to leave out among them.
  var owed: Int {
    @_noLocks get { converter.latency }
  }
  var isReady: Bool {
    @_noLocks get { converter.isReady }
  }

  /// Forgets the sound; the next begins anew.
  @_noLocks
  mutating func reset() {
    converter.reset()
    isOpen = false
    lag = 0
    extended = 0
  }

  /// Takes a sample, limited to −1 … 1, of this sound or of a new one.
  @_noLocks
  mutating func push(_ sample: Float) {
    if !isOpen {
      reset()
      isOpen = true
      lag = converter.latency
    }
    converter.push(sample < -1 ? -1 : sample > 1 ? 1 : sample)
  }

  /// Takes a sample of the sound's extension.
  @_noLocks
  mutating func extend() {
    extended += 1
    let last = converter.past(extended - 1)
    let mirrored = converter.past(2 * extended - 1)
    let sample = 2 * last - mirrored
    converter.push(sample)
  }

  /// The next output where one is ready; nil where it is to be left out.
  @_noLocks
  mutating func next() -> Float? {
    let sample = converter.next()
    if lag > 0 {
      lag -= 1
      return nil
    }
    return sample
  }

  // MARK: State

  var savedByteCount: Int { 8 + converter.savedByteCount }

  func save(_ writer: inout ByteWriter) {
    writer.write(UInt32(isOpen ? 1 : 0))
    writer.write(UInt32(lag))
    converter.save(&writer)
  }

  /// As `RateConverter.read`.
  mutating func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    let open = reader.readUInt32()
    let lag = Int(reader.readUInt32())
    guard open <= 1, lag <= converter.latency, converter.read(&reader, isLoading: isLoading) else { return false }
    if isLoading {
      isOpen = open == 1
      self.lag = lag
      extended = 0
    }
    return true
  }
}
