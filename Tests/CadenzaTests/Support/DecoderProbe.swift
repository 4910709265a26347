import CadenzaKernels
import Foundation

@testable import Cadenza

/// Runs a model's decoder by hand, tick by tick, on kernels of choice, and hands out its frames.
final class DecoderProbe {
  let configuration: Configuration
  let decoder: Decoder
  private let inputs: [ConditionInput]
  private let kernels: UnsafePointer<ck_kernels>
  private let memory: UnsafeMutableRawPointer
  private let state: UnsafeMutablePointer<Float>
  private let stateCount: Int
  /// Zeros behind the state, which nobody may write.
  private static let guardCount = 4_096
  private let h: UnsafeMutablePointer<Float>

  convenience init?(path: String, instructionSet: String? = nil, isWhole: Bool = false) throws {
    try self.init([UInt8](Data(contentsOf: URL(fileURLWithPath: path))), instructionSet: instructionSet, isWhole: isWhole)
  }

  /// nil where this machine cannot run the instruction set. `isWhole`: all at once, whatever the layers.
  init?(_ bytes: [UInt8], instructionSet: String? = nil, isWhole: Bool = false) throws {
    if let instructionSet {
      guard let named = ck_kernels_named(instructionSet) else { return nil }
      kernels = named
    } else {
      kernels = ck_kernels_choose()
    }
    let parts = try bytes.withUnsafeBytes { bytes in
      let file = try SafetensorsFile(bytes)
      let configuration = try Configuration(file)
      var measuring = Arena.measuring()
      _ = try DecoderProbe.build(configuration, TensorReader(file), isWhole, &measuring)
      let memory = ck_allocate(measuring.byteCount)!
      var arena = Arena(filling: memory)
      let parts = try DecoderProbe.build(configuration, TensorReader(file), isWhole, &arena)
      return (configuration: configuration, memory: memory, parts: parts)
    }
    configuration = parts.configuration
    memory = parts.memory
    decoder = parts.parts.decoder
    inputs = parts.parts.inputs
    stateCount = parts.parts.layout.count
    state = ck_allocate((stateCount + DecoderProbe.guardCount) * 4)!.assumingMemoryBound(to: Float.self)
    h = ck_allocate(parts.parts.channels * 4 + 64)!.assumingMemoryBound(to: Float.self)
  }

  deinit {
    ck_free(state)
    ck_free(h)
    ck_free(memory)
  }

  private static func build(
    _ configuration: Configuration, _ reader: TensorReader, _ isWhole: Bool, _ arena: inout Arena
  ) throws -> (decoder: Decoder, inputs: [ConditionInput], layout: StateLayout, channels: Int) {
    var tensors = reader
    var channels = 0
    var inputs: [ConditionInput] = []
    for condition in configuration.conditions {
      inputs.append(try ConditionInput(condition, firstChannel: channels, tensors: &tensors, arena: &arena))
      channels += condition.channels
    }
    guard case .decoder(let network) = configuration.network else { throw ProbeError.noDecoder }
    var layout = StateLayout()
    let decoder = try Decoder(
      network, conditionChannels: channels, codecNeedsAll: isWhole, tensors: &tensors, arena: &arena, layout: &layout)
    return (decoder, inputs, layout, channels)
  }

  enum ProbeError: Error { case noDecoder }

  /// Whether nothing was written behind the state.
  var isWithinState: Bool { (0..<DecoderProbe.guardCount).allSatisfy { state[stateCount + $0] == 0 } }

  /// The whole clip under these conditions: all numbers of all frames. `changes`: other conditions from a tick on.
  func frames(_ conditions: [[Float]], changes: [Int: [[Float]]] = [:]) -> [Float] {
    let arithmetic = ck_enter_arithmetic()
    defer { ck_leave_arithmetic(arithmetic) }
    decoder.begin(state)
    var all: [Float] = []
    var frames = [Float](repeating: .nan, count: decoder.framesPerTick * decoder.frameSize)
    for tick in 0..<decoder.tickCount {
      let values = tick == 0 ? conditions : changes[tick]
      if let values {
        for (input, value) in zip(inputs, values) { input.write(value, to: h) }
      }
      decoder.start(state, values == nil ? nil : UnsafePointer(h), kernels)
      for unit in 0..<decoder.unitCount { decoder.work(state, tick: tick, unit: unit, kernels) }
      let count = decoder.copyFrames(state, tick: tick, to: &frames)
      all += frames[..<(count * decoder.frameSize)]
    }
    return all
  }
}
