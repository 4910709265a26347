"""Four-part harmony: which chords sound, which voices move in parallels, who sings out of range.

A piece's chords are what sounds at its moments: wherever a voice goes to another note ("change"; a
note that is struck again is no other: grids cannot tell), or on every beat ("beat"). Chords are
named by music21 from their pitch classes: notes as numbers have no spelling. EVALUATION.md defines
every figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import combinations
from typing import Literal

import numpy as np

from cadenza_training.evaluation.metric import MetricKind, NotDefinedError
from cadenza_training.evaluation.pieces import Piece
from cadenza_training.evaluation.report import Table

VOICES = ("soprano", "alto", "tenor", "bass")
# MIDI numbers that choirs are written for, both included: C4-G5, G3-D5, C3-G4, E2-C4.
RANGES = ((60, 79), (55, 74), (48, 67), (40, 60))
Moments = Literal["change", "beat"]

# Forte's names of sets of pitch classes (as music21 gives them), A and B where a set and its
# inversion differ.
CONSONANT_TRIADS = frozenset(("3-11A", "3-11B"))
# A root with its third, the fifth left out: harmony has them at cadences.
INCOMPLETE_TRIADS = frozenset(("2-3", "2-4"))
# Major, minor, dominant, half-diminished, diminished, and minor with a major seventh.
SEVENTHS = frozenset(("4-20", "4-26", "4-27A", "4-27B", "4-28", "4-19A"))
_FIFTH = 7


@dataclass(frozen=True)
class HarmonyFigures:
    # Shares of the chords.
    consonant_triads: float
    sevenths: float
    # A hundred chords, all pairs of voices together.
    parallel_fifths: float
    parallel_octaves: float
    # Share of the notes.
    in_range: float
    chords: int

    @property
    def triads_and_sevenths(self) -> float:
        return self.consonant_triads + self.sevenths


@cache
def forte_name(pitch_classes: frozenset[int]) -> str:
    """music21's name of a set of pitch classes."""
    from music21.chord import Chord

    return Chord(sorted(pitch_classes)).forteClass


def chord_kind(pitches: Sequence[int]) -> Literal["triad", "seventh", "other"]:
    name = forte_name(frozenset(pitch % 12 for pitch in pitches))
    if name in CONSONANT_TRIADS or name in INCOMPLETE_TRIADS:
        return "triad"
    return "seventh" if name in SEVENTHS else "other"


def has_parallel(first: tuple[int, int], second: tuple[int, int], interval: int) -> bool:
    """Whether two voices both move, from one perfect interval to another of its kind; `interval`
    in semitones, 7 or 0, octaves apart being the same. As music21 has it, it does not matter
    whether they move the same way: a fifth that becomes a twelfth is no better."""
    return (
        (first[0] - first[1]) % 12 == interval
        and (second[0] - second[1]) % 12 == interval
        and first[0] != second[0]
        and first[1] != second[1]
    )


def chords_of(piece: Piece, moments: Moments) -> Iterator[tuple[int, ...] | None]:
    """What the four voices sound at every moment, from above; None where a voice rests."""
    voices = piece.voices()
    if len(voices) != len(VOICES):
        raise NotDefinedError(
            f"{piece.name} has {len(voices)} voices, expected {len(VOICES)}: one track each"
        )
    onsets, durations = piece.column("onset_beats"), piece.column("duration_beats")
    if moments == "change":
        times = np.unique(np.round(onsets, 4))
    else:
        # A pickup leaves the beats where they are.
        times = np.arange(np.ceil(onsets.min()), (onsets + durations).max() - 1e-3)
    columns = []
    for rows in voices:
        begins, ends = rows[:, 2], rows[:, 2] + rows[:, 3]
        place = np.searchsorted(begins, times + 1e-3, side="right") - 1
        known = np.maximum(place, 0)
        sounds = (place >= 0) & (ends[known] > times + 1e-3)
        columns.append(np.where(sounds, rows[known, 4], -1).astype(int))
    before: tuple[int, ...] | None = None
    for chord in zip(*(column.tolist() for column in columns), strict=True):
        if moments == "beat" or chord != before:
            yield None if min(chord) < 0 else chord
        before = chord


def measure_harmony(pieces: Sequence[Piece], moments: Moments = "change") -> HarmonyFigures:
    kinds: Counter[str] = Counter()
    fifths = octaves = 0
    for piece in pieces:
        before: tuple[int, ...] | None = None
        for chord in chords_of(piece, moments):
            if chord is not None:
                kinds[chord_kind(chord)] += 1
            if chord is not None and before is not None:
                for one, other in combinations(range(len(VOICES)), 2):
                    pair = (before[one], before[other]), (chord[one], chord[other])
                    fifths += has_parallel(*pair, _FIFTH)
                    octaves += has_parallel(*pair, 0)
            before = chord
    chords = kinds.total()
    if chords == 0:
        raise NotDefinedError("at no moment do all four voices sound")
    notes = inside = 0
    for piece in pieces:
        for (lowest, highest), rows in zip(RANGES, piece.voices(), strict=True):
            notes += len(rows)
            inside += int(((rows[:, 4] >= lowest) & (rows[:, 4] <= highest)).sum())
    return HarmonyFigures(
        consonant_triads=kinds["triad"] / chords,
        sevenths=kinds["seventh"] / chords,
        parallel_fifths=100.0 * fifths / chords,
        parallel_octaves=100.0 * octaves / chords,
        in_range=inside / notes,
        chords=chords,
    )


HARMONY_METRICS = (
    ("triads_and_sevenths", "consonant triads and sevenths", "share of chords"),
    ("parallel_fifths", "parallel fifths", "100 chords"),
    ("parallel_octaves", "parallel octaves and unisons", "100 chords"),
    ("in_range", "notes within the voices' ranges", "share of notes"),
)


def harmony_metrics(
    reference: Sequence[Piece], generated: Sequence[Piece], training: Sequence[Piece] | None
) -> tuple[list, Table | None]:
    """Rows for an evaluation's table, at every change, and all figures with their ratios."""
    figures: dict[tuple[str, Moments], HarmonyFigures] = {}
    reason = ""
    sides = {"generated": generated, "reference": reference, "training": training}
    for side, pieces in sides.items():
        for moments in ("change", "beat"):
            if pieces is None:
                continue
            try:
                figures[side, moments] = measure_harmony(pieces, moments)
            except NotDefinedError as error:
                reason = reason or f"the {side} set: {error}"

    def figure(side: str, name: str) -> float:
        found = figures.get((side, "change"))
        if found is None:
            raise NotDefinedError(reason)
        return getattr(found, name)

    metrics = [
        MetricKind(key, name, "music21", unit, "as the reference").measure(
            lambda key=key: figure("generated", key),
            lambda key=key: figure("reference", key),
            None if training is None else lambda key=key: figure("training", key),
        )
        for key, name, unit in HARMONY_METRICS
    ]
    rows = []
    names = [field.name for field in fields(HarmonyFigures)]
    names.insert(2, "triads_and_sevenths")
    for moments, title in (("change", "at every change"), ("beat", "on every beat")):
        if ("generated", moments) not in figures or ("reference", moments) not in figures:
            continue
        for name in names:
            made = getattr(figures["generated", moments], name)
            real = getattr(figures["reference", moments], name)
            ratio = made / real if real and name != "chords" else None
            rows.append((f"{name.replace('_', ' ')}, {title}", made, real, ratio))
    if not rows:
        return metrics, None
    columns = ("figure", "generated", "reference", "ratio")
    return metrics, Table("harmony", "Harmony in four parts", columns, tuple(rows))
