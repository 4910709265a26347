import Foundation
import Testing

@testable import Cadenza

/// Networks whose weights are finite, as the loader asks, and whose products are not.
@Suite("Numeric errors")
struct NumericErrorTests {
  func overflowing(_ name: String) throws -> Model {
    let reference = try Reference.named(name)
    let data = try Data(contentsOf: URL(fileURLWithPath: reference.modelPath))
    let length = Int(data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    let header = try #require(try JSONSerialization.jsonObject(with: data[8..<(8 + length)]) as? [String: Any])
    var bytes = [UInt8](data)
    // All weights of the head near the largest single-precision number: their sums are infinite.
    for (key, value) in header where key.hasPrefix("head") {
      let entry = try #require(value as? [String: Any])
      let offsets = try #require(entry["data_offsets"] as? [Int])
      #expect(entry["dtype"] as? String == "F32")
      bytes.withUnsafeMutableBytes { memory in
        for place in stride(from: 8 + length + offsets[0], to: 8 + length + offsets[1], by: 4) {
          memory.storeBytes(of: Float(3e38).bitPattern, toByteOffset: place, as: UInt32.self)
        }
      }
    }
    return try bytes.withUnsafeBytes { memory throws(Failure) in try Model(bytes: memory) }
  }

  @Test(arguments: ["wavenet-plain", "lstm-embedding", "gru-waveform"])
  func silenceAndAStatusUntilReset(name: String) throws {
    let model = try overflowing(name)
    let stream = try Stream(model: model, options: StreamOptions(for: model))
    for block in 0..<3 {
      var output = [Float](repeating: 9, count: 100)
      let status = output.withUnsafeMutableBufferPointer { stream.generate(into: $0.baseAddress!, frames: 100) }
      #expect(status == .numeric)
      if block > 0 || output[0] == 0 { #expect(output.allSatisfy { $0 == 0 }) }
      #expect(output.allSatisfy { $0.isFinite })
    }
    #expect(stream.statistics.numericErrors == 1)
    #expect(stream.prime([0, 0.1]) == .state)
    let saved = stream.savedState()
    #expect(stream.reset(seed: 0) == .ok)
    #expect(stream.statistics.numericErrors == 0)
    if model.vocabularySize != nil {
      // Until the head is asked, nothing is wrong.
      #expect(stream.prime([0, 0.1]) == .ok)
      var nats = 1.0
      let status = [Float](repeating: 0, count: 4).withUnsafeBufferPointer {
        stream.score($0.baseAddress!, frames: 4, nats: &nats)
      }
      #expect(status == .numeric)
      #expect(nats == 0)
    }
    #expect(stream.load(saved) == .ok)
    #expect(stream.take(10).allSatisfy { $0 == 0 })
  }
}
