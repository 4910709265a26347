/// Plays a score on a sound font, into a file.
enum SoundFontPlayer {
  /// What sounds on after the last note is heard until it is gone, this many seconds at most.
  private static let longestTail = 10.0
  /// −80 dB: gone.
  private static let silence: Float = 1e-4

  /// From the beginning of the piece to `endBeat`, and what sounds on. Returns how many samples were beyond −1 … 1.
  static func play(
    _ score: Score, endBeat: Double, on font: SoundFont, rate: Int, gain: Float, sink: any AudioSink, isQuiet: Bool
  ) throws -> Int {
    struct Moment {
      var frame: Int
      var isOn: Bool
      var note: Score.Note
    }
    func frame(_ beat: Double) -> Int { Int((beat * 60 / score.tempo * Double(rate)).rounded()) }
    var moments: [Moment] = []
    for note in score.notes where note.end.map({ $0 > note.start }) ?? true {
      moments.append(Moment(frame: frame(note.start), isOn: true, note: note))
      moments.append(Moment(frame: frame(note.end ?? endBeat), isOn: false, note: note))
    }
    let order = moments.indices.sorted {
      (moments[$0].frame, moments[$0].isOn ? 1 : 0, $0) < (moments[$1].frame, moments[$1].isOn ? 1 : 0, $1)
    }

    let end = frame(endBeat)
    let limit = end + Int(longestTail * Double(rate))
    let progress = ProgressBar("playing", total: end, isQuiet: isQuiet)
    defer { progress.clear() }
    var samples: [Float] = []
    var position = 0
    var next = 0
    var clipped = 0
    while position < limit {
      try Interruption.check()
      while next < order.count, moments[order[next]].frame <= position {
        let moment = moments[order[next]]
        let channel = Score.channel(of: moment.note.voice)
        let pitch = score.sounding(moment.note.pitch)
        if moment.isOn {
          font.begin(channel: channel, pitch: pitch, velocity: moment.note.velocity)
        } else {
          font.end(channel: channel, pitch: pitch)
        }
        next += 1
      }
      let until = next < order.count ? moments[order[next]].frame : position < end ? end : limit
      let count = min(4096, until - position)
      try font.render(count, into: &samples)
      for index in samples.indices {
        samples[index] *= gain
        if samples[index].magnitude > 1 { clipped += 1 }
      }
      try sink.write(samples)
      position += count
      progress.update(min(position, end))
      if position >= end, next == order.count, samples.allSatisfy({ $0.magnitude < silence }) { break }
    }
    return clipped
  }
}
