/// The header of a safetensors file, read and checked in full against the bytes that exist. It borrows those bytes: they must
/// outlive it and every tensor taken from it.
///
/// Stricter than the reference reader: it knows Cadenza's three element types only, and refuses duplicate keys, unknown keys,
/// empty tensors, and a header that does not begin at once with its object.
struct SafetensorsFile {
  static let maximumHeaderByteCount = JsonReader.maximumByteCount
  static let maximumRank = 8

  private struct Entry {
    /// The node of the tensor's name.
    var name: Int
    var elementType: ElementType
    var shape: [Int]
    var begin: Int
    var end: Int
  }

  private let document: JsonDocument
  private let metadata: JsonValue?
  /// What follows the header.
  private let data: UnsafeRawBufferPointer
  /// Ordered by name.
  private let entries: [Entry]

  init(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    guard bytes.count >= 8 else {
      throw Failure(.format, "the file is \(bytes.count) bytes long, expected at least 8: the length of its header")
    }
    var length: UInt64 = 0
    for position in 0..<8 { length |= UInt64(bytes[position]) << UInt64(8 * position) }
    guard length <= UInt64(SafetensorsFile.maximumHeaderByteCount) else {
      throw Failure(
        .format, "the header's length is \(length) bytes, expected at most \(SafetensorsFile.maximumHeaderByteCount)")
    }
    let headerEnd = 8 + Int(length)
    guard headerEnd <= bytes.count else {
      throw Failure(
        .format, "the header is \(length) bytes long, but only \(bytes.count - 8) follow: the file is cut short")
    }
    guard length > 0, bytes[8] == UInt8(ascii: "{") else {
      throw Failure(.format, "the header does not begin with a brace: this is not a safetensors file")
    }
    document = try JsonDocument.read(UnsafeRawBufferPointer(rebasing: bytes[8..<headerEnd]), title: "the header")
    data = UnsafeRawBufferPointer(rebasing: bytes[headerEnd...])

    var metadata: JsonValue?
    var entries: [Entry] = []
    for (key, value) in document.root.members {
      if key.isText("__metadata__") {
        try SafetensorsFile.checkMetadata(value)
        metadata = value
      } else {
        entries.append(try SafetensorsFile.readEntry(key, value, dataByteCount: data.count))
      }
    }
    self.metadata = metadata
    try SafetensorsFile.checkCoverage(&entries, document: document, dataByteCount: data.count)

    let (nodes, text) = (document.nodes, document.text)
    entries.sort { JsonDocument.compare(nodes[$0.name], nodes[$1.name], text) < 0 }
    self.entries = entries
  }

  /// The string under a key of `__metadata__`.
  func metadata(_ key: StaticString) -> JsonValue? { metadata?[key] }

  /// The keys of `__metadata__`, all of whose values are strings.
  var metadataMembers: JsonMembers? { metadata?.members }

  /// How many tensors the file holds. They are numbered in the order of their names' bytes.
  var tensorCount: Int { entries.count }

  func tensorName(_ index: Int) -> ArraySlice<UInt8> {
    JsonValue(document: document, index: entries[index].name).text
  }

  func tensor(_ index: Int) -> Tensor {
    let entry = entries[index]
    return Tensor(
      name: String(decoding: tensorName(index), as: UTF8.self), elementType: entry.elementType, shape: entry.shape,
      bytes: UnsafeRawBufferPointer(rebasing: data[entry.begin..<entry.end]))
  }

  /// The number of the tensor with this name, nil where there is none.
  func index(ofTensor name: [UInt8]) -> Int? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = low + (high - low) / 2
      let order = compare(entries[middle], name)
      if order == 0 { return middle }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  private func compare(_ entry: Entry, _ name: [UInt8]) -> Int {
    let node = document.nodes[entry.name]
    let count = Int(node.second)
    for offset in 0..<min(count, name.count) {
      let difference = Int(document.text[Int(node.first) + offset]) - Int(name[offset])
      if difference != 0 { return difference }
    }
    return count - name.count
  }

  // MARK: Reading the header

  private static func checkMetadata(_ value: JsonValue) throws(Failure) {
    guard value.kind == .object else {
      throw Failure(.format, "__metadata__ is \(value.found), expected an object that maps strings to strings")
    }
    for (key, value) in value.members where value.kind != .string {
      throw Failure(.format, "\(quoted: key.text) in __metadata__ is \(value.found), expected a string")
    }
  }

