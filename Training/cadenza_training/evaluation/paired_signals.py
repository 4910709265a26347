"""How far a generated signal is from the one that it should have been."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.sound_files import Sound

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def mean_squared_error(observed: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """1/n Σ (Y_i - Ŷ_i)² (Shinde et al., figure 3)."""
    return float(np.mean(np.square(observed - predicted)))


def signal_to_noise_ratio(observed: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """10 log₁₀(Σ Y_i² / Σ (Y_i - Ŷ_i)²), dB."""
    signal, noise = np.sum(np.square(observed)), np.sum(np.square(observed - predicted))
    if signal == 0.0:
        raise NotDefinedError("a reference of nothing but silence has no signal")
    if noise == 0.0:
        raise NotDefinedError("a generated file equals its reference: the ratio is infinite")
    return float(10.0 * np.log10(signal / noise))


def pair_signals(reference: Sequence[Sound], generated: Sequence[Sound]) -> list[Pair]:
    """Those whose manifest says which reference they answer, or whose file names agree; each pair
    as long as its shorter side."""
    by_name = {sound.name: sound for sound in reference}
    by_stem = {PurePath(sound.name).name: sound for sound in reference}
    pairs = []
    for sound in generated:
        answered = by_name.get(sound.file.answers or sound.name)
        if answered is None and not sound.file.answers:
            answered = by_stem.get(PurePath(sound.name).name)
        if answered is not None:
            length = min(len(answered.samples), len(sound.samples))
            pairs.append((answered.samples[:length], sound.samples[:length]))
    if not pairs:
        raise NotDefinedError(
            "no generated file answers a reference: no names agree, and no manifest.csv says so"
        )
    return pairs


def mean_over_pairs_squared_error(pairs: Sequence[Pair]) -> float:
    return float(np.mean([mean_squared_error(*pair) for pair in pairs]))


def mean_over_pairs_signal_to_noise(pairs: Sequence[Pair]) -> float:
    return float(np.mean([signal_to_noise_ratio(*pair) for pair in pairs]))
