"""Several fields a step: what a network over notes reads and predicts beside one another.

A step's elements are one row of numbers, one for each field: a token as a whole number, a value as
it is. The fields' vectors, one after another, are what the first layer reads; their outputs, one
after another, are the rows of the head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training.errors import UserError

INPUT_KINDS = ("embedding", "one_hot", "value")
HEAD_KINDS = ("softmax", "linear")
MOST_FIELDS = 16


@dataclass(frozen=True)
class Field:
    """One field, read and predicted."""

    # "embedding", "one_hot" or "value"; a value is predicted by a linear head, else by a softmax.
    input_kind: str
    # Tokens; 1 for a value.
    size: int = 1
    # Of an embedding.
    channels: int = 0
    # Standard deviation of a linear head: what temperature scales.
    noise: float = 0.0

    @property
    def is_value(self) -> bool:
        return self.input_kind == "value"

    @property
    def input_channels(self) -> int:
        return {"embedding": self.channels, "one_hot": self.size, "value": 1}[self.input_kind]

    def input_configuration(self) -> dict[str, object]:
        if self.is_value:
            return {"kind": "value"}
        entry: dict[str, object] = {"kind": self.input_kind, "size": self.size}
        return entry | ({"channels": self.channels} if self.input_kind == "embedding" else {})

    def head_configuration(self) -> dict[str, object]:
        if self.is_value:
            return {"kind": "linear", "noise": self.noise}
        return {"kind": "softmax", "size": self.size}


def read_fields(inputs: Sequence[Mapping], heads: Sequence[Mapping]) -> tuple[Field, ...]:
    """From the lists `fields` of a model file's entries `input` and `head`."""
    if not 1 <= len(inputs) <= MOST_FIELDS or len(inputs) != len(heads):
        raise UserError(
            f"a network has {len(inputs)} fields to read and {len(heads)} to predict, "
            f"expected as many of both, 1 … {MOST_FIELDS}"
        )
    return tuple(
        _read_field(index, entry, head)
        for index, (entry, head) in enumerate(zip(inputs, heads, strict=True))
    )


def _read_field(index: int, entry: Mapping, head: Mapping) -> Field:
    kind, predicted = entry.get("kind"), head.get("kind")
    if kind not in INPUT_KINDS:
        raise UserError(f'field {index} reads "{kind}", expected one of {", ".join(INPUT_KINDS)}')
    if predicted not in HEAD_KINDS:
        raise UserError(
            f'field {index} predicts "{predicted}", expected one of {", ".join(HEAD_KINDS)}'
        )
    if (kind == "value") != (predicted == "linear"):
        raise UserError(
            f"field {index} reads {kind} and predicts {predicted}: a value goes with a linear "
            "head, tokens with a softmax"
        )
    if kind == "value":
        return Field("value", noise=float(head.get("noise", 0.0)))
    size = entry.get("size")
    if not isinstance(size, int) or size < 1 or head.get("size") != size:
        raise UserError(
            f"field {index} reads tokens of size {size} and predicts {head.get('size')}, "
            "expected one whole number, 1 or more"
        )
    channels = entry.get("channels", 0)
    if kind == "embedding" and (not isinstance(channels, int) or channels < 1):
        raise UserError(f"field {index}: channels is {channels!r}, expected 1 or more")
    return Field(kind, size, channels)


class Fields(nn.Module):
    """The embeddings of the fields that have one."""

    def __init__(self, fields: Sequence[Field]) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.tables = nn.ModuleDict(
            {
                str(index): nn.Embedding(field.size, field.channels)
                for index, field in enumerate(fields)
                if field.input_kind == "embedding"
            }
        )

    @property
    def input_channels(self) -> int:
        return sum(field.input_channels for field in self.fields)

    @property
    def head_sizes(self) -> list[int]:
        return [field.size for field in self.fields]

    def set_noise(self, deviations: Sequence[float]) -> None:
        """What the heads of values say of their errors; of other fields it is left alone."""
        self.fields = tuple(
            replace(field, noise=float(deviation)) if field.is_value else field
            for field, deviation in zip(self.fields, deviations, strict=True)
        )

    def tensor_names(self, prefix: str) -> dict[str, str]:
        """Name in a model file → name of the parameter, below `prefix` in the network."""
        return {
            f"input.fields.{index}.embedding.weight": f"{prefix}.tables.{index}.weight"
            for index in self.tables
        }

    def forward(self, elements: Tensor) -> Tensor:
        """[…, fields] → […, input channels]."""
        parts = []
        for index, field in enumerate(self.fields):
            column = elements[..., index]
            if field.is_value:
                parts.append(column[..., None])
            elif field.input_kind == "one_hot":
                parts.append(functional.one_hot(column.long(), field.size).to(elements.dtype))
            else:
                parts.append(self.tables[str(index)](column.long()))
        return torch.cat(parts, dim=-1)

    def split(self, outputs: Tensor) -> list[Tensor]:
        """The outputs of each field: [..., size] logits, or […, 1] of a value."""
        return list(outputs.split(self.head_sizes, dim=-1))
