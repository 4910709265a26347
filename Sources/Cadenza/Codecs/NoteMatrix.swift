/// Notes as rows of three fields: pitch, velocity, and the interval from the onset of the note before (Shinde et al.). A field
/// is a class or a number of 0 … 1.
struct NoteMatrix {
  let timing: NoteTiming
  private let lowestPitch: Int
  private let highestPitch: Int
  /// Tokens of the first field; 0: it is a number.
  let pitchClassCount: Int
  private let lowestVelocity: Int
  private let highestVelocity: Int
  /// 0: the velocity is a number.
  private let velocityClassCount: Int
  /// In ticks.
  private let maximumInterval: Int
  /// 0: the interval is a number.
  private let intervalClassCount: Int

  static var fieldCount: Int { @_noLocks get { 3 } }

  init(_ fields: NoteCodecConfiguration.NoteMatrixFields, _ timing: NoteTiming) {
    self.timing = timing
    lowestPitch = fields.pitches.lowerBound
    highestPitch = fields.pitches.upperBound
    pitchClassCount = fields.hasPitchClasses ? fields.pitches.count : 0
    lowestVelocity = fields.velocities.lowerBound
    highestVelocity = fields.velocities.upperBound
    velocityClassCount = fields.velocityClasses ?? 0
    maximumInterval = fields.maximumInterval
    intervalClassCount = fields.intervalClasses ?? 0
  }

  private var velocities: NoteCodecConfiguration.VelocityClasses {
    @_noLocks get {
      NoteCodecConfiguration.VelocityClasses(lowest: lowestVelocity, highest: highestVelocity, count: velocityClassCount)
    }
  }

  /// The middle of the ranges of pitch and velocity, at once: as numbers exactly, as classes those of the values nearest from
  /// below.
  @_noLocks
  func writeFirst(_ elements: UnsafeMutablePointer<Element>) {
    elements[0] =
      pitchClassCount > 0 ? Element(token: (highestPitch - lowestPitch) / 2, value: 0) : Element(token: 0, value: 0.5)
    elements[1] =
      velocityClassCount > 0
      ? Element(token: velocities.index(of: (lowestVelocity + highestVelocity) / 2), value: 0) : Element(token: 0, value: 0.5)
    elements[2] = Element(token: 0, value: 0)
  }

  // MARK: Playing

  @_noLocks
  func decode(_ elements: UnsafePointer<Element>, _ memory: inout NoteCodecMemory, _ script: inout NoteScript) {
    let interval = interval(elements[2])
    script.advance(interval)
    // Those of a moment sound together.
    script.endNotes(ofVoice: 0, begunBeforeNow: true)
    script.noteOn(voice: 0, pitch: pitch(elements[0]), velocity: velocity(elements[1]))
    if interval > 0 {
      memory.endTimedChoice()
    } else if memory.endIdleChoice() {
      script.advance(1)
    }
  }

  /// p = lowest + x · (highest − lowest)
  @_noLocks
  func pitch(_ element: Element) -> Int {
    if pitchClassCount > 0 { return lowestPitch + NoteMatrix.token(element, below: pitchClassCount) }
    return lowestPitch + NoteMatrix.nearest(NoteMatrix.unit(element) * Double(highestPitch - lowestPitch))
  }

  @_noLocks
  func velocity(_ element: Element) -> Int {
    if velocityClassCount > 0 { return velocities.velocity(ofClass: NoteMatrix.token(element, below: velocityClassCount)) }
    return lowestVelocity + NoteMatrix.nearest(NoteMatrix.unit(element) * Double(highestVelocity - lowestVelocity))
  }

  /// m · x², or m · (c / (C − 1))², in ticks.
  @_noLocks
  func interval(_ element: Element) -> Int {
    if intervalClassCount > 1 {
      // Whole numbers: halves are exact, and go up.
      let index = NoteMatrix.token(element, below: intervalClassCount)
      let divisor = (intervalClassCount - 1) * (intervalClassCount - 1)
      return (2 * maximumInterval * index * index + divisor) / (2 * divisor)
    }
    let x = NoteMatrix.unit(element)
    return NoteMatrix.nearest(Double(maximumInterval) * x * x)
  }

  @_noLocks
  private static func token(_ element: Element, below count: Int) -> Int {
    element.token < 0 ? 0 : element.token >= count ? count - 1 : element.token
  }

  /// Taken to 0 … 1; what is no number is 0.
  @_noLocks
  private static func unit(_ element: Element) -> Double {
    element.value > 0 ? (element.value < 1 ? Double(element.value) : 1) : 0
  }

  /// The nearest whole number of one that is not negative; halves go up.
  @_noLocks
  private static func nearest(_ value: Double) -> Int { Int(value + 0.5) }

  // MARK: Pieces that are given

  /// A note for a row. Pitches and velocities beyond their ranges are replaced by those that come closest, intervals that are
  /// too long by the longest.
  func encode(_ given: GivenPiece) -> [Element] {
    var piece = given
    let pitches = PitchSet(lowestPitch...highestPitch)
    piece.replacePitches { pitches.closest(to: $0) }
    piece.mergeVoices()
    var elements: [Element] = []
    var onset = 0
    for note in piece.notes where note.begin >= 0 {
      elements.append(pitchElement(note.pitch))
      elements.append(velocityElement(note.velocity))
      elements.append(intervalElement(note.begin - onset))
      onset = note.begin
    }
    return elements
  }

  func pitchElement(_ pitch: Int) -> Element {
    if pitchClassCount > 0 { return Element(token: pitch - lowestPitch, value: 0) }
    return Element(token: 0, value: NoteMatrix.fraction(pitch - lowestPitch, of: highestPitch - lowestPitch))
  }

  func velocityElement(_ velocity: Int) -> Element {
    let inside = min(max(velocity, lowestVelocity), highestVelocity)
    if velocityClassCount > 0 { return Element(token: velocities.index(of: inside), value: 0) }
    return Element(token: 0, value: NoteMatrix.fraction(inside - lowestVelocity, of: highestVelocity - lowestVelocity))
  }

  /// x = √(i / m); its class is the nearest, halves go up.
  func intervalElement(_ interval: Int) -> Element {
    let x = (Double(min(max(interval, 0), maximumInterval)) / Double(maximumInterval)).squareRoot()
    if intervalClassCount > 1 { return Element(token: NoteMatrix.nearest(x * Double(intervalClassCount - 1)), value: 0) }
    return Element(token: 0, value: Float(x))
  }

  private static func fraction(_ part: Int, of whole: Int) -> Float {
    whole == 0 ? 0 : Float(Double(part) / Double(whole))
  }
}
