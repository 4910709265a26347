import CadenzaKernels
import Testing

@testable import Cadenza

/// Streams whose output, or the audio they are given, has another rate than the model.
@Suite("Stream at other sample rates")
struct StreamRateTests {
  /// Networks whose samples are heard as they are chosen. (Spectrogram streams have tests of their own.)
  static let cases = Reference.all.filter { !$0.isShipped && !$0.hasFields && !$0.hasFrames && !$0.composes }
  /// Of the parity fixtures: 16,000 Hz.
  static let rates = [44_100, 48_000, 22_050, 16_001, 8000, 96_000, 15_999]

  func stream(
    _ reference: Reference, output: Int = 0, input: Int = 0, seed: UInt64 = 7, change: (inout StreamOptions) -> Void = { _ in }
  ) throws -> Stream {
    let model = try Model(path: reference.modelPath)
    #expect(model.sampleRate == 16_000)
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.seed = seed
    options.sampleRate = output
    options.inputSampleRate = input
    change(&options)
    return try Stream(model: model, options: options)
  }

  /// What the model generates, converted: nothing more, nothing less, to the bit.
  @Test(arguments: cases)
  func theOutputIsTheModelsConverted(_ reference: Reference) throws {
    for rate in Self.rates {
      let stream = try stream(reference, output: rate)
      let probe = RateConverterProbe(from: 16_000, to: rate)
      let plain = try self.stream(reference).take(700 * 16_000 / rate + 1)
      #expect(stream.take(700, blocks: [64, 1, 7]).bits == probe.pull(700, from: plain).bits)
      #expect(stream.latency == probe.converter.latency)
      #expect(stream.sampleRate == rate)
      #expect(stream.inputSampleRate == 16_000)
    }
  }

  @Test(arguments: cases)
  func theModelsOwnRateIsAsIfNothingHadBeenAsked(_ reference: Reference) throws {
    let plain = try stream(reference)
    let asked = try stream(reference, output: 16_000, input: 16_000)
    #expect(asked.latency == 0)
    #expect(asked.stateByteCount == plain.stateByteCount)
    #expect(asked.take(300).bits == plain.take(300).bits)
    #expect(asked.savedState() == plain.savedState())
  }

  @Test(arguments: cases)
  func blockSizesDoNotMatter(_ reference: Reference) throws {
    // Filters of many phases take a while to make without optimisation: one model has them.
    for rate in reference.name == "wavenet-plain" ? [44_100, 16_001, 48_000, 8000] : [48_000, 8000] {
      let count = 4500 * rate / 48_000
      let expected = try stream(reference, output: rate).take(count, blocks: [count])
      for blocks in [[1], [7], [64], [4096], [3, 1, 100, 17, 64, 2]] {
        #expect(try stream(reference, output: rate).take(count, blocks: blocks).bits == expected.bits)
      }
    }
  }

  /// Gain works on the frames themselves: at once, whatever the latency.
  @Test func gainScalesTheVeryNextFrame() throws {
    let reference = try Reference.named("lstm-embedding")
    let plain = try stream(reference, output: 44_100).take(600)
    let loud = try stream(reference, output: 44_100)
    var found = loud.take(300)
    #expect(loud.setParameter(.gain, 2) == .ok)
    found += loud.take(300)
    #expect(found == plain[..<300] + plain[300...].map { $0 * 2 })
  }

