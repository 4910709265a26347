import CadenzaKernels
import Foundation
import Testing

@testable import Cadenza

/// The kernel sets that this machine runs.
var kernelSets: [UnsafePointer<ck_kernels>] {
  let names: [String] = ["portable", "avx2", "avx512", "neon"]
  return names.compactMap { ck_kernels_named($0) }
}

@Suite("Kernels")
struct KernelTests {
  typealias Function = (UnsafePointer<ck_kernels>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void

  /// Calls an elementwise kernel on a list, padded to whole panels.
  func apply(_ kernels: UnsafePointer<ck_kernels>, _ values: [Float], _ function: Function) -> [Float] {
    let count = RowOrder.padded(values.count)
    let x = ck_allocate(count * 4)!.assumingMemoryBound(to: Float.self)
    let y = ck_allocate(count * 4)!.assumingMemoryBound(to: Float.self)
    defer {
      ck_free(x)
      ck_free(y)
    }
    for (index, value) in values.enumerated() { x[index] = value }
    function(kernels, x, y, count)
    return (0..<values.count).map { y[$0] }
  }

  /// Numbers of all magnitudes and both signs, from a stride over the bit patterns.
  static let numbers: [Float] = (0..<400_000).compactMap { step in
    let value = Float(bitPattern: UInt32(truncatingIfNeeded: step * 10_739 + 1))
    return value.isFinite ? value : nil
  }

  @Test func portableIsAlwaysThere() {
    #expect(!kernelSets.isEmpty)
    #expect(ck_kernels_named("altivec") == nil)
    #expect(ck_kernels_named(nil) == nil)
  }

  /// The errors that Kernels.inc states, over all magnitudes.
  @Test func elementaryFunctionsKeepTheirStatedErrors() throws {
    let kernels = try #require(kernelSets.last)
    let exps = apply(kernels, Self.numbers) { ck_exp($0, $1, $2, $3) }
    let tanhs = apply(kernels, Self.numbers) { ck_tanh($0, $1, $2, $3) }
    let sigmoids = apply(kernels, Self.numbers) { ck_sigmoid($0, $1, $2, $3) }
    var worst = (exp: 0.0, tanh: 0.0, sigmoid: 0.0)
    for (index, x) in Self.numbers.enumerated() {
      if abs(x) < 87 { worst.exp = max(worst.exp, abs(Double(exps[index]) / exp(Double(x)) - 1)) }
      let exact = tanh(Double(x))
      if abs(exact) > 1e-37 { worst.tanh = max(worst.tanh, abs(Double(tanhs[index]) / exact - 1)) }
      #expect(abs(tanhs[index]) <= 1)
      if x > -87 { worst.sigmoid = max(worst.sigmoid, abs(Double(sigmoids[index]) * (1 + exp(-Double(x))) - 1)) }
    }
    #expect(worst.exp < 1.3e-7)
    #expect(worst.tanh < 4e-7)
    #expect(worst.sigmoid < 3e-7)
  }

  @Test func elementaryFunctionsGiveTheSameBitsEverywhere() {
    let functions: [Function] = [
      { ck_exp($0, $1, $2, $3) }, { ck_tanh($0, $1, $2, $3) }, { ck_sigmoid($0, $1, $2, $3) },
    ]
    for function in functions {
      let results = kernelSets.map { kernels in apply(kernels, Self.numbers, function).map(\.bitPattern) }
      for result in results { #expect(result == results[0]) }
    }
  }

  @Test func doublePrecisionFunctionsAgreeWithTheSystem() {
    for step in -20_000...20_000 {
      let x = Double(step) * 0.0345
      #expect(abs(ck_exp_double(x) / exp(x) - 1) < 1e-14)
      let y = exp(x)
      #expect(abs(ck_log(y) - log(y)) <= 1e-14 * max(abs(log(y)), 1e-3))
    }
    #expect(ck_log(1) == 0)
    #expect(abs(ck_log(5e-324) - log(5e-324)) < 1e-11)
  }

  @Test func nanGoesThrough() {
    for kernels in kernelSets {
      #expect(apply(kernels, [.nan]) { ck_exp($0, $1, $2, $3) }[0].isNaN)
      #expect(apply(kernels, [.nan]) { ck_tanh($0, $1, $2, $3) }[0].isNaN)
      #expect(apply(kernels, [.nan]) { ck_sigmoid($0, $1, $2, $3) }[0].isNaN)
      #expect(apply(kernels, [.infinity]) { ck_tanh($0, $1, $2, $3) }[0] == 1)
    }
  }

  /// A matrix packed from a tensor, times a vector, against the plain double loop; all shapes of blocks and panels, all storage
  /// types, forwards and backwards, one vector and many, all sets the same bits.
  @Test(arguments: [1, 15, 16, 17, 48, 64, 65, 112, 128, 130, 176, 192, 200, 256, 272, 320], [1, 2, 31, 64])
  func productsAgree(rows: Int, columns: Int) throws {
    var random = RandomGenerator(seed: UInt64(rows * 1000 + columns))
    for elementType in [ElementType.float32, .float16, .bfloat16] {
      let bytes = (0..<(rows * columns)).flatMap { _ -> [UInt8] in
        let value = random.uniform() * 2 - 1
        switch elementType {
        case .float32: return withUnsafeBytes(of: value.bitPattern.littleEndian) { [UInt8]($0) }
        case .float16:
          // A half of exponent −3 … 0 and random digits.
          let half = UInt16(truncatingIfNeeded: random.next()) & 0x83FF | UInt16(12 + random.next() % 4) << 10
          return withUnsafeBytes(of: half.littleEndian) { [UInt8]($0) }
        case .bfloat16: return withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) { [UInt8]($0) }
        }
      }
      try bytes.withUnsafeBytes { memory in
        let tensor = Tensor(name: "w", elementType: elementType, shape: [rows, columns], bytes: memory)
        var measuring = Arena.measuring()
        _ = measuring.pack([MatrixPart(tensor, rows: RowOrder.plain(rows))], columns: columns)
        let storage = try #require(ck_allocate(measuring.byteCount))
        defer { ck_free(storage) }
        var arena = Arena(filling: storage)
        let matrix = arena.pack([MatrixPart(tensor, rows: RowOrder.plain(rows))], columns: columns)

        let padded = RowOrder.padded(rows)
        let vectors = 5
        let x = ck_allocate(vectors * columns * 4)!.assumingMemoryBound(to: Float.self)
        let start = ck_allocate(padded * 4)!.assumingMemoryBound(to: Float.self)
        let y = ck_allocate(vectors * padded * 4)!.assumingMemoryBound(to: Float.self)
        defer {
          ck_free(x)
          ck_free(start)
          ck_free(y)
        }
        for index in 0..<(vectors * columns) { x[index] = random.uniform() * 2 - 1 }
        for index in 0..<rows { start[index] = random.uniform() }

        var results: [[UInt32]] = []
        for kernels in kernelSets {
          ck_product(kernels, matrix, x, start, nil, y)
          let product = (0..<rows).map { y[$0] }
          for row in 0..<rows {
            var exact = Double(start[row])
            for column in 0..<columns { exact += Double(tensor.value(at: row * columns + column)) * Double(x[column]) }
            #expect(abs(Double(product[row]) - exact) < 1e-5)
          }
          ck_product_returning(kernels, matrix, 1, x, start, y)
          let backwards = (0..<rows).map { y[$0].bitPattern }
          #expect(backwards == product.map(\.bitPattern))
          ck_product_batch(kernels, matrix, x, columns, vectors, 0, y, padded)
          let batch = (0..<(vectors * padded)).map { y[$0].bitPattern }
          for vector in 0..<vectors {
            ck_product(kernels, matrix, x + vector * columns, nil, nil, y)
            let single = (0..<rows).map { y[$0].bitPattern }
            #expect(single == Array(batch[(vector * padded)..<(vector * padded + rows)]))
          }
          results.append(product.map(\.bitPattern) + batch)
        }
        for result in results { #expect(result == results[0]) }
      }
    }
  }

  /// The emulated fused multiply-add of the portable set rounds once: compared with the system's on hard cases.
  @Test func portableMultiplyAddRoundsOnce() throws {
    let portable = try #require(ck_kernels_named("portable"))
    var random = RandomGenerator(seed: 3)
    for _ in 0..<20_000 {
      // a x + b with b close to −a x, or far smaller than it, or random.
      let a = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x807F_FFFF | 0x3F00_0000)
      let x = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x807F_FFFF | 0x3F80_0000)
      let b: Float =
        switch random.next() % 3 {
        case 0: -(a * x)
        case 1: a * x * Float(sign: .plus, exponent: -25, significand: 1 + random.uniform())
        default: random.uniform() - 0.5
        }
      let bits = withUnsafeBytes(of: a.bitPattern.littleEndian) { [UInt8]($0) }
      bits.withUnsafeBytes { memory in
        let tensor = Tensor(name: "w", elementType: .float32, shape: [1, 1], bytes: memory)
        let storage = ck_allocate(4096)!
        let numbers = ck_allocate(4096)!.assumingMemoryBound(to: Float.self)
        defer {
          ck_free(storage)
          ck_free(numbers)
        }
        var arena = Arena(filling: storage)
        let matrix = arena.pack([MatrixPart(tensor, rows: RowOrder.plain(1))], columns: 1)
        numbers[0] = b
        var factor = x
        ck_product(portable, matrix, &factor, numbers, nil, numbers + 16)
        #expect(numbers[16].bitPattern == fma(a, x, b).bitPattern || (numbers[16] == 0 && fma(a, x, b) == 0))
      }
    }
  }
}
