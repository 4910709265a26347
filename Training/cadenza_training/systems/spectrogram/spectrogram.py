"""The next columns of a spectrogram from those before, as numbers: the COMP9491 report's LSTM
(section 3.3: the mean squared error, Adam, dropout), windowed and both ways or remembering."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.registry import make_network
from cadenza_training.systems.raw_audio.recordings import Recording, load_recordings
from cadenza_training.systems.spectrogram.columns import SpectrogramCodec
from cadenza_training.systems.spectrogram.repeating import repeat_at_first
from cadenza_training.systems.system import FitConfiguration, Losses, System

# Elements that one pass of a validation predicts.
VALIDATION_COLUMNS = 64
ELEMENTS_LOOKED_AT = 4096


@dataclass(frozen=True)
class BatchOptions:
    # Of the set's instruments; empty: all.
    instrument: str = ""
    # Of a network that remembers: the elements of one sequence, and the first predictions of one
    # that do not count.
    sequence_elements: int = 64
    warm_up_elements: int = 4
    # Share of sequences that start where a recording does, after silence.
    onset_share: float = 0.1
    # Whether errors of phases count as much as their bins are loud, and not all the same.
    loudness_weighted: bool = False
    # Predictions that a validation makes, spread over all held-out recordings.
    validation_elements: int = 1024

    def check(self) -> None:
        if not 0 <= self.warm_up_elements < self.sequence_elements:
            raise UserError(
                f"batches.warm_up_elements is {self.warm_up_elements}, expected 0 … "
                f"{self.sequence_elements - 1}, less than batches.sequence_elements"
            )
        if not 0.0 <= self.onset_share <= 1.0:
            raise UserError(f"batches.onset_share is {self.onset_share}, expected 0 … 1")
        if self.validation_elements < 1:
            raise UserError(
                f"batches.validation_elements is {self.validation_elements}, expected 1 or more"
            )


@dataclass(frozen=True)
class AugmentationOptions:
    # Deviation of normal noise on what the network reads, never on what it predicts: when it
    # generates, it reads its own imperfect past.
    input_noise: float = 0.0
    # Softer by up to this much.
    gain_decibels: float = 0.0

    def check(self) -> None:
        for name in ("input_noise", "gain_decibels"):
            if getattr(self, name) < 0.0:
                raise UserError(f"augmentation.{name} is {getattr(self, name)}, expected 0 or more")


class Spectrogram(System):
    loss_unit = "squared error"

    def __init__(
        self,
        configuration: FitConfiguration,
        prepared: PreparedSet,
        training: TrainingOptions,
        *,
        processes: int,
        rank: int,
    ) -> None:
        description = prepared.description
        if description.kind != "audio":
            raise UserError(f"{prepared.folder} is a set of notes; spectrogram learns from sound")
        if configuration.conditions or configuration.defaults:
            raise UserError("spectrogram knows no conditions")
        self.sample_rate = description.sample_rate
        self.codec = build(SpectrogramCodec, configuration.codec, "codec")
        self.codec.check()
        self.options = build(BatchOptions, configuration.batches, "batches")
        self.options.check()
        self.augmentation = build(AugmentationOptions, configuration.augmentation, "augmentation")
        self.augmentation.check()
        numbers = {"channels": self.codec.element_numbers}
        entry = dict(configuration.network)
        repeats = bool(entry.pop("repeats_at_first", False))
        network = {
            **entry,
            "input": {"kind": "vector", **numbers},
            "head": {"kind": "linear", **numbers},
        }
        self.network = make_network(network, ())
        if not isinstance(self.network, Recurrent):
            raise UserError("spectrogram trains recurrent networks")
        self.recordings = self._load(prepared, "train")
        if not self.recordings:
            wanted = self.options.instrument or "any instrument"
            raise UserError(f"{prepared.folder} has no recordings of {wanted} to train on")
        self.validation = self._load(prepared, "validation")
        if repeats:
            elements = self._some_elements()
            repeat_at_first(self.network, elements, self._weights(elements))
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        self.columns = training.batch_size // processes
        self.generator = np.random.default_rng((training.seed, rank))
        self.device = torch.device("cpu")

    def _load(self, prepared: PreparedSet, split: str) -> list[Recording]:
        wanted = self.options.instrument
        if wanted and wanted not in prepared.description.labels:
            raise UserError(
                f'batches.instrument is "{wanted}", expected one of '
                f"{', '.join(prepared.description.labels) or 'none'}"
            )
        entries = [
            entry for entry in prepared.split(split) if not wanted or entry.instrument == wanted
        ]
        return load_recordings(prepared, entries)

    @property
    def elements_read(self) -> int:
        """By one sequence: the window of a network that has one."""
        return self.network.window or self.options.sequence_elements

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        """Loops of a recurrent layer are kernels of their own: there is nothing to gain."""

    def _element_count(self, recording: Recording) -> int:
        columns = self.codec.column_count(len(recording.samples))
        return max(1, columns // self.codec.columns)

    def _some_elements(self) -> Tensor:
        """For what elements look like: spread over the recordings, columns that sound first."""
        each = max(2, ELEMENTS_LOOKED_AT // len(self.recordings))
        return torch.cat(
            [
                self._sequence(recording, 0, min(each, self._element_count(recording)), 1.0)
                for recording in self.recordings
            ]
        )

    def _weights(self, elements: Tensor) -> Tensor:
        """How much each number matters: with `loudness_weighted`, a phase as much as its bin is
        loud, from nothing at the lowest magnitude on; else all the same."""
        if not self.options.loudness_weighted:
            return torch.ones_like(elements)
        loudness = (elements[..., 0::2] + 1.0) / 2.0
        return torch.stack([torch.ones_like(loudness), loudness], dim=-1).flatten(-2)

    def _sequence(self, recording: Recording, first: int, count: int, gain: float) -> Tensor:
        """Elements `first` … of a recording, [count, numbers]; silent before its first."""
        samples = recording.samples.astype(np.float32) * np.float32(gain / 32768.0)
        each = self.codec.columns
        columns = self.codec.of_section(samples, first * each, count * each)
        return columns.reshape(count, self.codec.element_numbers)

    def next_batch(self) -> Tensor:
        """[elements + 1, batch, numbers]: what is read, and one more that follows it."""
        read = self.elements_read
        drawn = []
        for _ in range(self.columns):
            recording = self.recordings[self.generator.integers(len(self.recordings))]
            latest = self._element_count(recording) - 1
            # The element that is predicted last.
            if self.generator.random() < self.options.onset_share:
                last = int(self.generator.integers(0, min(read, latest) + 1))
            else:
                last = int(self.generator.integers(min(read, latest), latest + 1))
            gain = 10.0 ** (-self.generator.random() * self.augmentation.gain_decibels / 20.0)
            drawn.append(self._sequence(recording, last - read, read + 1, gain))
        return torch.stack(drawn, dim=1).to(self.device)

    def _errors(self, elements: Tensor, read: Tensor) -> Tensor:
        """Squared errors, [predictions, batch]: of the last element, or where the network
        remembers, of all but the first ones."""
        if self.network.window is not None:
            predicted, wanted = self.network.predict(read, [])[None], elements[-1:]
        else:
            predicted, _ = self.network.remember(read, [])
            skipped = self.options.warm_up_elements
            predicted, wanted = predicted[skipped:], elements[1 + skipped :]
        return ((predicted.float() - wanted) * self._weights(wanted)).square().mean(dim=-1)

    def next_losses(self) -> Losses:
        elements = self.next_batch()
        read = elements[:-1]
        if self.augmentation.input_noise > 0.0:
            read = read + self.augmentation.input_noise * torch.randn_like(read)
        errors = self._errors(elements, read.clamp(-1.0, 1.0))
        return Losses(errors.sum(), torch.tensor(errors.numel()))

    @torch.no_grad()
    def validate(self) -> float:
        """Elements spread over all held-out recordings, each after what lies before it."""
        if not self.validation:
            return math.nan
        places = [
            (recording, element)
            for recording in self.validation
            for element in range(self._element_count(recording))
        ]
        each = 1 if self.network.window is not None else self.elements_read
        wanted = max(1, self.options.validation_elements // each)
        count = min(len(places), wanted)
        chosen = [places[number * len(places) // count] for number in range(count)]
        read = self.elements_read
        total, predictions = 0.0, 0
        for first in range(0, count, VALIDATION_COLUMNS):
            elements = torch.stack(
                [
                    self._sequence(recording, last - read, read + 1, 1.0)
                    for recording, last in chosen[first : first + VALIDATION_COLUMNS]
                ],
                dim=1,
            ).to(self.device)
            errors = self._errors(elements, elements[:-1])
            total += float(errors.double().sum())
            predictions += errors.numel()
        return total / predictions

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": self.codec.configuration(self.sample_rate),
            "conditions": [],
        }
