/// Hands out a file's tensors by name, each checked: its shape is the expected one and its values are finite. At the end,
/// `finish` refuses a file that holds more than was asked for.
struct TensorReader {
  private let file: SafetensorsFile
  private var isTaken: [Bool]
  /// What the names of the tensors that are taken now begin with.
  var prefix: Sentence = ""

  init(_ file: SafetensorsFile) {
    self.file = file
    isTaken = [Bool](repeating: false, count: file.tensorCount)
  }

  func contains(_ name: Sentence) -> Bool { file.index(ofTensor: prefix.bytes + name.bytes) != nil }

  /// Refuses a tensor that is missing, has another shape, or holds a value that is not finite.
  mutating func take(_ place: Sentence, shape: [Int]) throws(Failure) -> Tensor {
    let name: Sentence = "\(prefix)\(place)"
    guard let index = file.index(ofTensor: name.bytes) else {
      throw Failure(.format, "tensor \(quoted: name.bytes) is missing, expected with shape \(shape)")
    }
    let tensor = file.tensor(index)
    guard tensor.shape == shape else {
      throw Failure(.format, "tensor \(quoted: name.bytes) has shape \(tensor.shape), expected \(shape)")
    }
    if let position = tensor.firstNonFiniteIndex {
      throw Failure(.format, "tensor \(quoted: name.bytes) holds a value that is not finite, at index \(position)")
    }
    isTaken[index] = true
    return tensor
  }

  /// Refuses tensors that nobody took: a file whose configuration and tensors disagree would sound wrong.
  func finish() throws(Failure) {
    var first: Int?
    var count = 0
    for index in isTaken.indices where !isTaken[index] {
      if first == nil { first = index }
      count += 1
    }
    guard let first else { return }
    let name = file.tensorName(first)
    if count == 1 {
      throw Failure(.format, "tensor \(quoted: name) is unknown: the configuration does not ask for it")
    }
    throw Failure(
      .format, "tensor \(quoted: name) and \(count - 1) more are unknown: the configuration does not ask for them")
  }
}

extension Tensor {
  /// The flat index of the first value that is infinite or not a number.
  var firstNonFiniteIndex: Int? {
    switch elementType {
    case .float32: firstIndex(of: UInt32.self, withAllBitsOf: 0x7F80_0000)
    case .float16: firstIndex(of: UInt16.self, withAllBitsOf: 0x7C00)
    case .bfloat16: firstIndex(of: UInt16.self, withAllBitsOf: 0x7F80)
    }
  }

  /// The first element whose exponent bits are all set. A block at a time without a branch, which the compiler turns into
  /// vector instructions; then the block that held one.
  private func firstIndex<Bits: FixedWidthInteger & UnsignedInteger>(
    of type: Bits.Type, withAllBitsOf exponent: Bits
  ) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    let stride = MemoryLayout<Bits>.size
    let count = bytes.count / stride
    let blockCount = 1024
    var start = 0
    while start < count {
      let end = min(start + blockCount, count)
      var largest: Bits = 0
      for index in start..<end {
        let bits = Bits(littleEndian: base.loadUnaligned(fromByteOffset: index &* stride, as: Bits.self))
        largest = max(largest, bits & exponent)
      }
      if largest == exponent {
        for index in start..<end {
          let bits = Bits(littleEndian: base.loadUnaligned(fromByteOffset: index &* stride, as: Bits.self))
          if bits & exponent == exponent { return index }
        }
      }
      start = end
    }
    return nil
  }
}
