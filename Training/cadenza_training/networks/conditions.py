"""What the host can ask for, or the codec knows: class conditions, each looked up in a trained
table, and latents, whose numbers are drawn. A value holds for a whole sequence, or is another one
at every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError


@dataclass(frozen=True)
class ClassCondition:
    """A condition that takes one of `size` values, each with a trained row of channels."""

    name: str
    size: int
    embedding_channels: int
    labels: tuple[str, ...] | None = None
    # The class that plays where the host asks for none.
    default: int = 0
    # Not the host but the codec sets it: the number of the grid's step, modulo `size`.
    follows_position: bool = False

    def to_configuration(self) -> dict[str, object]:
        """Its entry in a model file's list of conditions."""
        entry: dict[str, object] = {
            "name": self.name,
            "kind": "class",
            "size": self.size,
            "embedding_channels": self.embedding_channels,
        }
        if self.follows_position:
            entry["follows"] = "position"
        else:
            entry["default"] = self.default
        if self.labels is not None:
            entry["labels"] = list(self.labels)
        return entry

    @staticmethod
    def from_configuration(entry: Mapping) -> ClassCondition:
        if entry["kind"] != "class" or not entry.get("embedding_channels"):
            raise UserError(
                f'condition "{entry["name"]}": training knows class conditions with '
                "embedding_channels; vector and one-hot conditions are for the engine only"
            )
        if entry.get("frames_per_value"):
            raise UserError(
                f'condition "{entry["name"]}": training knows global conditions, '
                "not those with frames_per_value"
            )
        labels = entry.get("labels")
        return ClassCondition(
            name=entry["name"],
            size=entry.get("size") or len(labels),
            embedding_channels=entry["embedding_channels"],
            labels=tuple(labels) if labels else None,
            default=entry.get("default", 0),
            follows_position=entry.get("follows") == "position",
        )


@dataclass(frozen=True)
class LatentCondition:
    """A condition of `size` numbers whose prior is a standard normal distribution."""

    name: str
    size: int
    # An embedding: a value for every so many samples. None: one value at a time.
    frames_per_value: int | None = None

    @property
    def embedding_channels(self) -> int:
        return self.size

    @property
    def labels(self) -> None:
        return None

    def to_configuration(self) -> dict[str, object]:
        entry: dict[str, object] = {"name": self.name, "kind": "latent", "size": self.size}
        if self.frames_per_value is not None:
            entry["frames_per_value"] = self.frames_per_value
        return entry


Condition = ClassCondition | LatentCondition


def read_condition(entry: Mapping) -> Condition:
    """From an entry of a model file's list of conditions."""
    if entry["kind"] == "latent":
        return LatentCondition(entry["name"], entry["size"], entry.get("frames_per_value"))
    return ClassCondition.from_configuration(entry)


class Conditions(nn.Module):
    """Concatenates the rows of all conditions, in their order: h of the papers. A latent's row is
    its value."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        super().__init__()
        self.conditions = tuple(conditions)
        self.tables = nn.ModuleList(
            nn.Identity()
            if isinstance(condition, LatentCondition)
            else nn.Embedding(condition.size, condition.embedding_channels)
            for condition in conditions
        )

    @property
    def channels(self) -> int:
        return sum(condition.embedding_channels for condition in self.conditions)

    def tensor_names(self, prefix: str) -> dict[str, str]:
        """Name in a model file → name of the parameter, below `prefix` in the network."""
        return {
            f"conditions.{condition.name}.embedding.weight": f"{prefix}.tables.{index}.weight"
            for index, condition in enumerate(self.conditions)
            if isinstance(condition, ClassCondition)
        }

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """From one class a column for each condition, [batch], or one for each step, [time, batch];
        of a latent, its numbers in one axis more.

        [batch, channels] where all hold for the whole sequence, else [time, batch, channels].
        """
        rows = [table(value) for table, value in zip(self.tables, values, strict=True)]
        longest = max(rows, key=lambda row: row.ndim)
        return torch.cat([row.expand(*longest.shape[:-1], row.shape[-1]) for row in rows], dim=-1)
