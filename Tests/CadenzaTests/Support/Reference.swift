import Foundation
import Testing

@testable import Cadenza

/// A parity case: a model file, and what PyTorch in float64 predicts with it (Tests/Fixtures/parity/README.md).
struct Reference: CustomTestStringConvertible {
  let name: String
  let modelPath: String
  let path: String

  var testDescription: String { name }

  /// A trained model of `Examples/models`: its reference is named `shipped-` and the model.
  var isShipped: Bool { name.hasPrefix(Self.shippedPrefix) }

  /// A composer's, whose elements have several fields: no samples come of it.
  var hasFields: Bool { name.hasPrefix("fields-") }

  /// A composer's of one field.
  var composes: Bool { name.hasPrefix("lstm-latent") }

  private static let shippedPrefix = "shipped-"

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// All committed cases of networks that predict, the shipped models among them.
  static let all: [Reference] = files.filter { !$0.isEncoder && !$0.isDecoder && !$0.isCodec }

  /// Those of encoders.
  static let encoders: [Reference] = files.filter(\.isEncoder)

  /// Those of decoders.
  static let decoders: [Reference] = files.filter(\.isDecoder)

  /// Those of codecs of frames.
  static let codecs: [Reference] = files.filter(\.isCodec)

  /// What it holds is frames and their sound.
  private var isCodec: Bool { name.hasPrefix("codec-") }

  /// A network's over frames.
  var hasFrames: Bool { name.hasPrefix("frames-") }

  /// What it holds is a clip, or, of a trained model, its beginning.
  private var isDecoder: Bool { name.hasPrefix("decoder-") || Self.shippedDecoders.contains(name) }

  private static let shippedDecoders = ["shipped-notes-cvae"]

  /// What it holds is what an encoder makes of a recording or a melody.
  private var isEncoder: Bool { name.hasPrefix("encoder-") }

  private static let files: [Reference] = {
    let folder = root.appendingPathComponent("Tests/Fixtures/parity")
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".reference.safetensors") }.sorted().map { file in
      let name = String(file.dropLast(".reference.safetensors".count))
      let model =
        name.hasPrefix(shippedPrefix)
        ? root.appendingPathComponent("Examples/models/\(name.dropFirst(shippedPrefix.count)).safetensors").path
        : folder.appendingPathComponent(name + ".safetensors").path
      return Reference(name: name, modelPath: model, path: folder.appendingPathComponent(file).path)
    }
  }()

  static func named(_ name: String) throws -> Reference {
    guard let reference = files.first(where: { $0.name == name }) else { throw ReferenceError.missing(name) }
    return reference
  }

  enum ReferenceError: Error {
    case missing(String)
    case malformed(String)
  }

  /// The reference's tensors, all numbers as Double; a plain reader of its own, since these files also hold integers.
  func read() throws -> [String: (shape: [Int], values: [Double])] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let length = Int(data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    guard let header = try JSONSerialization.jsonObject(with: data[8..<(8 + length)]) as? [String: Any] else {
      throw ReferenceError.malformed(name)
    }
    var tensors: [String: (shape: [Int], values: [Double])] = [:]
    for (key, value) in header where key != "__metadata__" {
      guard let entry = value as? [String: Any], let shape = entry["shape"] as? [Int],
        let offsets = entry["data_offsets"] as? [Int], let type = entry["dtype"] as? String
      else { throw ReferenceError.malformed(key) }
      let bytes = [UInt8](data[(8 + length + offsets[0])..<(8 + length + offsets[1])])
      let words = stride(from: 0, to: bytes.count, by: 4).map { at in
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
      }
      tensors[key] = (
        shape, words.map { type == "I32" ? Double(Int32(bitPattern: $0)) : Double(Float(bitPattern: $0)) }
      )
    }
    return tensors
  }
}
