"""The note-matrix system: the last notes predict the next one's pitch, velocity and interval.

After Shinde et al.: an LSTM over the note matrix, with dropout, a dense layer and the mean squared
error; and its twin, whose fields are classes and whose loss is their negative log-likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.configuration import build
from cadenza_training.data.notes import read_notes
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.registry import make_network
from cadenza_training.systems.note_matrix.codec import FIELD_NAMES, NoteMatrixCodec
from cadenza_training.systems.note_matrix.sequence_sampler import SequenceSampler
from cadenza_training.systems.system import FitConfiguration, Losses, System

# Windows that are predicted side by side: what one batch of them takes stays in the caches.
WINDOWS_TOGETHER = 256


@dataclass(frozen=True)
class AugmentationOptions:
    # Semitones that a sequence may be moved by, either way.
    transpose: int = 0


@dataclass(frozen=True)
class BatchOptions:
    # Of a sequence; every note of it is predicted from those before it.
    sequence_notes: int = 75
    # The first predictions of a sequence, which do not count.
    warm_up_notes: int = 10
    # Notes that a validation predicts, each from its window: spread over all held-out notes.
    validation_notes: int = 2048

    def check(self) -> None:
        if not 0 <= self.warm_up_notes < self.sequence_notes:
            raise UserError(
                f"batches.warm_up_notes is {self.warm_up_notes}, expected 0 … "
                f"{self.sequence_notes - 1}, less than batches.sequence_notes"
            )
        if self.validation_notes < 1:
            raise UserError(
                f"batches.validation_notes is {self.validation_notes}, expected 1 or more"
            )


def windows_of(
    pieces: Sequence[NDArray[np.float32]],
    first: NDArray[np.float32],
    window: int,
    places: NDArray[np.int64],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows [window, columns, fields] and the elements that follow them [columns, fields], of the
    notes at `places`, counted through all pieces; before a piece lies `first`."""
    lengths = np.array([len(piece) for piece in pieces])
    ends = lengths.cumsum()
    padding = np.tile(first, (window, 1))
    padded = [np.concatenate([padding, piece]) for piece in pieces]
    for begin in range(0, len(places), WINDOWS_TOGETHER):
        chosen = places[begin : begin + WINDOWS_TOGETHER]
        found = np.searchsorted(ends, chosen, side="right")
        offsets = chosen - (ends - lengths)[found]
        read = np.stack(
            [padded[p][at : at + window] for p, at in zip(found, offsets, strict=True)], axis=1
        )
        following = np.stack([pieces[p][at] for p, at in zip(found, offsets, strict=True)])
        yield torch.from_numpy(read), torch.from_numpy(following)


def spread(total: int, wanted: int) -> NDArray[np.int64]:
    """At most `wanted` places of `total`, at even distances."""
    count = min(total, wanted)
    return np.arange(count) * total // max(1, count)


def field_losses(network: Recurrent, outputs: Tensor, targets: Tensor) -> Tensor:
    """[…, fields]: the squared error of a value, the nats of a class."""
    each = []
    for index, (field, predicted) in enumerate(
        zip(network.fields.fields, network.fields.split(outputs.float()), strict=True)
    ):
        target = targets[..., index]
        if field.is_value:
            each.append((predicted[..., 0] - target) ** 2)
        else:
            nats = functional.cross_entropy(
                predicted.flatten(0, -2), target.flatten().long(), reduction="none"
            )
            each.append(nats.view(target.shape))
    return torch.stack(each, dim=-1)


