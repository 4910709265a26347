import CadenzaKernels
import Testing

@testable import Cadenza

/// Hosts set flush-to-zero and who knows what on their audio threads: the bits do not depend on it, and it is left as it was.
@Suite("Floating-point environment")
struct FloatingPointTests {
  @Test func hostSettingsNeitherCountNorChange() throws {
    let model = try Model(path: Reference.named("lstm-embedding").modelPath)
    let expected = try Stream(model: model, options: StreamOptions(for: model)).take(300)
    let stream = try Stream(model: model, options: StreamOptions(for: model))
    let saved = ck_enter_arithmetic()
    #if arch(x86_64)
      let hosts: UInt64 = 0x1F80 | 0x8040 | 0x6000  // flush to zero, denormals are zero, round towards zero
    #elseif arch(arm64)
      let hosts: UInt64 = 1 << 24 | 3 << 22
    #endif
    ck_leave_arithmetic(hosts)
    let output = stream.take(300)
    let left = ck_enter_arithmetic()
    ck_leave_arithmetic(saved)
    // Without the six flags of what has happened: the arithmetic around the calls sets them.
    #expect(left & ~0x3F == hosts & ~0x3F)
    #expect(output.bits == expected.bits)
  }
}
