import Foundation
import Testing

@testable import Cadenza

@Suite struct ModelFileTests {
  private func failure(_ path: String) -> Failure? {
    do throws(Failure) {
      _ = try ModelFile(path: path)
      return nil
    } catch {
      return error
    }
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cadenza-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func reads() throws {
    try withFolder { folder in
      let path = folder + "/é model.safetensors"
      for count in [0, 1, 4096, 1_000_001] {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let file = try ModelFile(path: path)
        let isSame = Array(file.bytes) == bytes
        #expect(isSame)
        // Through a link, and as a C string.
        let link = folder + "/link\(count)"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        let isSameThroughLink = try link.withCString { path in
          let file = try ModelFile(path: path)
          return Array(file.bytes) == bytes
        }
        #expect(isSameThroughLink)
      }
    }
  }

  @Test func missing() throws {
    try withFolder { folder in
      #expect(failure(folder + "/none")?.status == .io)
      let message = try #require(failure(folder + "/none")?.message)
      #expect(message.hasSuffix("cannot be opened: there is no such file"))
      #expect(failure("none.safetensors")?.message == "\"none.safetensors\" cannot be opened: there is no such file")
      try Data([1]).write(to: URL(fileURLWithPath: folder + "/file"))
      #expect(failure(folder + "/file/none")?.message.hasSuffix("no such file") == true)
    }
  }

  @Test func notAFile() throws {
    try withFolder { folder in
      #expect(failure(folder)?.status == .io)
      #expect(failure("/")?.message == "\"/\" is a directory, expected a model file")
      #expect(failure("/dev/null")?.message == "\"/dev/null\" is a device or a pipe, expected a model file")
      #expect(failure("/dev/zero")?.status == .io)
      // A pipe that nobody writes to must not wait for ever.
      let pipe = folder + "/pipe"
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(failure(pipe)?.message.hasSuffix("is a device or a pipe, expected a model file") == true)
    }
  }

  @Test func badPaths() throws {
    #expect(failure("")?.message == "\"\" cannot be opened: the path is empty, too long, or a loop of links")
    #expect(failure("a\0b")?.message == "\"a?b\" cannot be read: a path cannot hold a zero byte")
    let long = try #require(failure(String(repeating: "a", count: 100_000)))
    #expect(long.status == .io && long.message.hasSuffix("too long, or a loop of links") && long.sentence.bytes.count < 512)
    try withFolder { folder in
      let link = folder + "/loop"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: link)
      #expect(failure(link)?.message.hasSuffix("a loop of links") == true)
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything"))
  func denied() throws {
    try withFolder { folder in
      let path = folder + "/secret"
      try Data([1]).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
      #expect(failure(path)?.message.hasSuffix("permission denied") == true)
    }
  }

  /// A sparse file takes no room: the limit is on what would have to be read.
  @Test func tooLarge() throws {
    try withFolder { folder in
      let path = folder + "/large"
      #expect(FileManager.default.createFile(atPath: path, contents: nil))
      #expect(truncate(path, 2_147_483_649) == 0)
      let refused = try #require(failure(path))
      #expect(refused.status == .io)
      #expect(refused.message.hasSuffix("is 2147483649 bytes long, expected at most 2147483648"))
    }
  }
}
