"""Which pitch classes and intervals pieces use, and how much two sets share of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.kullback_leibler import PSEUDOCOUNT
from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.pieces import Piece
from cadenza_training.evaluation.pitch_content import pitch_histogram

# Semitones either way; wider leaps are counted as this.
WIDEST_INTERVAL = 24
_PITCH = 4


def pitch_counts(pieces: Sequence[Piece]) -> NDArray[np.int64]:
    """[128], of all notes."""
    return sum((pitch_histogram(piece.pitches) for piece in pieces), np.zeros(128, np.int64))


def pitch_class_counts(pieces: Sequence[Piece]) -> NDArray[np.int64]:
    """[12], from C, of all notes."""
    return np.bincount(np.arange(128) % 12, weights=pitch_counts(pieces), minlength=12).astype(
        np.int64
    )


def interval_counts(pieces: Sequence[Piece]) -> NDArray[np.int64]:
    """[49]: -24 … 24 semitones from each note of a voice to the voice's next."""
    counts = np.zeros(2 * WIDEST_INTERVAL + 1, np.int64)
    for piece in pieces:
        for rows in piece.voices():
            steps = np.clip(np.diff(rows[:, _PITCH]), -WIDEST_INTERVAL, WIDEST_INTERVAL)
            counts += np.bincount(steps.astype(np.int64) + WIDEST_INTERVAL, minlength=len(counts))
    return counts


def overlap(counts: NDArray[np.integer], other_counts: NDArray[np.integer]) -> float:
    """Σ min(P(i), Q(i)), 0 … 1: the intersection of two histograms (Swain and Ballard 1991)."""
    for side, total in (("reference", counts.sum()), ("generated", other_counts.sum())):
        if total == 0:
            raise NotDefinedError(f"the {side} side's histogram is empty")
    return float(np.minimum(counts / counts.sum(), other_counts / other_counts.sum()).sum())


def pitch_cross_entropy(reference: NDArray[np.integer], generated: NDArray[np.integer]) -> float:
    """-Σ P(i) ln Q(i), nats a note: what the reference's notes cost a player who draws pitches
    independently with the generated set's frequencies, each count one higher (Laplace)."""
    if reference.sum() == 0:
        raise NotDefinedError("the reference has no note")
    q = generated + PSEUDOCOUNT
    return float(-np.sum(reference / reference.sum() * np.log(q / q.sum())))
