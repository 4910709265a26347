"""The pieces of a prepared set, as a system of notes reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cadenza_training.data.notes import Note, read_notes
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.systems.notes.keys import key_of


@dataclass(frozen=True)
class ScoredPiece:
    """A piece's notes from its first whole beat on, and its key."""

    file: str
    notes: tuple[Note, ...]
    key: int


def load_pieces(prepared: PreparedSet, split: str) -> list[ScoredPiece]:
    if prepared.description.kind != "notes":
        raise UserError(f"{prepared.folder} is a set of {prepared.description.kind}, not of notes")
    pieces = []
    for entry in prepared.split(split):
        notes = without_silence(read_notes(prepared.path(entry)))
        if notes:
            pieces.append(ScoredPiece(entry.file, notes, key_of(notes)))
    return pieces


def without_silence(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Without the whole beats before the first note."""
    beats = math.floor(min((note.onset_beats for note in notes), default=0.0))
    return tuple(replace(note, onset_beats=note.onset_beats - beats) for note in notes)
