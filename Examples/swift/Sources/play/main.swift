import Cadenza

let model = try Model(path: "notes-wavenet.safetensors")
let stream = try Stream(model: model, options: StreamOptions(for: model))

var block = [Float](repeating: 0, count: 256)
for _ in 0..<250 {  // 4 seconds at 16 kHz
  guard stream.generate(into: &block, frames: block.count) == .ok else { break }
  for sample in block { print(sample) }
}
