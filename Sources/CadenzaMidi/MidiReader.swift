/// Reads a Standard MIDI File from start to end, byte by byte. Nothing is taken on trust: each length is compared with the bytes
/// that are there, and nothing is allocated by a number that the file only states.
struct MidiReader {
  private let bytes: [UInt8]
  private var position = 0
  /// Where the chunk that is read ends.
  private var limit: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    limit = bytes.count
  }

  // MARK: Chunks

  mutating func readFile() throws(MidiFailure) -> MidiFile {
    guard bytes.count <= MidiFile.maximumByteCount else {
      throw MidiFailure(
        at: MidiFile.maximumByteCount, "the file goes on; expected \(MidiFile.maximumByteCount) bytes at most")
    }
    guard bytes.count >= 14, bytes.starts(with: "MThd".utf8) else {
      throw MidiFailure(
        at: 0, bytes.isEmpty ? "the file ends: it is empty" : "there is no header; expected \"MThd\" and ten bytes behind it")
    }
    position = 4
    let headerLength = readNumber(byteCount: 4)
    guard headerLength >= 6, headerLength <= bytes.count - position else {
      throw MidiFailure(
        at: 4, "the header's length is \(headerLength), expected 6 (or more, and no more than the file's \(bytes.count - 8))")
    }
    let headerEnd = position + headerLength
    let format = readNumber(byteCount: 2)
    if format == 2 {
      throw MidiFailure(at: 8, "the file is of type 2, pieces one after another; expected type 0 or 1")
    }
    guard format < 2 else { throw MidiFailure(at: 8, "the file's type is \(format), expected 0 or 1") }
    let trackCount = readNumber(byteCount: 2)
    guard trackCount > 0, format == 1 || trackCount == 1 else {
      throw MidiFailure(
        at: 10, "the number of tracks is \(trackCount), expected \(format == 0 ? "1 in a file of type 0" : "1 or more")")
    }
    let division = try readDivision()
    position = headerEnd

    var tracks: [MidiTrack] = []
    while tracks.count < trackCount {
      limit = bytes.count
      let start = position
      guard limit - position >= 8 else {
        throw MidiFailure(at: start, "the file ends after \(tracks.count) of its \(trackCount) tracks")
      }
      let isTrack = bytes[position..<position + 4].elementsEqual("MTrk".utf8)
      position += 4
      let length = readNumber(byteCount: 4)
      guard length <= bytes.count - position else {
        throw MidiFailure(
          at: start,
          "a \(isTrack ? "track" : "chunk") says that it has \(length) bytes; the file has \(bytes.count - position) more")
      }
      limit = position + length
      // Chunks of other kinds are to be passed over, says the standard.
      if isTrack { tracks.append(try readTrack()) }
      position = limit
    }
    return MidiFile(format: format, division: division, tracks: tracks)
  }

  private mutating func readDivision() throws(MidiFailure) -> MidiDivision {
    let offset = position
    let value = readNumber(byteCount: 2)
    if value & 0x8000 == 0 {
      guard value > 0 else { throw MidiFailure(at: offset, "a beat has 0 ticks, expected 1 or more") }
      return .beats(ticksPerBeat: value)
    }
    // The upper byte is the negative number of frames a second.
    let framesPerSecond = 256 - value >> 8
    guard [24, 25, 29, 30].contains(framesPerSecond), value & 0xFF > 0 else {
      throw MidiFailure(
        at: offset,
        "time counts \(framesPerSecond) frames a second of \(value & 0xFF) ticks, expected 24, 25, 29 or 30 of 1 or more")
    }
    return .frames(framesPerSecond: framesPerSecond, ticksPerFrame: value & 0xFF)
  }

  // MARK: Tracks

  private mutating func readTrack() throws(MidiFailure) -> MidiTrack {
    var track = MidiTrack()
    var tick = 0
    // The status that holds where an event has none of its own. By the standard, meta events and system exclusive messages end it;
    // files go on with it none the less.
    var running: UInt8?
    var isOver = false
    // The end of the chunk ends a track, too, that says no end.
    while !isOver, position < limit {
      tick += try readVariable("a time")
      let offset = position
      var status = try readByte()
      if status < 0x80 {
        guard let last = running else {
          throw MidiFailure(at: offset, "a track begins with data (\(status)), expected the status of an event")
        }
        status = last
        position -= 1
      }
      switch status {
      case 0xFF:
        let kind = try readByte()
        isOver = kind == 0x2F
        let length = try readLength("a meta event")
        try readMeta(kind, length: length, tick: tick, offset: offset, into: &track)
      case 0xF0, 0xF7:
        position += try readLength("a system exclusive message")
      case 0xF1...0xFE:
        throw MidiFailure(at: offset, "there is the status \(status), which has no place in a file; the file is damaged")
      default:
        running = status
        if let message = try readMessage(status) { track.events.append(MidiEvent(tick: tick, message)) }
      }
    }
    track.endTick = tick
    return track
  }

  /// nil: of a kind that is not kept.
  private mutating func readMessage(_ status: UInt8) throws(MidiFailure) -> MidiMessage? {
    let channel = status & 0x0F
    switch status >> 4 {
    case 0x8:
      return .noteOff(channel: channel, pitch: try readData("a pitch"), velocity: try readData("a velocity"))
    case 0x9:
      let pitch = try readData("a pitch")
      let velocity = try readData("a velocity")
      return velocity == 0
        ? .noteOff(channel: channel, pitch: pitch, velocity: 0) : .noteOn(channel: channel, pitch: pitch, velocity: velocity)
    case 0xB:
      return .controller(channel: channel, number: try readData("a controller"), value: try readData("a controller's value"))
    case 0xC:
      return .program(channel: channel, number: try readData("a program"))
    case 0xD:
      _ = try readData("a pressure")
      return nil
    default:
      _ = try readData(status >> 4 == 0xA ? "a pitch" : "a pitch bend")
      _ = try readData(status >> 4 == 0xA ? "a pressure" : "a pitch bend")
      return nil
    }
  }

  private mutating func readMeta(
    _ kind: UInt8, length: Int, tick: Int, offset: Int, into track: inout MidiTrack
  ) throws(MidiFailure) {
    let content = bytes[position..<position + length]
    position += length
    let first = content.startIndex
    // Signatures that make no sense change no note, and are left out.
    switch kind {
    case 0x03 where track.name.isEmpty:
      track.name = MidiReader.text(content)
    case 0x21 where length == 1:
      track.events.append(MidiEvent(tick: tick, .port(content[first])))
    case 0x51:
      guard length == 3 else { throw MidiFailure(at: offset, "a tempo has \(length) bytes, expected 3") }
      let microseconds = content.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard microseconds > 0 else {
        throw MidiFailure(at: offset, "a tempo has 0 microseconds a beat, expected 1 or more")
      }
      track.events.append(MidiEvent(tick: tick, .tempo(microsecondsPerBeat: microseconds)))
    case 0x58 where length >= 2 && content[first] > 0 && content[first + 1] <= 8:
      track.events.append(
        MidiEvent(tick: tick, .timeSignature(numerator: content[first], denominatorPower: content[first + 1])))
    case 0x59 where length == 2:
      let sharps = Int8(bitPattern: content[first])
      guard (-7...7).contains(sharps), content[first + 1] <= 1 else { return }
      track.events.append(MidiEvent(tick: tick, .keySignature(sharps: sharps, isMinor: content[first + 1] == 1)))
    default:
      break
    }
  }

  /// The standard names no encoding. Today it is UTF-8, once it was Latin-1. At most 256 bytes are read.
  private static func text(_ content: ArraySlice<UInt8>) -> String {
    let bytes = content.prefix(256)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  // MARK: Bytes

  /// A big-endian number of bytes that are known to be there.
  private mutating func readNumber(byteCount: Int) -> Int {
    var value = 0
    for _ in 0..<byteCount {
      value = value << 8 | Int(bytes[position])
      position += 1
    }
    return value
  }

  private mutating func readByte() throws(MidiFailure) -> UInt8 {
    guard position < limit else { throw MidiFailure(at: position, "a track ends in the middle of an event") }
    defer { position += 1 }
    return bytes[position]
  }

  /// 0 … 127.
  private mutating func readData(_ what: StaticString) throws(MidiFailure) -> UInt8 {
    let value = try readByte()
    guard value < 0x80 else { throw MidiFailure(at: position - 1, "\(what) is \(value), expected 0 to 127") }
    return value
  }

  /// A number of one to four bytes, seven bits each, the high bit set in all but the last.
  private mutating func readVariable(_ what: StaticString) throws(MidiFailure) -> Int {
    let offset = position
    var value = 0
    for _ in 0..<4 {
      let byte = try readByte()
      value = value << 7 | Int(byte & 0x7F)
      if byte < 0x80 { return value }
    }
    throw MidiFailure(at: offset, "\(what) has more than four bytes")
  }

  /// The length of what follows, which is there.
  private mutating func readLength(_ what: StaticString) throws(MidiFailure) -> Int {
    let offset = position
    let length = try readVariable("a length")
    guard length <= limit - position else {
      throw MidiFailure(at: offset, "\(what) says that it has \(length) bytes; the track has \(limit - position) more")
    }
    return length
  }
}
