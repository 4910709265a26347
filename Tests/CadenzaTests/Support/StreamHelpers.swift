@testable import Cadenza

extension Stream {
  /// The next `frames` samples, asked for in blocks of the given sizes, in turn.
  func take(_ frames: Int, blocks: [Int] = [64]) -> [Float] {
    var output = [Float](repeating: .nan, count: frames)
    var done = 0
    var turn = 0
    output.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      while done < frames {
        let count = min(blocks[turn % blocks.count], frames - done)
        _ = generate(into: base + done, frames: count)
        done += count
        turn += 1
      }
    }
    return output
  }

  func prime(_ samples: [Float]) -> Status {
    samples.withUnsafeBufferPointer { prime($0.baseAddress!, frames: $0.count) }
  }

  func setCondition(_ index: Int, _ values: [Float]) -> Status {
    values.withUnsafeBufferPointer { setCondition(index, $0.baseAddress!, count: $0.count) }
  }

  func savedState() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: stateByteCount)
    _ = bytes.withUnsafeMutableBytes { saveState(into: $0.baseAddress!, capacity: $0.count) }
    return bytes
  }

  func load(_ bytes: [UInt8]) -> Status {
    bytes.withUnsafeBytes { loadState($0) }
  }
}

extension Array where Element == Float {
  /// Equality of floating-point numbers is not enough: the bits.
  var bits: [UInt32] { map(\.bitPattern) }
}
