import ArgumentParser
import Cadenza

/// How the weights of a random model are stored.
enum WeightStorage: String, CaseIterable, ExpressibleByArgument {
  case f32
  case f16
  case bf16

  var elementType: ElementType {
    switch self {
    case .f32: .float32
    case .f16: .float16
    case .bf16: .bfloat16
    }
  }
}
