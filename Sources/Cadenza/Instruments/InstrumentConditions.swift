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
  /// Latents of the model.
  private let movableCount: Int
  /// For each part its latents, on their way in the part's row, and which condition each is.
  private let glides: UnsafeMutablePointer<LatentGlide>
  private let movableIndices: UnsafeMutablePointer<Int32>
  /// How many of the glides are under way.
  private let movingCount: UnsafeMutablePointer<Int32>

  /// Voices that a composer, or a host, may have.
  static var partCount: Int { @_noLocks get { 16 } }

  init(_ plan: ModelPlan, defaults: [[Float]], pitchIndex: Int, arena: inout Arena) {
    count = plan.conditions.count
    self.pitchIndex = pitchIndex
    inputs = arena.take(ConditionInput.self, count: count)
    offsets = arena.take(Int32.self, count: count)
    width = plan.conditions.reduce(0) { $0 + $1.width }
    rows = arena.take(Float.self, count: InstrumentConditions.partCount * width)
    movableCount = plan.conditions.reduce(0) { $0 + ($1.isMovable ? 1 : 0) }
    glides = arena.take(LatentGlide.self, count: InstrumentConditions.partCount * movableCount)
    movableIndices = arena.take(Int32.self, count: movableCount)
    movingCount = arena.take(Int32.self, count: 1)
    for part in 0..<InstrumentConditions.partCount {
      var offset = 0
      var movable = 0
      for (index, input) in plan.conditions.enumerated() {
        if input.isMovable {
          let glide = LatentGlide(rows + (part * width + offset), size: input.width, arena: &arena)
          if !arena.isMeasuring {
            (glides + (part * movableCount + movable)).initialize(to: glide)
            movableIndices[movable] = Int32(index)
          }
          movable += 1
        }
        offset += input.width
      }
    }
    if arena.isMeasuring { return }
    movingCount.pointee = 0
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
    guard index != pitchIndex, valueCount == input.pointee.width, input.pointee.accepts(values) else {
      return .invalidArgument
    }
    if input.pointee.isMovable {
      glide(part: part, index: index, values, samples: 0, .linear)
    } else {
      ck_copy(rows + part * width + Int(offsets[index]), values, valueCount * 4)
    }
    return .ok
  }

  func value(part: Int, index: Int) -> UnsafePointer<Float> { UnsafePointer(rows + (part * width + Int(offsets[index]))) }

  @_noLocks
  func accepts(_ index: Int, _ values: UnsafePointer<Float>, count valueCount: Int) -> Bool {
    valueCount == inputs[index].width && inputs[index].accepts(values)
  }

  // MARK: Latents

  @_noLocks
  func isMovable(_ index: Int) -> Bool { index >= 0 && index < count && inputs[index].isMovable }

  /// Whether a latent is on its way.
  var isMoving: Bool {
    @_noLocks get { movingCount.pointee > 0 }
  }

  /// Lets the latent that is condition `index` of `part` go to `values`, which were accepted.
  @_noLocks
  func glide(part: Int, index: Int, _ values: UnsafePointer<Float>, samples: UInt64, _ interpolation: Interpolation) {
    for movable in 0..<movableCount where Int(movableIndices[movable]) == index {
      (glides + (part * movableCount + movable)).pointee.begin(values, length: samples, interpolation)
    }
    countMoving()
  }

  /// Lets the latent that is condition `index` of every part do what the host asks.
  @_noLocks
  func take(_ request: GlideRequest, _ row: UnsafePointer<Float>, index: Int) {
    for movable in 0..<movableCount where Int(movableIndices[movable]) == index {
      for part in 0..<InstrumentConditions.partCount {
        request.begin(&(glides + (part * movableCount + movable)).pointee, row)
      }
    }
    countMoving()
  }

  @_noLocks
  private func countMoving() {
    movingCount.pointee = 0
    for place in 0..<(InstrumentConditions.partCount * movableCount) where glides[place].isMoving {
      movingCount.pointee += 1
    }
  }

  /// Lets all of them go on by a sample; true where one has changed.
  @_noLocks
  func advance() -> Bool {
    var changed = false
    for place in 0..<(InstrumentConditions.partCount * movableCount) {
      if (glides + place).pointee.advance(1) { changed = true }
    }
    if changed { countMoving() }
    return changed
  }

  /// Writes the latents of `part` to `row`, the values of a note, and to its h.
  @_noLocks
  func followLatents(_ row: UnsafeMutablePointer<Float>, part: Int, h: UnsafeMutablePointer<Float>) {
    for movable in 0..<movableCount {
      let index = Int(movableIndices[movable])
      let offset = Int(offsets[index])
      ck_copy(row + offset, rows + (part * width + offset), inputs[index].width * 4)
      inputs[index].write(row + offset, to: h)
    }
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

  private var rowsByteCount: Int { InstrumentConditions.partCount * width * 4 }

  var savedByteCount: Int {
    var bytes = rowsByteCount
    for place in 0..<(InstrumentConditions.partCount * movableCount) { bytes += glides[place].savedByteCount }
    return bytes
  }

  func save(_ writer: inout ByteWriter) {
    writer.write(UnsafeRawPointer(rows), count: rowsByteCount)
    for place in 0..<(InstrumentConditions.partCount * movableCount) { glides[place].save(&writer) }
  }

  /// Reads what `save` wrote; false where that cannot be. Changes nothing but where `isLoading`, after it was accepted.
  func read(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    if isLoading {
      reader.read(into: rows, count: rowsByteCount)
      let hasGlides = readGlides(&reader, isLoading: true)
      countMoving()
      return hasGlides
    }
    let row = UnsafeMutablePointer<Float>.allocate(capacity: max(1, width))
    defer { row.deallocate() }
    for _ in 0..<InstrumentConditions.partCount {
      reader.read(into: row, count: width * 4)
      guard accepts(row) else { return false }
    }
    return readGlides(&reader, isLoading: false)
  }

  private func readGlides(_ reader: inout ByteReader, isLoading: Bool) -> Bool {
    for place in 0..<(InstrumentConditions.partCount * movableCount) {
      guard (glides + place).pointee.read(&reader, isLoading: isLoading) else { return false }
    }
    return true
  }
}
