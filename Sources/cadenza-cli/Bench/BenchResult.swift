/// What the measurement of one model came to.
struct BenchResult {
  let name: String
  let weights: String
  /// nil: a sample is a composer's step, which comes when the music needs it.
  let sampleRate: Int?
  let block: Int
  let blocks: Int
  /// Processor time; the median of the rounds.
  let nanosecondsPerSample: Double
  let bestNanosecondsPerSample: Double
  /// The same by the clock on the wall, during which other programs may have had the processor.
  let wallNanosecondsPerSample: Double
  /// p50, p99, p99.9 and the longest.
  let blockMicroseconds: [Double]
  let weightBytesPerSample: Int
  /// Bytes a second.
  let readBandwidth: Double
  let loadMilliseconds: Double
  let weightBytes: Int
  let streamBytes: Int

  var samplesPerSecond: Double { 1e9 / nanosecondsPerSample }
  var realTimeFactor: Double? { sampleRate.map { samplesPerSecond / Double($0) } }
  var bytesPerSecond: Double { Double(weightBytesPerSample) * samplesPerSecond }
  var shareOfBandwidth: Double { bytesPerSecond / readBandwidth }

  var json: JSON {
    .object([
      ("name", .text(name)),
      ("weights", .text(weights)),
      ("sample_rate", sampleRate.map(JSON.integer) ?? .null),
      ("nanoseconds_per_sample", .number(nanosecondsPerSample)),
      ("nanoseconds_per_sample_best_round", .number(bestNanosecondsPerSample)),
      ("nanoseconds_per_sample_on_the_wall", .number(wallNanosecondsPerSample)),
      ("samples_per_second", .number(samplesPerSecond)),
      ("real_time_factor", realTimeFactor.map(JSON.number) ?? .null),
      ("block_frames", .integer(block)),
      ("blocks", .integer(blocks)),
      (
        "block_microseconds",
        .object([
          ("p50", .number(blockMicroseconds[0])), ("p99", .number(blockMicroseconds[1])),
          ("p99.9", .number(blockMicroseconds[2])), ("max", .number(blockMicroseconds[3])),
        ])
      ),
      ("weight_bytes_per_sample", .integer(weightBytesPerSample)),
      ("weight_bytes_per_second", .number(bytesPerSecond)),
      ("read_bandwidth_bytes_per_second", .number(readBandwidth)),
      ("share_of_read_bandwidth", .number(shareOfBandwidth)),
      ("load_milliseconds", .number(loadMilliseconds)),
      ("weight_bytes", .integer(weightBytes)),
      ("stream_bytes", .integer(streamBytes)),
    ])
  }
}
