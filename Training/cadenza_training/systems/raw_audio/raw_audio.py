"""The raw-audio system: a prepared audio set, mu-law codes, a WaveNet or a recurrent network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from cadenza_training import mu_law
from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.network import State
from cadenza_training.networks.registry import make_network
from cadenza_training.systems.raw_audio.augmentation import AugmentationOptions
from cadenza_training.systems.raw_audio.batch import Batch
from cadenza_training.systems.raw_audio.chunk_sampler import ChunkSampler
from cadenza_training.systems.raw_audio.recordings import Recording, load_recordings
from cadenza_training.systems.raw_audio.sequence_sampler import SequenceSampler
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler
from cadenza_training.systems.system import FitConfiguration, Losses, System, class_default

MIDI_PITCHES = 128
# Validation recordings are scored side by side, and in pieces, so that memory stays bounded.
VALIDATION_COLUMNS = 32
VALIDATION_PIECE_PREDICTIONS = 65536


@dataclass(frozen=True)
class CodecOptions:
    kind: str = "mu_law"
    levels: int = 256


@dataclass(frozen=True)
class BatchOptions:
    # Of one chunk: what the gradient reaches back through.
    chunk_frames: int = 6144
    # Of one sequence at most, where the network carries its state.
    sequence_frames: int = 32768
    # Share of chunks (or sequences) that start where a recording starts.
    onset_share: float = 0.5

    def check(self) -> None:
        if self.chunk_frames < 2:
            raise UserError(f"batches.chunk_frames is {self.chunk_frames}, expected 2 or more")
        if not 0.0 <= self.onset_share <= 1.0:
            raise UserError(f"batches.onset_share is {self.onset_share}, expected 0 … 1")


def summed_losses(logits: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Nats over the predictions that the mask keeps, and how many those are."""
    each = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), reduction="none"
    )
    return (each * mask.flatten()).sum(), mask.sum()


