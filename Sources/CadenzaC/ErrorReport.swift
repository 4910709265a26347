import CCadenza
import Cadenza

/// Tells the caller that a call succeeded. The structure is written whole, so that nothing of an earlier error stays behind.
func succeed(_ error: UnsafeMutablePointer<cadenza_error>?) -> cadenza_status {
  write(.ok, [], to: error)
  return Status.ok.rawValue
}

/// Tells the caller why a call failed.
func fail(_ failure: Failure, _ error: UnsafeMutablePointer<cadenza_error>?) -> cadenza_status {
  write(failure.status, failure.sentence.bytes, to: error)
  return failure.status.rawValue
}

func fail(_ status: Status, _ sentence: Sentence, _ error: UnsafeMutablePointer<cadenza_error>?) -> cadenza_status {
  fail(Failure(status, sentence), error)
}

private func write(_ status: Status, _ sentence: [UInt8], to error: UnsafeMutablePointer<cadenza_error>?) {
  guard let error else { return }
  error.pointee.status = status.rawValue
  withUnsafeMutableBytes(of: &error.pointee.message) { message in
    let length = lengthThatFits(sentence, in: message.count - 1)
    for index in 0..<message.count {
      message[index] = index < length ? sentence[index] : 0
    }
  }
}

/// The longest prefix of `text` of at most `room` bytes that does not cut a UTF-8 character in two.
private func lengthThatFits(_ text: [UInt8], in room: Int) -> Int {
  guard text.count > room else { return text.count }
  var length = room
  while length > 0 && text[length] & 0xC0 == 0x80 { length -= 1 }
  return length
}
