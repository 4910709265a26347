"""How much of a known score generated pieces hit: Du's accuracies and mir_eval's F1.

Du prints ratios, "correctly predicted" over "total number", and leaves open what a rhythmic pattern
or a chord progression is. The definitions here are Cadenza's. Both pieces lie on a grid of
sixteenths; a generated piece is held against the reference of the same name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import mir_eval
import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.pieces import Piece

STEPS_PER_BEAT = 4
ONSET_TOLERANCE_SECONDS = 0.05
_MAJOR = (0, 4, 7)
_MINOR = (0, 3, 7)


@dataclass(frozen=True)
class PiecePair:
    reference: Piece
    generated: Piece


def pair_pieces(reference: Sequence[Piece], generated: Sequence[Piece]) -> list[PiecePair]:
    """Pieces whose paths agree, or else the names of their files."""
    by_name = {piece.name: piece for piece in reference}
    by_stem = {PurePath(piece.name).name: piece for piece in reference}
    pairs = [
        PiecePair(answered, piece)
        for piece in generated
        for answered in (by_name.get(piece.name) or by_stem.get(PurePath(piece.name).name),)
        if answered is not None
    ]
    if not pairs:
        raise NotDefinedError("no generated piece has the name of a reference: no score is known")
    return pairs


def pitch_accuracy(pairs: Sequence[PiecePair]) -> float:
    """Du's (1): the share of the reference's notes, each a sixteenth and a pitch, that the
    generated piece strikes at the same sixteenth; each generated note counts once."""
    correct = total = 0
    for pair in pairs:
        asked, played = _struck(pair.reference), _struck(pair.generated)
        correct += (asked & played).total()
        total += asked.total()
    return correct / total


def rhythm_coherence(pairs: Sequence[PiecePair]) -> float:
    """Du's (2): the share of the reference's rhythmic patterns that the generated piece repeats at
    their place. A pattern: which sixteenths of one beat have an onset, in beats that have one."""
    correct = total = 0
    for pair in pairs:
        asked, played = _beat_patterns(pair.reference), _beat_patterns(pair.generated)
        correct += sum(played.get(beat) == pattern for beat, pattern in asked.items())
        total += len(asked)
    return correct / total


def harmonic_progression_accuracy(pairs: Sequence[PiecePair]) -> float:
    """Du's (4): the share of the reference's chord progressions that the generated piece repeats at
    their place. A progression: the chords of two beats in succession that both have one."""
    correct = total = 0
    for pair in pairs:
        asked, played = chords(pair.reference), chords(pair.generated)
        for beat in range(len(asked) - 1):
            if asked[beat] is not None and asked[beat + 1] is not None:
                total += 1
                correct += asked[beat : beat + 2] == played[beat : beat + 2]
    if total == 0:
        raise NotDefinedError("the reference has no two beats in succession with a chord")
    return correct / total


def piano_roll_squared_error(pairs: Sequence[PiecePair]) -> float:
    """1/n Σ (Y_i - Ŷ_i)² over the cells of two piano rolls, 128 pitches by sixteenths, 1 where a
    note sounds; the shorter is continued with silence."""
    error, cells = 0.0, 0
    for pair in pairs:
        rolls = [_piano_roll(pair.reference), _piano_roll(pair.generated)]
        length = max(roll.shape[1] for roll in rolls)
        asked, played = (np.pad(roll, ((0, 0), (0, length - roll.shape[1]))) for roll in rolls)
        error += float(np.sum(np.square(asked - played)))
        cells += asked.size
    return error / cells


def onset_f1(pairs: Sequence[PiecePair]) -> float:
    """The mean over pairs of mir_eval's onset F-measure, within 50 ms."""
    return float(
        np.mean(
            [
                mir_eval.onset.f_measure(
                    _onset_times(pair.reference),
                    _onset_times(pair.generated),
                    window=ONSET_TOLERANCE_SECONDS,
                )[0]
                for pair in pairs
            ]
        )
    )


def note_f1(pairs: Sequence[PiecePair]) -> float:
    """The mean over pairs of mir_eval's transcription F1: onsets within 50 ms, pitches within 50
    cents, ends ignored."""
    scores = []
    for pair in pairs:
        sides = []
        for piece in (pair.reference, pair.generated):
            onsets = piece.column("onset_seconds")
            # Notes without length are refused there; ends are not compared.
            ends = onsets + np.maximum(piece.column("duration_seconds"), 1e-3)
            sides += [np.stack([onsets, ends], axis=1), mir_eval.util.midi_to_hz(piece.pitches)]
        scores.append(
            mir_eval.transcription.precision_recall_f1_overlap(
                *sides, onset_tolerance=ONSET_TOLERANCE_SECONDS, offset_ratio=None
            )[2]
        )
    return float(np.mean(scores))


def chords(piece: Piece) -> list[tuple[int, str] | None]:
    """The chord of every beat, (root 0 … 11, "major" or "minor"): the triad whose pitch classes
    sound longest in the beat; of equal ones the lowest root, major first. None where fewer than
    two different pitch classes sound."""
    onsets = piece.column("onset_beats")
    ends = onsets + piece.column("duration_beats")
    found: list[tuple[int, str] | None] = []
    for beat in range(int(np.ceil(ends.max() - 1e-6))):
        lengths = np.clip(np.minimum(ends, beat + 1) - np.maximum(onsets, beat), 0.0, None)
        sounding = np.bincount(piece.pitches % 12, weights=lengths, minlength=12)
        if np.count_nonzero(sounding > 1e-6) < 2:
            found.append(None)
            continue
        candidates = [
            (float(sum(sounding[(root + step) % 12] for step in triad)), -root, kind)
            for root in range(12)
            for kind, triad in (("major", _MAJOR), ("minor", _MINOR))
        ]
        # "major" sorts before "minor", and max takes the first of equal keys.
        best = max(candidates, key=lambda entry: (round(entry[0], 6), entry[1]))
        found.append((-best[1], best[2]))
    return found


def _struck(piece: Piece) -> Counter[tuple[int, int]]:
    steps = _nearest(piece.column("onset_beats") * STEPS_PER_BEAT)
    return Counter(zip(steps.tolist(), piece.pitches.tolist(), strict=True))


def _beat_patterns(piece: Piece) -> dict[int, frozenset[int]]:
    patterns: dict[int, set[int]] = {}
    for step in _nearest(piece.column("onset_beats") * STEPS_PER_BEAT).tolist():
        patterns.setdefault(step // STEPS_PER_BEAT, set()).add(step % STEPS_PER_BEAT)
    return {beat: frozenset(steps) for beat, steps in patterns.items()}


def _piano_roll(piece: Piece) -> NDArray[np.float64]:
    starts = _nearest(piece.column("onset_beats") * STEPS_PER_BEAT)
    lengths = _nearest(piece.column("duration_beats") * STEPS_PER_BEAT)
    # However short, a note sounds for one sixteenth.
    ends = starts + np.maximum(lengths, 1)
    roll = np.zeros((128, int(ends.max())))
    for pitch, start, end in zip(piece.pitches, starts, ends, strict=True):
        roll[pitch, start:end] = 1.0
    return roll


def _onset_times(piece: Piece) -> NDArray[np.float64]:
    return np.unique(piece.column("onset_seconds"))


def _nearest(values: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.floor(values + 0.5).astype(np.int64)
