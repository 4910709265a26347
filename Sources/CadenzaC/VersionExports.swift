import CCadenza
import Cadenza

@c @implementation
public func cadenza_version() -> UInt32 {
  Version.major << 16 | Version.minor << 8 | Version.patch
}

@c @implementation
public func cadenza_version_string() -> UnsafePointer<CChar>? {
  Version.string.cString
}