class RawAudio(System):
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
            raise UserError(f"{prepared.folder} is a set of notes; raw_audio learns from sound")
        self.sample_rate = description.sample_rate
        self.codec = build(CodecOptions, configuration.codec, "codec")
        if self.codec.kind != "mu_law" or not 2 <= self.codec.levels <= 256:
            raise UserError(f"codec is {self.codec}, expected mu_law with 2 … 256 levels")
        self.batch_options = build(BatchOptions, configuration.batches, "batches")
        self.batch_options.check()
        augmentation = build(AugmentationOptions, configuration.augmentation, "augmentation")
        augmentation.check()
        recordings = load_recordings(prepared, prepared.split("train"))
        if not recordings:
            raise UserError(f"{prepared.folder} has no recordings to train on")
        self.validation = load_recordings(prepared, prepared.split("validation"))
        self.validation_frames = int(training.validation_seconds * self.sample_rate)
        self.conditions = self._conditions(configuration, prepared, recordings)
        self.network = make_network(
            {**configuration.network, "vocabulary_size": self.codec.levels}, self.conditions
        )
        self.network.order_codes()
        self.state_carried: State = None
        self.device = torch.device("cpu")
        self._forward = self._losses
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        takes = TakeSampler(recordings, description.instruments, augmentation)
        shared = {
            "levels": self.codec.levels,
            "chunk_frames": self.batch_options.chunk_frames,
            "columns": training.batch_size // processes,
            "onset_share": self.batch_options.onset_share,
            "seed": (training.seed, rank),
        }
        field = self.network.receptive_field
        self.sampler: ChunkSampler | SequenceSampler
        if field is None:
            self.sampler = SequenceSampler(
                recordings, takes, sequence_frames=self.batch_options.sequence_frames, **shared
            )
        else:
            self._check_lengths(recordings, field)
            self.sampler = ChunkSampler(recordings, takes, receptive_field=field, **shared)

    def _conditions(
        self, configuration: FitConfiguration, prepared: PreparedSet, recordings: list[Recording]
    ) -> tuple[ClassCondition, ...]:
        labels = prepared.description.labels
        conditions = []
        for name, channels in configuration.conditions.items():
            if not isinstance(channels, int) or channels < 1:
                raise UserError(f"conditions.{name} is {channels!r}, expected channels, 1 or more")
            if name == "instrument":
                if not labels:
                    raise UserError(
                        f"conditions.instrument: {prepared.folder} names no instruments; "
                        "`prepare --instruments-from folders` gives them, or leave it out"
                    )
                wanted = configuration.defaults.get(name, 0)
                default = class_default(name, wanted, labels, len(labels))
                conditions.append(ClassCondition(name, len(labels), channels, labels, default))
            elif name == "pitch":
                unknown = [recording.file for recording in recordings if recording.pitch < 0]
                if unknown:
                    raise UserError(
                        f"conditions.pitch: the pitch of {unknown[0]} is not known "
                        f"({len(unknown)} of {len(recordings)} recordings); "
                        "`prepare --pitch-from-name` gives it, or leave it out"
                    )
                wanted = configuration.defaults.get(name, 60)
                default = class_default(name, wanted, None, MIDI_PITCHES)
                conditions.append(ClassCondition(name, MIDI_PITCHES, channels, None, default))
            else:
                raise UserError(
                    f'conditions: "{name}" is not known to raw_audio; it has instrument and pitch'
                )
        for name in configuration.defaults:
            if name not in configuration.conditions:
                raise UserError(f'defaults: there is no condition "{name}"')
        return tuple(conditions)

    def _check_lengths(self, recordings: list[Recording], receptive_field: int) -> None:
        frames = self.batch_options.chunk_frames
        if frames <= receptive_field and self.batch_options.onset_share < 1.0:
            raise UserError(
                f"batches.chunk_frames is {frames}, which must be more than the receptive field "
                f"of {receptive_field} samples, or nothing within a recording is learnt"
            )
        short = [r.file for r in recordings if len(r.samples) <= receptive_field]
        if short:
            raise UserError(
                f"{short[0]} is not longer than the network's receptive field of "
                f"{receptive_field} samples ({receptive_field / self.sample_rate:.3f} s), "
                f"nor are {len(short) - 1} other recordings; "
                "`prepare --minimum-seconds` leaves such files out"
            )

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        # Loops of a recurrent layer are kernels of their own: there is nothing to gain.
        if self.network.receptive_field is not None:
            self._forward = torch.compile(self._losses)

    def _values(self, instruments: Tensor, pitches: Tensor) -> list[Tensor]:
        values = {"instrument": instruments, "pitch": pitches}
        return [values[condition.name] for condition in self.conditions]

    def _losses(
        self, inputs: Tensor, targets: Tensor, mask: Tensor, values: list[Tensor], state: State
    ) -> tuple[Tensor, Tensor, State]:
        logits, state_after = self.network(inputs, values, state)
        return *summed_losses(logits, targets, mask), state_after

    def _state_for(self, batch: Batch) -> State:
        """The carried state, detached, and zero in the columns that start anew."""
        if self.state_carried is None:
            return None
        kept = 1.0 - batch.tensor("starts", self.device).float()
        return [
            tuple((part.detach() * kept[None, :, None]).to(part.dtype) for part in layer)
            for layer in self.state_carried
        ]

    def next_losses(self) -> Losses:
        batch = self.sampler.next_batch()
        values = self._values(
            batch.tensor("instruments", self.device), batch.tensor("pitches", self.device)
        )
        nats, count, self.state_carried = self._forward(
            batch.tensor("inputs", self.device),
            batch.tensor("targets", self.device),
            batch.tensor("mask", self.device),
            values,
            self._state_for(batch),
        )
        return Losses(nats, count)

    @torch.no_grad()
    def validate(self) -> float:
        """Recordings from their first sample; where that is too much, the first part of each."""
        if not self.validation:
            return math.nan
        each = max(1, self.validation_frames // len(self.validation))
        heard = [
            Recording(r.file, r.samples[:each], r.instrument, r.pitch) for r in self.validation
        ]
        # A recurrent network is slow alone and no slower in company.
        together = 1 if self.network.receptive_field is not None else VALIDATION_COLUMNS
        groups = [heard[first : first + together] for first in range(0, len(heard), together)]
        return sum(map(self.score, groups)) / sum(len(r.samples) for r in heard)

    def score(self, recordings: list[Recording]) -> float:
        """Summed nats of all samples of the recordings, each from silence on."""
        silence = mu_law.silence_code(self.codec.levels)
        frames = max(len(recording.samples) for recording in recordings)
        batch = Batch.empty(frames, len(recordings), silence)
        for column, recording in enumerate(recordings):
            samples = recording.samples.astype(np.float64) / 32768.0
            codes = mu_law.encode(samples, self.codec.levels)
            batch.targets[: len(codes), column] = codes
            batch.inputs[1 : len(codes), column] = codes[:-1]
            batch.mask[: len(codes), column] = 1.0
            batch.instruments[column] = max(0, recording.instrument)
            batch.pitches[column] = max(0, recording.pitch)
        inputs, targets, mask, instruments, pitches = (
            batch.tensor(name, self.device)
            for name in ("inputs", "targets", "mask", "instruments", "pitches")
        )
        values = self._values(instruments, pitches)
        context = self.network.receptive_field or 0
        state: State = None
        total = 0.0
        piece = max(1, VALIDATION_PIECE_PREDICTIONS // len(recordings))
        for begin in range(0, frames, piece):
            # A network that carries nothing reads its receptive field again.
            first = max(0, begin - context)
            logits, state = self.network(inputs[first : begin + piece], values, state)
            nats, _ = summed_losses(
                logits[begin - first :],
                targets[begin : begin + piece],
                mask[begin : begin + piece],
            )
            total += float(nats)
        return total

    def state(self) -> dict[str, object]:
        carried = self.state_carried
        return {
            "sampler": self.sampler.state(),
            "carried": None
            if carried is None
            else [[part.detach().cpu().clone() for part in layer] for layer in carried],
        }

    def restore(self, state: Mapping) -> None:
        self.sampler.restore(state["sampler"])
        carried = state["carried"]
        self.state_carried = (
            None
            if carried is None
            else [tuple(part.to(self.device) for part in layer) for layer in carried]
        )

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": {
                "kind": self.codec.kind,
                "sample_rate": self.sample_rate,
                "levels": self.codec.levels,
            },
            "conditions": [condition.to_configuration() for condition in self.conditions],
        }
