"""How far two sounds are apart in their spectra, at several resolutions (Engel et al. 2020, DDSP,
section 4.2.1: the sum over frame sizes of the mean absolute differences of magnitudes and of their
logarithms)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

FRAME_SIZES = (2048, 1024, 512, 256, 128, 64)
# A magnitude of one full-scale sine is about a quarter of the frame size; 1e-3 is inaudible.
FLOOR = 1e-3


def magnitudes(samples: Tensor, frame_size: int) -> Tensor:
    """Three quarters of a frame overlap; a floor keeps gradients of silence finite."""
    window = torch.hann_window(frame_size, device=samples.device)
    spectrum = torch.stft(
        samples, frame_size, frame_size // 4, window=window, center=False, return_complex=True
    )
    return (spectrum.real.square() + spectrum.imag.square() + FLOOR**2).sqrt()


def spectral_distance(
    ours: Tensor, theirs: Tensor, frame_sizes: Sequence[int] = FRAME_SIZES
) -> Tensor:
    """[batch]: of each pair of sounds, [batch, samples]."""
    total = torch.zeros(len(ours), device=ours.device)
    for size in frame_sizes:
        a, b = magnitudes(ours, size), magnitudes(theirs, size)
        total = total + (a - b).abs().mean(dim=(1, 2)) + (a.log() - b.log()).abs().mean(dim=(1, 2))
    return total
