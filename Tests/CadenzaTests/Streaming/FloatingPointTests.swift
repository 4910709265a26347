import CadenzaKernels
import Testing

@testable import Cadenza

/// Hosts set flush-to-zero and who knows what on their audio threads: the bits do not depend on it, and it is left as it was.
@Suite("Floating-point environment")
struct FloatingPointTests {
  /// At the model's rate, and at others, whose filters are made while the host's settings hold.
  @Test(arguments: [0, 44_100, 16_001])
  func hostSettingsNeitherCountNorChange(rate: Int) throws {
    let model = try Model(path: Reference.named("lstm-embedding").modelPath)
    var options = StreamOptions(for: model)
    options.sampleRate = rate
    options.inputSampleRate = rate
    let prompt = sine(0.0123, count: 200)
    let reference = try Stream(model: model, options: options)
    #expect(reference.prime(prompt) == .ok)
    let expected = reference.take(300)
    let saved = ck_enter_arithmetic()
    #if arch(x86_64)
      let hosts: UInt64 = 0x1F80 | 0x8040 | 0x6000  // flush to zero, denormals are zero, round towards zero
    #elseif arch(arm64)
      let hosts: UInt64 = 1 << 24 | 3 << 22
    #endif
    ck_leave_arithmetic(hosts)
    let stream = try? Stream(model: model, options: options)
    let primed = stream?.prime(prompt)
    let output = stream?.take(300) ?? []
    let left = ck_enter_arithmetic()
    ck_leave_arithmetic(saved)
    #expect(primed == .ok)
    // Without the six flags of what has happened: the arithmetic around the calls sets them.
    #expect(left & ~0x3F == hosts & ~0x3F)
    #expect(output.bits == expected.bits)
  }
}
