"""Pieces of notes: from MIDI files, or from the note files of a prepared set."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.data.prepared_set import NOTE_COLUMNS, SetDescription
from cadenza_training.errors import UserError
from cadenza_training.evaluation.split_choice import choose_split
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


@dataclass(frozen=True)
class PieceFolder:
    folder: Path
    pieces: tuple[Piece, ...]
    description: SetDescription | None = None
    split: str = ""

    @property
    def title(self) -> str:
        if self.description is None:
            return self.folder.name
        return f"{self.description.name}, its {self.split} split"


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
    piece = _read_table(path, name) if path.suffix.lower() == ".csv" else _read_midi(path, name)
    if len(piece.table) == 0:
        raise UserError(f"{path} holds no notes")
    return piece


def _read_midi(path: Path, name: str) -> Piece:
    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    # The library's parser raises whatever the broken bytes lead it to.
    except Exception as error:
        raise UserError(f"{path} cannot be read as MIDI: {error}") from error
    rows = []
    for voice, instrument in enumerate(entry for entry in midi.instruments if not entry.is_drum):
        for note in instrument.notes:
            onset = midi.time_to_tick(note.start) / midi.resolution
            end = midi.time_to_tick(note.end) / midi.resolution
            rows.append(
                (
                    note.start,
                    note.end - note.start,
                    onset,
                    end - onset,
                    note.pitch,
                    note.velocity,
                    voice,
                )
            )
    return piece_of(name, rows)


def _read_table(path: Path, name: str) -> Piece:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                tuple(float(row[column]) for column in NOTE_COLUMNS) for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is not a table of notes ({error}); expected the columns "
            + ", ".join(NOTE_COLUMNS)
        ) from error
    return piece_of(name, rows)


def write_midi(table: NDArray[np.float64], path: Path) -> None:
    """Rows of notes as a MIDI file that begins with the first of them, one track a voice."""
    midi = pretty_midi.PrettyMIDI()
    first = table[:, _COLUMN["onset_seconds"]].min()
    for voice in np.unique(table[:, _COLUMN["voice"]]):
        instrument = pretty_midi.Instrument(program=0, name=f"voice {int(voice)}")
        for row in table[table[:, _COLUMN["voice"]] == voice]:
            start = row[_COLUMN["onset_seconds"]] - first
            instrument.notes.append(
                pretty_midi.Note(
                    velocity=int(row[_COLUMN["velocity"]]),
                    pitch=int(row[_COLUMN["pitch"]]),
                    start=start,
                    end=start + row[_COLUMN["duration_seconds"]],
                )
            )
        midi.instruments.append(instrument)
    midi.write(str(path))
