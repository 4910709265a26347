import Cadenza
import CadenzaMidi
import Glibc

/// Writes the steps of an interpolation: in a row into one file, or a file of each into a folder.
final class StepWriter {
  private let output: String
  private let isFolder: Bool
  /// nil: the steps are sound.
  private let composer: ComposerModel?
  private let rate: Int
  private let digits: Int

  private var score: Score?
  /// Of the row's MIDI file, where the step begins; in beats.
  private var firstBeat = 0.0
  private var endBeat: Double?
  private var sink: (any AudioSink)?
  private var midi: OutputFile?
  private var step = 0

  init(_ output: String, composer: ComposerModel?, rate: Int, steps: Int) throws {
    self.output = output
    self.composer = composer
    self.rate = rate
    digits = max(2, String(steps).count)
    let ending = output.split(separator: "/").last.flatMap { name in
      name.contains(".") ? name.split(separator: ".").last.map { $0.lowercased() } : nil
    }
    isFolder = ending == nil || output.hasSuffix("/")
    if let ending, !isFolder, composer != nil, ending != "mid", ending != "midi" {
      throw CommandFailure(
        .wrongUsage, "a composer's steps are MIDI files, not .\(ending): expected .mid, or the name of a folder")
    }
    if isFolder {
      if mkdir(output, 0o777) != 0 && errno != EEXIST {
        throw CommandFailure("cannot make \"\(output)\": \(SystemError.current)")
      }
    } else if composer == nil {
      sink = try AudioOutput.open(path: output, format: nil, rate: rate, frames: Int.max)
    } else {
      midi = try OutputFile(path: output)
    }
  }

  private func path(_ ending: String) -> String {
    let number = String(step + 1)
    let name = String(repeating: "0", count: digits - number.count) + number
    return "\(output)\(output.hasSuffix("/") ? "" : "/")\(name).\(ending)"
  }

  func begin(_ step: Int) throws {
    self.step = step
    endBeat = nil
    guard let composer else {
      if isFolder { sink = try AudioOutput.open(path: path("wav"), format: nil, rate: rate, frames: Int.max) }
      return
    }
    if isFolder || score == nil { score = Score(composer, tempo: Double(composer.codec.tempo), transpose: 0) }
    if isFolder { firstBeat = 0 }
  }

  func take(_ events: Slice<UnsafeMutableBufferPointer<NoteEvent>>) {
    for event in events {
      let beat = firstBeat + event.beat
      if event.kind == .noteOn {
        score?.begin(
          voice: Int(event.voice), pitch: Int(event.pitch), velocity: Int((event.velocity * 127).rounded()), beat: beat)
      } else if event.kind == .noteOff {
        score?.end(voice: Int(event.voice), pitch: Int(event.pitch), beat: beat)
      } else {
        endBeat = beat
      }
    }
  }

  func write(_ samples: UnsafeBufferPointer<Float>) throws { try sink?.write(samples) }

  /// The step lasted so long, where its piece has no end of its own.
  func end(seconds: Double) throws {
    guard let composer else {
      if isFolder {
        try sink?.finish()
        sink = nil
      }
      return
    }
    let end = endBeat ?? firstBeat + seconds * Double(composer.codec.tempo) / 60
    score?.finish(beat: end)
    firstBeat = end
    if isFolder {
      let file = try OutputFile(path: path("mid"))
      try write(to: file)
    }
  }

  func finish() throws {
    if isFolder { return }
    if let midi { try write(to: midi) }
    try sink?.finish()
  }

  private func write(to file: OutputFile) throws {
    guard let score else { return }
    try score.midiFile(endBeat: firstBeat).bytes.withUnsafeBytes {
      try StandardStreams.write($0, to: file.descriptor, name: "\"\(file.path)\"")
    }
    try file.commit()
  }
}
