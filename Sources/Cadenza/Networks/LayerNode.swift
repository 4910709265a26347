import CadenzaKernels

/// One operation of a stack of layers, and the steps that it gives: a struct of pointers into the model's memory.
///
/// A step is a row of floats: bins of channels, with a few bins of zeros before and behind where a reader's convolution sees them. Steps
/// are made in groups of `group`; group g needs the input's steps g · advance + low ..< g · advance + high, and finds zeros beyond
/// both ends of the input.
struct LayerNode: BitwiseCopyable {
  enum Operation: BitwiseCopyable {
    /// The owner of the stack writes the steps.
    case source
    /// Products; also transposed ones, and dense layers, whose vector is a single step.
    case convolution
    /// Repeats steps and bins.
    case nearest(steps: Int32, bins: Int32)
    /// Interpolates steps and bins.
    case linear(steps: Int32, bins: Int32)
    /// h behind the channels.
    case concatenate
    /// The same again, where the input is needed later as it is.
    case copy
    /// Mean or largest of so many steps; 0: of all.
    case pool(size: Int32, isMaximum: Bool)
    /// All steps as one.
    case flatten
  }

  /// What is done with each step in its place, once it is there.
  enum Finish: BitwiseCopyable {
    case activation(Int32, slope: Float)
    /// x · scale + shift, channel by channel.
    case affine(scale: UnsafeMutablePointer<Float>, shift: UnsafeMutablePointer<Float>)
    /// Weight and bias, padded to whole panels.
    case layerNorm(weight: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>)
    case pixelNorm
    /// Over all steps: the stack is run whole.
    case instanceNorm(weight: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>)
    /// Adds, or scales and adds, the product of h of this index.
    case conditionAdd(Int32)
    case conditionModulate(Int32)
    /// Adds the same steps of the node `addend`.
    case addend
  }

  /// One product of a convolution.
  struct Part: BitwiseCopyable {
    var convolution: ck_convolution
    /// Floats from the group's first row to the first vector's outputs.
    var outputOffset: Int
  }

  var operation: Operation
  /// −1: none.
  var input: Int
  /// What `Finish.addend` adds; −1: none.
  var addend: Int
  var bins: Int
  var channels: Int
  /// Bins of zeros before the first.
  var padBelow: Int
  /// Floats from step to step.
  var rowWidth: Int

  var group: Int
  var advance: Int
  var low: Int
  var high: Int

  /// Of a convolution.
  var parts: UnsafeMutablePointer<Part>
  var partCount: Int
  /// Whether the vectors of a product lie along the bins of a step; else along groups of steps.
  var isAlongBins: Bool
  /// Vectors of a group: 1 along steps.
  var vectorsPerGroup: Int
  var inputStride: Int
  var outputStride: Int

  var finishes: UnsafeMutablePointer<Finish>
  var finishCount: Int
  /// Nodes that read this one, as `input` or as `addend`.
  var readers: UnsafeMutablePointer<Int32>
  var readerCount: Int

  /// Multiplications for a step.
  var cost: Int
}

/// How a run of a stack goes through a node: how many steps it has, and how many of them are there after each tick.
///
/// After tick j = 0, 1, … there are (j + 1) · rate + lead steps, within 0 … total: all that the last node's next steps need, and nothing
/// ahead of that. So from the second tick on each costs the same.
struct LayerPace: BitwiseCopyable {
  var total: Int
  var rate: Int
  var lead: Int
  /// As of the node, where the padding depends on how many steps there are.
  var low: Int
  var high: Int
  /// Steps that its memory has room for.
  var capacity: Int
  /// Of its memory in the state.
  var offset: Int

  /// Steps that are there after tick `tick`; −1: before the first.
  @_noLocks
  func steps(after tick: Int) -> Int {
    tick < 0 ? 0 : min(max((tick &+ 1) &* rate &+ lead, 0), total)
  }
}