  /// A condition set before frame f is heard from f + latency on, give or take the filter's own length.
  @Test func conditionsAreHeardAfterTheLatency() throws {
    let reference = try Reference.named("wavenet-class-conditions")
    let changed = try stream(reference, output: 48_000)
    let twin = try stream(reference, output: 48_000)
    #expect(changed.take(900).bits == twin.take(900).bits)
    #expect(changed.setCondition(0, [1]) == .ok)
    let (found, expected) = (changed.take(900), twin.take(900))
    let plain = try stream(reference)
    let plainTwin = try stream(reference)
    #expect(plain.take(300).bits == plainTwin.take(300).bits)
    #expect(plain.setCondition(0, [1]) == .ok)
    let first = try #require(zip(plain.take(300), plainTwin.take(300)).enumerated().first { $1.0 != $1.1 }?.offset)
    let difference = zip(found, expected).map { abs($0 - $1) }
    let from = first * 3 + changed.latency
    // The filter reaches 40 samples of the model, 120 frames, to either side; nothing is heard before.
    for index in 0..<(from - 120) { #expect(difference[index] == 0) }
    #expect(difference[from - 4..<from + 5].max()! > 0)
  }

  /// Each value of a local condition lasts frames_per_value samples of the model, whatever the output's rate.
  @Test(arguments: [44_100, 8000])
  func localConditionsCountTheModelsSamples(rate: Int) throws {
    let reference = try Reference.named("wavenet-local-vector")
    let stream = try stream(reference, output: rate)
    let plain = try self.stream(reference)
    let index = try #require(stream.model.configuration.conditions.firstIndex { $0.framesPerValue != nil })
    let width = stream.model.configuration.conditions[index].defaultValue.count
    let values = (0..<20 * width).map { Float($0 % 7) * 0.3 - 1 }
    #expect(stream.setCondition(index, values) == .ok)
    #expect(plain.setCondition(index, values) == .ok)
    let probe = RateConverterProbe(from: 16_000, to: rate)
    let expected = probe.pull(800, from: plain.take(800 * 16_000 / rate + 1))
    #expect(stream.take(800, blocks: [11, 64]).bits == expected.bits)
  }

  @Test(arguments: cases)
  func statisticsAndResetCountTheHostsFrames(_ reference: Reference) throws {
    let stream = try stream(reference, output: 44_100, input: 22_050, seed: 3)
    let first = stream.take(333)
    #expect(stream.prime(sine(0.01, count: 100)) == .ok)
    #expect(stream.statistics.frames == 333)
    #expect(stream.statistics.blocks == 6)
    #expect(stream.reset(seed: 3) == .ok)
    #expect(stream.statistics.frames == 0)
    #expect(stream.take(333).bits == first.bits)
  }

  // MARK: Audio given at other rates

  /// Audio at another rate is that audio converted: what follows, its score and its length in samples of the model.
  @Test(arguments: [8000, 11_025, 22_050, 44_100, 48_000, 15_999], [0, 44_100])
  func givenAudioIsConverted(input: Int, output: Int) throws {
    let reference = try Reference.named("wavenet-plain")
    let audio = sine(0.013, count: 777)
    let converter = try SampleRateConverter(from: input, to: 16_000)
    let converted = converter.convert(audio) + converter.finish()

    let expected = try stream(reference, output: output)
    var expectedNats = 0.0
    #expect(
      converted.withUnsafeBufferPointer {
        expected.score($0.baseAddress!, frames: $0.count, nats: &expectedNats)
      } == .ok)
    let continued = expected.take(500)

    // Ended by hand or by generating, in any pieces.
    for (pieces, isEnded) in [([777], true), ([777], false), ([1], false), ([5, 64, 3], true)] as [([Int], Bool)] {
      let stream = try stream(reference, output: output, input: input)
      #expect(stream.inputSampleRate == input)
      var (position, turn, nats, part) = (0, 0, 0.0, 0.0)
      while position < audio.count {
        let count = min(pieces[turn % pieces.count], audio.count - position)
        let status = audio.withUnsafeBufferPointer {
          stream.score($0.baseAddress! + position, frames: count, nats: &part)
        }
        #expect(status == .ok)
        nats += part
        position += count
        turn += 1
      }
      if isEnded {
        #expect(stream.endAudio(scoring: &part) == .ok)
        #expect(abs((nats + part) / expectedNats - 1) < 1e-9)
        #expect(stream.endAudio() == .ok)  // Nothing is left.
        #expect(stream.endAudio(scoring: &part) == .ok)
        #expect(part == 0)
      }
      #expect(stream.take(500, blocks: [64, 1]).bits == continued.bits)
    }
  }

  /// The end of primed audio sounds on in the first frames: no gap and no step where the model takes over.
  @Test func primedAudioRunsIntoWhatFollows() throws {
    let reference = try Reference.named("gru-waveform")
    let stream = try stream(reference, output: 48_000, input: 48_000)
    let audio = sine(0.005, count: 3000, amplitude: 0.5)
    #expect(stream.prime(audio) == .ok)
    #expect(stream.endAudio() == .ok)
    let after = stream.take(stream.latency)
    // Frame f of the output is where frame f − latency of what follows is: before that, the prompt.
    for index in 0..<stream.latency / 4 {
      #expect(abs(after[index] - audio[audio.count - stream.latency + index]) < 1e-3)
    }
  }

  @Test func resetForgetsGivenAudio() throws {
    let reference = try Reference.named("wavenet-plain")
    let stream = try stream(reference, output: 44_100, input: 44_100, seed: 2)
    let fresh = try self.stream(reference, output: 44_100, input: 44_100, seed: 2)
    #expect(stream.prime(sine(0.01, count: 1000)) == .ok)
    #expect(stream.reset(seed: 2) == .ok)
    #expect(stream.endAudio() == .ok)
    #expect(stream.take(500).bits == fresh.take(500).bits)
  }

