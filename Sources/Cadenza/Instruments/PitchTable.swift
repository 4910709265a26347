/// The class of the condition "pitch" for each MIDI pitch that a host may ask for.
///
/// Where all of the condition's labels are numbers, they are the classes' MIDI pitches; else a class is its own. A pitch
/// that the model does not have is moved by octaves to the nearest one that it has, and where it has none of that name, to the
/// nearest pitch there is, the lower of two.
struct PitchTable {
  /// Class indices, as conditions take them: one for each pitch of 0 … 127.
  private let classes: UnsafeMutablePointer<Float>
  let classCount: Int

  static var pitchCount: Int { @_noLocks get { 128 } }

  /// `transpose` semitones are added before a class is sought.
  init(_ condition: ConditionConfiguration, transpose: Int, arena: inout Arena) {
    classes = arena.take(Float.self, count: PitchTable.pitchCount)
    classCount = condition.size
    if arena.isMeasuring { return }
    var pitches = Array(0..<condition.size)
    if case .classes(let labels, _) = condition.kind, let numbers = PitchTable.numbers(labels) { pitches = numbers }
    for pitch in 0..<PitchTable.pitchCount {
      classes[pitch] = Float(PitchTable.nearestClass(to: pitch + transpose, of: pitches))
    }
  }

  @_noLocks
  func pitchClass(of pitch: Int) -> Float { classes[pitch] }

  /// The labels' numbers, one for each class; nil where there are none, or one of them is not a whole number of 0 … 127.
  static func numbers(_ labels: [String]) -> [Int]? {
    guard !labels.isEmpty else { return nil }
    var numbers: [Int] = []
    for label in labels {
      var number = 0
      guard !label.utf8.isEmpty else { return nil }
      for byte in label.utf8 {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        number = number * 10 + Int(byte - UInt8(ascii: "0"))
        guard number < pitchCount else { return nil }
      }
      numbers.append(number)
    }
    return numbers
  }

  /// Index in `pitches` of what `wanted` is played as.
  static func nearestClass(to wanted: Int, of pitches: [Int]) -> Int {
    var best = 0
    var bestDistance = Int.max
    for (index, pitch) in pitches.enumerated() {
      let semitones = pitch - wanted
      // The name of the note counts before everything; then how far it is; then the lower one.
      let distance = (semitones % 12 == 0 ? 0 : 1 << 40) + 2 * abs(semitones) + (semitones > 0 ? 1 : 0)
      if distance < bestDistance {
        best = index
        bestDistance = distance
      }
    }
    return best
  }
}
