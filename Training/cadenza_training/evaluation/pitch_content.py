"""How many pitches a passage has, how far apart and how evenly used."""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.metric import NotDefinedError

MIDI_PITCHES = 128


def spectral_peaks(samples: NDArray[np.floating], sample_rate: int) -> NDArray[np.float64]:
    """The pitches, in Hz, of `librosa.piptrack` with its defaults: every spectral peak from 150 to
    4,000 Hz of at least a tenth of its frame's largest magnitude.

    That these are the report's pitches is a conclusion: its text says "numpy arrays extracted using
    librosa", and its largest ranges, 3,833 to 3,844, are just short of 4,000 - 150.
    """
    pitches, _ = librosa.piptrack(
        y=np.pad(samples, (0, max(0, 2048 - len(samples)))), sr=sample_rate
    )
    return pitches[pitches > 0.0].astype(np.float64)


def number_of_pitches(values: NDArray[np.floating]) -> float:
    return float(len(np.unique(values)))


def pitch_range(values: NDArray[np.floating]) -> float:
    """The highest less the lowest, in the unit of the values."""
    if len(values) == 0:
        raise NotDefinedError("no pitch was found in any passage")
    return float(values.max() - values.min())


def midi_numbers(hertz: NDArray[np.floating]) -> NDArray[np.int64]:
    """The nearest semitones, MIDI numbers 0 … 127."""
    if len(hertz) == 0:
        return np.zeros(0, np.int64)
    nearest = np.floor(librosa.hz_to_midi(hertz) + 0.5).astype(np.int64)
    return np.clip(nearest, 0, MIDI_PITCHES - 1)


def pitch_histogram(numbers: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.bincount(numbers, minlength=MIDI_PITCHES)


def pitch_entropy(numbers: NDArray[np.integer]) -> float:
    """-Σ P(i) log₂ P(i) over i = 0 … 127, in bits (COMP9491 report, section 4.2)."""
    if len(numbers) == 0:
        raise NotDefinedError("no pitch was found in any passage")
    counts = pitch_histogram(numbers)
    shares = counts[counts > 0] / len(numbers)
    # The 0 that is added turns the -0.0 of a single pitch into 0.0.
    return float(-np.sum(shares * np.log2(shares)) + 0.0)
