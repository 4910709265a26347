"""RTNeural's JSON files: {"in_shape", "layers": [{"type", "activation", "shape", "weights"}]}.

Recurrent layers start from zero states and run sample by sample, as `stateful` ones do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cadenza_training.conversion.keras_layers import LINEAR, KerasLayer
from cadenza_training.errors import UserError

Array = NDArray[np.float64]

# What a recurrent layer's `activation` may say; the exporter writes "" or "tanh" for the usual one.
_RECURRENT_ACTIVATIONS = ("", "tanh")
_DENSE_ACTIVATIONS = ("", LINEAR, "tanh", "sigmoid", "softmax")
_NEEDED = {
    "conv1d": "convolutions beside recurrent layers (it has them inside a wavenet, for tokens)",
    "conv2d": "two-dimensional convolutions",
    "prelu": "an elementwise layer of this function",
}


@dataclass(frozen=True)
class RTNeuralFile:
    layers: list[KerasLayer]
    sample_rate: int | None


def read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}") from error


def read(path: Path) -> RTNeuralFile:
    document = read_json(path)
    entries = document.get("layers") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise UserError(f'{path} is not an RTNeural file: it has no list "layers"')
    layers: list[KerasLayer] = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            raise UserError(f'{path}: layer {index} has no "type"')
        name = f"layers.{index}"
        try:
            layers.append(_layer(name, entry, is_last=index == len(entries) - 1))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise UserError(f"{path}: {name} is not RTNeural's: {error!r}") from error
    if layers[-1].activation == "softmax":
        layers[-1] = KerasLayer(layers[-1].name, layers[-1].kind, layers[-1].weights)
    rate = document.get("samplerate")
    known = isinstance(rate, (int, float, str)) and str(rate).replace(".0", "").isdigit()
    return RTNeuralFile(layers, int(float(rate)) if known else None)


def tensors(path: Path) -> dict[str, Array]:
    """Every weight as `layers.INDEX.weights.INDEX`, for a mapping file."""
    document = read_json(path)
    entries = document.get("layers") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise UserError(f'{path} is not an RTNeural file: it has no list "layers"')
    found = {}
    for index, entry in enumerate(entries):
        for place, values in enumerate(entry.get("weights", [])):
            name = f"layers.{index}.weights.{place}"
            found[name] = number_array(name, values)
    return found


def number_array(name: str, values: object) -> Array:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} is not an array of numbers: {error}") from error
    return array


def _layer(name: str, entry: Mapping, *, is_last: bool) -> KerasLayer:
    kind = entry["type"]
    activation = entry.get("activation", "")
    label = f"{name} ({kind})"
    arrays = [
        number_array(f"{label}, weights {place}", values)
        for place, values in enumerate(entry.get("weights", []))
    ]
    if kind in ("dense", "time-distributed-dense", "activation"):
        _check_activation(label, activation, is_last=is_last)
        if kind == "activation":
            return KerasLayer(label, "activation", {}, activation or LINEAR)
        _check_count(label, arrays, (1, 2))
        layer = KerasLayer(
            label,
            "dense",
            dict(zip(("kernel", "bias"), arrays, strict=False)),
            activation or LINEAR,
        )
    elif kind == "conv1d" and _is_product(entry, arrays):
        _check_activation(label, activation, is_last=is_last)
        weights = {"kernel": arrays[0][0], "bias": arrays[1]}
        layer = KerasLayer(label, "dense", weights, activation or LINEAR)
    elif kind in ("lstm", "gru"):
        if activation not in _RECURRENT_ACTIVATIONS:
            raise UserError(
                f"{label} has the activation {activation!r}; the engine's has tanh alone"
            )
        _check_count(label, arrays, (3,))
        names = ("kernel", "recurrent_kernel", "bias")
        layer = KerasLayer(label, kind, dict(zip(names, arrays, strict=True)))
    elif kind == "batchnorm":
        _check_count(label, arrays, (2, 4))
        names = ("gamma", "beta", "moving_mean", "moving_variance")[-len(arrays) :]
        weights = dict(zip(names, arrays, strict=True))
        layer = KerasLayer(
            label, "batch_normalization", weights, epsilon=float(entry.get("epsilon", 0.0))
        )
    else:
        needed = _NEEDED.get(kind, "a layer of this kind")
        raise UserError(f"{label} is not something the engine can run: it would need {needed}")
    _check_stated_width(label, entry, layer)
    return layer


def _is_product(entry: Mapping, arrays: list[Array]) -> bool:
    """A convolution of one tap is a product at every step."""
    return (
        entry.get("kernel_size") == [1]
        and entry.get("groups", 1) == 1
        and len(arrays) == 2
        and arrays[0].ndim == 3
        and len(arrays[0]) == 1
    )


def _check_activation(label: str, activation: object, *, is_last: bool) -> None:
    if activation not in _DENSE_ACTIVATIONS or (activation == "softmax" and not is_last):
        where = " in the middle of the network" if activation == "softmax" else ""
        raise UserError(
            f"{label} has the activation {activation!r}{where}, which the engine cannot reproduce: "
            "its recurrent network has tanh and sigmoid between layers, and softmax at the end"
        )


def _check_count(label: str, arrays: list[Array], counts: tuple[int, ...]) -> None:
    if len(arrays) not in counts:
        expected = " or ".join(str(count) for count in counts)
        raise UserError(f"{label} has {len(arrays)} weight arrays; expected {expected}")


def _check_stated_width(label: str, entry: Mapping, layer: KerasLayer) -> None:
    shape = entry.get("shape")
    if not isinstance(shape, list) or not shape:
        return
    name = {"lstm": "recurrent_kernel", "gru": "recurrent_kernel", "dense": "bias"}.get(layer.kind)
    if name not in layer.weights:
        return
    width = layer.weights[name].shape[0]
    if shape[-1] != width:
        raise UserError(
            f"{label} states {shape[-1]} channels, and its {name} has {width}: "
            f"{list(layer.weights[name].shape)}"
        )
