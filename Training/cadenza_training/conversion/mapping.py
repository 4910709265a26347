"""A mapping file: for networks whose layers have names of their own. TOML with the model file's
`network` (and `codec`, `conditions`, as in FORMAT.md) and where each of its tensors comes from.

    [network]
    kind = "wavenet"
    …

    [tensors]
    "input.embedding.weight" = "embed.weight"
    "layers.{L}.gate.weight" = { join = ["blocks.{L}.filter.weight", "blocks.{L}.gate.weight"] }
    "layers.{L}.skip.weight" = { from = "blocks.{L}.skip.weight", squeeze = true }

`{L}` stands for every layer's number. Each entry has one source and then steps, which are applied
in this order:

    from = "NAME"             the tensor, or
    join = [SOURCE, …]        several, one under another; a SOURCE is a name or a table again
    sum = [SOURCE, …]         several, added: two biases of one product
    zeros = true              nothing, where the original has no bias
    weight_normalization = ["NAME_g", "NAME_v"]      g · v / |v|, the norm over all but the rows
    slice = [FIRST, END]      rows FIRST … END - 1
    transpose = true          [in, out] becomes [out, in]
    permute = [2, 1, 0]       axes; Keras's [tap, in, out] becomes [out, in, tap]
    squeeze = true            drops axes of length 1 at the end: a convolution of one tap
    reverse_taps = true       where the newest tap comes first
    gates = "i f c o"         the order of the rows' blocks; becomes i f g o, or r z n of "z r h"
    batch_normalization = "NAME", epsilon = 1e-5     the normalisation behind the product, folded
    scale = 0.5               a factor

`ignore = ["PATTERN", …]` at the top lists tensors that are meant to be left over.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cadenza_training.errors import UserError
from cadenza_training.parity_fixtures import tensor_shapes

Array = NDArray[np.float64]

_SOURCES = ("from", "join", "sum", "zeros", "weight_normalization")
_STEPS = (
    "slice",
    "transpose",
    "permute",
    "squeeze",
    "reverse_taps",
    "gates",
    "batch_normalization",
    "epsilon",
    "scale",
)
_KEYS = ("network", "codec", "conditions", "tensors", "ignore")

# What the gates are called here and there; our order by their number.
_GATE_NAMES = {"c": "g", "h": "n"}
_GATE_ORDERS = {4: "ifgo", 3: "rzn"}

# PyTorch's names of a batch normalisation's tensors, and Keras's.
_NORMALIZATION_NAMES = (
    (".weight", ".bias", ".running_mean", ".running_var"),
    ("/gamma", "/beta", "/moving_mean", "/moving_variance"),
)


@dataclass
class MappingFile:
    """A mapping file as read."""

    path: Path
    network: dict
    codec: dict | None
    conditions: list[dict]
    tensors: dict[str, object]
    ignore: list[str] = field(default_factory=list)


def read_toml(path: Path) -> dict:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are both
        raise UserError(f"{path} is not TOML: {error}") from error


def read(path: Path) -> MappingFile:
    document = read_toml(path)
    unknown = sorted(set(document) - set(_KEYS))
    if unknown:
        raise UserError(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}")
    for key in ("network", "tensors"):
        if not isinstance(document.get(key), dict):
            raise UserError(f"{path} has no table [{key}]")
    return MappingFile(
        path=path,
        network=document["network"],
        codec=document.get("codec"),
        conditions=document.get("conditions", []),
        tensors=document["tensors"],
        ignore=document.get("ignore", []),
    )


def apply(mapping: MappingFile, source: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor that the mapping's network has, in float64, out of the original's."""
    return _Application(mapping, source).tensors()


