"""A note, and pieces of notes as files of a prepared set."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cadenza_training.data.prepared_set import NOTE_COLUMNS
from cadenza_training.errors import UserError


@dataclass(frozen=True)
class Note:
    """`voice` 0 is the highest or first part."""

    onset_seconds: float
    duration_seconds: float
    # Quarter notes.
    onset_beats: float
    duration_beats: float
    # MIDI number and velocity.
    pitch: int
    velocity: int
    voice: int


def in_order(notes: Sequence[Note]) -> list[Note]:
    return sorted(notes, key=lambda note: (note.onset_beats, note.voice, note.pitch))


def write_notes(path: Path, notes: Sequence[Note]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, NOTE_COLUMNS)
        writer.writeheader()
        for note in notes:
            row = asdict(note)
            # A microsecond, and as little of a beat: finer than any file says.
            writer.writerow(
                {
                    name: f"{value:.6f}".rstrip("0").rstrip(".")
                    if isinstance(value, float)
                    else value
                    for name, value in row.items()
                }
            )


def read_notes(path: Path) -> list[Note]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Note(
                    *(float(row[name]) for name in NOTE_COLUMNS[:4]),
                    *(int(row[name]) for name in NOTE_COLUMNS[4:]),
                )
                for row in csv.DictReader(file)
            ]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a file of notes of a prepared set: {error}") from error


def content_of(notes: Sequence[Note]) -> str:
    """A digest of what is played when, whatever the tempo, the touch and the names of the parts."""
    text = ";".join(
        f"{note.onset_beats:.4f},{note.duration_beats:.4f},{note.pitch}"
        for note in sorted(notes, key=lambda note: (note.onset_beats, note.pitch))
    )
    return hashlib.sha256(text.encode()).hexdigest()
