import Cadenza

/// Loads the model that an argument names.
enum ModelLoading {
  static func load(_ path: String) throws -> Model {
    do {
      return try Model(path: path)
    } catch {
      throw CommandFailure(sentence(error.message, path: path))
    }
  }

  /// The engine's sentences about files begin with the path, shortened, in quotes; all others speak of what is in the file.
  private static func sentence(_ message: String, path: String) -> String {
    let quoted = "\"\(path)\""
    let parts = message.split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
    if parts.count == 3, parts[0].isEmpty, parts[2].hasPrefix(" "), path.hasPrefix(parts[1].prefix(64)) {
      return quoted + parts[2]
    }
    return "cannot load \(quoted): \(message)"
  }
}
