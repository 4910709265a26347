"""Melodies of a fixed number of steps through a latent vector, after MusicVAE (Roberts et al. 2018,
sections 2 and 3): an encoder that runs both ways, a decoder whose states and inputs are made of the
latent, the bound on the likelihood with a weight that rises and with free bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.networks.conditions import LatentCondition
from cadenza_training.networks.melody_encoder import MelodyEncoder
from cadenza_training.networks.registry import make_network
from cadenza_training.systems.melody_vae.melodies import Melodies, load_melodies, melody_grid
from cadenza_training.systems.notes.step_grid import StepGrid
from cadenza_training.systems.system import FitConfiguration, Losses, System

LATENT = "z"
# Held-out melodies are scored so many at a time.
VALIDATION_COLUMNS = 512


@dataclass(frozen=True)
class CodecOptions:
    # The lowest and the highest; melodies beyond them are left out.
    pitches: tuple = (48, 84)
    steps_per_beat: int = 4
    tempo: int = 120
    kind: str = "melody_steps"


@dataclass(frozen=True)
class BatchOptions:
    # Of one melody.
    steps: int = 32
    # That a melody must have.
    least_notes: int = 4
    # Melodies to validate on, spread over all that are held out.
    validation_melodies: int = 2048

    def check(self) -> None:
        for name in ("steps", "least_notes", "validation_melodies"):
            if getattr(self, name) < 1:
                raise UserError(f"batches.{name} is {getattr(self, name)}, expected 1 or more")


@dataclass(frozen=True)
class AugmentationOptions:
    # Semitones that a melody may be moved by, either way.
    transposition: int = 6
    # Share of the decoder's inputs that are another token than the melody's.
    input_noise: float = 0.1

    def check(self) -> None:
        if not 0 <= self.transposition <= 24:
            raise UserError(f"augmentation.transposition is {self.transposition}, expected 0 … 24")
        if not 0.0 <= self.input_noise < 1.0:
            raise UserError(f"augmentation.input_noise is {self.input_noise}, expected 0 … <1")


@dataclass(frozen=True)
class LatentOptions:
    """The key `latent` of the configuration's network."""

    size: int = 64
    # The weight of the divergence from the prior, and the steps over which it rises to that.
    divergence_weight: float = 0.2
    rising_steps: int = 2000
    # Of the divergence, which cost nothing.
    free_bits: float = 48.0

    def check(self) -> None:
        if self.size < 1:
            raise UserError(f"network.latent.size is {self.size}, expected 1 or more")
        for name in ("divergence_weight", "rising_steps", "free_bits"):
            if getattr(self, name) < 0:
                raise UserError(
                    f"network.latent.{name} is {getattr(self, name)}, expected 0 or more"
                )


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of each posterior from the prior, a standard normal distribution, in nats: [batch]."""
    return 0.5 * (mean**2 + log_variance.exp() - 1.0 - log_variance).sum(dim=-1)


def reconstruction_nats(
    network: Autoencoder, tokens: Tensor, latent: Tensor, inputs: Tensor | None = None
) -> Tensor:
    """Nats of every token given those before it and the latent, [steps, batch]."""
    if inputs is None:
        # What step 0 is fed is a vector of zeros, whatever stands here.
        inputs = torch.cat([torch.zeros_like(tokens[:1]), tokens[:-1]])
    logits, _ = network(inputs, [latent])
    each = functional.cross_entropy(
        logits.flatten(0, 1).float(), tokens.flatten(), reduction="none"
    )
    return each.view(tokens.shape)


class MelodyVae(System):
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
            raise UserError(f"{prepared.folder} is a set of sound; melody_vae learns from notes")
        if configuration.conditions or configuration.defaults:
            raise UserError("melody_vae knows no conditions but its latent")
        codec = build(CodecOptions, configuration.codec, "codec")
        if codec.kind != "melody_steps" or len(codec.pitches) != 2:
            raise UserError(f"codec is {codec}, expected melody_steps with two pitches")
        self.options = build(BatchOptions, configuration.batches, "batches")
        self.options.check()
        self.augmentation = build(AugmentationOptions, configuration.augmentation, "augmentation")
        self.augmentation.check()
        entry = dict(configuration.network)
        self.latent = build(LatentOptions, entry.pop("latent", {}), "network.latent")
        self.latent.check()
        encoder = dict(entry.pop("encoder", {}))
        self.grid = melody_grid(codec.pitches, codec.steps_per_beat, codec.tempo)
        self.network = _network(entry, encoder, self.latent.size, self.grid, self.options.steps)
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        self.columns = training.batch_size // processes
        self.windows = self._load(prepared, "train").tokens
        if not len(self.windows):
            raise UserError(f"{prepared.folder} has no melodies of {self.options.steps} steps")
        held_out = self._load(prepared, "validation").without_repeats()
        self.validation = held_out.spread(self.options.validation_melodies).tokens
        self.moves = _moves(self.grid, self.windows, self.augmentation.transposition)
        reach = range(-self.augmentation.transposition, self.augmentation.transposition + 1)
        self.transposed = np.stack([self.grid.transposition(move) for move in reach])
        self.generator = np.random.default_rng((training.seed, rank))
        self.step = 0
        self.device = torch.device("cpu")

    def _load(self, prepared: PreparedSet, split: str) -> Melodies:
        options = self.options
        return load_melodies(prepared, split, self.grid, options.steps, options.least_notes)

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)

    def compile(self) -> None:
        """Loops of a recurrent layer are kernels of their own: there is nothing to gain."""

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Melodies, [steps, batch], and what the decoder is fed before each of their tokens."""
        chosen = self.generator.integers(len(self.windows), size=self.columns)
        lowest, highest = self.moves[chosen].T
        moves = self.generator.integers(lowest, highest + 1)
        tables = self.transposed[moves + self.augmentation.transposition]
        tokens = np.take_along_axis(tables, self.windows[chosen], axis=1).T
        inputs = np.concatenate([np.zeros_like(tokens[:1]), tokens[:-1]])
        others = self.generator.integers(self.grid.vocabulary_size, size=inputs.shape)
        is_noise = self.generator.random(inputs.shape) < self.augmentation.input_noise
        inputs = np.where(is_noise, others, inputs)
        return (
            torch.from_numpy(np.ascontiguousarray(tokens)).to(self.device),
            torch.from_numpy(inputs).to(self.device),
        )

    def next_losses(self) -> Losses:
        tokens, inputs = self.next_batch()
        mean, log_variance = self.network.encoder(tokens)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        nats = reconstruction_nats(self.network, tokens, latent, inputs).sum(dim=0)
        options = self.latent
        weight = options.divergence_weight * min(1.0, (self.step + 1) / (options.rising_steps + 1))
        costly = (divergence(mean, log_variance) - options.free_bits * math.log(2.0)).clamp(min=0.0)
        self.step += 1
        return Losses((nats + weight * costly).sum(), torch.tensor(tokens.numel()))

    @torch.no_grad()
    def validate(self) -> float:
        """The bound on the likelihood of held-out melodies, with one draw of each latent: always
        the same draws."""
        if not len(self.validation):
            return math.nan
        random = torch.Generator().manual_seed(2018)
        total = 0.0
        for first in range(0, len(self.validation), VALIDATION_COLUMNS):
            part = self.validation[first : first + VALIDATION_COLUMNS]
            tokens = torch.from_numpy(np.ascontiguousarray(part.T)).to(self.device)
            mean, log_variance = self.network.encoder(tokens)
            noise = torch.randn(mean.shape, generator=random).to(self.device)
            latent = mean + (0.5 * log_variance).exp() * noise
            nats = reconstruction_nats(self.network, tokens, latent).sum(dim=0)
            total += float((nats + divergence(mean, log_variance)).double().sum())
        return total / self.validation.size

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state, "step": self.step}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
        self.step = state["step"]

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": {**self.grid.configuration(), "steps": self.options.steps},
            "encoder": self.network.encoder.configuration(),
            "conditions": [condition.to_configuration() for condition in self.network.conditions],
        }


