/// The MIDI pitches of the classes of a model's condition "pitch", for codecs that make a sound of a pitch.
struct ClassPitches {
  /// Index of the condition.
  let index: Int
  private let pitches: UnsafeMutablePointer<Float>
  private let count: Int

  /// nil where no condition "pitch" has classes.
  init?(_ conditions: [ConditionConfiguration], arena: inout Arena) {
    guard let index = conditions.firstIndex(where: { $0.name.utf8.elementsEqual("pitch".utf8) }),
      case .classes(let labels, _) = conditions[index].kind
    else { return nil }
    self.index = index
    count = conditions[index].size
    pitches = arena.take(Float.self, count: count)
    if arena.isMeasuring { return }
    let numbers = PitchTable.numbers(labels) ?? Array(0..<count)
    for place in 0..<count { pitches[place] = Float(min(numbers[place], PitchTable.pitchCount - 1)) }
  }

  /// The pitch of a class, as conditions give it.
  @_noLocks
  func pitch(of value: Float) -> Float {
    let place = Int(Int32(value))
    return place >= 0 && place < count ? pitches[place] : 0
  }
}
