import CadenzaKernels

/// Converts sounds from one sample rate to another, with the quality of a stream's output.
///
///     let converter = try SampleRateConverter(from: 44_100, to: 16_000)
///     let converted = converter.convert(samples) + converter.finish()
///
/// A sound of N samples becomes one of ⌈N · to / from⌉, sample n of which is where sample n · from / to was. It may come in
/// pieces of any size. One thread at a time.
public final class SampleRateConverter {
  /// nil: the rates are the same.
  private let converter: UnsafeMutablePointer<AlignedConverter>?
  private let memory: UnsafeMutableRawPointer

  /// Hz that a converter takes and gives.
  public static var sampleRates: ClosedRange<Int> { CodecConfiguration.sampleRates }

  /// Rates in Hz. Throws `invalidArgument` where they are not 1,000 … 768,000; `outOfMemory`.
  public convenience init(from inputRate: Int, to outputRate: Int) throws(Failure) {
    for rate in [inputRate, outputRate] {
      guard Self.sampleRates.contains(rate) else {
        throw Failure(
          .invalidArgument,
          "a sample rate is \(rate) Hz, expected \(Self.sampleRates.lowerBound) to \(Self.sampleRates.upperBound)")
      }
    }
    let ratio = RateRatio(from: inputRate, to: outputRate)
    var measuring = Arena.measuring()
    if inputRate != outputRate { _ = AlignedConverter(ratio, kernels: ck_kernels_choose(), arena: &measuring) }
    guard let memory = ck_allocate(measuring.byteCount) else {
      throw Failure(.outOfMemory, "no memory for \(measuring.byteCount) bytes of a sample-rate converter")
    }
    self.init(ratio, memory)
  }

  private init(_ ratio: RateRatio, _ memory: UnsafeMutableRawPointer) {
    self.memory = memory
    guard ratio.input != ratio.output else {
      converter = nil
      return
    }
    var arena = Arena(filling: memory)
    let arithmetic = ck_enter_arithmetic()
    let converter = UnsafeMutablePointer<AlignedConverter>.allocate(capacity: 1)
    converter.initialize(to: AlignedConverter(ratio, kernels: ck_kernels_choose(), arena: &arena))
    ck_leave_arithmetic(arithmetic)
    self.converter = converter
  }

  deinit {
    converter?.deallocate()
    ck_free(memory)
  }

  /// The next samples of a sound, −1 … 1 and finite (others are clipped; NaN is taken as silence), as far as they can be
  /// converted already.
  public func convert(_ samples: UnsafeBufferPointer<Float>) -> [Float] {
    guard let converter else { return Array(samples) }
    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    var converted: [Float] = []
    for sample in samples {
      converter.pointee.push(sample == sample ? sample : 0)
      while converter.pointee.isReady {
        if let next = converter.pointee.next() { converted.append(next) }
      }
    }
    return converted
  }

  /// The same for samples in an array.
  public func convert(_ samples: [Float]) -> [Float] {
    samples.withUnsafeBufferPointer { convert($0) }
  }

  /// The rest of the sound; what is converted next is another.
  public func finish() -> [Float] {
    guard let converter, converter.pointee.isOpen else { return [] }
    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    var converted: [Float] = []
    for _ in 0..<converter.pointee.owed {
      while !converter.pointee.isReady { converter.pointee.extend() }
      if let next = converter.pointee.next() { converted.append(next) }
    }
    converter.pointee.reset()
    return converted
  }
}
