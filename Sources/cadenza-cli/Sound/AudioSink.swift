/// Where samples go.
protocol AudioSink {
  func write(_ samples: UnsafeBufferPointer<Float>) throws
  /// The output is complete.
  func finish() throws
}
