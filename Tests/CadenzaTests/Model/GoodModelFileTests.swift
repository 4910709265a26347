import Testing

@testable import Cadenza

@Suite struct GoodModelFileTests {
  // MARK: Configuration

  @Test func waveNet() throws {
    let configuration = try load(SmallModel.bytes()).configuration
    #expect(configuration.name == "small")
    #expect(configuration.description == "" && configuration.license == "")
    guard case .waveNet(let net) = configuration.network, case .embedding = net.input else {
      Issue.record("not a wavenet with an embedding")
      return
    }
    #expect(net.vocabularySize == 4 && net.kernelSize == 2 && net.dilations == [1, 2])
    #expect(net.residualChannels == 2 && net.skipChannels == 3)
    #expect(net.gateChannels == 2, "as many as residual_channels")
    #expect(net.headChannels == 3, "as many as skip_channels")
    #expect([net.inputBias, net.gateBias, net.residualBias, net.skipBias, net.headBias] == [false, true, true, true, true])
    guard case .muLaw(16000, 4) = configuration.codec else {
      Issue.record("not mu-law")
      return
    }
    #expect(configuration.conditions.map(\.name) == ["pitch"])
    #expect(configuration.conditions[0].size == 3 && configuration.conditions[0].channels == 3)
    #expect(configuration.conditions[0].framesPerValue == nil && configuration.conditions[0].defaultValue == [0])
    #expect(configuration.sampling.temperature == 0.5)
    #expect(configuration.sampling.topK == 0 && configuration.sampling.topP == 1)
    #expect(configuration.training.steps == 0 && configuration.training.data == "")
  }

  @Test func everyWaveNetKey() throws {
    let configuration = try load(
      SmallModel.bytes(
        configuration: """
          {"name":"é \\"1\\" 😀","description":"two\\nlines","license":"CC0-1.0","network":{"kind":"wavenet",\
          "vocabulary_size":2,"input":{"kind":"convolution","kernel_size":64},"kernel_size":3,"dilations":[1048576],\
          "residual_channels":1,"gate_channels":2,"skip_channels":3,"head_channels":4,"biases":["head","input"]},\
          "codec":{"kind":"mu_law","sample_rate":768000,"levels":2},\
          "conditions":[{"name":"a","kind":"class","size":3,"labels":["x","","ü"],"embedding_channels":5,"default":2},\
          {"name":"b_2","kind":"vector","size":2,"frames_per_value":1048576,"default":[-1.5,1e-3]},\
          {"name":"c","kind":"vector","size":1},{"name":"d","kind":"class","labels":["only"]}],\
          "sampling":{"temperature":0,"top_k":16777216,"top_p":0.0},\
          "training":{"data":"none","recipe":"r.json","steps":1e6,"validation_nats":2.25}}
          """,
        tensors: [
          ("conditions.a.embedding.weight", [3, 5]), ("input.convolution.weight", [1, 2, 64]),
          ("input.convolution.bias", [1]), ("layers.0.gate.weight", [4, 1, 3]), ("layers.0.condition.weight", [4, 9]),
          ("layers.0.skip.weight", [3, 2]), ("head.hidden.weight", [4, 3]), ("head.hidden.bias", [4]),
          ("head.output.weight", [2, 4]), ("head.output.bias", [2]),
        ])
    ).configuration
    #expect(configuration.name == "é \"1\" 😀" && configuration.description == "two\nlines")
    #expect(configuration.license == "CC0-1.0")
    guard case .waveNet(let net) = configuration.network, case .convolution(64) = net.input else {
      Issue.record("not a wavenet with a convolution")
      return
    }
    #expect(net.gateChannels == 2 && net.headChannels == 4)
    #expect([net.inputBias, net.gateBias, net.residualBias, net.skipBias, net.headBias] == [true, false, false, false, true])
    let conditions = configuration.conditions
    #expect(conditions.map(\.channels) == [5, 2, 1, 1])
    #expect(conditions.map(\.defaultValue) == [[2], [-1.5, 1e-3], [0], [0]])
    #expect(conditions.map(\.framesPerValue) == [nil, 1_048_576, nil, nil])
    guard case .classes(["x", "", "ü"], 5) = conditions[0].kind, case .classes(["only"], nil) = conditions[3].kind else {
      Issue.record("labels or embedding lost")
      return
    }
    #expect(configuration.sampling.temperature == 0 && configuration.sampling.topK == 16_777_216)
    #expect(configuration.sampling.topP == 0)
    #expect(configuration.training.steps == 1e6 && configuration.training.validationNats == 2.25)
    #expect(configuration.training.data == "none" && configuration.training.recipe == "r.json")
  }

