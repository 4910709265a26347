import Testing

@testable import Cadenza

@Suite struct BadModelFileTests {
  @Test(arguments: BadModelFiles.all)
  func refused(file: BadModelFile) {
    let failure = #expect(throws: Failure.self) { try load(file.bytes()) }
    guard let failure else { return }
    #expect(failure.status == file.status, "\(failure.message)")
    #expect(failure.message.contains(file.sentence), "\(failure.message)")
    expectReadable(failure)
  }

  @Test func namesAreDistinct() {
    let names = BadModelFiles.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 60)
  }

  @Test func everyPrefix() throws {
    for bytes in [
      SmallModel.bytes(), SmallModel.recurrentBytes(), SmallModel.transformerBytes(), SmallModel.bytes(elementType: .float16),
    ] {
      try load(bytes)
      for count in 0..<bytes.count {
        let failure = #expect(throws: Failure.self) { try load(Array(bytes[..<count])) }
        if let failure { expectReadable(failure) }
      }
    }
  }

  /// Each byte of the header set to values that mean something to a reader, and to its bitwise neighbours: it loads or it is
  /// refused with a sentence.
  @Test func everyByteOfTheHeader() throws {
    let bytes = SmallModel.bytes(
      configuration: #"{"network":{"kind":"wavenet","vocabulary_size":2,"input":{"kind":"embedding"},"kernel_size":2,"#
        + #""dilations":[1],"residual_channels":1,"skip_channels":1,"biases":[]},"codec":{"kind":"mu_law","#
        + #""sample_rate":16000,"levels":2}}"#,
      tensors: [
        ("input.embedding.weight", [2, 1]), ("layers.0.gate.weight", [2, 1, 2]), ("layers.0.skip.weight", [1, 1]),
        ("head.hidden.weight", [1, 1]), ("head.output.weight", [2, 1]),
      ])
    try load(bytes)
    let headerEnd = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let interesting = Array("\"\\{}[]:,-+.eE0192utn \n".utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC0, 0xED, 0xF4, 0xFF]
    var accepted = 0
    for position in 0..<headerEnd {
      for byte in interesting + (0..<8).map({ bytes[position] ^ 1 << $0 }) where byte != bytes[position] {
        do throws(Failure) {
          try load(bytes.with(byte, at: position))
          accepted += 1
        } catch {
          expectReadable(error)
        }
      }
    }
    // Padding, say, may be another space.
    #expect(accepted > 0)
  }

  private func expectReadable(_ failure: Failure, sourceLocation: SourceLocation = #_sourceLocation) {
    let bytes = failure.sentence.bytes
    let isReadable = !bytes.isEmpty && bytes.count < 512 && bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    #expect(isReadable, "\(failure.message)", sourceLocation: sourceLocation)
    #expect(failure.status.rawValue < 0, sourceLocation: sourceLocation)
  }
}
