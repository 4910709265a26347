import CCadenza
import Cadenza
import CadenzaKernels

// Structures that the library fills in: a caller's struct_size below the first release's is refused; above that, only the bytes
// that both sides know are written.

@c @implementation
public func cadenza_model_get_info(
  _ model: OpaquePointer?, _ info: UnsafeMutablePointer<cadenza_model_info>?
) -> cadenza_status {
  // The size alone, before anything behind it is read: a structure of the first release ends after 128 bytes.
  guard let model, let info, Int(UnsafeRawPointer(info).load(as: UInt32.self)) >= 128 else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  let size = Int(UnsafeRawPointer(info).load(as: UInt32.self))
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  let configuration = engineModel.configuration
  let strings = engineModel.cStrings
  var answer = cadenza_model_info()
  answer.struct_size = UInt32(truncatingIfNeeded: size)
  answer.sample_rate = UInt32(engineModel.sampleRate)
  answer.name = strings.name
  answer.description = strings.description
  answer.license = strings.license
  answer.network = strings.network
  answer.codec = strings.codec
  answer.instruction_set = strings.instructionSet
  answer.parameter_count = UInt64(engineModel.parameterCount)
  answer.weight_bytes = UInt64(engineModel.weightBytes)
  answer.stream_bytes = UInt64(engineModel.streamBytes)
  answer.vocabulary_size = UInt32(engineModel.vocabularySize ?? 0)
  answer.condition_count = UInt32(configuration.conditions.count)
  answer.receptive_field = UInt64(engineModel.receptiveField ?? 0)
  answer.training_steps = configuration.training.steps
  answer.validation_nats = configuration.training.validationNats
  answer.temperature = configuration.sampling.temperature
  answer.top_p = configuration.sampling.topP
  answer.top_k = UInt32(configuration.sampling.topK)
  answer.clip_frames = UInt64(engineModel.clipFrames ?? 0)
  if engineModel.clipFrames != nil {
    answer.decoding = engineModel.decodesWhole ? CADENZA_DECODING_WHOLE : CADENZA_DECODING_STREAMED
  }
  if configuration.encoder != nil {
    answer.encoder = engineModel.isComposer ? CADENZA_ENCODER_EVENTS : CADENZA_ENCODER_AUDIO
  }
  if let pitches = engineModel.playablePitches {
    answer.lowest_pitch = UInt32(pitches.lowerBound)
    answer.highest_pitch = UInt32(pitches.upperBound)
  }
  let known = MemoryLayout<cadenza_model_info>.size
  ck_copy(info, &answer, size < known ? size : known)
  return CADENZA_OK
}

@c @implementation
public func cadenza_model_get_condition_info(
  _ model: OpaquePointer?, _ index: UInt32, _ info: UnsafeMutablePointer<cadenza_condition_info>?
) -> cadenza_status {
  guard let model, let info, Int(info.pointee.struct_size) >= MemoryLayout<cadenza_condition_info>.size else {
    return CADENZA_ERROR_INVALID_ARGUMENT
  }
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  let position = Int(index)
  guard position < engineModel.configuration.conditions.count else { return CADENZA_ERROR_INVALID_ARGUMENT }
  let condition = engineModel.configuration.conditions[position]
  var answer = cadenza_condition_info()
  answer.struct_size = info.pointee.struct_size
  answer.kind = CADENZA_CONDITION_VECTOR
  answer.name = engineModel.cStrings.conditionName(position)
  answer.size = UInt32(condition.size)
  answer.frames_per_value = UInt32(condition.framesPerValue ?? 0)
  answer.queue_capacity = UInt32(condition.queueCapacity)
  if case .classes(let labels, _) = condition.kind {
    answer.kind = CADENZA_CONDITION_CLASS
    answer.label_count = UInt32(labels.count)
    answer.labels = labels.isEmpty ? nil : engineModel.cStrings.conditionLabels(position)
  }
  if case .latent = condition.kind { answer.kind = CADENZA_CONDITION_LATENT }
  info.pointee = answer
  return CADENZA_OK
}

@c @implementation
public func cadenza_model_find_condition(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ index: UnsafeMutablePointer<UInt32>?
) -> cadenza_status {
  guard let model, let name, let index else { return CADENZA_ERROR_INVALID_ARGUMENT }
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  for position in 0..<engineModel.configuration.conditions.count
  where areEqual(name, engineModel.cStrings.conditionName(position)) {
    index.pointee = UInt32(position)
    return CADENZA_OK
  }
  return CADENZA_ERROR_INVALID_ARGUMENT
}

@c @implementation
public func cadenza_model_find_class(
  _ model: OpaquePointer?, _ index: UInt32, _ label: UnsafePointer<CChar>?, _ classIndex: UnsafeMutablePointer<UInt32>?
) -> cadenza_status {
  guard let model, let label, let classIndex else { return CADENZA_ERROR_INVALID_ARGUMENT }
  let engineModel = unmanagedModel(model).takeUnretainedValue()
  let position = Int(index)
  guard position < engineModel.configuration.conditions.count,
    case .classes(let labels, _) = engineModel.configuration.conditions[position].kind, !labels.isEmpty,
    let texts = engineModel.cStrings.conditionLabels(position)
  else { return CADENZA_ERROR_INVALID_ARGUMENT }
  for place in 0..<labels.count {
    guard let text = texts[place], areEqual(label, text) else { continue }
    classIndex.pointee = UInt32(place)
    return CADENZA_OK
  }
  return CADENZA_ERROR_INVALID_ARGUMENT
}

/// Byte by byte, up to the zero at the end of both.
private func areEqual(_ left: UnsafePointer<CChar>, _ right: UnsafePointer<CChar>) -> Bool {
  var place = 0
  while left[place] == right[place] {
    if left[place] == 0 { return true }
    place += 1
  }
  return false
}
