"""Starting values for codes that lie on a line instead of being strangers to each other."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from cadenza_training import mu_law


def ordered_embedding(levels: int, channels: int) -> Tensor:
    """Rows that are smooth functions of the code, [levels, channels].

    Its companded value, its amplitude, then sines and cosines: near codes start alike, and
    training needs far fewer steps than from random rows.
    """
    companded = torch.linspace(-1.0, 1.0, levels)
    amplitude = torch.from_numpy(mu_law.decode(np.arange(levels), levels)).float()
    features = [math.sqrt(3.0) * companded, 3.0 * amplitude]
    harmonic = 1
    while len(features) < channels:
        angle = math.pi * harmonic * companded
        features += [angle.sin() / harmonic**0.5, angle.cos() / harmonic**0.5]
        harmonic += 1
    return torch.stack(features[:channels], dim=1)


def ordered_output(levels: int, channels: int) -> Tensor:
    """Columns that are cosines over the codes, ever faster and smaller, [levels, channels]."""
    companded = torch.linspace(-1.0, 1.0, levels)
    orders = torch.arange(channels)
    cosines = torch.cos(math.pi * orders * (companded[:, None] + 1.0) / 2.0)
    return cosines / (1.0 + orders / 8.0)
