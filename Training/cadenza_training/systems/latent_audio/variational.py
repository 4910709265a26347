"""Conditional variational autoencoders of notes (Kingma and Welling 2014; Sohn et al. 2015): an
encoder reads a recording and gives the posterior of a latent, a decoder plays a draw of it.

The decoder's codec is `waveform`, and what it plays is compared sample by sample, as in the
COMP9491 report; or `harmonic`, and spectra are compared, for phases are nobody's to predict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.decoder import Decoder
from cadenza_training.systems.latent_audio.clips import (
    ClipBatch,
    ClipOptions,
    ClipSampler,
    batch_of,
    load_clips,
)
from cadenza_training.systems.latent_audio.conditions import (
    LATENT,
    condition_values,
    make_conditions,
    order_pitches,
)
from cadenza_training.systems.latent_audio.harmonic import HarmonicCodec, HarmonicOptions
from cadenza_training.systems.latent_audio.spectral_loss import spectral_distance
from cadenza_training.systems.latent_audio.waveform import WaveformCodec, WaveformOptions
from cadenza_training.systems.system import FitConfiguration, Losses, System

VALIDATION_COLUMNS = 16
# Silence before and behind a clip, that is compared too: a note's ends are heard as such. Samples.
MARGIN = 1024


@dataclass(frozen=True)
class LossOptions:
    # "squared" or "absolute", of samples (codec waveform), or "spectral".
    reconstruction: str = "spectral"
    # Whether a latent is drawn of its posterior while training. False: a plain autoencoder.
    draws: bool = True
    reconstruction_weight: float = 1.0
    # Of the Kullback-Leibler divergence from the prior, in nats a clip, and the steps over which it
    # grows to that (Bowman et al. 2016).
    divergence_weight: float = 0.05
    divergence_warm_up_steps: int = 1000
    # Compared samples of each clip, from a place that is drawn; 0: all.
    crop_frames: int = 0
    # Share of crops from the beginning.
    onset_share: float = 0.4

    def check(self, codec: str) -> None:
        if self.reconstruction not in ("squared", "absolute", "spectral"):
            raise UserError(
                f'losses.reconstruction is "{self.reconstruction}", expected squared, absolute or '
                "spectral"
            )
        if self.reconstruction != "spectral" and codec != "waveform":
            raise UserError("losses.reconstruction: samples are compared with codec waveform only")
        if self.divergence_weight < 0.0 or self.divergence_warm_up_steps < 1:
            raise UserError("losses: divergence_weight is below 0, or its warm-up below 1 step")
        if not 0.0 <= self.onset_share <= 1.0:
            raise UserError(f"losses.onset_share is {self.onset_share}, expected 0 … 1")


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of a diagonal normal distribution from the standard one, nats, [batch]."""
    return 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance).sum(dim=1)


def shifted(samples: Tensor, count: int) -> Tensor:
    """So many samples later, or, where that is below 0, earlier; silence in their place."""
    if count == 0:
        return samples
    if count > 0:
        return functional.pad(samples[: len(samples) - count], (count, 0))
    return functional.pad(samples[-count:], (0, -count))