  @Test func badAudioChangesNothing() throws {
    let reference = try Reference.named("wavenet-plain")
    let stream = try stream(reference, output: 48_000, input: 44_100)
    let twin = try self.stream(reference, output: 48_000, input: 44_100)
    let start = sine(0.01, count: 200)
    #expect(stream.prime(start) == .ok)
    #expect(twin.prime(start) == .ok)
    #expect(stream.prime([0, 0.5, .nan]) == .invalidArgument)
    #expect(stream.prime([.infinity]) == .invalidArgument)
    #expect(stream.savedState() == twin.savedState())
    #expect(stream.prime([1e30, -1e30]) == .ok)
    #expect(twin.prime([1, -1]) == .ok)
    #expect(stream.take(300).bits == twin.take(300).bits)
  }

  @Test func valuesCannotBeScored() throws {
    let stream = try stream(Reference.named("gru-waveform"), input: 44_100)
    var nats = 5.0
    #expect(stream.endAudio(scoring: &nats) == .ok)  // No audio, nothing to score.
    #expect(stream.prime(sine(0.01, count: 100)) == .ok)
    nats = 5
    #expect(stream.endAudio(scoring: &nats) == .unsupported)
    #expect(nats == 0)
    #expect(stream.endAudio() == .ok)
  }

  // MARK: States

