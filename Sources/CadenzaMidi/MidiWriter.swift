/// Writes a Standard MIDI File: running status, note offs of velocity 0 as note ons of velocity 0, an end for each track.
enum MidiWriter {
  /// The longest time between two events that one number can say, in ticks.
  private static let longestWait = 0x0FFF_FFFF

  static func bytes(of file: MidiFile) -> [UInt8] {
    var bytes = Array("MThd".utf8)
    append(6, byteCount: 4, to: &bytes)
    append(file.format, byteCount: 2, to: &bytes)
    append(min(file.tracks.count, 0xFFFF), byteCount: 2, to: &bytes)
    switch file.division {
    case .beats(let ticksPerBeat):
      append(min(max(ticksPerBeat, 1), 0x7FFF), byteCount: 2, to: &bytes)
    case .frames(let framesPerSecond, let ticksPerFrame):
      append((256 - framesPerSecond) << 8 | min(max(ticksPerFrame, 1), 0xFF), byteCount: 2, to: &bytes)
    }
    for track in file.tracks.prefix(0xFFFF) {
      let content = trackBytes(track)
      bytes += "MTrk".utf8
      append(content.count, byteCount: 4, to: &bytes)
      bytes += content
    }
    return bytes
  }

  private static func trackBytes(_ track: MidiTrack) -> [UInt8] {
    var bytes: [UInt8] = []
    if !track.name.isEmpty {
      bytes.append(0)
      appendMeta(0x03, Array(track.name.utf8), to: &bytes)
    }
    var tick = 0
    var running: UInt8?
    for event in track.events {
      appendWait(until: event.tick, from: &tick, running: &running, to: &bytes)
      append(event.message, running: &running, to: &bytes)
    }
    appendWait(until: track.endTick, from: &tick, running: &running, to: &bytes)
    appendMeta(0x2F, [], to: &bytes)
    return bytes
  }

  /// The time before an event. Where one number cannot say it, empty texts stand in between.
  private static func appendWait(until next: Int, from tick: inout Int, running: inout UInt8?, to bytes: inout [UInt8]) {
    while next - tick > longestWait {
      appendVariable(longestWait, to: &bytes)
      appendMeta(0x01, [], to: &bytes)
      running = nil
      tick += longestWait
    }
    appendVariable(max(0, next - tick), to: &bytes)
    tick = max(tick, next)
  }

  private static func append(_ message: MidiMessage, running: inout UInt8?, to bytes: inout [UInt8]) {
    func channelMessage(_ kind: UInt8, _ channel: UInt8, _ data: UInt8...) {
      let status = kind << 4 | channel & 0x0F
      if running != status { bytes.append(status) }
      running = status
      for byte in data { bytes.append(min(byte, 0x7F)) }
    }
    func meta(_ kind: UInt8, _ content: [UInt8]) {
      appendMeta(kind, content, to: &bytes)
      running = nil
    }
    switch message {
    case .noteOn(let channel, let pitch, let velocity):
      channelMessage(0x9, channel, pitch, max(1, velocity))
    case .noteOff(let channel, let pitch, 0):
      channelMessage(0x9, channel, pitch, 0)
    case .noteOff(let channel, let pitch, let velocity):
      channelMessage(0x8, channel, pitch, velocity)
    case .controller(let channel, let number, let value):
      channelMessage(0xB, channel, number, value)
    case .program(let channel, let number):
      channelMessage(0xC, channel, number)
    case .tempo(let microseconds):
      let limited = min(max(microseconds, 1), 0xFF_FFFF)
      meta(0x51, [UInt8(limited >> 16), UInt8(limited >> 8 & 0xFF), UInt8(limited & 0xFF)])
    case .timeSignature(let numerator, let power):
      // A click of the metronome for each beat of 24 clocks; 8 thirty-seconds in a quarter note.
      meta(0x58, [max(1, numerator), min(power, 8), 24, 8])
    case .keySignature(let sharps, let isMinor):
      meta(0x59, [UInt8(bitPattern: sharps), isMinor ? 1 : 0])
    case .port(let port):
      meta(0x21, [port])
    }
  }

  private static func appendMeta(_ kind: UInt8, _ content: [UInt8], to bytes: inout [UInt8]) {
    bytes += [0xFF, kind]
    appendVariable(content.count, to: &bytes)
    bytes += content
  }

  /// `value` 0 … 2²⁸ − 1: seven bits a byte, the high bit set in all but the last.
  private static func appendVariable(_ value: Int, to bytes: inout [UInt8]) {
    var shift = 21
    while shift > 0 {
      if value >> shift > 0 { bytes.append(UInt8(value >> shift & 0x7F) | 0x80) }
      shift -= 7
    }
    bytes.append(UInt8(value & 0x7F))
  }

  private static func append(_ value: Int, byteCount: Int, to bytes: inout [UInt8]) {
    for position in (0..<byteCount).reversed() { bytes.append(UInt8(value >> (8 * position) & 0xFF)) }
  }
}