  @Test func fieldsAndWindow() throws {
    let model = try load(SmallModel.fieldsBytes())
    guard case .recurrent(let net) = model.configuration.network, case .fields(let inputs) = net.input,
      case .fields(let heads) = net.head, case .value = inputs[0], case .oneHot(8) = inputs[1],
      case .embedding(16, 2) = inputs[2], case .linear(0.5) = heads[0], case .softmax(8) = heads[1],
      case .softmax(16) = heads[2]
    else {
      Issue.record("not the fields that the file has")
      return
    }
    #expect(net.vocabularySize == nil && net.window == 5 && net.layers[0].isBidirectional && net.layers[0].outputChannels == 4)
    #expect(model.vocabularySize == nil && model.receptiveField == 5)
    // Each field's outputs begin at a panel.
    #expect(model.plan.fields.map(\.offset) == [0, 16, 32] && model.plan.fields.map(\.size) == [1, 8, 16])
    #expect(model.plan.network.fieldCount == 3 && model.plan.network.unitCount == 2 * 5 + 1)
    for index in 0..<3 { #expect(model.plan.network.field(index).offset == model.plan.fields[index].offset) }
  }

  @Test func recurrent() throws {
    let configuration = try load(SmallModel.recurrentBytes()).configuration
    guard case .recurrent(let net) = configuration.network, case .vector(1) = net.input, case .linear(1, 0) = net.head
    else {
      Issue.record("not a recurrent network of values")
      return
    }
    #expect(net.vocabularySize == nil && net.layers.map(\.cell) == [.lstm, .gru] && net.layers.map(\.channels) == [2, 2])
    #expect(net.layerBiases && net.headBias && !net.initialStates)
    guard case .waveform(48000, nil) = configuration.codec else {
      Issue.record("not a waveform")
      return
    }
  }

  @Test(arguments: [#"{"kind":"one_hot"}"#, #"{"kind":"embedding","channels":3}"#, #"{"kind":"vector","channels":1}"#])
  func recurrentOfTokens(input: String) throws {
    let isEmbedding = input.contains("embedding")
    let columns = isEmbedding ? 3 : input.contains("one_hot") ? 4 : 1
    var tensors: [SmallModel.Shape] = [
      ("layers.0.input.weight", [6, columns]), ("layers.0.recurrent.weight", [6, 2]), ("layers.0.initial.hidden", [2]),
      ("head.weight", [4, 2]),
    ]
    if isEmbedding { tensors.append(("input.embedding.weight", [4, 3])) }
    let configuration = try load(
      SmallModel.bytes(
        configuration: """
          {"network":{"kind":"recurrent","input":\(input),"vocabulary_size":4,"layers":[{"kind":"gru","channels":2}],\
          "head":{"kind":"softmax"},"biases":[],"initial_states":true},\
          "codec":{"kind":"mu_law","sample_rate":1000,"levels":4}}
          """, tensors: tensors)
    ).configuration
    guard case .recurrent(let net) = configuration.network else {
      Issue.record("not recurrent")
      return
    }
    #expect(net.vocabularySize == 4 && !net.layerBiases && !net.headBias && net.initialStates)
  }

  // MARK: Composers

  private func notes(_ bytes: [UInt8]) throws -> NoteCodecConfiguration? {
    let model = try load(bytes)
    #expect(model.sampleRate == 48_000)
    guard case .notes(let notes) = model.configuration.codec else { return nil }
    #expect(String(cString: model.cStrings.codec) == "\(notes.kindName)")
    return notes
  }

  @Test func performanceEvents() throws {
    let codec = #"{"kind":"performance_events","pitches":[0,127],"time_shifts":100,"velocities":32}"#
    let notes = try #require(try notes(SmallModel.composerBytes(codec: codec, tokens: 388)))
    guard case .performanceEvents(let vocabulary) = notes.kind else {
      Issue.record("not performance events")
      return
    }
    #expect(vocabulary.size == 388 && vocabulary.pitches == 0...127 && !vocabulary.hasEnd)
    #expect(notes.tempo == 120 && notes.maximumNoteBeats == 16 && notes.ticksPerBeat == 50)
    let other =
      #"{"kind":"performance_events","pitches":[5,5],"time_shifts":1000,"velocities":127,"end":true,"#
      + #""tempo":1000,"maximum_note_beats":1024}"#
    let largest = try #require(try self.notes(SmallModel.composerBytes(codec: other, tokens: 1130)))
    #expect(largest.tempo == 1_000 && largest.maximumNoteBeats == 1_024)
  }

  @Test func melodySteps() throws {
    let notes = try #require(
      try notes(
        SmallModel.composerBytes(
          codec: #"{"kind":"melody_steps","steps_per_beat":96,"symbols":[127,"end",0,"off","hold"],"velocity":127,"tempo":10}"#,
          tokens: 5)))
    guard case .melodySteps(let grid) = notes.kind else {
      Issue.record("not a melody")
      return
    }
    #expect(grid.voices.map(\.symbols) == [[.pitch(127), .end, .pitch(0), .off, .hold]])
    #expect(grid.voices[0].name == "melody" && grid.velocity == 127 && grid.stepsPerBeat == 96 && notes.tempo == 10)
  }

  @Test func heldPitches() throws {
    let codec = #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold 0",127,"off","hold 127",0]}"#
    let notes = try #require(try notes(SmallModel.composerBytes(codec: codec, tokens: 5)))
    guard case .melodySteps(let grid) = notes.kind else {
      Issue.record("not a melody")
      return
    }
    #expect(grid.voices[0].symbols == [.holdPitch(0), .pitch(127), .off, .holdPitch(127), .pitch(0)])
    #expect(grid.voices[0].holdsPitches)
  }

  @Test func choraleGrid() throws {
    let codec =
      #"{"kind":"chorale_grid","steps_per_beat":4,"voices":[{"name":"a","symbols":["end","hold","off"]},"#
      + #"{"name":"b_2","symbols":["off","hold",60]}]}"#
    let notes = try #require(try notes(SmallModel.composerBytes(codec: codec, tokens: 6)))
    guard case .choraleGrid(let grid) = notes.kind else {
      Issue.record("not a chorale")
      return
    }
    #expect(grid.voices.map(\.name) == ["a", "b_2"] && grid.voices[1].symbols == [.off, .hold, .pitch(60)])
    #expect(grid.velocity == 80 && notes.isGrid)
  }

  @Test func noteTokens() throws {
    let codec = #"{"kind":"note_tokens","steps_per_beat":2,"tokens":["end",[],[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,127],[60]]}"#
    let notes = try #require(try notes(SmallModel.composerBytes(codec: codec, tokens: 4)))
    guard case .noteTokens(let vocabulary) = notes.kind else {
      Issue.record("not tokens")
      return
    }
    #expect(
      vocabulary.tokens == [.end, .notes(PitchSet()), .notes(PitchSet(Array(0...14) + [127])), .notes(PitchSet([60]))])
  }

  @Test func noteMatrix() throws {
    let codec =
      #"{"kind":"note_matrix","pitch":{"range":[0,127],"classes":true},"velocity":{"range":[1,127],"classes":32},"#
      + #""interval":{"maximum_milliseconds":60000,"classes":1024}}"#
    let notes = try #require(try notes(SmallModel.fieldComposerBytes(codec: codec, sizes: [128, 32, 1024])))
    #expect(notes.fields == [128, 32, 1024] && notes.maximumNoteTicks == 2_000 && !notes.isGrid)
    let numbers =
      #"{"kind":"note_matrix","pitch":{"range":[60,60],"classes":false},"velocity":{"range":[64,64]},"#
      + #""interval":{"maximum_milliseconds":1}}"#
    let other = try #require(try self.notes(SmallModel.fieldComposerBytes(codec: numbers, sizes: [nil, nil, nil])))
    #expect(other.fields == [nil, nil, nil])
  }

  @Test func aConditionThatFollows() throws {
    let codec = #"{"kind":"melody_steps","steps_per_beat":4,"symbols":["hold","off",60]}"#
    let conditions =
      #"[{"name":"bar","kind":"class","size":16,"follows":"position"},{"name":"key","kind":"class","size":2,"default":1}]"#
    let model = try load(SmallModel.composerBytes(codec: codec, tokens: 3, conditions: conditions, channels: 18))
    #expect(model.configuration.conditions.map(\.followsPosition) == [true, false])
  }

  @Test func transformer() throws {
    let configuration = try load(SmallModel.transformerBytes()).configuration
    guard case .transformer(let net) = configuration.network, case .relative = net.positions else {
      Issue.record("not a transformer of relative positions")
      return
    }
    #expect(net.vocabularySize == 4 && net.channels == 6 && net.layerCount == 2 && net.heads == 2 && net.window == 3)
    #expect(net.headChannels == 3 && net.feedforwardChannels == 5 && net.receptiveField == 5)
    #expect(net.normalization == .pre && net.activation == .relu)
    #expect(net.attentionBias && net.feedforwardBias && net.headBias)
  }

  @Test func everyTransformerKey() throws {
    let tensors: [SmallModel.Shape] = [
      ("input.embedding.weight", [4, 2]), ("input.position.weight", [9, 2]), ("input.condition.weight", [2, 3]),
      ("layers.0.attention.normalization.weight", [2]), ("layers.0.attention.normalization.bias", [2]),
      ("layers.0.attention.input.weight", [6, 2]), ("layers.0.attention.output.weight", [2, 2]),
      ("layers.0.feedforward.normalization.weight", [2]), ("layers.0.feedforward.normalization.bias", [2]),
      ("layers.0.feedforward.hidden.weight", [8, 2]), ("layers.0.feedforward.output.weight", [2, 8]), ("head.weight", [4, 2]),
    ]
    let configuration = try load(
      SmallModel.bytes(
        configuration: """
          {"network":{"kind":"transformer","vocabulary_size":4,"channels":2,"layers":1,"heads":1,"window":9,\
          "positions":"learned","position_count":9,"normalization":"post","activation":"gelu","biases":[]},\
          "codec":{"kind":"mu_law","sample_rate":16000,"levels":4},"conditions":[{"name":"v","kind":"vector","size":3}]}
          """, tensors: tensors)
    ).configuration
    guard case .transformer(let net) = configuration.network, case .learned(9) = net.positions else {
      Issue.record("not a transformer of learned positions")
      return
    }
    #expect(net.feedforwardChannels == 8, "four times channels")
    #expect(net.normalization == .post && net.activation == .gelu)
    #expect(!net.attentionBias && !net.feedforwardBias && !net.headBias)
  }

  // MARK: The container

  @Test(arguments: [ElementType.float32, .float16, .bfloat16])
  func elementTypes(elementType: ElementType) throws {
    try load(SmallModel.bytes(elementType: elementType))
  }

  /// Largest finite values, zeros of both signs and subnormal values are fine.
  @Test(arguments: [0, -0.0, 1e-40, 65504, -65504] as [Float])
  func values(value: Float) throws {
    for elementType in [ElementType.float32, .float16, .bfloat16] {
      try load(SmallModel.bytes(elementType: elementType, value: value))
    }
    try load(SmallModel.bytes(value: .greatestFiniteMagnitude))
  }

  @Test func metadataNotes() throws {
    try load(
      SmallModel.bytes(metadata: [
        ("", ""), ("cadenza", "a note"), ("author", "é\n😀"), ("cadenza.version", "1"), ("format", "cadenza"),
        ("cadenza.config", SmallModel.configuration), ("Cadenza.speed", "not ours"),
      ]))
  }

  @Test func spaceInsideAndAfterTheHeader() throws {
    let bytes = SmallModel.bytes()
    let headerEnd = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = Array(bytes[8..<headerEnd])
    let data = Array(bytes[headerEnd...])
    // Every colon outside the configuration's text may have space around it; these do.
    let spaced = Array("{ \t\r\n".utf8) + header.dropFirst() + Array(" \n\t\r".utf8)
    try load(rawFile(spaced) + data)
    try load(rawFile(header + [UInt8](repeating: 0x20, count: 100_000)) + data)
  }

  @Test func escapesInTheHeader() throws {
    // Names and types spelt with escapes are the same names and types.
    let header =
      #"{"\u0061":{"\u0064type":"F\u00332","shape":[],"data_offsets":[0,4]},"b\/\"\\":{"shape":[1],"#
      + #""data_offsets":[4,6],"dtype":"BF16"}}"#
    let bytes = rawFile(header, data: 6)
    try bytes.withUnsafeBytes { buffer in
      let file = try SafetensorsFile(buffer)
      #expect(file.tensorCount == 2)
      #expect(file.tensor(0).name == "a" && file.tensor(0).shape == [] && file.tensor(0).count == 1)
      #expect(file.tensor(1).name == #"b/"\"# && file.tensor(1).elementType == .bfloat16)
      #expect(file.index(ofTensor: Array("a".utf8)) == 0)
      #expect(file.index(ofTensor: Array(#"b/"\"#.utf8)) == 1)
      #expect(file.index(ofTensor: []) == nil && file.index(ofTensor: Array("b".utf8)) == nil)
    }
  }

  /// The header's order is not the data's.
  @Test func tensorsInAnyOrder() throws {
    let header =
      #"{"z":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"#
      + #""m":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#
    try rawFile(header, data: 16).withUnsafeBytes { buffer in
      let file = try SafetensorsFile(buffer)
      #expect((0..<3).map { file.tensor($0).name } == ["a", "m", "z"])
      #expect(file.tensor(0).bytes.baseAddress == buffer.baseAddress.map { $0 + buffer.count - 8 })
    }
  }

  @Test func noTensors() throws {
    let count = try rawFile("{}").withUnsafeBytes { try SafetensorsFile($0).tensorCount }
    #expect(count == 0)
  }

  /// Bytes at any address: nothing may assume alignment.
  @Test func unaligned() throws {
    let bytes = SmallModel.bytes()
    for shift in 1..<8 {
      let moved = [UInt8](repeating: 0, count: shift) + bytes
      try moved.withUnsafeBytes { buffer in
        let file = try SafetensorsFile(UnsafeRawBufferPointer(rebasing: buffer[shift...]))
        var reader = TensorReader(file)
        for (name, shape) in SmallModel.tensors { _ = try reader.take("\(name)", shape: shape) }
        try reader.finish()
      }
    }
  }
}
