"""Layers in Keras's layout, which RTNeural's files share: what they compute, and what they are as
links of a chain. The two are written apart: `compute` is what a conversion is checked against.

Kernels are [in, out]. LSTM gates i f c o; GRU gates z r h, reset after the product; both update
h' = z h + (1 - z) hh (Keras: `keras/src/layers/rnn/gru.py`), as the engine does with r z n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cadenza_training.conversion.chain import Activation, Affine, Embedding, Layer, Recurrent
from cadenza_training.errors import UserError

Array = NDArray[np.float64]

LINEAR = "linear"


@dataclass(frozen=True)
class KerasLayer:
    name: str
    kind: str  # dense, lstm, gru, embedding, batch_normalization, activation
    weights: Mapping[str, Array] = field(default_factory=dict)
    activation: str = LINEAR
    epsilon: float = 0.0


def compute(layers: Sequence[KerasLayer], inputs: NDArray, conditions: Array | None) -> Array:
    """The original network on one sequence in float64: [steps, outputs] from tokens [steps] or
    values [steps, channels]. A softmax at the end is left out."""
    signal = inputs
    for index, layer in enumerate(layers):
        weights = layer.weights
        if layer.kind == "embedding":
            signal = weights["embeddings"][signal]
        if index == 0 and conditions is not None:
            signal = np.concatenate([signal, conditions], axis=1)
        if layer.kind == "dense":
            signal = signal @ weights["kernel"] + weights.get("bias", 0.0)
        elif layer.kind == "batch_normalization":
            deviation = np.sqrt(weights["moving_variance"] + layer.epsilon)
            signal = (signal - weights["moving_mean"]) / deviation
            signal = signal * weights.get("gamma", 1.0) + weights.get("beta", 0.0)
        elif layer.kind == "lstm":
            signal = _lstm(weights, signal)
        elif layer.kind == "gru":
            signal = _gru(weights, signal)
        if layer.kind in ("dense", "activation"):
            signal = _activated(layer.activation, signal)
    return signal


def _lstm(weights: Mapping[str, Array], inputs: Array) -> Array:
    units = weights["recurrent_kernel"].shape[0]
    hidden, cell = np.zeros(units), np.zeros(units)
    outputs = np.empty((len(inputs), units))
    for step, present in enumerate(inputs @ weights["kernel"] + weights.get("bias", 0.0)):
        z = present + hidden @ weights["recurrent_kernel"]
        i, f = expit(z[:units]), expit(z[units : 2 * units])
        cell = f * cell + i * np.tanh(z[2 * units : 3 * units])
        hidden = expit(z[3 * units :]) * np.tanh(cell)
        outputs[step] = hidden
    return outputs


def _gru(weights: Mapping[str, Array], inputs: Array) -> Array:
    units = weights["recurrent_kernel"].shape[0]
    input_bias, recurrent_bias = weights.get("bias", np.zeros((2, 3 * units)))
    hidden = np.zeros(units)
    outputs = np.empty((len(inputs), units))
    for step, x in enumerate(inputs @ weights["kernel"] + input_bias):
        inner = hidden @ weights["recurrent_kernel"] + recurrent_bias
        z = expit(x[:units] + inner[:units])
        r = expit(x[units : 2 * units] + inner[units : 2 * units])
        hh = np.tanh(x[2 * units :] + r * inner[2 * units :])
        hidden = z * hidden + (1 - z) * hh
        outputs[step] = hidden
    return outputs


def _activated(activation: str, signal: Array) -> Array:
    return {LINEAR: lambda x: x, "tanh": np.tanh, "sigmoid": expit}[activation](signal)


def chain(layers: Sequence[KerasLayer]) -> list[Layer]:
    """The same layers in PyTorch's layout."""
    links: list[Layer] = []
    for layer in layers:
        _check_shapes(layer)
        weights = layer.weights
        if layer.kind == "embedding":
            links.append(Embedding(layer.name, weights["embeddings"]))
        elif layer.kind == "dense":
            kernel = weights["kernel"].T
            links.append(Affine(layer.name, kernel, weights.get("bias", np.zeros(len(kernel)))))
        elif layer.kind == "batch_normalization":
            scale = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + layer.epsilon)
            offset = weights.get("beta", 0.0) - scale * weights["moving_mean"]
            links.append(Affine(layer.name, np.diag(scale), offset))
        elif layer.kind in ("lstm", "gru"):
            links.append(_recurrent(layer))
        if layer.kind in ("dense", "activation") and layer.activation != LINEAR:
            links.append(Activation(layer.name, layer.activation))
    return links


def _recurrent(layer: KerasLayer) -> Recurrent:
    # Keras's c is PyTorch's g in the same place; z r h becomes r z n.
    order = (0, 1, 2, 3) if layer.kind == "lstm" else (1, 0, 2)

    def reordered(array: Array) -> Array:
        blocks = np.split(array, len(order), axis=-1)
        return np.concatenate([blocks[gate] for gate in order], axis=-1).T

    weights = layer.weights
    rows = weights["kernel"].shape[1]
    bias = weights.get("bias", np.zeros(rows if layer.kind == "lstm" else (2, rows)))
    input_bias, recurrent_bias = (bias, np.zeros(rows)) if layer.kind == "lstm" else bias
    return Recurrent(
        name=layer.name,
        kind=layer.kind,
        input_weight=reordered(weights["kernel"]),
        input_bias=reordered(input_bias),
        recurrent_weight=reordered(weights["recurrent_kernel"]),
        recurrent_bias=reordered(recurrent_bias),
    )


def _check_shapes(layer: KerasLayer) -> None:
    weights = layer.weights
    expected: dict[str, tuple[int, ...]] = {}
    if layer.kind == "dense":
        _expect_rank(layer, "kernel", 2)
        expected = {"bias": weights["kernel"].shape[1:]}
    elif layer.kind == "embedding":
        _expect_rank(layer, "embeddings", 2)
    elif layer.kind == "batch_normalization":
        _expect_rank(layer, "moving_mean", 1)
        shape = weights["moving_mean"].shape
        expected = dict.fromkeys(("gamma", "beta", "moving_variance"), shape)
    elif layer.kind in ("lstm", "gru"):
        gates = 4 if layer.kind == "lstm" else 3
        _expect_rank(layer, "kernel", 2)
        _expect_rank(layer, "recurrent_kernel", 2)
        units, rows = weights["recurrent_kernel"].shape[0], weights["kernel"].shape[1]
        expected = {
            "kernel": (weights["kernel"].shape[0], gates * units),
            "recurrent_kernel": (units, gates * units),
            "bias": (rows,) if layer.kind == "lstm" else (2, rows),
        }
    for name, shape in expected.items():
        if name in weights and weights[name].shape != shape:
            raise UserError(
                f"layer {layer.name!r}: {name} is {list(weights[name].shape)}; expected "
                f"{list(shape)}"
            )


def _expect_rank(layer: KerasLayer, name: str, rank: int) -> None:
    if name not in layer.weights:
        found = ", ".join(layer.weights) or "none"
        raise UserError(f"layer {layer.name!r} has no {name}; its weights: {found}")
    if layer.weights[name].ndim != rank:
        raise UserError(
            f"layer {layer.name!r}: {name} is {list(layer.weights[name].shape)}; expected {rank} "
            "dimensions"
        )
