import CadenzaKernels

/// What the conditions of an instrument's model are for the notes of each of a composer's voices: a row of numbers for each voice,
/// and in it each condition's values, in the order of the model.
struct InstrumentConditions {
  private let inputs: UnsafeMutablePointer<ConditionInput>
  let count: Int
  /// Where in a row a condition's values begin.
  private let offsets: UnsafeMutablePointer<Int32>
  private let rows: UnsafeMutablePointer<Float>
  /// Numbers in a row.
  let width: Int
  /// Index of the condition that the note itself sets.
  let pitchIndex: Int

  /// Voices that a composer, or a host, may have.
  static var partCount: Int { @_noLocks get { 16 } }

  init(_ plan: ModelPlan, defaults: [[Float]], pitchIndex: Int, arena: inout Arena) {
    count = plan.conditions.count
    self.pitchIndex = pitchIndex
    inputs = arena.take(ConditionInput.self, count: count)
    offsets = arena.take(Int32.self, count: count)
    width = plan.conditions.reduce(0) { $0 + $1.width }
    rows = arena.take(Float.self, count: InstrumentConditions.partCount * width)
    if arena.isMeasuring { return }
    var offset = 0
    for (index, input) in plan.conditions.enumerated() {
      (inputs + index).initialize(to: input)
      offsets[index] = Int32(offset)
      for part in 0..<InstrumentConditions.partCount {
        for (place, value) in defaults[index].enumerated() where place < input.width {
          rows[part * width + offset + place] = value
        }
      }
      offset += input.width
    }
  }

  /// Sets condition `index` for the notes of `part` that begin from now on. "pitch" is the notes' own.
  @_noLocks
  func set(part: Int, index: Int, _ values: UnsafePointer<Float>, count valueCount: Int) -> Status {
    guard index >= 0, index < count else { return .invalidArgument }
    let input = inputs + index
    if input.pointee.isEmbedding { return .unsupported }
    guard index != pitchIndex, valueCount == input.pointee.width, input.pointee.accepts(values) else {
      return .invalidArgument
    }
    ck_copy(rows + part * width + Int(offsets[index]), values, valueCount * 4)
    return .ok
  }

  /// The value of condition `index` for the notes of `part` that begin from now on.
  func value(part: Int, index: Int) -> [Float] {
    let row = rows + part * width + Int(offsets[index])
    return (0..<inputs[index].width).map { row[$0] }
  }

  /// Writes the values of a note to `row`.
  @_noLocks
  func begin(_ row: UnsafeMutablePointer<Float>, part: Int, pitchClass: Float) {
    ck_copy(row, rows + part * width, width * 4)
    row[Int(offsets[pitchIndex])] = pitchClass
  }

  /// Writes a row of values to h.
  @_noLocks
  func write(_ row: UnsafePointer<Float>, to h: UnsafeMutablePointer<Float>) {
    for index in 0..<count { inputs[index].write(row + Int(offsets[index]), to: h) }
  }

  func accepts(_ row: UnsafePointer<Float>) -> Bool {
    for index in 0..<count {
      guard inputs[index].accepts(row + Int(offsets[index])) else { return false }
    }
    return true
  }

  // MARK: State

  var savedByteCount: Int { InstrumentConditions.partCount * width * 4 }

  func save(_ writer: inout ByteWriter) {
    writer.write(UnsafeRawPointer(rows), count: savedByteCount)
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    if isLoading {
      reader.read(into: rows, count: savedByteCount)
      return true
    }
    let row = UnsafeMutablePointer<Float>.allocate(capacity: max(1, width))
    defer { row.deallocate() }
    for _ in 0..<InstrumentConditions.partCount {
      reader.read(into: row, count: width * 4)
      guard accepts(row) else { return false }
    }
    return true
  }
}
