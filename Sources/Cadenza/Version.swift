/// The version of the library; the C header states the same.
public enum Version {
  /// Rises with changes that old programs cannot take; the number in the library's SONAME.
  public static let major: UInt32 = 0
  /// Rises with what is added.
  public static let minor: UInt32 = 1
  /// Rises with what is mended.
  public static let patch: UInt32 = 0
  /// The three numbers as text.
  public static let string: StaticString = "0.1.0"
}