def _network(network: dict, encoder: dict, size: int, grid: StepGrid, steps: int) -> Autoencoder:
    if network.get("kind") != "recurrent":
        raise UserError("melody_vae trains recurrent networks")
    vocabulary = {"vocabulary_size": grid.vocabulary_size}
    if not encoder.get("layers"):
        raise UserError("network.encoder.layers is missing")
    described = {
        "kind": MelodyEncoder.kind,
        "input": {"kind": "embedding", "channels": 24},
        **encoder,
        **vocabulary,
        "steps": steps,
        "latent": LATENT,
        "head": {"kind": "linear", "channels": size},
    }
    return make_network(
        {**network, **vocabulary, "initial_states": "conditions", "first_input": "zeros"},
        [LatentCondition(LATENT, size)],
        described,
    )


def _moves(grid: StepGrid, windows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """How far down and up each window can be transposed within the grid's pitches: [windows, 2]."""
    symbols = grid.voices[0].symbols
    pitches = [symbol for symbol in symbols if isinstance(symbol, int)]
    values = np.array([symbol if isinstance(symbol, int) else -1 for symbol in symbols])[windows]
    highest = values.max(axis=1)
    lowest = np.where(values < 0, 128, values).min(axis=1)
    down = np.maximum(pitches[0] - lowest, -most)
    return np.stack([down, np.minimum(pitches[-1] - highest, most)], axis=1)
