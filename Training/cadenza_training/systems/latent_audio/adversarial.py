"""Generative adversarial networks of notes (Goodfellow et al. 2014): a decoder plays draws of a
latent, and a judge that learns in turns with it tells them from recordings.

Either waveforms as in the COMP9491 report, sections 3.2 and 3.2.1, or spectrograms by pitch after
GANSynth (Engel et al. 2019), whose judge also names the pitch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.evaluation.frechet_distance import frechet_distance
from cadenza_training.evaluation.mel_cepstrum import mel_cepstrum
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.decoder import Decoder
from cadenza_training.networks.layers import Shape
from cadenza_training.systems.latent_audio.clips import (
    ClipBatch,
    ClipOptions,
    ClipSampler,
    batch_of,
    load_clips,
)
from cadenza_training.systems.latent_audio.conditions import (
    condition_values,
    make_conditions,
    order_pitches,
)
from cadenza_training.systems.latent_audio.judge import Judge
from cadenza_training.systems.latent_audio.spectrogram import SpectrogramCodec, SpectrogramOptions
from cadenza_training.systems.latent_audio.waveform import WaveformCodec, WaveformOptions
from cadenza_training.systems.system import FitConfiguration, Losses, System

# Of the Fréchet distance that a run is validated by.
VALIDATION_CLIPS = 64
VALIDATION_SEED = 9491
VALIDATION_COLUMNS = 16


@dataclass(frozen=True)
class AdversaryOptions:
    layers: tuple[Mapping, ...]
    # Steps of the judge before each of the decoder.
    steps: int = 1
    # "interpolates": (‖∇D‖ - 1)² between real and made (Gulrajani et al. 2017); "real": ‖∇D‖² / 2
    # at what is real (Mescheder et al. 2018); "none".
    penalty: str = "interpolates"
    penalty_weight: float = 10.0
    # A penalty every so many steps, and so many times as much.
    penalty_every: int = 1
    # What the judge learns to say of what is real; and the deviation of noise on that, and on the 0
    # of what is made.
    real_label: float = 1.0
    label_noise: float = 0.0
    # Of the cross-entropy of the pitch that is heard (Odena et al. 2017); 0: the judge names none.
    pitch_weight: float = 0.0

    def check(self) -> None:
        if self.penalty not in ("interpolates", "real", "none"):
            raise UserError(
                f'adversary.penalty is "{self.penalty}", expected interpolates, real, none'
            )
        for name in ("steps", "penalty_every"):
            if getattr(self, name) < 1:
                raise UserError(f"adversary.{name} is {getattr(self, name)}, expected 1 or more")
        for name in ("penalty_weight", "label_noise", "pitch_weight"):
            if getattr(self, name) < 0.0:
                raise UserError(f"adversary.{name} is {getattr(self, name)}, expected 0 or more")


class AdversarialAudio(System):
    loss_unit = "Fréchet distance and adversarial loss"
    detail_names = ("judge", "penalty", "real", "made", "pitch_error")

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
        self.labels = description.labels
        self.clip_options = build(ClipOptions, configuration.batches, "batches")
        self.clip_options.check()
        self.codec = self._codec(configuration.codec, description.sample_rate)
        rate = self.codec.sample_rate
        recordings = load_clips(prepared, "train", self.clip_options, rate)
        if not recordings:
            raise UserError(f"{prepared.folder} has no recordings that were asked for")
        self.validation = load_clips(prepared, "validation", self.clip_options, rate)
        self.validation = self.validation[:VALIDATION_CLIPS]
        self.conditions = make_conditions(configuration, prepared, recordings)
        self.network = Decoder(configuration.network["layers"], self.conditions)
        order_pitches(self.network.condition_tables)
        self.frames = self.clip_options.clip_frames // self.codec.options.hop
        numbers = self.codec.options.numbers
        if (self.network.frame_channels, self.network.steps) != (numbers, self.frames):
            raise UserError(
                f"network.layers gives {self.network.steps} frames of "
                f"{self.network.frame_channels} numbers; the codec needs {self.frames} of {numbers}"
            )
        self.options = build(AdversaryOptions, configuration.adversary, "adversary")
        self.options.check()
        pitch = [condition for condition in self.conditions if condition.name == "pitch"]
        if self.options.pitch_weight and not pitch:
            raise UserError("adversary.pitch_weight needs the condition pitch")
        shape = Shape(1, self.frames, 1, is_vector=False)
        if isinstance(self.codec, SpectrogramCodec):
            shape = Shape(2, self.frames, numbers // 2, is_vector=False)
        classes = pitch[0].size if self.options.pitch_weight else 0
        self.adversary = Judge(self.options.layers, shape, classes)
        self.adversary_steps = self.options.steps
        self.device = torch.device("cpu")
        columns = training.batch_size // processes
        self.samplers = [
            ClipSampler(
                recordings, self.clip_options, columns=columns, seed=(training.seed, rank, number)
            )
            for number in range(2)
        ]
        self.latent_size = next(c.size for c in self.conditions if c.name == "z")
        self.steps = 0
        self.last = dict.fromkeys(self.detail_names, 0.0)
        self.real_cepstra: np.ndarray | None = None

    def _codec(self, values: Mapping, sample_rate: int) -> SpectrogramCodec | WaveformCodec:
        kind = values.get("kind")
        if kind == "spectrogram":
            options = build(SpectrogramOptions, values, "codec")
            options.check()
            if self.clip_options.clip_frames % options.hop:
                raise UserError("batches.clip_frames is no multiple of codec.hop")
            return SpectrogramCodec(options, sample_rate)
        if kind == "waveform":
            return WaveformCodec(build(WaveformOptions, values, "codec"), sample_rate)
        raise UserError(f'codec.kind is "{kind}", expected spectrogram or waveform')

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        pass

    def _drawn(self, sampler: int) -> ClipBatch:
        batch = self.samplers[sampler].next_batch()
        return ClipBatch(
            batch.samples.to(self.device),
            batch.instruments.to(self.device),
            batch.pitches.to(self.device),
        )

    def _real(self, batch: ClipBatch) -> Tensor:
        """What the judge sees of recordings, [batch, channels, steps, bins]."""
        if isinstance(self.codec, SpectrogramCodec):
            return self._seen(self.codec.frames(batch.samples, self.frames))
        return batch.samples[:, None, :, None]

    def _seen(self, frames: Tensor) -> Tensor:
        if isinstance(self.codec, SpectrogramCodec):
            return frames.unflatten(2, (-1, 2)).permute(0, 3, 1, 2)
        lowest, highest = self.codec.options.range
        return (2.0 * (frames - lowest) / (highest - lowest) - 1.0).transpose(1, 2)[..., None]

    def _made(self, batch: ClipBatch) -> Tensor:
        """Frames under the batch's conditions, of latents that are drawn."""
        latent = torch.randn(len(batch.samples), self.latent_size, device=self.device)
        return self.network(condition_values(self.conditions, batch, self.labels, latent))

    def _pitch_loss(self, logits: Tensor, batch: ClipBatch) -> Tensor:
        if not self.options.pitch_weight:
            return logits.new_zeros(())
        lowest = next(int(c.labels[0]) for c in self.conditions if c.name == "pitch")
        return functional.cross_entropy(logits, batch.pitches - lowest)

    def next_adversary_losses(self) -> Losses:
        batch, asked = self._drawn(0), self._drawn(1)
        real = self._real(batch)
        with torch.no_grad():
            made = self._seen(self._made(asked))
        count = len(real)
        is_penalised = self.steps % self.options.penalty_every == 0
        if is_penalised and self.options.penalty == "real":
            real.requires_grad_()
        verdict, named = self.adversary(real)
        other, _ = self.adversary(made)
        noise = self.options.label_noise
        wanted = self.options.real_label + noise * torch.randn_like(verdict)
        unwanted = noise * torch.randn_like(other)
        loss = functional.binary_cross_entropy_with_logits(verdict, wanted)
        loss = loss + functional.binary_cross_entropy_with_logits(other, unwanted)
        pitch_loss = self._pitch_loss(named, batch)
        total = loss + self.options.pitch_weight * pitch_loss
        if is_penalised and self.options.penalty != "none":
            penalty = self._penalty(real, made, verdict)
            weight = self.options.penalty_weight * self.options.penalty_every
            total = total + weight * penalty
            self.last["penalty"] = float(penalty.detach())
        self.last |= {
            "judge": float(loss.detach()),
            "real": float(verdict.detach().sigmoid().mean()),
            "made": float(other.detach().sigmoid().mean()),
        }
        return Losses(total * count, torch.tensor(count))

    def _penalty(self, real: Tensor, made: Tensor, verdict: Tensor) -> Tensor:
        if self.options.penalty == "real":
            (gradient,) = torch.autograd.grad(verdict.sum(), real, create_graph=True)
            return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()
        share = torch.rand(len(real), 1, 1, 1, device=self.device)
        between = (share * real + (1.0 - share) * made).requires_grad_()
        verdict, _ = self.adversary(between)
        (gradient,) = torch.autograd.grad(verdict.sum(), between, create_graph=True)
        lengths = (gradient.square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
        return (lengths - 1.0).square().mean()

    def next_losses(self) -> Losses:
        batch = self._drawn(1)
        verdict, named = self.adversary(self._seen(self._made(batch)))
        loss = functional.binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))
        pitch_loss = self._pitch_loss(named, batch)
        total = loss + self.options.pitch_weight * pitch_loss
        self.last["pitch_error"] = float(pitch_loss.detach())
        self.steps += 1
        return Losses(total * len(verdict), torch.tensor(len(verdict)))

    def details(self) -> dict[str, float]:
        return dict(self.last)

    @torch.no_grad()
    def validate(self) -> float:
        """The Fréchet distance of EVALUATION.md between the held-out clips and as many that are
        played under their conditions, with latents that are always the same."""
        if not self.validation:
            return float("nan")
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        rate = self.codec.sample_rate
        played, real = [], []
        for first in range(0, len(self.validation), VALIDATION_COLUMNS):
            group = self.validation[first : first + VALIDATION_COLUMNS]
            batch = batch_of(group, self.clip_options.clip_frames)
            latent = torch.randn(len(group), self.latent_size, generator=generator)
            values = condition_values(self.conditions, batch, self.labels, latent)
            frames = self.network([value.to(self.device) for value in values])
            sound = self.codec.play(frames, batch.pitches, self.frames).clamp(-1.0, 1.0)
            played += [mel_cepstrum(clip, rate) for clip in sound.cpu().numpy()]
            if self.real_cepstra is None:
                real += [mel_cepstrum(clip, rate) for clip in batch.samples.numpy()]
        if self.real_cepstra is None:
            self.real_cepstra = np.concatenate(real)
        return frechet_distance(self.real_cepstra, np.concatenate(played))

    def state(self) -> dict[str, object]:
        return {"samplers": [sampler.state() for sampler in self.samplers], "steps": self.steps}

    def restore(self, state: Mapping) -> None:
        for sampler, saved in zip(self.samplers, state["samplers"], strict=True):
            sampler.restore(saved)
        self.steps = state["steps"]

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": self.codec.configuration(),
            "conditions": [condition.to_configuration() for condition in self.conditions],
        }