  @Test(arguments: cases)
  func savedStatesContinue(_ reference: Reference) throws {
    let (output, input) = reference.name == "wavenet-plain" ? (44_100, 22_050) : (48_000, 8000)
    for moment in [0, 1, 15, 250] {
      for given in [0, 37, 500] {
        let first = try stream(reference, output: output, input: input, seed: 11)
        _ = first.take(moment)
        if given > 0 { #expect(first.prime(sine(0.02, count: given)) == .ok) }
        let saved = first.savedState()
        let expected = first.take(400)
        let second = try stream(reference, output: output, input: input, seed: 99)
        _ = second.take(37)
        #expect(second.prime(sine(0.03, count: 41)) == .ok)
        try check(saved, second)
        #expect(second.load(saved) == .ok)
        #expect(second.savedState() == saved)
        #expect(second.take(400, blocks: [5]).bits == expected.bits)
      }
    }
  }

  func check(_ bytes: [UInt8], _ stream: Stream) throws(Failure) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in try stream.checkState(UnsafeRawBufferPointer(buffer)) }
  }

  func sentence(_ bytes: [UInt8], _ stream: Stream) -> String {
    do throws(Failure) {
      try check(bytes, stream)
      return "accepted"
    } catch {
      #expect(error.status == .format)
      return error.message
    }
  }

  @Test func statesOfOtherRatesAreRefusedWithASentence() throws {
    let reference = try Reference.named("wavenet-plain")
    let streams = try [(0, 0), (44_100, 0), (48_000, 0), (0, 44_100), (44_100, 44_100), (44_100, 48_000)].map {
      try stream(reference, output: $0.0, input: $0.1)
    }
    for (index, stream) in streams.enumerated() {
      _ = stream.take(100)
      for (other, saving) in streams.enumerated() {
        let before = stream.savedState()
        let saved = saving.savedState()
        if index == other {
          #expect(sentence(saved, stream) == "accepted")
        } else {
          #expect(
            sentence(saved, stream)
              == "the state was saved at \(saving.sampleRate) Hz, from audio at \(saving.inputSampleRate) Hz; expected "
              + "\(stream.sampleRate) Hz and \(stream.inputSampleRate) Hz")
          #expect(stream.load(saved) == .format)
          #expect(stream.savedState() == before)
        }
      }
    }
  }

  @Test func everyRefusalHasItsSentence() throws {
    let stream = try stream(Reference.named("wavenet-plain"), output: 44_100)
    let saved = stream.savedState()
    let foreign = try self.stream(Reference.named("wavenet-no-biases"), output: 44_100).savedState()
    var (damaged, unknown, forged, wild) = (saved, saved, saved, saved)
    damaged[saved.count - 5] ^= 1
    unknown[7] = 9
    repair(&forged) { $0.storeBytes(of: Float.nan.bitPattern, toByteOffset: 40, as: UInt32.self) }
    repair(&wild) { $0.storeBytes(of: Float(5).bitPattern, toByteOffset: $0.count - 4, as: UInt32.self) }
    for (bytes, words) in [
      ([], "0 bytes are not a state"), (Array(saved[..<39]), "39 bytes are not a state"), (unknown, "do not begin as one"),
      (foreign, "another model"), (saved + [0], "bytes, expected \(saved.count)"),
      (Array(saved.dropLast(8)), "expected \(saved.count)"),
      (damaged, "checksum"), (forged, "parameter"), (wild, "out of range"),
    ] as [([UInt8], String)] {
      let found = sentence(bytes, stream)
      #expect(found.contains(words), "\(found)")
      #expect(stream.load(bytes) == .format)
    }
    #expect(stream.savedState() == saved)
  }

  /// Changes a state, and gives it the checksum that fits.
  func repair(_ state: inout [UInt8], _ change: (UnsafeMutableRawBufferPointer) -> Void) {
    state.withUnsafeMutableBytes { bytes in
      change(bytes)
      let checksum = fingerprint(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[32...]))
      bytes.storeBytes(of: checksum, toByteOffset: 24, as: UInt64.self)
    }
  }

  /// Forged states with a correct checksum are refused, or taken and harmless: the output stays finite.
  @Test func forgedStatesAreHarmless() throws {
    let stream = try stream(Reference.named("wavenet-convolution-input"), output: 44_100, input: 48_000)
    #expect(stream.prime(sine(0.01, count: 100)) == .ok)
    let saved = stream.savedState()
    var accepted = 0
    for place in Array(stride(from: 32, to: 160, by: 4)) + Array(stride(from: saved.count - 1300, to: saved.count, by: 4)) {
      for bits in [0xFFFF_FFFF, 0x7FFF_FFFF, 0x0001_0000, 0x7FC0_0000, 0x4080_0000, 0, 1] as [UInt32] {
        var forged = saved
        repair(&forged) { $0.storeBytes(of: bits, toByteOffset: place / 4 * 4, as: UInt32.self) }
        guard stream.load(forged) == .ok else { continue }
        accepted += 1
        for sample in stream.take(70) { #expect(abs(sample) < 64) }
      }
    }
    #expect(accepted > 500)
    #expect(stream.load(saved) == .ok)
  }

  // MARK: Bad input

  @Test(arguments: [1, 999, 768_001, -1, Int.max, Int.min])
  func absurdRatesAreRefused(rate: Int) throws {
    let model = try Model(path: Reference.named("wavenet-plain").modelPath)
    for (name, change) in [
      ("sample_rate", { $0.sampleRate = rate }), ("input_sample_rate", { $0.inputSampleRate = rate }),
    ] as [(String, (inout StreamOptions) -> Void)] {
      var options = StreamOptions(for: model)
      options.smoothingSeconds = 0
      change(&options)
      do throws(Failure) {
        _ = try Stream(model: model, options: options)
        Issue.record("accepted")
      } catch {
        #expect(error.status == .invalidArgument)
        #expect(error.message == "\(name) is \(rate) Hz, expected 1000 to 768000, or 0 for the model's 16000 Hz")
      }
    }
  }

  @Test(arguments: [(1000, 768_000), (768_000, 1000), (767_999, 767_999), (1001, 1001)])
  func extremeRatesPlay(output: Int, input: Int) throws {
    let stream = try stream(Reference.named("lstm-embedding"), output: output, input: input)
    #expect(stream.prime(sine(0.001, count: 300)) == .ok)
    for sample in stream.take(200, blocks: [64, 1]) { #expect(abs(sample) < 2) }
    #expect(stream.statistics.frames == 200)
    #expect(stream.latency == (output > 16_000 ? RateRatio.quotient(40 * output, 16_000) : 40))
  }

  /// The network fails at its first sample: silence and `numeric`, at any rate, until a reset.
  @Test func numericErrorsAreSilence() throws {
    let bytes = SmallModel.bytes(value: 3e38)
    let model = try load(bytes)
    var options = StreamOptions(for: model)
    options.smoothingSeconds = 0
    options.sampleRate = 48_000
    options.inputSampleRate = 8000
    let stream = try Stream(model: model, options: options)
    for _ in 0..<2 {
      var block = [Float](repeating: 7, count: 100)
      #expect(stream.generate(into: &block, frames: 100) == .numeric)
      #expect(block == [Float](repeating: 0, count: 100))
      #expect(stream.prime([0, 0]) == .state)
      #expect(stream.reset(seed: 1) == .ok)
    }
    // Audio whose end is still held back fails where it is scored.
    var nats = 5.0
    #expect(stream.prime([0.5, 0.5]) == .ok)
    #expect(stream.endAudio(scoring: &nats) == .numeric)
    #expect(nats == 0)
    #expect(stream.statistics.numericErrors == 1)
  }
}
