"""The Kullback-Leibler divergence between the histograms of two sets of feature vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cadenza_training.evaluation.metric import NotDefinedError

BINS = 32
# Added to every bin's count (Laplace): a bin that one side never reaches costs much, not infinity.
PSEUDOCOUNT = 1.0


def divergence(counts: ArrayLike, other_counts: ArrayLike) -> float:
    """D(P‖Q) = Σ P(i) ln(P(i) / Q(i)), in nats, of two histograms with the pseudocount added."""
    p = np.asarray(counts, dtype=np.float64) + PSEUDOCOUNT
    q = np.asarray(other_counts, dtype=np.float64) + PSEUDOCOUNT
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(p * np.log(p / q)))


def feature_divergence(reference: NDArray[np.floating], generated: NDArray[np.floating]) -> float:
    """The mean over features of D(reference‖generated) of [vectors, features].

    Each feature's histogram has BINS equal bins from the smallest to the largest value that either
    side has.
    """
    if len(reference) == 0 or len(generated) == 0:
        raise NotDefinedError("one side has no frame")
    values = []
    for p, q in zip(reference.T, generated.T, strict=True):
        lowest, highest = min(p.min(), q.min()), max(p.max(), q.max())
        edges = np.linspace(lowest, highest if highest > lowest else lowest + 1.0, BINS + 1)
        values.append(divergence(np.histogram(p, edges)[0], np.histogram(q, edges)[0]))
    return float(np.mean(values))