class NoteMatrix(System):
    def __init__(
        self,
        configuration: FitConfiguration,
        prepared: PreparedSet,
        training: TrainingOptions,
        *,
        processes: int,
        rank: int,
    ) -> None:
        if prepared.description.kind != "notes":
            raise UserError(f"{prepared.folder} is a set of sound; note_matrix learns from notes")
        if configuration.conditions or configuration.defaults:
            raise UserError("note_matrix knows no conditions")
        self.codec = NoteMatrixCodec(configuration.codec)
        counts = self.codec.class_counts
        if any(counts) and not all(counts):
            raise UserError(
                "codec: some fields have classes and some have not; expected all or none, "
                "for squared errors and nats do not add up"
            )
        self.loss_unit = "nats" if any(counts) else "squared error"
        augmentation = build(AugmentationOptions, configuration.augmentation, "augmentation")
        if not 0 <= augmentation.transpose <= 24:
            raise UserError(f"augmentation.transpose is {augmentation.transpose}, expected 0 … 24")
        self.options = build(BatchOptions, configuration.batches, "batches")
        self.options.check()
        self.network = self._make_network(configuration.network)
        self.window = self.network.window
        pieces = self._read(prepared, "train")
        if not pieces:
            raise UserError(f"{prepared.folder} has no notes to train on")
        self.validation = [self.codec.elements(rows) for rows in self._read(prepared, "validation")]
        self.device = torch.device("cpu")
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        self.sampler = SequenceSampler(
            pieces,
            self.codec,
            window=self.window,
            sequence_notes=self.options.sequence_notes,
            warm_up_notes=self.options.warm_up_notes,
            transpose=augmentation.transpose,
            columns=training.batch_size // processes,
            seed=(training.seed, rank),
        )

    def _make_network(self, entry: Mapping) -> Recurrent:
        """The sizes of fields are the codec's, and need not be repeated."""
        entry = dict(entry)
        fields = entry.get("input", {}).get("fields", [])
        if len(fields) != len(FIELD_NAMES):
            raise UserError(
                f"network.input has {len(fields)} fields, expected {len(FIELD_NAMES)}: "
                f"{', '.join(FIELD_NAMES)}"
            )
        read, predicted = [], []
        for name, field, size in zip(FIELD_NAMES, fields, self.codec.class_counts, strict=True):
            if (field.get("kind") == "value") != (size == 0):
                raise UserError(
                    f"network.input reads {name} as {field.get('kind')}, and the codec has "
                    f"{size or 'no'} classes of it"
                )
            if field.get("size", size) != size:
                raise UserError(
                    f"network.input has {field['size']} classes of {name}, the codec {size}"
                )
            read.append(field if size == 0 else {**field, "size": size})
            predicted.append({"kind": "softmax", "size": size} if size else {"kind": "linear"})
        entry["input"] = {"kind": "fields", "fields": read}
        entry["head"] = {"kind": "fields", "fields": predicted}
        network = make_network(entry, ())
        if not isinstance(network, Recurrent) or network.window is None:
            raise UserError("note_matrix trains recurrent networks with a window")
        return network

    def _read(self, prepared: PreparedSet, split: str) -> list[NDArray[np.int64]]:
        rows = (
            self.codec.rows(read_notes(prepared.path(entry))) for entry in prepared.split(split)
        )
        return [piece for piece in rows if len(piece) > 0]

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        """Loops of a recurrent layer are kernels of their own: there is nothing to gain."""

    def next_losses(self) -> Losses:
        inputs, targets, mask = (
            torch.from_numpy(array).to(self.device) for array in self.sampler.next_batch()
        )
        if self.network.is_bidirectional:
            outputs, _ = self.network(inputs, [])
        else:
            outputs, _ = self.network.remember(inputs, [])
        each = self._of_a_note(field_losses(self.network, outputs, targets))
        return Losses((each * mask).sum(), mask.sum())

    def _of_a_note(self, losses: Tensor) -> Tensor:
        """Nats add up; squared errors are averaged over the fields, as over notes."""
        return losses.sum(dim=-1) if self.loss_unit == "nats" else losses.mean(dim=-1)

    @torch.no_grad()
    def validate(self) -> float:
        """Notes of the validation split, each from its window as the engine predicts it. The errors
        of values become the noise of their heads."""
        total = sum(map(len, self.validation))
        if total == 0:
            return math.nan
        places = spread(total, self.options.validation_notes)
        summed = torch.zeros(len(FIELD_NAMES), dtype=torch.float64)
        for windows, following in windows_of(
            self.validation, self.codec.first(), self.window, places
        ):
            outputs = self.network.predict(windows.to(self.device), [])
            losses = field_losses(self.network, outputs, following.to(self.device))
            summed += losses.sum(dim=0).double().cpu()
        mean = summed / len(places)
        self.network.fields.set_noise([math.sqrt(value) for value in mean.tolist()])
        return float(self._of_a_note(mean))

    def state(self) -> dict[str, object]:
        return {
            "sampler": self.sampler.state(),
            "noise": [field.noise for field in self.network.fields.fields],
        }

    def restore(self, state: Mapping) -> None:
        self.sampler.restore(state["sampler"])
        self.network.fields.set_noise(state["noise"])

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": self.codec.configuration(),
            "conditions": [],
        }
