import Foundation

// The system's functions for files that do not import Foundation, whose `Stream` would meet Cadenza's.

func exponential(_ x: Double) -> Double { exp(x) }
func logarithm(_ x: Double) -> Double { log(x) }
func cosine(_ x: Double) -> Double { cos(x) }
