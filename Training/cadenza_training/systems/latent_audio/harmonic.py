"""The codec `harmonic` (FORMAT.md; Engel et al. 2020, DDSP, section 3) that gradients go through.

Harmonics of known pitches are the same from clip to clip: their sines are computed once for each
pitch, and a stretch of sound is a product of amplitudes with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cadenza_training.errors import UserError

NOISE_OFFSET = 5.0


@dataclass(frozen=True)
class HarmonicOptions:
    kind: str
    hop: int = 64
    harmonics: int = 60
    noise_bands: int = 33

    def check(self) -> None:
        bands = self.noise_bands
        if bands and (bands < 3 or (bands - 1) & (bands - 2)):
            raise UserError(f"codec.noise_bands is {bands}, expected 0, or 2^q + 1, 3 … 257")

    @property
    def numbers(self) -> int:
        return 1 + self.harmonics + self.noise_bands


def positive(x: Tensor) -> Tensor:
    """f of FORMAT.md: smooth, above 0, at most 2."""
    return 2.0 * torch.sigmoid(x) ** math.log(10.0) + 1e-7


class HarmonicCodec:
    def __init__(self, options: HarmonicOptions, sample_rate: int) -> None:
        self.options = options
        self.sample_rate = sample_rate
        # Of each pitch and number of frames: sines [frames, harmonics, hop].
        self.sines: dict[tuple[int, int], Tensor] = {}

    def configuration(self) -> dict[str, object]:
        return {
            "kind": "harmonic",
            "sample_rate": self.sample_rate,
            "hop": self.options.hop,
            "harmonics": self.options.harmonics,
            "noise_bands": self.options.noise_bands,
        }

    def _sines(self, pitch: int, frames: int) -> Tensor:
        key = (pitch, frames)
        if key not in self.sines:
            frequency = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
            n = torch.arange(frames * self.options.hop, dtype=torch.float64)
            k = torch.arange(1, self.options.harmonics + 1, dtype=torch.float64)
            angles = k[:, None] * (n * (frequency / self.sample_rate)).remainder(1.0)
            sines = torch.sin(2.0 * math.pi * angles).float()
            self.sines[key] = sines.unflatten(1, (frames, -1)).transpose(0, 1).contiguous()
        return self.sines[key]

    def amplitudes(self, frames: Tensor, pitches: Tensor) -> Tensor:
        """Of the harmonics, [batch, frames, harmonics]."""
        count = self.options.harmonics
        frequencies = 440.0 * 2.0 ** ((pitches.float() - 69.0) / 12.0)
        k = torch.arange(1, count + 1, device=frames.device)
        heard = (frequencies[:, None] * k < self.sample_rate / 2.0)[:, None]
        shares = positive(frames[..., 1 : count + 1]) * heard
        return positive(frames[..., :1]) * shares / shares.sum(dim=-1, keepdim=True)

    def play(
        self,
        frames: Tensor,
        pitches: Tensor,
        count: int,
        generator: torch.Generator | None = None,
        *,
        noise: float = 1.0,
    ) -> Tensor:
        """`count` frames of sound, [batch, count · hop], of frames [batch, count or one more,
        numbers]; what lies beyond the last one is as it is. The sines begin at phase 0. The noise,
        which `generator` draws, is multiplied by `noise`.

        The sound is not limited here: a limit has no gradient.
        """
        hop = self.options.hop
        amplitudes = self.amplitudes(frames, pitches)
        following = amplitudes[:, 1 : count + 1]
        if following.shape[1] < count:
            following = torch.cat([following, amplitudes[:, -1:]], dim=1)
        both = torch.stack([amplitudes[:, :count], following], dim=2)
        share = torch.arange(hop, device=frames.device) / hop
        clips = []
        for row, pitch in zip(both, pitches.tolist(), strict=True):
            products = torch.bmm(row, self._sines(pitch, count).to(frames.device))
            clips.append(products[:, 0] * (1.0 - share) + products[:, 1] * share)
        sound = torch.stack(clips).flatten(1)
        if self.options.noise_bands:
            sound = sound + noise * self._noise(frames[:, :count], generator)
        return sound

    def _noise(self, frames: Tensor, generator: torch.Generator | None) -> Tensor:
        hop, bands = self.options.hop, self.options.noise_bands
        magnitudes = positive(frames[..., 1 + self.options.harmonics :] - NOISE_OFFSET)
        length = 2 * (bands - 1)
        impulse = torch.fft.irfft(magnitudes, length).roll(length // 2, dims=-1)
        impulse = impulse * torch.hann_window(length, device=frames.device)
        shape = (*frames.shape[:2], hop)
        uniform = torch.rand(shape, generator=generator, device=frames.device) * 2.0 - 1.0
        # Linear convolution: hop + length - 1 samples of each frame.
        size = 1 << (hop + length - 2).bit_length()
        product = torch.fft.rfft(uniform, size) * torch.fft.rfft(impulse, size)
        pieces = torch.fft.irfft(product, size)[..., : hop + length - 1]
        # Added up at their places; the first half of an impulse response comes before its frame.
        steps = frames.shape[1]
        total = steps * hop + length - 1
        columns = pieces.transpose(1, 2)
        summed = torch.nn.functional.fold(
            columns, (1, total), (1, hop + length - 1), stride=(1, hop)
        )[:, 0, 0]
        start = length // 2
        return summed[:, start : start + steps * hop]
