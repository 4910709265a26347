/// A note of a file, from its beginning to when it stops sounding.
public struct MidiNote: Equatable, Sendable {
  /// Ticks since the beginning of the piece; `end` is not before `start`.
  public var start: Int
  /// When it stops sounding, likewise.
  public var end: Int
  /// Position in the file's tracks.
  public var track: Int
  /// 0 … 15.
  public var channel: UInt8
  /// 0 … 127; 60 is middle C.
  public var pitch: UInt8
  /// 1 … 127.
  public var velocity: UInt8

  /// A note as told.
  public init(start: Int, end: Int, track: Int, channel: UInt8, pitch: UInt8, velocity: UInt8) {
    self.start = start
    self.end = end
    self.track = track
    self.channel = channel
    self.pitch = pitch
    self.velocity = velocity
  }
}

extension MidiFile {
  /// All notes, in the order in which they begin.
  ///
  /// A note off ends the oldest note of its pitch, channel and track that has not had one. While a channel's sustain pedal
  /// (controller 64, 64 and above) is down, notes sound on: until it is released, or until their key is struck again. "All notes off" and
  /// its kin (controllers 123 to 127) are a note off for every note of the channel, "all sound off" (120) ends what the pedal holds as
  /// well, and "reset all controllers" (121) releases the pedal. What nobody ends ends with the piece.
  public func notes() -> [MidiNote] {
    var collector = NoteCollector(trackCount: tracks.count)
    for (track, event) in merged() { collector.take(event, track: track) }
    collector.finish(at: endTick)
    return collector.notes
  }
}

/// Pairs beginnings of notes with their ends.
private struct NoteCollector {
  private enum Phase {
    /// The key is down.
    case down
    /// The key is up, the pedal holds the note.
    case held
    case over
  }

  private struct Key: Hashable {
    var track: Int
    var group: Int
    var pitch: UInt8
  }

  /// Notes of one key that wait for their end, the oldest first. Some of them may be over.
  private struct Waiting {
    var notes: [Int] = []
    var first = 0

    mutating func append(_ note: Int) {
      if first == notes.count {
        notes.removeAll(keepingCapacity: true)
        first = 0
      }
      notes.append(note)
    }

    mutating func removeFirst() -> Int? {
      guard first < notes.count else { return nil }
      defer { first += 1 }
      return notes[first]
    }
  }

  /// A channel of a port. Each note stands once in each list at most, until the list is emptied: the work is bounded by the notes.
  private struct Group {
    var isPedalDown = false
    var down: [Int] = []
    var held: [Int] = []
  }

  private(set) var notes: [MidiNote] = []
  private var phases: [Phase] = []
  private var ports: [UInt8]
  private var groups = [Group](repeating: Group(), count: 256 * 16)
  private var down: [Key: Waiting] = [:]
  private var held: [Key: Waiting] = [:]

  init(trackCount: Int) {
    ports = [UInt8](repeating: 0, count: trackCount)
  }

  mutating func take(_ event: MidiEvent, track: Int) {
    func group(_ channel: UInt8) -> Int { Int(ports[track]) * 16 + Int(channel & 0x0F) }
    let tick = event.tick
    switch event.message {
    case .port(let port):
      ports[track] = port
    case .noteOn(let channel, let pitch, let velocity):
      let key = Key(track: track, group: group(channel), pitch: pitch)
      // The struck string that the pedal still held sounds anew.
      while let note = held[key]?.removeFirst() { end(note, at: tick) }
      down[key, default: Waiting()].append(notes.count)
      groups[key.group].down.append(notes.count)
      phases.append(.down)
      notes.append(
        MidiNote(start: tick, end: tick, track: track, channel: channel, pitch: pitch, velocity: velocity))
    case .noteOff(let channel, let pitch, _):
      let key = Key(track: track, group: group(channel), pitch: pitch)
      while let note = down[key]?.removeFirst() {
        // Ended by an "all notes off" before.
        guard phases[note] == .down else { continue }
        release(note, key: key, at: tick)
        break
      }
    case .controller(let channel, 64, let value):
      setPedal(value >= 64, of: group(channel), at: tick)
    case .controller(let channel, 121, _):
      setPedal(false, of: group(channel), at: tick)
    case .controller(let channel, 120, _):
      let group = group(channel)
      for note in groups[group].down + groups[group].held { end(note, at: tick) }
      groups[group].down.removeAll()
      groups[group].held.removeAll()
    case .controller(let channel, 123...127, _):
      let group = group(channel)
      let struck = groups[group].down
      groups[group].down.removeAll()
      for note in struck where phases[note] == .down {
        release(note, key: Key(track: notes[note].track, group: group, pitch: notes[note].pitch), at: tick)
      }
    default:
      break
    }
  }

  /// The piece is over, and all its notes are.
  mutating func finish(at tick: Int) {
    for note in notes.indices { end(note, at: tick) }
  }

  private mutating func release(_ note: Int, key: Key, at tick: Int) {
    guard groups[key.group].isPedalDown else {
      end(note, at: tick)
      return
    }
    phases[note] = .held
    held[key, default: Waiting()].append(note)
    groups[key.group].held.append(note)
  }

  private mutating func setPedal(_ isDown: Bool, of group: Int, at tick: Int) {
    groups[group].isPedalDown = isDown
    guard !isDown else { return }
    for note in groups[group].held { end(note, at: tick) }
    groups[group].held.removeAll(keepingCapacity: true)
  }

  private mutating func end(_ note: Int, at tick: Int) {
    guard phases[note] != .over else { return }
    phases[note] = .over
    notes[note].end = tick
  }
}