  private static func readEntry(_ key: JsonValue, _ value: JsonValue, dataByteCount: Int) throws(Failure) -> Entry {
    let name = key.text
    guard value.kind == .object else {
      throw Failure(.format, "tensor \(quoted: name) is \(value.found), expected an object")
    }
    for (key, _) in value.members where !(key.isText("dtype") || key.isText("shape") || key.isText("data_offsets")) {
      throw Failure(
        .format, "tensor \(quoted: name) has the unknown key \(quoted: key.text), expected dtype, shape and data_offsets")
    }
    let elementType = try readElementType(value["dtype"], of: name)
    let (shape, byteCount) = try readShape(value["shape"], of: name, elementType)
    let (begin, end) = try readOffsets(value["data_offsets"], of: name, dataByteCount: dataByteCount)
    guard end - begin == byteCount else {
      throw Failure(
        .format,
        "tensor \(quoted: name) has \(end - begin) bytes, but its shape \(shape) of \(elementType.name) takes \(byteCount)")
    }
    return Entry(name: key.index, elementType: elementType, shape: shape, begin: begin, end: end)
  }

  private static func readElementType(_ value: JsonValue?, of name: ArraySlice<UInt8>) throws(Failure) -> ElementType {
    guard let value else { throw Failure(.format, "tensor \(quoted: name) has no dtype") }
    guard value.kind == .string else {
      throw Failure(.format, "tensor \(quoted: name) has the dtype \(value.found), expected a string")
    }
    if value.isText("F32") { return .float32 }
    if value.isText("F16") { return .float16 }
    if value.isText("BF16") { return .bfloat16 }
    throw Failure(.unsupported, "tensor \(quoted: name) has the dtype \(value.found), expected F32, F16 or BF16")
  }

  private static func readShape(
    _ value: JsonValue?, of name: ArraySlice<UInt8>, _ elementType: ElementType
  ) throws(Failure) -> (shape: [Int], byteCount: Int) {
    guard let value else { throw Failure(.format, "tensor \(quoted: name) has no shape") }
    guard value.kind == .list else {
      throw Failure(.format, "tensor \(quoted: name) has the shape \(value.found), expected a list of whole numbers")
    }
    guard value.count <= maximumRank else {
      throw Failure(.format, "tensor \(quoted: name) has \(value.count) dimensions, expected at most \(maximumRank)")
    }
    var shape: [Int] = []
    var byteCount = elementType.byteCount
    for element in value.elements {
      guard let dimension = element.integer, dimension > 0 else {
        throw Failure(
          .format, "tensor \(quoted: name) has the dimension \(element.found), expected a whole number of at least 1")
      }
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: dimension)
      guard !overflow else { throw Failure(.format, "tensor \(quoted: name) has a shape beyond 64 bits") }
      shape.append(dimension)
      byteCount = product
    }
    return (shape, byteCount)
  }

  private static func readOffsets(
    _ value: JsonValue?, of name: ArraySlice<UInt8>, dataByteCount: Int
  ) throws(Failure) -> (begin: Int, end: Int) {
    guard let value else { throw Failure(.format, "tensor \(quoted: name) has no data_offsets") }
    var offsets: [Int] = []
    if value.count == 2 {
      for element in value.elements {
        if let offset = element.integer, offset >= 0 { offsets.append(offset) }
      }
    }
    guard offsets.count == 2 else {
      throw Failure(
        .format, "tensor \(quoted: name) has data_offsets \(value.found), expected a list of 2 whole numbers, begin and end")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else {
      throw Failure(.format, "tensor \(quoted: name) begins at byte \(begin) of the data, after its end at \(end)")
    }
    guard end <= dataByteCount else {
      throw Failure(
        .format,
        "tensor \(quoted: name) ends at byte \(end) of the data, but there are \(dataByteCount): the file is cut short")
    }
    return (begin, end)
  }

  /// The tensors cover the data from its first byte to its last, each byte once.
  private static func checkCoverage(
    _ entries: inout [Entry], document: JsonDocument, dataByteCount: Int
  ) throws(Failure) {
    entries.sort { $0.begin < $1.begin }
    var covered = 0
    for entry in entries {
      guard entry.begin == covered else {
        let name = JsonValue(document: document, index: entry.name).text
        let what: StaticString = entry.begin > covered ? "a hole in the data" : "it overlaps another tensor"
        throw Failure(
          .format, "tensor \(quoted: name) begins at byte \(entry.begin) of the data, expected byte \(covered): \(what)")
      }
      covered = entry.end
    }
    guard covered == dataByteCount else {
      throw Failure(.format, "\(dataByteCount - covered) bytes follow the last tensor, expected none")
    }
  }
}

extension ElementType {
  /// As safetensors calls it.
  var name: StaticString {
    switch self {
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    }
  }
}
