"""A prepared set: what `cadenza-train prepare` writes and every other command reads.

    set.json        what it is, as below
    manifest.csv    one row a file, with its split
    rejected.csv    source, reason: what was left out, and why
    train/ …        the files: sound as 16-bit mono FLAC at one rate, or notes as CSV

An audio set's manifest has the columns of `AudioEntry`, a note set's those of `NotesEntry`. A
note file has one row a note: onset_seconds, duration_seconds, onset_beats, duration_beats (quarter
notes), pitch (MIDI number), velocity (1 … 127), voice (0 is the highest or first part).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

from cadenza_training.errors import UserError

SET_FILE = "set.json"
MANIFEST_FILE = "manifest.csv"
REJECTED_FILE = "rejected.csv"
SPLITS = ("train", "validation", "test")
NOTE_COLUMNS = (
    "onset_seconds",
    "duration_seconds",
    "onset_beats",
    "duration_beats",
    "pitch",
    "velocity",
    "voice",
)


@dataclass(frozen=True)
class Instrument:
    """One instrument of a conditioned model, and how far its recordings reach."""

    label: str
    # MIDI numbers that a model of this instrument is trained on, both included.
    minimum_pitch: int
    maximum_pitch: int
    # Training may resample a recording by up to this many semitones either way.
    maximum_transposition: int = 0
    # Who made the recordings, and their licence: for the model's card.
    attribution: str = ""


@dataclass(frozen=True)
class AudioEntry:
    """One recording. Empty fields: not known."""

    file: str
    split: str
    instrument: str = ""
    midi_pitch: int | None = None
    velocity: int | None = None
    seconds: float = 0.0
    # The file that it came from, and that file's licence.
    source: str = ""
    licence: str = ""


@dataclass(frozen=True)
class NotesEntry:
    """One piece."""

    file: str
    split: str
    title: str = ""
    seconds: float = 0.0
    notes: int = 0
    source: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Rejection:
    source: str
    reason: str


@dataclass(frozen=True)
class SetDescription:
    """set.json."""

    kind: Literal["audio", "notes"]
    name: str
    description: str = ""
    license: str = ""
    # A sentence on where the material is from: it goes into the model file and its card.
    data: str = ""
    # Hz; 0 for notes.
    sample_rate: int = 0
    instruments: tuple[Instrument, ...] = ()
    # How it was prepared: the options, so that it can be done again.
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(instrument.label for instrument in self.instruments)


@dataclass(frozen=True)
class PreparedSet:
    folder: Path
    description: SetDescription
    entries: tuple[AudioEntry, ...] | tuple[NotesEntry, ...]

    def split(self, name: str) -> list:
        return [entry for entry in self.entries if entry.split == name]

    def path(self, entry: AudioEntry | NotesEntry) -> Path:
        return self.folder / entry.file

    @staticmethod
    def read(folder: Path) -> PreparedSet:
        path = folder / SET_FILE
        if not path.is_file():
            raise UserError(
                f"{folder} is not a prepared set: it has no {SET_FILE}; "
                "`cadenza-train prepare` makes one"
            )
        description = _read_description(path)
        entry_type = AudioEntry if description.kind == "audio" else NotesEntry
        manifest = folder / MANIFEST_FILE
        try:
            with manifest.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except OSError as error:
            raise UserError(f"{manifest} cannot be read: {error.strerror}") from error
        entries = tuple(
            _read_entry(entry_type, row, manifest, line) for line, row in enumerate(rows, start=2)
        )
        return PreparedSet(folder, description, entries)

    def write(self, rejected: Sequence[Rejection] = ()) -> None:
        """Writes all but the files themselves, set.json last: an interrupted set has none."""
        entry_type = AudioEntry if self.description.kind == "audio" else NotesEntry
        _write_rows(self.folder / MANIFEST_FILE, entry_type, self.entries)
        _write_rows(self.folder / REJECTED_FILE, Rejection, rejected)
        text = json.dumps(asdict(self.description), indent=2, ensure_ascii=False)
        (self.folder / SET_FILE).write_text(text + "\n", encoding="utf-8")


def _read_description(path: Path) -> SetDescription:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        instruments = tuple(Instrument(**entry) for entry in values.pop("instruments", []))
        description = SetDescription(**values, instruments=instruments)
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise UserError(f"{path} is not a description of a prepared set: {error}") from error
    if description.kind not in ("audio", "notes"):
        raise UserError(f'{path}: kind is "{description.kind}", expected "audio" or "notes"')
    return description


def _read_entry(entry_type: type, row: dict[str, str], manifest: Path, line: int) -> object:
    values: dict[str, object] = {}
    try:
        for column in fields(entry_type):
            text = row[column.name]
            kind = str(column.type)
            if kind.startswith("int"):
                values[column.name] = int(text) if text or "None" not in kind else None
            elif kind == "float":
                values[column.name] = float(text)
            else:
                values[column.name] = text
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{manifest}, line {line}: bad or missing column ({error})") from error
    if values["split"] not in SPLITS:
        raise UserError(
            f'{manifest}, line {line}: split is "{values["split"]}", expected {", ".join(SPLITS)}'
        )
    return entry_type(**values)


def _write_rows(path: Path, row_type: type, rows: Sequence) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(row_type)])
        writer.writeheader()
        for row in rows:
            values = asdict(row)
            writer.writerow({name: "" if v is None else v for name, v in values.items()})
