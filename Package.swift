// swift-tools-version: 6.1
import PackageDescription

// Two builds of one source. The normal build is for the command line, the tests and Swift users. CADENZA_EMBEDDED=1 selects the
// one that ships to C: Embedded Swift, a library that needs libc and libm only (see `make library` and CONTRIBUTING.md).
let embedded = Context.environment["CADENZA_EMBEDDED"] == "1"

// libfluidsynth plays sound fonts for the command, where it is installed: the Makefile looks for it. A manifest that looked itself
// would be answered from SwiftPM's cache when that changes.
let hasFluidsynth = Context.environment["CADENZA_FLUIDSYNTH"] == "1"

// PortAudio plays to the sound card for the command: found likewise.
let hasPortAudio = Context.environment["CADENZA_PORTAUDIO"] == "1"

let engineSettings: [SwiftSetting] =
  embedded
  ? [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Osize", "-Xfrontend", "-function-sections"])]
  : []

let kernelSettings: [CSetting] =
  embedded ? [.unsafeFlags(["-O2", "-fvisibility=hidden", "-ffunction-sections"])] : []

// Unsafe flags keep a package from being used as a dependency, so they stay inside the embedded branch. `now` binds every symbol at
// load: the first call on the audio thread must not go through the dynamic linker, which takes locks.
let exportSettings: [LinkerSetting] =
  embedded
  ? [
    .unsafeFlags([
      "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/CadenzaC/exports.map",
      "-use-ld=lld", "-Xlinker", "-soname", "-Xlinker", "libcadenza.so.0",
      "-Xlinker", "--gc-sections",
      "-Xlinker", "-z", "-Xlinker", "now",
      "-Xlinker", "-z", "-Xlinker", "relro",
    ])
  ] : []

let engine: [Target] = [
  .target(name: "CadenzaKernels", exclude: ["Kernels.inc"], cSettings: kernelSettings, linkerSettings: [.linkedLibrary("m")]),
  .target(
    name: "Cadenza", dependencies: ["CadenzaKernels"], exclude: ["Model/FORMAT.md"], swiftSettings: engineSettings),
  .systemLibrary(name: "CCadenza", path: "include"),
  .target(
    name: "CadenzaC", dependencies: ["Cadenza", "CadenzaKernels", "CCadenza"], exclude: ["exports.map"],
    swiftSettings: engineSettings, linkerSettings: exportSettings),
]

let package = Package(
  name: "cadenza",
  products: embedded
    ? [
      .library(name: "cadenza", type: .dynamic, targets: ["CadenzaC"]),
      .library(name: "cadenza_static", type: .static, targets: ["CadenzaC"]),
    ]
    : [
      .library(name: "Cadenza", targets: ["Cadenza"]),
      .executable(name: "cadenza", targets: ["cadenza-cli"]),
    ],
  dependencies: embedded
    ? [] : [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")],
  targets: engine
    + (embedded
      ? []
      : [
        .systemLibrary(name: "CSndfile", pkgConfig: "sndfile", providers: [.apt(["libsndfile1-dev"])]),
        .target(name: "CadenzaMidi"),
        .executableTarget(
          name: "cadenza-cli",
          dependencies: [
            "Cadenza", "CadenzaKernels", "CadenzaMidi", "CSndfile",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
          ] + (hasFluidsynth ? ["CFluidsynth"] : []) + (hasPortAudio ? ["CPortAudio"] : [])),
        .testTarget(name: "CadenzaTests", dependencies: ["Cadenza", "CadenzaC", "CadenzaKernels"]),
        .testTarget(name: "CadenzaMidiTests", dependencies: ["CadenzaMidi"]),
        .testTarget(name: "CadenzaCTests", dependencies: ["Cadenza", "CadenzaC", "CCadenza"]),
      ])
    + (embedded || !hasFluidsynth
      ? [] : [.systemLibrary(name: "CFluidsynth", providers: [.apt(["libfluidsynth-dev"])])])
    + (embedded || !hasPortAudio
      ? [] : [.systemLibrary(name: "CPortAudio", providers: [.apt(["portaudio19-dev"])])]),
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
