"""A trained network as a chain of layers, whatever framework it came from, and what the engine's
`recurrent` network makes of it.

The engine runs LSTM and GRU layers and one product at the end. The rest of a chain is folded:

- products without an activation, and batch normalisations, into the next layer's product;
- tanh(A x + b) becomes a GRU layer that never remembers: its update gate is shut, so that
  h = (1 - 0) n + 0 h = n = tanh(A x + b);
- sigmoid(x) = (1 + tanh(x / 2)) / 2, and what is left of it is folded again.

Arrays are float64 in PyTorch's layout: weights [out, in], gates i f g o and r z n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training import mu_law
from cadenza_training.conversion.first_step import EngineLayer, start_from_zero
from cadenza_training.errors import UserError

Array = NDArray[np.float64]

# The logit of an update gate that is shut: sigmoid(-40) = 4e-18 is lost in rounding.
SHUT = -40.0


@dataclass(frozen=True)
class Affine:
    """weight x + bias."""

    name: str
    weight: Array
    bias: Array


@dataclass(frozen=True)
class Activation:
    """ "tanh" or "sigmoid", elementwise."""

    name: str
    function: str


@dataclass(frozen=True)
class Recurrent:
    name: str
    kind: str  # "lstm" or "gru"
    input_weight: Array
    input_bias: Array
    recurrent_weight: Array
    recurrent_bias: Array


@dataclass(frozen=True)
class Embedding:
    """One row a token."""

    name: str
    table: Array


Layer = Affine | Activation | Recurrent | Embedding


@dataclass(frozen=True)
class NetworkOptions:
    """What a chain of layers does not say of itself."""

    input_kind: str = "auto"  # "one_hot", "sample", or by its shape
    scale: float = 1.0  # the original's value that is the engine's sample 1.0
    start_from_silence: bool = False  # the silence before the first sample is a real input
    condition_channels: int = 0  # columns of the first layer, the last ones


def engine_network(
    layers: Sequence[Layer], options: NetworkOptions
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """The tensors and the entry `network` of a model file."""
    layers = list(layers)
    table: Array | None = None
    if layers and isinstance(layers[0], Embedding):
        table = layers.pop(0).table
    width = input_width(layers, table, options.condition_channels)
    outputs = output_width(layers, width)
    input_kind = _input_kind(table, width - options.condition_channels, outputs, options)

    folded = Affine("input", np.eye(width), np.zeros(width))
    if input_kind == "vector":
        # The engine's sample x is the original's scale · x.
        folded.weight[0, 0] = options.scale
    stack: list[EngineLayer] = []
    for layer in layers:
        if isinstance(layer, Affine):
            folded = _composed(layer, folded)
        elif isinstance(layer, Recurrent):
            stack.append(_recurrent(layer, folded))
            folded = _identity(layer.recurrent_weight.shape[1])
        elif isinstance(layer, Activation):
            size = len(folded.bias)
            if layer.function == "tanh":
                stack.append(_memoryless(folded))
                folded = _identity(size)
            elif layer.function == "sigmoid":
                stack.append(_memoryless(Affine("", folded.weight / 2, folded.bias / 2)))
                folded = Affine("", np.eye(size) / 2, np.full(size, 0.5))
            else:
                raise UserError(
                    f"layer {layer.name!r}: activation {layer.function!r} is not one that the "
                    "engine's recurrent network can reproduce; it has tanh and sigmoid, and would "
                    "need a layer with this function"
                )
        else:
            raise UserError(
                f"layer {layer.name!r}: an embedding stands behind other layers; expected first"
            )
    if not stack:
        raise UserError(
            "the network has no LSTM or GRU layer; the engine would need a network without memory "
            "to run products alone"
        )

    network: dict[str, object] = {"kind": "recurrent", "input": {"kind": input_kind}}
    if input_kind == "embedding":
        network["input"] = {"kind": "embedding", "channels": table.shape[1]}
    elif input_kind == "vector":
        network["input"] = {"kind": "vector", "channels": 1}
    head = folded
    if outputs == 1:
        head = Affine("", head.weight / options.scale, head.bias / options.scale)
        network["head"] = {"kind": "linear", "channels": 1}
    else:
        network["vocabulary_size"] = outputs
        network["head"] = {"kind": "softmax"}
    if not options.start_from_silence:
        first = None
        if options.condition_channels == 0:
            first = _first_input(input_kind, outputs, table)
        head_weight = start_from_zero(stack, head.weight, first)
        head = Affine("", head_weight, head.bias)
        network["initial_states"] = True
    network["layers"] = [
        {"kind": layer.kind, "channels": layer.recurrent_weight.shape[1]} for layer in stack
    ]

    arrays: dict[str, Array] = {} if table is None else {"input.embedding.weight": table}
    for index, layer in enumerate(stack):
        arrays |= layer.arrays(f"layers.{index}", with_initial="initial_states" in network)
    arrays |= {"head.weight": head.weight, "head.bias": head.bias}
    return {name: single_precision(name, array) for name, array in arrays.items()}, network


def single_precision(name: str, array: Array) -> Tensor:
    """As a model file stores it; values that single precision cannot hold are refused."""
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(single).all():
        raise UserError(f"tensor {name} holds values that are not finite in single precision")
    return torch.from_numpy(single)


def describe(layers: Sequence[Layer]) -> str:
    """The chain as one line, for people to compare with what they know of their network."""
    words = []
    for layer in layers:
        if isinstance(layer, Affine):
            words.append(f"{layer.name}: product {layer.weight.shape[1]} → {layer.weight.shape[0]}")
        elif isinstance(layer, Recurrent):
            inputs, units = layer.input_weight.shape[1], layer.recurrent_weight.shape[1]
            words.append(f"{layer.name}: {layer.kind.upper()} {inputs} → {units}")
        elif isinstance(layer, Embedding):
            rows, columns = layer.table.shape
            words.append(f"{layer.name}: embedding {rows} → {columns}")
        else:
            words.append(layer.function)
    return ", ".join(words)


def input_width(layers: Sequence[Layer], table: Array | None, condition_channels: int) -> int:
    """The channels that the first layer behind an embedding reads, those of conditions included."""
    for layer in layers:
        if isinstance(layer, Affine):
            return layer.weight.shape[1]
        if isinstance(layer, Recurrent):
            return layer.input_weight.shape[1]
    if table is None:
        raise UserError("the network has no layer with weights")
    return table.shape[1] + condition_channels


def output_width(layers: Sequence[Layer], width: int) -> int:
    """The channels that come out, every layer's input checked on the way."""
    for layer in layers:
        if isinstance(layer, Affine):
            reads, gives = layer.weight.shape[1], layer.weight.shape[0]
        elif isinstance(layer, Recurrent):
            reads, gives = layer.input_weight.shape[1], layer.recurrent_weight.shape[1]
        else:
            continue
        if reads != width:
            raise UserError(
                f"layer {layer.name!r} reads {reads} channels, and the layer before it gives "
                f"{width}"
            )
        width = gives
    last = next((layer for layer in reversed(layers) if not isinstance(layer, Activation)), None)
    if isinstance(last, Recurrent) and width > 1:
        raise UserError(
            f"the network ends in layer {last.name!r} with {width} channels and no product behind "
            "it; the engine needs a head: a Linear or Dense layer with one output, or with one for "
            "each class of a softmax"
        )
    return width


