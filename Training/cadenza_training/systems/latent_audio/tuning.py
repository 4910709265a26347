"""How far a recording of one note is from the pitch that it is called by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Of the sound after its onset.
LONGEST_SECONDS = 1.5
HARMONICS = 8


def measure_cents(
    samples: NDArray[np.floating], sample_rate: int, pitch: int, farthest: float
) -> float | None:
    """The fundamental that the magnitudes of the harmonics fit best, in cents above equal
    temperament (A4 = 440 Hz); None where the best fit is at the edge of what is searched."""
    start = int(np.argmax(np.abs(samples)))
    heard = samples[start : start + int(LONGEST_SECONDS * sample_rate)]
    if len(heard) < sample_rate // 20:
        heard = samples[: int(LONGEST_SECONDS * sample_rate)]
    size = 1 << 17
    magnitudes = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), size))
    cents = np.arange(-farthest, farthest + 0.5, 1.0)
    fundamental = 440.0 * 2.0 ** ((pitch - 69 + cents / 100.0) / 12.0)
    score = np.zeros(len(cents))
    for harmonic in range(1, HARMONICS + 1):
        places = fundamental * harmonic * size / sample_rate
        inside = places < len(magnitudes) - 1
        below = np.minimum(places.astype(int), len(magnitudes) - 2)
        share = places - below
        value = (1.0 - share) * magnitudes[below] + share * magnitudes[below + 1]
        score += np.where(inside, value, 0.0)
    best = int(np.argmax(score))
    if best in (0, len(cents) - 1):
        return None
    # The top of the parabola through the three values about it.
    low, top, high = score[best - 1 : best + 2]
    curve = low - 2.0 * top + high
    offset = 0.0 if curve == 0.0 else 0.5 * (low - high) / curve
    return float(cents[best] + offset)
