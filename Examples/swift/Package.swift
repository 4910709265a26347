// swift-tools-version: 6.1
import PackageDescription

// A program that depends on Cadenza. One that lies elsewhere names a URL and a version instead of the path:
// .package(url: "https://…/cadenza", from: "0.1.0").
let package = Package(
  name: "play",
  dependencies: [.package(name: "cadenza", path: "../..")],
  targets: [.executableTarget(name: "play", dependencies: [.product(name: "Cadenza", package: "cadenza")])],
  swiftLanguageModes: [.v6]
)
