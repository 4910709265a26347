"""A WaveNet autoencoder of notes, after NSynth (Engel et al. 2017, section 3.1): an encoder of
dilated convolutions that hear both ways gives an embedding for every so many samples, a WaveNet is
told that and the pitch.

Ours: the encoder hears the sound through a first convolution with a stride, and the decoder may
start from a WaveNet by instrument and pitch, whose instruments' place the embedding takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training import mu_law
from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.fitting.starting_point import start_from
from cadenza_training.model_file import read_model
from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.networks.conditions import ClassCondition, Condition, LatentCondition
from cadenza_training.networks.registry import make_network
from cadenza_training.networks.wavenet import WaveNet
from cadenza_training.systems.raw_audio.augmentation import AugmentationOptions
from cadenza_training.systems.raw_audio.raw_audio import CodecOptions, summed_losses
from cadenza_training.systems.raw_audio.recordings import Recording, load_recordings
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler
from cadenza_training.systems.system import FitConfiguration, Losses, System
from cadenza_training.systems.wavenet_autoencoder.chunks import ChunkShape, EmbeddedChunkSampler

EMBEDDING = "embedding"
PITCH = "pitch"
MIDI_PITCHES = 128
# Rows of the embedding that are scored at once, so that memory stays bounded.
VALIDATION_ROWS = 64


@dataclass(frozen=True)
class EncoderOptions:
    """The key `encoder` of the configuration's network."""

    # Numbers of the embedding, and the samples that each of them stands for.
    size: int = 16
    frames_per_value: int = 512
    channels: int = 64
    # Of the first convolution, whose kernel is twice as long.
    stride: int = 4
    dilations: tuple = (1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 32)

    def check(self) -> None:
        for name in ("size", "frames_per_value", "channels", "stride"):
            if getattr(self, name) < 1:
                raise UserError(
                    f"network.encoder.{name} is {getattr(self, name)}, expected 1 or more"
                )
        if self.frames_per_value % self.stride:
            raise UserError(
                f"network.encoder.frames_per_value is {self.frames_per_value}, expected a multiple "
                f"of the stride, {self.stride}"
            )

    @property
    def reach(self) -> int:
        """Samples on either side that an output of the convolutions hears."""
        return self.stride * (sum(self.dilations) + 2)

    def configuration(self) -> dict[str, object]:
        """The entry `encoder` of a model file."""
        first = {"kernel_size": 2 * self.stride, "stride": self.stride}
        relu = {"kind": "activation", "function": "relu"}
        layers: list[dict[str, object]] = [
            {"kind": "convolution", "channels": self.channels, **first}
        ]
        for dilation in self.dilations:
            wide = {"kernel_size": 3, "dilation": dilation}
            inner = [
                relu,
                {"kind": "convolution", "channels": self.channels, **wide},
                relu,
                {"kind": "convolution", "channels": self.channels, "kernel_size": 1},
            ]
            layers.append({"kind": "residual", "layers": inner})
        layers.append({"kind": "pool", "size": self.frames_per_value // self.stride})
        layers.append({"kind": "convolution", "channels": self.size, "kernel_size": 1})
        return {
            "kind": "layers",
            "latent": EMBEDDING,
            "input": {"kind": "waveform"},
            "minimum_frames": self.frames_per_value,
            "layers": layers,
        }


@dataclass(frozen=True)
class BatchOptions:
    # Of one chunk: what the gradient reaches back through. A multiple of a row of the embedding.
    chunk_frames: int = 6144
    # Share of chunks that start where a recording starts.
    onset_share: float = 0.5

    def check(self, span: int) -> None:
        if self.chunk_frames < span or self.chunk_frames % span:
            raise UserError(
                f"batches.chunk_frames is {self.chunk_frames}, expected a multiple of {span}"
            )
        if not 0.0 <= self.onset_share <= 1.0:
            raise UserError(f"batches.onset_share is {self.onset_share}, expected 0 … 1")


class WavenetAutoencoder(System):
    start_brings_conditions = False

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
            raise UserError(
                f"{prepared.folder} is a set of notes; wavenet_autoencoder learns from sound"
            )
        self.sample_rate = description.sample_rate
        self.codec = build(CodecOptions, configuration.codec, "codec")
        if self.codec.kind != "mu_law" or not 2 <= self.codec.levels <= 256:
            raise UserError(f"codec is {self.codec}, expected mu_law with 2 … 256 levels")
        network = dict(configuration.network)
        encoder = build(EncoderOptions, network.pop("encoder", {}), "network.encoder")
        encoder.check()
        self.span = encoder.frames_per_value
        options = build(BatchOptions, configuration.batches, "batches")
        options.check(self.span)
        augmentation = build(AugmentationOptions, configuration.augmentation, "augmentation")
        augmentation.check()
        recordings = load_recordings(prepared, prepared.split("train"))
        if not recordings:
            raise UserError(f"{prepared.folder} has no recordings to train on")
        self.validation = load_recordings(prepared, prepared.split("validation"))
        self.validation_frames = int(training.validation_seconds * self.sample_rate)
        self.network = make_network(
            {**network, "vocabulary_size": self.codec.levels},
            _conditions(configuration, encoder, recordings),
            encoder.configuration(),
        )
        if not isinstance(self.network.decoder, WaveNet):
            raise UserError("wavenet_autoencoder trains WaveNets")
        self.network.decoder.order_codes()
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        self.shape = ChunkShape(
            span=self.span,
            chunk=options.chunk_frames,
            margin=-(-encoder.reach // self.span) * self.span,
            receptive_field=self.network.receptive_field,
            levels=self.codec.levels,
        )
        if self.shape.chunk <= self.shape.receptive_field and options.onset_share < 1.0:
            raise UserError(
                f"batches.chunk_frames is {self.shape.chunk}, which must be more than the "
                f"receptive field of {self.shape.receptive_field} samples, or nothing within a "
                "recording is learnt"
            )
        self.sampler = EmbeddedChunkSampler(
            recordings,
            TakeSampler(recordings, description.instruments, augmentation),
            self.shape,
            columns=training.batch_size // processes,
            onset_share=options.onset_share,
            seed=(training.seed, rank),
        )
        self.device = torch.device("cpu")
        self._forward = self._losses

    def start_from(self, path: Path) -> None:
        """From another of its kind, or from a WaveNet whose pitch it takes, and whose instruments'
        place in every layer it gives to the embedding where that is as wide."""
        tensors, theirs = read_model(path)
        if "encoder" in theirs:
            start_from(self.network, path)
            return
        wanted = self.network.tensors()
        places: dict[str, slice] = {}
        begin = 0
        for entry in theirs.get("conditions", []):
            width = entry.get("embedding_channels") or entry.get("size") or len(entry["labels"])
            places[entry["name"]] = slice(begin, begin + width)
            begin += width
        if PITCH not in places:
            raise UserError(
                f"{path} has no condition {PITCH}: the autoencoder cannot start from it"
            )
        started = {name: value for name, value in wanted.items() if name.startswith("encoder.")}
        rows = tensors.get("conditions.instrument.embedding.weight")
        last = f"encoder.layers.{len(self.network.encoder.stack.layers) - 1}.bias"
        if rows is not None and rows.shape[1] == started[last].shape[0]:
            # Every recording begins as the mean of the instruments.
            started[last] = rows.float().mean(dim=0)
        for name, value in wanted.items():
            if name in started:
                continue
            if name.endswith(".condition.weight") and name in tensors:
                columns = []
                begin = 0
                for condition in self.network.conditions:
                    width = condition.embedding_channels
                    source = "instrument" if condition.name == EMBEDDING else condition.name
                    place = places.get(source, slice(0, 0))
                    if place.stop - place.start == width:
                        columns.append(tensors[name][:, place].float())
                    else:
                        columns.append(0.1 * value[:, begin : begin + width])
                    begin += width
                started[name] = torch.cat(columns, dim=1)
            elif name in tensors:
                started[name] = tensors[name]
            else:
                raise UserError(f"{path} cannot be started from: it has no tensor {name}")
        try:
            self.network.load_tensors(started)
        except UserError as error:
            raise UserError(f"{path} cannot be started from: {error}") from error

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        self._forward = torch.compile(self._losses)

    def _values(self, rows: Tensor, pitches: Tensor) -> list[Tensor]:
        return [
            rows if condition.name == EMBEDDING else pitches
            for condition in self.network.conditions
        ]

    def _losses(
        self, inputs: Tensor, targets: Tensor, mask: Tensor, heard: Tensor, pitches: Tensor
    ) -> tuple[Tensor, Tensor]:
        margin = self.shape.margin // self.span
        rows = self.network.encoder(heard)
        rows = rows[margin : len(rows) - margin]
        logits, _ = self.network(inputs, self._values(rows, pitches))
        return summed_losses(logits, targets, mask)

    def next_losses(self) -> Losses:
        chunks = self.sampler.next_batch()
        inputs, targets, mask, heard, pitches = (
            torch.from_numpy(part).to(self.device)
            for part in (chunks.inputs, chunks.targets, chunks.mask, chunks.heard, chunks.pitches)
        )
        return Losses(*self._forward(inputs, targets, mask, heard, pitches))

    @torch.no_grad()
    def validate(self) -> float:
        """Recordings from their first sample, each encoded first; where that is too much, the first
        part of each."""
        if not self.validation:
            return math.nan
        each = max(self.span, self.validation_frames // len(self.validation))
        nats, count = 0.0, 0
        for recording in self.validation:
            samples = recording.samples[:each].astype(np.float32) / 32768.0
            rows = self.network.encoder(torch.from_numpy(samples)[None].to(self.device))
            nats += self.score(samples, rows, max(0, recording.pitch))
            count += len(samples)
        return nats / count

    @torch.no_grad()
    def score(self, samples: NDArray[np.float32], rows: Tensor, pitch: int) -> float:
        """Summed nats of a recording's samples, from silence on, told `rows` [rows, 1, size]."""
        return recording_nats(self.network, self.codec.levels, samples, rows, pitch)

    def state(self) -> dict[str, object]:
        return {"sampler": self.sampler.state()}

    def restore(self, state: Mapping) -> None:
        self.sampler.restore(state["sampler"])

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": {
                "kind": self.codec.kind,
                "sample_rate": self.sample_rate,
                "levels": self.codec.levels,
            },
            "encoder": self.network.encoder.configuration(),
            "conditions": [condition.to_configuration() for condition in self.network.conditions],
        }


@torch.no_grad()
def recording_nats(
    network: Autoencoder, levels: int, samples: NDArray[np.float32], rows: Tensor, pitch: int
) -> float:
    """Summed nats of a recording's samples, from silence on, told `rows` [rows, 1, size]."""
    codes = torch.from_numpy(mu_law.encode(samples, levels)).to(rows.device)[:, None]
    silence = torch.full_like(codes[:1], mu_law.silence_code(levels))
    inputs = torch.cat([silence, codes[:-1]])
    span = network.encoder.frames_per_value
    pitches = torch.tensor([pitch], device=rows.device)
    context = -(-network.receptive_field // span)
    total = 0.0
    for begin in range(0, len(rows), VALIDATION_ROWS):
        # A network that carries nothing reads its receptive field again.
        first, end = max(0, begin - context), min(len(rows), begin + VALIDATION_ROWS)
        part = slice(first * span, min(end * span, len(codes)))
        values = [
            rows[first:end] if condition.name == EMBEDDING else pitches
            for condition in network.conditions
        ]
        logits, _ = network(inputs[part], values)
        mask = torch.ones_like(logits[..., 0])
        mask[: (begin - first) * span] = 0.0
        nats, _ = summed_losses(logits, codes[part], mask)
        total += float(nats)
    return total


def _conditions(
    configuration: FitConfiguration, encoder: EncoderOptions, recordings: Sequence[Recording]
) -> tuple[Condition, ...]:
    conditions: list[Condition] = [
        LatentCondition(EMBEDDING, encoder.size, encoder.frames_per_value)
    ]
    for name, channels in configuration.conditions.items():
        if name != PITCH:
            raise UserError(
                f'conditions: "{name}" is not known to wavenet_autoencoder; it has {PITCH}'
            )
        if not isinstance(channels, int) or channels < 1:
            raise UserError(f"conditions.{name} is {channels!r}, expected channels, 1 or more")
        unknown = [recording.file for recording in recordings if recording.pitch < 0]
        if unknown:
            raise UserError(
                f"conditions.{PITCH}: the pitch of {unknown[0]} is not known; "
                "`prepare --pitch-from-name` gives it, or leave it out"
            )
        default = configuration.defaults.get(name, 60)
        conditions.append(ClassCondition(name, MIDI_PITCHES, channels, None, default))
    return tuple(conditions)