class VariationalAudio(System):
    loss_unit = "weighted loss"
    detail_names = ("reconstruction", "divergence")

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
            raise UserError(f"{prepared.folder} is a set of notes; this system learns from sound")
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        self.sample_rate = description.sample_rate
        self.labels = description.labels
        self.clip_options = build(ClipOptions, configuration.batches, "batches")
        self.clip_options.check()
        recordings = load_clips(prepared, "train", self.clip_options, self.sample_rate)
        if not recordings:
            raise UserError(f"{prepared.folder} has no recordings that were asked for")
        self.validation = load_clips(prepared, "validation", self.clip_options, self.sample_rate)
        self.conditions = make_conditions(configuration, prepared, recordings)
        self.codec = self._codec(configuration.codec)
        self.losses = build(LossOptions, configuration.losses, "losses")
        self.losses.check(configuration.codec.get("kind", ""))
        encoder = {"latent": LATENT, "frames": self.clip_options.clip_frames}
        self.network = Decoder(
            configuration.network["layers"],
            self.conditions,
            {**encoder, **configuration.encoder, "kind": "layers"},
        )
        order_pitches(self.network.condition_tables)
        numbers = self.codec.options.numbers
        frames = self.clip_options.clip_frames // self.codec.options.hop
        if (self.network.frame_channels, self.network.steps) != (numbers, frames):
            raise UserError(
                f"network.layers gives {self.network.steps} frames of "
                f"{self.network.frame_channels} numbers; the codec needs {frames} of {numbers}"
            )
        self.device = torch.device("cpu")
        # Pitches and instruments that training heard are those that can be asked for.
        self.validation = [r for r in self.validation if self._is_known(r.pitch, r.instrument)]
        wanted = max(1, int(training.validation_seconds * self.sample_rate / self._crop()))
        if len(self.validation) > wanted:
            step = len(self.validation) / wanted
            self.validation = [self.validation[int(i * step)] for i in range(wanted)]
        self.sampler = ClipSampler(
            recordings,
            self.clip_options,
            columns=training.batch_size // processes,
            seed=(training.seed, rank),
        )
        self.steps = 0
        self.last: dict[str, float] = {}

    def _codec(self, values: Mapping) -> HarmonicCodec | WaveformCodec:
        kind = values.get("kind")
        if kind == "harmonic":
            options = build(HarmonicOptions, values, "codec")
            options.check()
            if not any(condition.name == "pitch" for condition in self.conditions):
                raise UserError("codec harmonic needs the condition pitch")
            if self.clip_options.clip_frames % options.hop:
                raise UserError(
                    f"batches.clip_frames is {self.clip_options.clip_frames}, expected a multiple "
                    f"of the codec's hop, {options.hop}"
                )
            return HarmonicCodec(options, self.sample_rate)
        if kind == "waveform":
            return WaveformCodec(build(WaveformOptions, values, "codec"), self.sample_rate)
        raise UserError(f'codec.kind is "{kind}", expected harmonic or waveform')

    def _is_known(self, pitch: int, instrument: int) -> bool:
        for condition in self.conditions:
            if condition.name == "pitch" and str(pitch) not in condition.labels:
                return False
            if condition.name == "instrument" and self.labels[instrument] not in condition.labels:
                return False
        return True

    def _crop(self) -> int:
        """Samples that are compared: a multiple of the hop."""
        clip, crop = self.clip_options.clip_frames, self.losses.crop_frames
        return min(clip, crop or clip) // self.codec.options.hop * self.codec.options.hop

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        pass

    def _on_device(self, batch: ClipBatch) -> ClipBatch:
        return ClipBatch(
            batch.samples.to(self.device),
            batch.instruments.to(self.device),
            batch.pitches.to(self.device),
        )

    def _encode(self, batch: ClipBatch) -> tuple[Tensor, Tensor]:
        nothing = torch.zeros(len(batch.samples), 1, device=self.device)
        return self.network.encode(
            batch.samples, condition_values(self.conditions, batch, self.labels, nothing)
        )

    def _frames(self, batch: ClipBatch, latent: Tensor) -> Tensor:
        return self.network(condition_values(self.conditions, batch, self.labels, latent))

    def _distances(self, batch: ClipBatch, frames: Tensor, places: Tensor) -> Tensor:
        """Of what is played from what was recorded, [batch]; `places` in codec frames, from the
        margin before the clip on."""
        hop = self.codec.options.hop
        count = self._crop() // hop
        margin = MARGIN // hop
        # What is played lies within the clip; where it begins in what is compared may lie outside.
        starts = (places - margin).clamp(0, frames.shape[1] - count)
        shifts = ((starts - (places - margin)) * hop).tolist()
        # One frame more, to which the last one moves.
        rows = [
            frame[start : start + count + 1]
            for frame, start in zip(frames, starts.tolist(), strict=True)
        ]
        rows = [
            torch.cat([row, row[-1:].expand(count + 1 - len(row), -1)])
            if len(row) <= count
            else row
            for row in rows
        ]
        padded = functional.pad(batch.samples, (margin * hop, margin * hop))
        real = torch.stack(
            [
                clip[place * hop : (place + count) * hop]
                for clip, place in zip(padded, places.tolist(), strict=True)
            ]
        )
        played = self.codec.play(torch.stack(rows), batch.pitches, count)
        played = torch.stack(
            [shifted(clip, shift) for clip, shift in zip(played, shifts, strict=True)]
        )
        if self.losses.reconstruction == "squared":
            return (played - real).square().mean(dim=1)
        if self.losses.reconstruction == "absolute":
            return (played - real).abs().mean(dim=1)
        return spectral_distance(played, real)

    def _first_places(self, columns: int) -> Tensor:
        """From the clip's beginning on, and, of spectra of a crop, a little before."""
        margin = MARGIN // self.codec.options.hop
        if self.losses.crop_frames:
            margin //= 2
        return torch.full((columns,), margin, dtype=torch.int64)

    def _weight(self) -> float:
        return self.losses.divergence_weight * min(
            1.0, (self.steps + 1) / self.losses.divergence_warm_up_steps
        )

    def next_losses(self) -> Losses:
        batch = self._on_device(self.sampler.next_batch())
        mean, log_variance = self._encode(batch)
        latent = mean
        if self.losses.draws:
            latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        frames = self._frames(batch, latent)
        places = self._first_places(len(frames))
        if self.losses.crop_frames:
            hop = self.codec.options.hop
            spare = frames.shape[1] - self._crop() // hop + 2 * (MARGIN // hop)
            drawn = torch.randint(spare + 1, (len(frames),))
            places = torch.where(torch.rand(len(frames)) < self.losses.onset_share, places, drawn)
        distance = self._distances(batch, frames, places)
        nats = divergence(mean, log_variance)
        total = self.losses.reconstruction_weight * distance + self._weight() * nats
        self.steps += 1
        self.last = {
            "reconstruction": float(distance.detach().mean()),
            "divergence": float(nats.detach().mean()),
        }
        return Losses(total.sum(), torch.tensor(len(frames)))

    def details(self) -> dict[str, float]:
        return self.last

    @torch.no_grad()
    def validate(self) -> float:
        """At the posterior's mean, from the beginning of each clip, with the whole divergence."""
        if not self.validation:
            return math.nan
        total = 0.0
        frames = self.clip_options.clip_frames
        for first in range(0, len(self.validation), VALIDATION_COLUMNS):
            group = self.validation[first : first + VALIDATION_COLUMNS]
            batch = self._on_device(batch_of(group, frames))
            mean, log_variance = self._encode(batch)
            places = self._first_places(len(group))
            distance = self._distances(batch, self._frames(batch, mean), places)
            nats = divergence(mean, log_variance)
            total += float(
                (
                    self.losses.reconstruction_weight * distance
                    + self.losses.divergence_weight * nats
                ).sum()
            )
        return total / len(self.validation)

    def state(self) -> dict[str, object]:
        return {"sampler": self.sampler.state(), "steps": self.steps}

    def restore(self, state: Mapping) -> None:
        self.sampler.restore(state["sampler"])
        self.steps = state["steps"]

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": self.codec.configuration(),
            "encoder": self.network.encoder.configuration,
            "conditions": [condition.to_configuration() for condition in self.conditions],
        }
