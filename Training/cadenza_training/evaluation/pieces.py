"""Pieces of notes: from MIDI files, or from the note files of a prepared set."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.data.midi_file import read_midi, write_midi
from cadenza_training.data.notes import Note, read_notes
from cadenza_training.data.options import NotesOptions
from cadenza_training.data.prepared_set import NOTE_COLUMNS, SetDescription
from cadenza_training.data.unusable import UnusableError
from cadenza_training.errors import UserError
from cadenza_training.evaluation.split_choice import choose_split, title_of
from cadenza_training.evaluation.suffixes import MIDI_SUFFIXES

_COLUMN = {name: index for index, name in enumerate(NOTE_COLUMNS)}


@dataclass(frozen=True)
class Piece:
    # The path within its set, without its ending.
    name: str
    # [notes, NOTE_COLUMNS], by onset, then pitch.
    table: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        return self.table[:, _COLUMN[name]]

    @property
    def pitches(self) -> NDArray[np.int64]:
        return self.column("pitch").astype(np.int64)

    def voices(self) -> list[NDArray[np.float64]]:
        """The rows of each voice."""
        voice = self.column("voice")
        return [self.table[voice == number] for number in np.unique(voice)]

    def in_one_voice(self) -> Piece:
        """All voices as one, a pitch that several strike at once being one note: how a codec
        without voices hears the piece."""
        table = self.table.copy()
        table[:, _COLUMN["voice"]] = 0.0
        struck = table[:, [_COLUMN["onset_beats"], _COLUMN["pitch"]]]
        _, kept = np.unique(struck, axis=0, return_index=True)
        return Piece(self.name, table[np.sort(kept)])

    def first_seconds(self, seconds: float) -> Piece:
        """The notes that begin in so many seconds, shortened to end in them; the first note is
        always there."""
        begins = self.column("onset_seconds")
        table = self.table[begins < max(seconds, begins.min() + 1e-6)].copy()
        length = table[:, _COLUMN["duration_seconds"]]
        room = np.maximum(seconds - table[:, _COLUMN["onset_seconds"]], 1e-3)
        share = np.minimum(1.0, room / np.maximum(length, 1e-3))
        for name in ("duration_seconds", "duration_beats"):
            table[:, _COLUMN[name]] *= share
        return Piece(self.name, table)


@dataclass(frozen=True)
class PieceFolder:
    folder: Path
    pieces: tuple[Piece, ...]
    description: SetDescription | None = None
    split: str = ""

    @property
    def title(self) -> str:
        return title_of(self.folder, self.description, self.split)

    def in_one_voice(self) -> PieceFolder:
        return replace(self, pieces=tuple(piece.in_one_voice() for piece in self.pieces))

    def first_seconds(self, seconds: float) -> PieceFolder:
        return replace(self, pieces=tuple(piece.first_seconds(seconds) for piece in self.pieces))


def piece_of(name: str, rows: list[tuple[float, ...]]) -> Piece:
    table = np.array(rows, dtype=np.float64).reshape(-1, len(NOTE_COLUMNS))
    order = np.lexsort((table[:, _COLUMN["pitch"]], table[:, _COLUMN["onset_seconds"]]))
    return Piece(name, table[order])


def read_pieces(folder: Path, split: str | None = None) -> PieceFolder:
    chosen = choose_split(folder, split)
    if chosen is not None:
        prepared, split_name = chosen
        if prepared.description.kind != "notes":
            raise UserError(f"{folder} is a prepared set of audio; expected one of notes")
        entries = prepared.split(split_name)
        paths = [(prepared.path(entry), entry.file) for entry in entries]
        description = prepared.description
    else:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder; expected one of MIDI files")
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in MIDI_SUFFIXES)
        if not found:
            raise UserError(f"{folder} has no MIDI file (.mid, .midi)")
        paths = [(path, str(path.relative_to(folder))) for path in found]
        description, split_name = None, ""
    pieces = tuple(
        read_piece(path, str(Path(name).with_suffix("")))
        for path, name in tqdm(paths, desc="reading", unit="piece", disable=len(paths) < 20)
    )
    return PieceFolder(folder, pieces, description, split_name)


def read_piece(path: Path, name: str) -> Piece:
    if path.suffix.lower() == ".csv":
        notes = read_notes(path)
    else:
        try:
            notes = read_midi(path, NotesOptions())
        except UnusableError as error:
            raise UserError(f"{path} cannot be read as MIDI: {error}") from error
    if not notes:
        raise UserError(f"{path} holds no notes")
    return piece_of(name, [astuple(note) for note in notes])


def notes_of(table: NDArray[np.float64]) -> list[Note]:
    return [Note(*row[:4], *map(int, row[4:])) for row in table.tolist()]


def write_piece(table: NDArray[np.float64], path: Path) -> None:
    """Rows of notes as a MIDI file that begins with the first of them, one track a voice."""
    first = table[:, _COLUMN["onset_seconds"]].min()
    notes = notes_of(table)
    write_midi(path, [replace(note, onset_seconds=note.onset_seconds - first) for note in notes])
