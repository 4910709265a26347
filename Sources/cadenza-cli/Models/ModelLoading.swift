import Cadenza

/// Loads the model that an argument names.
enum ModelLoading {
  static func load(_ path: String) throws -> Model {
    do {
      return try Model(path: path)
    } catch {
      let names = error.message.contains(path)
      throw CommandFailure(names ? error.message : "cannot load \"\(path)\": \(error.message)")
    }
  }
}
