"""Mu-law companding and quantisation: sound to token codes and back.

Equations: van den Oord et al. 2016, section 2.2 (ITU-T G.711 without its segments), rounded
to the nearest of `levels` equidistant steps of the companded range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEFAULT_LEVELS = 256


def encode(samples: NDArray[np.floating], levels: int = DEFAULT_LEVELS) -> NDArray[np.int64]:
    """Turns samples in -1…1 into codes 0…levels-1."""
    mu = levels - 1
    clipped = np.clip(np.asarray(samples, dtype=np.float64), -1.0, 1.0)
    companded = np.sign(clipped) * np.log1p(mu * np.abs(clipped)) / np.log1p(mu)
    return np.floor((companded + 1.0) / 2.0 * mu + 0.5).astype(np.int64)


def decode(codes: NDArray[np.integer], levels: int = DEFAULT_LEVELS) -> NDArray[np.float64]:
    """Turns codes back into samples in -1…1."""
    mu = levels - 1
    companded = 2.0 * np.asarray(codes, dtype=np.float64) / mu - 1.0
    return np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(mu)) / mu


def silence_code(levels: int = DEFAULT_LEVELS) -> int:
    """The code of a zero sample: what the network reads before the first step."""
    return int(encode(np.zeros(1), levels)[0])
