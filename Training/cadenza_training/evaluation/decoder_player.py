"""A decoder of notes played by PyTorch, as the engine plays it: for reconstructions, which need the
posterior of recordings, and where a model is heard without the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.engine import Condition
from cadenza_training.errors import UserError
from cadenza_training.evaluation.asked_conditions import Settings
from cadenza_training.networks.conditions import LatentCondition
from cadenza_training.networks.decoder import Decoder
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.latent_audio.harmonic import HarmonicCodec, HarmonicOptions
from cadenza_training.systems.latent_audio.spectrogram import SpectrogramCodec, SpectrogramOptions
from cadenza_training.systems.latent_audio.waveform import WaveformCodec, WaveformOptions

CODECS = {
    "harmonic": (HarmonicCodec, HarmonicOptions),
    "spectrogram": (SpectrogramCodec, SpectrogramOptions),
    "waveform": (WaveformCodec, WaveformOptions),
}


class DecoderPlayer:
    def __init__(self, path: Path) -> None:
        network, configuration = load_network(path)
        codec = configuration["codec"]
        if not isinstance(network, Decoder) or codec["kind"] not in CODECS:
            raise UserError(f"{path}: PyTorch plays decoders here, and this is none")
        self.path = path
        self.network = network
        self.sample_rate = int(codec["sample_rate"])
        kind, options = CODECS[codec["kind"]]
        values = {key: value for key, value in codec.items() if key != "sample_rate"}
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        self.codec = kind(options(**values), self.sample_rate)
        self.clip_frames = network.steps * self.codec.options.hop
        self.temperature = float(configuration.get("sampling", {}).get("temperature", 1.0))
        self.conditions = tuple(
            Condition(
                name=entry["name"],
                kind=entry["kind"],
                size=entry.get("size") or len(entry["labels"]),
                frames_per_value=0,
                labels=tuple(entry.get("labels", ())),
                queue_capacity=1,
            )
            for entry in configuration.get("conditions", [])
        )

    def generate(
        self, seed: int, settings: Settings, frames: int, temperature: float | None = None
    ) -> NDArray[np.float32]:
        """`frames` samples of a note whose latent the seed draws; behind its end there is
        silence."""
        generator = torch.Generator().manual_seed(seed)
        latents = [
            torch.randn(1, condition.size, generator=generator)
            for condition in self.conditions
            if condition.kind == "latent"
        ]
        sound = self._played(self._values(settings, latents), settings, generator, temperature)
        return _filled(sound, frames)

    def reconstruct(self, samples: NDArray[np.floating], settings: Settings) -> NDArray[np.float32]:
        """A clip of the mean of a recording's posterior."""
        if self.network.encoder is None:
            raise UserError(f"{self.path} has no encoder")
        wanted = self.network.encoder.frames or len(samples)
        clip = torch.from_numpy(_filled(samples, wanted))[None]
        nothing = [
            torch.zeros(1, condition.size)
            for condition in self.conditions
            if condition.kind == "latent"
        ]
        values = self._values(settings, nothing)
        with torch.no_grad():
            mean, _ = self.network.encode(clip, values)
        places = {
            index
            for index, condition in enumerate(self.network.conditions)
            if isinstance(condition, LatentCondition)
        }
        values = [mean if index in places else value for index, value in enumerate(values)]
        return self._played(values, settings, torch.Generator().manual_seed(1), None)

    def _values(self, settings: Settings, latents: Sequence[Tensor]) -> list[Tensor]:
        waiting = list(latents)
        asked = dict(settings)
        values = []
        for condition, ours in zip(self.conditions, self.network.conditions, strict=True):
            if condition.kind == "latent":
                values.append(waiting.pop(0))
                continue
            value = asked.get(condition.name, ours.default)
            if isinstance(value, str):
                value = condition.labels.index(value)
            values.append(torch.tensor([int(value)]))
        return values

    @torch.no_grad()
    def _played(
        self,
        values: list[Tensor],
        settings: Settings,
        generator: torch.Generator,
        temperature: float | None,
    ) -> NDArray[np.float32]:
        frames = self.network(values)
        pitch = 60
        for condition, value in zip(self.conditions, values, strict=True):
            if condition.name == "pitch" and condition.kind == "class":
                place = int(value[0])
                pitch = int(condition.labels[place]) if condition.labels else place
        noise = self.temperature if temperature is None else temperature
        count = frames.shape[1]
        pitches = torch.tensor([pitch])
        if isinstance(self.codec, HarmonicCodec):
            sound = self.codec.play(frames, pitches, count, generator, noise=noise)
        else:
            sound = self.codec.play(frames, pitches, count)
        return sound[0].clamp(-1.0, 1.0).numpy()


def _filled(samples: NDArray[np.floating], frames: int) -> NDArray[np.float32]:
    kept = samples[:frames].astype(np.float32)
    return functional.pad(torch.from_numpy(kept), (0, frames - len(kept))).numpy()
