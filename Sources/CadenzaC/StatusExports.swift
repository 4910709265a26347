import CCadenza
import Cadenza

@c @implementation
public func cadenza_status_string(_ status: cadenza_status) -> UnsafePointer<CChar>? {
  Status(rawValue: status).phrase.cString
}

extension StaticString {
  /// The literal's own bytes, which the compiler ends in a zero byte.
  var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
