"""How far a piece may be transposed, as augmentation: every voice stays where it is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cadenza_training.data.notes import Note
from cadenza_training.errors import UserError


@dataclass(frozen=True)
class AugmentationOptions:
    # Semitones up or down, at most; each piece goes only where each of its voices stays within
    # the pitches that this voice has in the pieces to train on.
    transposition: int = 0

    def check(self) -> None:
        if not 0 <= self.transposition <= 11:
            raise UserError(
                f"augmentation.transposition is {self.transposition}, expected 0 … 11 semitones"
            )


Ranges = dict[int, tuple[int, int]]


def pitch_ranges(notes: Iterable[Note]) -> Ranges:
    """Lowest and highest pitch of each voice."""
    ranges: Ranges = {}
    for note in notes:
        lowest, highest = ranges.get(note.voice, (note.pitch, note.pitch))
        ranges[note.voice] = (min(lowest, note.pitch), max(highest, note.pitch))
    return ranges


def transpositions(notes: Sequence[Note], allowed: Ranges, most: int) -> list[int]:
    """In ascending order; 0 is always among them."""
    own = pitch_ranges(notes)
    return [
        semitones
        for semitones in range(-most, most + 1)
        if semitones == 0
        or all(
            allowed[voice][0] <= low + semitones and high + semitones <= allowed[voice][1]
            for voice, (low, high) in own.items()
        )
    ]
