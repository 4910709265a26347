import Testing

@testable import Cadenza

@Suite struct TensorReaderTests {
  /// The first value that is not finite is found wherever it is, past the blocks that the scan works in too.
  @Test(arguments: [ElementType.float32, .float16, .bfloat16])
  func nonFinite(elementType: ElementType) throws {
    let count = 3000
    for position in [0, 1, 1023, 1024, 1025, 2048, 2998, 2999] {
      for value in [Float.infinity, -.infinity, .nan] {
        var values = (0..<count).map { Float($0) - 1500 }
        values[position] = value
        values[count - 1] = value
        var writer = SafetensorsWriter(metadata: [])
        writer.add("a", elementType, shape: [count], values: values)
        try writer.file().withUnsafeBytes { buffer in
          var reader = TensorReader(try SafetensorsFile(buffer))
          let failure = #expect(throws: Failure.self) { try reader.take("a", shape: [count]) }
          #expect(failure?.message == "tensor \"a\" holds a value that is not finite, at index \(position)")
        }
      }
    }
  }

  @Test func names() throws {
    var writer = SafetensorsWriter(metadata: [])
    let names = (0..<100).map { "layers.\($0).weight" }
    for name in names { writer.add(name, shape: [1], values: [1]) }
    try writer.file().withUnsafeBytes { buffer in
      var reader = TensorReader(try SafetensorsFile(buffer))
      for layer in 0..<100 {
        #expect(reader.contains("layers.\(layer).weight"))
        let tensor = try reader.take("layers.\(layer).weight", shape: [1])
        #expect(tensor.name == names[layer])
      }
      #expect(!reader.contains("layers.100.weight") && !reader.contains("layers") && !reader.contains(""))
      #expect(!reader.contains("layers.0.weight.") && !reader.contains("zzz"))
      try reader.finish()
    }
  }

  @Test func refusedTensorsStayUntaken() throws {
    var writer = SafetensorsWriter(metadata: [])
    writer.add("a", shape: [2], values: [1, 2])
    try writer.file().withUnsafeBytes { buffer in
      var reader = TensorReader(try SafetensorsFile(buffer))
      #expect(throws: Failure.self) { try reader.take("a", shape: [3]) }
      let failure = #expect(throws: Failure.self) { try reader.finish() }
      #expect(failure?.message == "tensor \"a\" is unknown: the configuration does not ask for it")
    }
  }
}
