"""The conditions of decoders of notes: `instrument` and `pitch` where they are asked for, and the
latent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.networks.code_order import ordered_embedding
from cadenza_training.networks.conditions import (
    ClassCondition,
    Condition,
    Conditions,
    LatentCondition,
)
from cadenza_training.systems.latent_audio.clips import ClipBatch
from cadenza_training.systems.raw_audio.recordings import Recording
from cadenza_training.systems.system import FitConfiguration, class_default

LATENT = "z"


def make_conditions(
    configuration: FitConfiguration, prepared: PreparedSet, recordings: Sequence[Recording]
) -> tuple[Condition, ...]:
    """In the order of the configuration. The pitches are those between the lowest and the highest
    recording, as labels."""
    conditions: list[Condition] = []
    for name, channels in configuration.conditions.items():
        if not isinstance(channels, int) or channels < 1:
            raise UserError(f"conditions.{name} is {channels!r}, expected channels, 1 or more")
        if name == LATENT:
            conditions.append(LatentCondition(name, channels))
        elif name == "instrument":
            used = sorted({recording.instrument for recording in recordings})
            if used[0] < 0:
                raise UserError(f"conditions.instrument: {prepared.folder} names no instruments")
            labels = tuple(prepared.description.labels[index] for index in used)
            default = class_default(name, configuration.defaults.get(name, 0), labels, len(labels))
            conditions.append(ClassCondition(name, len(labels), channels, labels, default))
        elif name == "pitch":
            pitches = [recording.pitch for recording in recordings]
            if min(pitches) < 0:
                raise UserError("conditions.pitch: the pitch of some recordings is not known")
            labels = tuple(str(pitch) for pitch in range(min(pitches), max(pitches) + 1))
            wanted = configuration.defaults.get(name, (min(pitches) + max(pitches)) // 2)
            default = class_default(name, str(wanted), labels, len(labels))
            conditions.append(ClassCondition(name, len(labels), channels, labels, default))
        else:
            raise UserError(
                f'conditions: "{name}" is not known here; there are instrument, pitch and {LATENT}'
            )
    if not any(isinstance(condition, LatentCondition) for condition in conditions):
        raise UserError(f"conditions.{LATENT} is missing: the size of the latent")
    for name in configuration.defaults:
        if name not in configuration.conditions or name == LATENT:
            raise UserError(f'defaults: there is no condition "{name}" that can have one')
    return tuple(conditions)


def condition_values(
    conditions: Sequence[Condition], batch: ClipBatch, labels: Sequence[str], latent: Tensor
) -> list[Tensor]:
    """One value of each condition; `labels` are the set's, which `batch.instruments` counts."""
    values = []
    for condition in conditions:
        if isinstance(condition, LatentCondition):
            values.append(latent)
        elif condition.name == "pitch":
            values.append(batch.pitches - int(condition.labels[0]))
        else:
            places = [labels.index(label) for label in condition.labels]
            table = torch.zeros(len(labels), dtype=torch.int64, device=batch.instruments.device)
            for place, index in enumerate(places):
                table[index] = place
            values.append(table[batch.instruments])
    return values


@torch.no_grad()
def order_pitches(tables: Conditions) -> None:
    """Near pitches start alike."""
    for condition, table in zip(tables.conditions, tables.tables, strict=True):
        if isinstance(condition, ClassCondition) and condition.name == "pitch":
            table.weight.copy_(ordered_embedding(condition.size, condition.embedding_channels))
