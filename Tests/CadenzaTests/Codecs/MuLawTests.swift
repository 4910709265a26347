import Foundation
import Testing

@testable import Cadenza

@Suite("Mu-law")
struct MuLawTests {
  @Test func silenceAndEnds() {
    #expect(MuLaw.encode(0, levels: 256) == 128)
    #expect(MuLaw.encode(1, levels: 256) == 255)
    #expect(MuLaw.encode(-1, levels: 256) == 0)
    #expect(MuLaw.encode(7, levels: 256) == 255)
    #expect(MuLaw.encode(-7, levels: 256) == 0)
    #expect(MuLaw.decode(255, levels: 256) == 1)
    #expect(MuLaw.decode(0, levels: 256) == -1)
    for levels in 2...70 { #expect(MuLaw.encode(0, levels: levels) == levels / 2) }
  }

  @Test(arguments: [2, 3, 16, 255, 256, 1024, 65536])
  func everyCodeComesBack(levels: Int) {
    for code in 0..<levels {
      let sample = MuLaw.decode(code, levels: levels)
      #expect(sample >= -1 && sample <= 1)
      #expect(MuLaw.encode(sample, levels: levels) == code)
    }
  }

  /// The formulas of FORMAT.md with the system's functions.
  @Test(arguments: [16, 256, 1000])
  func formulas(levels: Int) {
    let mu = Double(levels - 1)
    for step in -5000...5000 {
      let x = Float(step) / 5000
      let companded = (x < 0 ? -1.0 : 1.0) * log(1 + mu * abs(Double(x))) / log(1 + mu)
      #expect(MuLaw.encode(x, levels: levels) == min(levels - 1, Int(floor((companded + 1) / 2 * mu + 0.5))))
    }
    for code in 0..<levels {
      let y = 2 * Double(code) / mu - 1
      let x = (y < 0 ? -1.0 : 1.0) * (pow(1 + mu, abs(y)) - 1) / mu
      #expect(abs(Double(MuLaw.decode(code, levels: levels)) - x) < 1e-7)
    }
  }

  /// Steps grow with the magnitude: that is what companding is for.
  @Test func stepsGrow() {
    let samples = (128..<256).map { MuLaw.decode($0, levels: 256) }
    let steps = zip(samples, samples.dropFirst()).map { $1 - $0 }
    for (step, next) in zip(steps, steps.dropFirst()) { #expect(next > step) }
  }
}
