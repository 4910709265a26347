"""The key of a piece: the one of 24 whose profile its pitch classes fit best.

Krumhansl and Schmuckler's algorithm (Krumhansl 1990, chapter 4): the correlation of how long each
pitch class sounds with the probe-tone profiles of Krumhansl and Kessler 1982, in every rotation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cadenza_training.data.notes import Note

MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
TONICS = (
    "c", "c_sharp", "d", "e_flat", "e", "f", "f_sharp", "g", "a_flat", "a", "b_flat", "b",
)  # fmt: skip
# Key k is of the tonic k modulo 12: the major keys, then the minor ones.
KEY_LABELS = tuple(f"{tonic}_{mode}" for mode in ("major", "minor") for tonic in TONICS)


def key_of(notes: Sequence[Note]) -> int:
    """An index into `KEY_LABELS`; the first of several that fit as well."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += note.duration_beats
    if weights.std() == 0.0:
        return 0
    fits = [
        np.corrcoef(weights, np.roll(profile, tonic))[0, 1]
        for profile in (MAJOR_PROFILE, MINOR_PROFILE)
        for tonic in range(12)
    ]
    return int(np.argmax(fits))


def transposed_key(key: int, semitones: int) -> int:
    mode, tonic = divmod(key, 12)
    return 12 * mode + (tonic + semitones) % 12
