/// Where samples go.
protocol AudioSink {
  func write(_ samples: UnsafeBufferPointer<Float>) throws
  /// The output is complete.
  func finish() throws
}

extension AudioSink {
  func write(_ samples: [Float]) throws {
    try samples.withUnsafeBufferPointer { try write($0) }
  }
}
