import Glibc

/// Samples written one after another to what cannot be gone back in, such as a pipe: a WAV header that tells the length ahead,
/// or no header at all.
final class SampleStreamWriter: AudioSink {
  private let descriptor: Int32
  private let name: String
  private let format: SampleFormat
  private let output: OutputFile?
  private var bytes: [UInt8] = []

  /// `output` is kept open for as long as it is written to; nil: standard output.
  init(output: OutputFile?, format: SampleFormat, header: Bool, sampleRate: Int, frames: Int) throws {
    self.output = output
    self.format = format
    descriptor = output?.descriptor ?? STDOUT_FILENO
    name = output.map { "\"\($0.path)\"" } ?? "standard output"
    if header {
      try send(SampleStreamWriter.wavHeader(format: format, sampleRate: sampleRate, frames: frames))
    }
  }

  func write(_ samples: UnsafeBufferPointer<Float>) throws {
    bytes.removeAll(keepingCapacity: true)
    for sample in samples {
      switch format {
      case .float: append(sample.bitPattern, 4)
      case .pcm16: append(UInt32(bitPattern: Int32((min(max(sample, -1), 1) * 0x7FFF).rounded(.toNearestOrEven))), 2)
      case .pcm24: append(UInt32(bitPattern: Int32((min(max(sample, -1), 1) * 0x7F_FFFF).rounded(.toNearestOrEven))), 3)
      }
    }
    try send(bytes)
  }

  func finish() throws {
    try output?.commit()
  }

  private func append(_ value: UInt32, _ count: Int) {
    for byte in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte)))) }
  }

  private func send(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try StandardStreams.write($0, to: descriptor, name: name) }
  }

  private static func wavHeader(format: SampleFormat, sampleRate: Int, frames: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    func text(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }
    func number(_ value: Int, _ count: Int) {
      for byte in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
    // A length beyond 32 bits is written as "until the end", as other tools do.
    let (data, overflow) = frames.multipliedReportingOverflow(by: format.byteCount)
    let isFloat = format == .float
    let preamble = isFloat ? 50 : 36
    let limit = Int(UInt32.max)
    let fits = !overflow && data <= limit - preamble
    text("RIFF")
    number(fits ? data + preamble : limit, 4)
    text("WAVEfmt ")
    number(isFloat ? 18 : 16, 4)
    number(isFloat ? 3 : 1, 2)
    number(1, 2)
    number(sampleRate, 4)
    number(sampleRate * format.byteCount, 4)
    number(format.byteCount, 2)
    number(format.byteCount * 8, 2)
    if isFloat {
      number(0, 2)
      text("fact")
      number(4, 4)
      number(min(frames, limit), 4)
    }
    text("data")
    number(fits ? data : limit, 4)
    return bytes
  }
}
