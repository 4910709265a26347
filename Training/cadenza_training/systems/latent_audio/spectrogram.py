"""The codec `spectrogram`: recordings to frames of log magnitude and phase, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from cadenza_training.errors import UserError
from cadenza_training.spectrogram import transform

PHASES = ("phase", "instantaneous_frequency")


@dataclass(frozen=True)
class SpectrogramOptions:
    kind: str
    # Hz; 0: the set's.
    sample_rate: int = 0
    frame_size: int = 1024
    hop: int = 256
    magnitude: tuple[float, ...] = (-11.5, 6.0)
    phase: str = "instantaneous_frequency"

    def check(self) -> None:
        size, hop = self.frame_size, self.hop
        if size < 16 or size & (size - 1) or size % hop or not 2 <= size // hop <= 16:
            raise UserError(f"codec: frames of {size} every {hop} samples are none of the format's")
        if self.phase not in PHASES:
            raise UserError(f'codec.phase is "{self.phase}", expected {" or ".join(PHASES)}')

    @property
    def numbers(self) -> int:
        """Of a frame: magnitude and phase of each bin."""
        return self.frame_size


def wrapped(phase: Tensor) -> Tensor:
    """To -π … π."""
    return torch.remainder(phase + math.pi, 2.0 * math.pi) - math.pi


class SpectrogramCodec:
    def __init__(self, options: SpectrogramOptions, sample_rate: int) -> None:
        self.options = options
        self.sample_rate = options.sample_rate or sample_rate

    def configuration(self) -> dict[str, object]:
        options = self.options
        return {
            "kind": "spectrogram",
            "sample_rate": self.sample_rate,
            "frame_size": options.frame_size,
            "hop": options.hop,
            "magnitude": list(options.magnitude),
            "phase": options.phase,
        }

    def frames(self, samples: Tensor, count: int) -> Tensor:
        """[batch, count, numbers], a frame in the order [bin][number], of [batch, samples]."""
        lowest, highest = self.options.magnitude
        spectrum = transform(samples, self.options.frame_size, self.options.hop, count)
        logarithms = spectrum.abs().clamp(math.exp(lowest), math.exp(highest)).log()
        magnitudes = 2.0 * (logarithms - lowest) / (highest - lowest) - 1.0
        phases = spectrum.angle()
        if self.options.phase == "instantaneous_frequency":
            before = functional.pad(phases, (1, 0))[..., :-1]
            phases = wrapped(phases - before)
        both = torch.stack([magnitudes, phases / math.pi], dim=-1)
        return both.transpose(1, 2).flatten(2)

    def play(self, frames: Tensor, pitches: Tensor, count: int) -> Tensor:
        """[batch, count · hop] of frames [batch, count or more, numbers]; `pitches` are for codecs
        that have them."""
        size, hop = self.options.frame_size, self.options.hop
        lowest, highest = self.options.magnitude
        values = frames[:, :count].unflatten(2, (-1, 2)).clamp(-1.0, 1.0)
        magnitudes = torch.exp(lowest + (values[..., 0] + 1.0) / 2.0 * (highest - lowest))
        phases = math.pi * values[..., 1]
        if self.options.phase == "instantaneous_frequency":
            phases = phases.cumsum(dim=1)
        spectrum = functional.pad(torch.polar(magnitudes, phases), (0, 1))
        window = torch.hann_window(size, dtype=frames.dtype, device=frames.device)
        pieces = torch.fft.irfft(spectrum, size) * window
        total = (count - 1) * hop + size

        def summed(rows: Tensor) -> Tensor:
            folded = functional.fold(rows.transpose(1, 2), (1, total), (1, size), stride=(1, hop))
            return folded[:, 0, 0, size // 2 : size // 2 + count * hop]

        weights = summed(window.square().expand(1, count, size))
        return summed(pieces) / weights
