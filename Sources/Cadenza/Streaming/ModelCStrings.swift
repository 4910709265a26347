import CadenzaKernels

/// A model's texts as C strings, in one memory that belongs to the model.
public struct ModelCStrings {
  /// The model's name.
  public let name: UnsafePointer<CChar>
  /// What it is, for people.
  public let description: UnsafePointer<CChar>
  /// Its licence.
  public let license: UnsafePointer<CChar>
  /// The kind of its network, "wavenet".
  public let network: UnsafePointer<CChar>
  /// The kind of its codec, "mu_law".
  public let codec: UnsafePointer<CChar>
  /// The kernels in use, "avx2".
  public let instructionSet: UnsafePointer<CChar>

  private let conditionNames: UnsafeMutablePointer<UnsafePointer<CChar>?>
  /// For each condition its list of labels, or nil.
  private let conditionLabels: UnsafeMutablePointer<UnsafeMutablePointer<UnsafePointer<CChar>?>?>
  private let memory: UnsafeMutableRawPointer

  init(_ configuration: Configuration, kernels: UnsafePointer<ck_kernels>) throws(Failure) {
    var measuring = Arena.measuring()
    _ = ModelCStrings(configuration, kernels, memory: nil, arena: &measuring)
    guard let memory = ck_allocate(measuring.byteCount) else {
      throw Failure(.outOfMemory, "no memory for \(measuring.byteCount) bytes of text")
    }
    var arena = Arena(filling: memory)
    self.init(configuration, kernels, memory: memory, arena: &arena)
  }

  private init(
    _ configuration: Configuration, _ kernels: UnsafePointer<ck_kernels>, memory: UnsafeMutableRawPointer?,
    arena: inout Arena
  ) {
    let conditions = configuration.conditions
    let names = arena.take(UnsafePointer<CChar>?.self, count: conditions.count)
    let labels = arena.take(UnsafeMutablePointer<UnsafePointer<CChar>?>?.self, count: conditions.count)
    name = arena.text(configuration.name.utf8)
    description = arena.text(configuration.description.utf8)
    license = arena.text(configuration.license.utf8)
    network = arena.text(configuration.network.kind)
    codec = arena.text(configuration.codec.kind)
    instructionSet = ck_kernels_name(kernels)
    for (index, condition) in conditions.enumerated() {
      let conditionName = arena.text(condition.name.utf8)
      if !arena.isMeasuring { names[index] = conditionName }
      guard case .classes(let texts, _) = condition.kind, !texts.isEmpty else { continue }
      let list = arena.take(UnsafePointer<CChar>?.self, count: texts.count)
      for (position, text) in texts.enumerated() {
        let label = arena.text(text.utf8)
        if !arena.isMeasuring { list[position] = label }
      }
      if !arena.isMeasuring { labels[index] = list }
    }
    conditionNames = names
    conditionLabels = labels
    self.memory = memory ?? UnsafeMutableRawPointer(names)
  }

  func free() { ck_free(memory) }

  /// The name of condition `index`, which the model has.
  public func conditionName(_ index: Int) -> UnsafePointer<CChar> { conditionNames[index] ?? name }

  /// The labels of condition `index`, which the model has; nil where it has none.
  public func conditionLabels(_ index: Int) -> UnsafePointer<UnsafePointer<CChar>?>? {
    conditionLabels[index].map { UnsafePointer($0) }
  }
}

extension Arena {
  /// Text as a C string. A zero byte inside ends it early.
  fileprivate mutating func text(_ bytes: String.UTF8View) -> UnsafePointer<CChar> {
    let text = take(UInt8.self, count: bytes.count + 1)
    if !isMeasuring {
      for (index, byte) in bytes.enumerated() { text[index] = byte }
    }
    return UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self)
  }

  fileprivate mutating func text(_ text: StaticString) -> UnsafePointer<CChar> {
    let copy = take(UInt8.self, count: text.utf8CodeUnitCount + 1)
    if !isMeasuring {
      text.withUTF8Buffer { bytes in
        for (index, byte) in bytes.enumerated() { copy[index] = byte }
      }
    }
    return UnsafeRawPointer(copy).assumingMemoryBound(to: CChar.self)
  }
}
