import Testing

@testable import Cadenza

@Suite struct SafetensorsWriterTests {
  @Test func bytes() {
    var writer = SafetensorsWriter(metadata: [("k", "a\"\\\n\u{1F}é")])
    writer.add("b", .float16, shape: [1], values: [1])
    writer.add("c", shape: [], values: [-2])
    writer.add("a", .bfloat16, shape: [1], bytes: [0x80, 0x3F])
    let header =
      #"{"__metadata__":{"k":"a\"\\\u000a\u001fé"},"c":{"dtype":"F32","shape":[],"data_offsets":[0, 4]},"#
      + #""a":{"dtype":"BF16","shape":[1],"data_offsets":[4, 6]},"b":{"dtype":"F16","shape":[1],"data_offsets":[6, 8]}}"#
    var expected = Array(header.utf8)
    while expected.count % 8 != 0 { expected.append(0x20) }
    #expect(writer.file() == rawFile(expected) + [0, 0, 0, 0xC0, 0x80, 0x3F, 0x00, 0x3C])
    #expect(writer.file() == writer.file())
  }

  /// Every half-precision value, its neighbourhood, and the midpoints between it and the next.
  @Test func float16Rounding() {
    for bits in UInt16(0)..<0x7C00 {
      let value = Float(Float16(bitPattern: bits))
      let next = bits == 0x7BFF ? 65536 : Float(Float16(bitPattern: bits + 1))
      let midpoint = (value + next) / 2
      for float in [value, value.nextUp, midpoint.nextDown, midpoint, midpoint.nextUp] {
        #expect(SafetensorsWriter.float16Bits(float) == Float16(float).bitPattern)
        #expect(SafetensorsWriter.float16Bits(-float) == Float16(-float).bitPattern)
      }
    }
    #expect(SafetensorsWriter.float16Bits(.infinity) == 0x7C00)
    #expect(SafetensorsWriter.float16Bits(-1e30) == 0xFC00)
    #expect(SafetensorsWriter.float16Bits(1e-30) == 0)
    #expect(Float16(bitPattern: SafetensorsWriter.float16Bits(.nan)).isNaN)
  }

  @Test func bfloat16Rounding() {
    #expect(SafetensorsWriter.bfloat16Bits(1) == 0x3F80)
    #expect(SafetensorsWriter.bfloat16Bits(Float(bitPattern: 0x3F80_8000)) == 0x3F80, "to even")
    #expect(SafetensorsWriter.bfloat16Bits(Float(bitPattern: 0x3F81_8000)) == 0x3F82, "to even")
    #expect(SafetensorsWriter.bfloat16Bits(Float(bitPattern: 0x3F80_8001)) == 0x3F81)
    #expect(SafetensorsWriter.bfloat16Bits(Float(bitPattern: 0x3F80_7FFF)) == 0x3F80)
    #expect(SafetensorsWriter.bfloat16Bits(.greatestFiniteMagnitude) == 0x7F80)
    #expect(SafetensorsWriter.bfloat16Bits(-.infinity) == 0xFF80)
    #expect(SafetensorsWriter.bfloat16Bits(Float(bitPattern: 0x7F80_0001)) & 0x7FFF > 0x7F80, "not a number")
  }
}
