/// The version of the library; the C header states the same.
public enum Version {
  public static let major: UInt32 = 0
  public static let minor: UInt32 = 1
  public static let patch: UInt32 = 0
  public static let string: StaticString = "0.1.0"
}