def _input_kind(table: Array | None, channels: int, outputs: int, options: NetworkOptions) -> str:
    columns = (
        f", {options.condition_channels} of its columns being conditions,"
        if options.condition_channels
        else ""
    )
    if table is not None:
        if outputs != len(table):
            raise UserError(
                f"the embedding has {len(table)} tokens and the head {outputs} outputs; the engine "
                "feeds a token that was drawn back in, so both must have the same vocabulary"
            )
        if table.shape[1] != channels:
            raise UserError(
                f"the embedding gives {table.shape[1]} channels, and the next layer{columns} reads "
                f"{channels} of it"
            )
        return "embedding"
    if options.input_kind == "sample" or (outputs == 1 and channels == 1):
        if channels != 1:
            raise UserError(f"--input sample takes one channel, and the network reads {channels}")
        return "vector"
    if outputs > 1 and channels == outputs:
        return "one_hot"
    if channels == 1:
        raise UserError(
            f"the network reads one number and predicts {outputs} classes: if it was trained on "
            "the sample that the last class decodes to, say so with --input sample; if on a class "
            "index divided by something, the engine would need that as an input"
        )
    raise UserError(
        f"the network{columns} reads {channels} channels and predicts {outputs}; the engine feeds "
        "predictions back in, so it needs one sample in and one out, or a one-hot token as wide as "
        "the softmax (columns for conditions are named with --conditions)"
    )


def _first_input(input_kind: str, outputs: int, table: Array | None) -> Array:
    """What layer 0 reads at step 0 by FORMAT.md: the codec's silence."""
    if outputs == 1:
        return np.zeros(1)
    silence = mu_law.silence_code(outputs)
    if input_kind == "embedding":
        return table[silence]
    if input_kind == "one_hot":
        return np.eye(outputs)[silence]
    return mu_law.decode(np.array([silence]), outputs)


def _identity(size: int) -> Affine:
    return Affine("", np.eye(size), np.zeros(size))


def _composed(outer: Affine, inner: Affine) -> Affine:
    return Affine(outer.name, outer.weight @ inner.weight, outer.weight @ inner.bias + outer.bias)


def _recurrent(layer: Recurrent, before: Affine) -> EngineLayer:
    return EngineLayer(
        name=layer.name,
        kind=layer.kind,
        input_weight=layer.input_weight @ before.weight,
        input_bias=layer.input_weight @ before.bias + layer.input_bias,
        recurrent_weight=layer.recurrent_weight.copy(),
        recurrent_bias=layer.recurrent_bias.copy(),
        memoryless=False,
    )


def _memoryless(product: Affine) -> EngineLayer:
    size, width = product.weight.shape
    nothing = np.zeros((2 * size, width))
    return EngineLayer(
        name=product.name,
        kind="gru",
        input_weight=np.concatenate([nothing, product.weight]),
        input_bias=np.concatenate([np.zeros(size), np.full(size, SHUT), product.bias]),
        recurrent_weight=np.zeros((3 * size, size)),
        recurrent_bias=np.zeros(3 * size),
        memoryless=True,
    )


def condition_channels(conditions: Sequence[Mapping]) -> int:
    """C of FORMAT.md."""
    total = 0
    for condition in conditions:
        size = condition.get("size") or len(condition.get("labels", ()))
        total += condition.get("embedding_channels") or size
    return total
