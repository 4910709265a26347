"""Short-time Fourier transforms as FORMAT.md defines them, in PyTorch.

Frame t is centred on sample t · hop; before 0 and after the end there is silence. The Nyquist bin
is trimmed. The window is the periodic Hann window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


def transform(samples: Tensor, frame_size: int, hop: int, frames: int) -> Tensor:
    """[batch, bins, frames] complex, of [batch, samples]."""
    needed = (frames - 1) * hop + frame_size
    left = frame_size // 2
    padded = functional.pad(samples, (left, max(0, needed - left - samples.shape[1])))[:, :needed]
    window = torch.hann_window(frame_size, dtype=samples.dtype, device=samples.device)
    spectrum = torch.stft(padded, frame_size, hop, window=window, center=False, return_complex=True)
    return spectrum[:, :-1]


class LogMagnitudes(nn.Module):
    """Recordings to columns of log magnitudes, limited to -1 … 1: [batch, bins, frames]."""

    def __init__(self, frame_size: int, hop: int, magnitude: Sequence[float]) -> None:
        super().__init__()
        self.frame_size, self.hop = frame_size, hop
        self.lowest, self.highest = magnitude

    def forward(self, samples: Tensor) -> Tensor:
        frames = samples.shape[1] // self.hop + 1
        magnitudes = transform(samples, self.frame_size, self.hop, frames).abs()
        logarithms = magnitudes.clamp(min=math.exp(self.lowest)).log()
        scaled = 2.0 * (logarithms - self.lowest) / (self.highest - self.lowest) - 1.0
        return scaled.clamp(max=1.0)