class _Application:
    def __init__(self, mapping: MappingFile, source: Mapping[str, Array]) -> None:
        self._mapping = mapping
        self._source = source
        self._used: set[str] = set()

    def tensors(self) -> dict[str, Array]:
        path = self._mapping.path
        configuration = {"network": self._mapping.network, "conditions": self._mapping.conditions}
        try:
            shapes = tensor_shapes(configuration)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: the network is not described as FORMAT.md asks; see key {error}"
            ) from error
        found = {}
        named: set[str] = set()
        for name, shape in shapes.items():
            entry_name, layer = self._entry_name(name)
            if entry_name is None:
                raise UserError(f"{path}: [tensors] has no entry for {name}, {list(shape)}")
            named.add(entry_name)
            entry = self._mapping.tensors[entry_name]
            try:
                array = self._value(entry, layer, shape)
            except (ValueError, IndexError, TypeError) as error:
                raise UserError(f"{path}: entry {name}: a step does not fit: {error}") from error
            except UserError as error:
                raise UserError(f"{path}: entry {name}: {error}") from error
            if array.shape != shape:
                raise UserError(
                    f"{path}: entry {name} comes out as {list(array.shape)}, from "
                    f"{self._source_shapes(entry, layer)}; expected {list(shape)}"
                )
            found[name] = array
        self._refuse_left_over(named)
        return found

    def _entry_name(self, name: str) -> tuple[str | None, str]:
        if name in self._mapping.tensors:
            return name, ""
        if name.startswith("layers."):
            _, layer, rest = name.split(".", 2)
            general = f"layers.{{L}}.{rest}"
            if general in self._mapping.tensors:
                return general, layer
        return None, ""

    def _refuse_left_over(self, named: set[str]) -> None:
        path = self._mapping.path
        unasked = [name for name in self._mapping.tensors if name not in named]
        if unasked:
            raise UserError(
                f"{path}: [tensors] names {unasked[0]}, which this network does not have"
            )
        left = [
            name
            for name in self._source
            if name not in self._used
            and not any(fnmatch.fnmatchcase(name, pattern) for pattern in self._mapping.ignore)
        ]
        if left:
            listed = ", ".join(f"{name} {list(self._source[name].shape)}" for name in left[:8])
            more = f" and {len(left) - 8} more" if len(left) > 8 else ""
            raise UserError(
                f"{path}: left over of the original: {listed}{more}; use them, or list them under "
                "ignore"
            )

    def _tensor(self, name: str, layer: str) -> Array:
        name = name.replace("{L}", layer)
        if name not in self._source:
            near = [held for held in self._source if held.split(".")[-1] == name.split(".")[-1]]
            held = ", ".join((near or list(self._source))[:6])
            raise UserError(f"the original has no tensor {name}; it has, among others: {held}")
        self._used.add(name)
        return self._source[name]

    def _value(self, entry: object, layer: str, shape: tuple[int, ...] | None) -> Array:
        """`shape` is the whole entry's, None inside a join or a sum."""
        if isinstance(entry, str):
            return self._tensor(entry, layer)
        if not isinstance(entry, dict):
            raise UserError(f"{entry!r} is neither a name nor a table")
        unknown = sorted(set(entry) - set(_SOURCES) - set(_STEPS))
        if unknown:
            raise UserError(
                f"unknown step {unknown[0]!r}; known: {', '.join((*_SOURCES, *_STEPS))}"
            )
        sources = [key for key in _SOURCES if key in entry]
        if len(sources) != 1:
            raise UserError(f"expected one of {', '.join(_SOURCES)}; found {len(sources)}")
        return self._after_steps(self._from_source(entry, layer, shape), entry, layer)

    def _from_source(self, entry: Mapping, layer: str, shape: tuple[int, ...] | None) -> Array:
        if "from" in entry:
            return self._tensor(entry["from"], layer)
        if "join" in entry:
            return np.concatenate([self._value(part, layer, None) for part in entry["join"]])
        if "sum" in entry:
            parts = [self._value(part, layer, None) for part in entry["sum"]]
            if len({part.shape for part in parts}) != 1:
                shapes = " + ".join(str(list(part.shape)) for part in parts)
                raise UserError(f"a sum of different shapes: {shapes}")
            return np.sum(parts, axis=0)
        if "weight_normalization" in entry:
            gain, direction = (self._tensor(name, layer) for name in entry["weight_normalization"])
            norm = np.sqrt((direction**2).sum(axis=tuple(range(1, direction.ndim)), keepdims=True))
            return gain.reshape(norm.shape) * direction / norm
        if entry["zeros"] is not True or shape is None:
            raise UserError("zeros = true stands for a whole entry")
        return np.zeros(shape)

    def _after_steps(self, array: Array, entry: Mapping, layer: str) -> Array:
        if "slice" in entry:
            first, end = entry["slice"]
            if not 0 <= first < end <= len(array):
                raise UserError(f"slice {first} … {end} of {len(array)} rows")
            array = array[first:end]
        if entry.get("transpose"):
            array = array.T
        if "permute" in entry:
            array = array.transpose(entry["permute"])
        if entry.get("squeeze"):
            while array.ndim > 1 and array.shape[-1] == 1:
                array = array[..., 0]
        if entry.get("reverse_taps"):
            array = array[..., ::-1]
        if "gates" in entry:
            array = _in_our_order(array, entry["gates"])
        if "batch_normalization" in entry:
            array = self._normalized(array, entry, layer)
        return array * entry.get("scale", 1.0)

    def _normalized(self, array: Array, entry: Mapping, layer: str) -> Array:
        """The product W x + b with y = gamma (W x + b - mean) / sqrt(variance + epsilon) + beta
        behind it: a weight's rows are scaled, a bias is moved as well."""
        if "epsilon" not in entry:
            raise UserError("batch_normalization needs its epsilon")
        name = entry["batch_normalization"].replace("{L}", layer)
        endings = next(
            (names for names in _NORMALIZATION_NAMES if name + names[2] in self._source), None
        )
        if endings is None:
            raise UserError(f"the original has no {name}.running_mean or {name}/moving_mean")
        rows = len(array)
        mean, variance = (self._tensor(name + ending, layer) for ending in endings[2:])
        gamma = self._optional(name + endings[0], np.ones(rows))
        beta = self._optional(name + endings[1], np.zeros(rows))
        factor = gamma / np.sqrt(variance + entry["epsilon"])
        if array.ndim == 1:
            return (array - mean) * factor + beta
        return array * factor.reshape(-1, *[1] * (array.ndim - 1))

    def _optional(self, name: str, otherwise: Array) -> Array:
        return self._tensor(name, "") if name in self._source else otherwise

    def _source_shapes(self, entry: object, layer: str) -> str:
        if isinstance(entry, str):
            name = entry.replace("{L}", layer)
            return f"{name} {list(self._source[name].shape)}"
        parts: list[object] = []
        for key in _SOURCES:
            held = entry.get(key, [])
            parts += [held] if isinstance(held, str) else held if isinstance(held, list) else []
        return ", ".join(self._source_shapes(part, layer) for part in parts) or "nothing"


def _in_our_order(array: Array, gates: str) -> Array:
    letters = [_GATE_NAMES.get(letter, letter) for letter in gates.split()]
    order = _GATE_ORDERS.get(len(letters), "")
    if sorted(letters) != sorted(order):
        raise UserError(f'gates = "{gates}"; expected an order of i f g o (or c), or of r z n (h)')
    if len(array) % len(letters):
        raise UserError(f"{len(array)} rows are not {len(letters)} gates of the same size")
    blocks = np.split(array, len(letters))
    return np.concatenate([blocks[letters.index(letter)] for letter in order])
