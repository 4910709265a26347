"""From pieces, wherever they were found, to a set of notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cadenza_training.data.audio_set import PENDING_FOLDER, nothing_left, unique_name
from cadenza_training.data.midi_file import read_midi
from cadenza_training.data.notes import Note, content_of, in_order, write_notes
from cadenza_training.data.options import NotesOptions, PrepareOptions
from cadenza_training.data.parallel import process_all
from cadenza_training.data.prepared_set import (
    SPLITS,
    NotesEntry,
    PreparedSet,
    Rejection,
    SetDescription,
)
from cadenza_training.data.split import SplitItem, split
from cadenza_training.data.unusable import UnusableError
from cadenza_training.errors import UserError


@dataclass(frozen=True)
class Piece:
    """A MIDI file, or the notes themselves."""

    source: str
    group: str
    path: Path | None = None
    notes: tuple[Note, ...] = ()
    title: str = ""
    licence: str = ""
    # The side that it must be on; empty: the split decides.
    fixed_split: str = ""


@dataclass
class PieceCollection:
    """What a layout found."""

    pieces: list[Piece] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True)
class _Processed:
    seconds: float = 0.0
    notes: int = 0
    content: str = ""
    rejection: str = ""


def prepare_notes(
    collection: PieceCollection,
    options: PrepareOptions,
    part: Path,
    *,
    name: str,
    settings: dict[str, object],
) -> PreparedSet:
    """Writes the set into `part`."""
    pieces = sorted(collection.pieces, key=lambda piece: piece.source)
    rejected = list(collection.rejected)
    pending = part / PENDING_FOLDER
    pending.mkdir()
    work = [(piece, pending / f"{index}.csv") for index, piece in enumerate(pieces)]
    results = process_all(
        partial(_process_piece, options=options.notes), work, options.workers, "piece"
    )
    kept: list[tuple[Piece, _Processed, Path]] = []
    for piece, result, (_, written) in zip(pieces, results, work, strict=True):
        if result.rejection:
            rejected.append(Rejection(piece.source, result.rejection))
        else:
            kept.append((piece, result, written))
    sides = split(
        [
            SplitItem(piece.source, piece.group, result.content, fixed=piece.fixed_split)
            for piece, result, _ in kept
        ],
        validation_share=options.validation_share,
        test_share=options.test_share,
        seed=options.seed,
    )
    for side in SPLITS:
        (part / side).mkdir()
    entries: list[NotesEntry] = []
    names: set[str] = set()
    for index, (piece, result, written) in enumerate(kept):
        if index in sides.conflicts:
            reason = f"held out elsewhere: the same notes or group as {sides.conflicts[index]}"
            rejected.append(Rejection(piece.source, reason))
            written.unlink()
            continue
        file = f"{sides.sides[index]}/{unique_name(piece.source, names)}.csv"
        written.rename(part / file)
        entries.append(
            NotesEntry(
                file=file,
                split=sides.sides[index],
                title=piece.title,
                seconds=result.seconds,
                notes=result.notes,
                source=piece.source,
                licence=piece.licence,
            )
        )
    pending.rmdir()
    rejected.sort(key=lambda rejection: (rejection.source, rejection.reason))
    if not any(entry.split == "train" for entry in entries):
        raise UserError(nothing_left("piece", len(entries), rejected))
    description = SetDescription(
        kind="notes",
        name=name,
        description=options.description,
        license=options.license,
        data=options.data,
        settings=settings,
    )
    prepared = PreparedSet(part, description, tuple(entries))
    prepared.write(rejected)
    return prepared


def _process_piece(work: tuple[Piece, Path], options: NotesOptions) -> _Processed:
    piece, target = work
    try:
        notes = read_midi(piece.path, options) if piece.path else in_order(piece.notes)
    except UnusableError as error:
        return _Processed(rejection=str(error))
    except OSError as error:
        return _Processed(rejection=f"unreadable: {error.strerror}")
    if len(notes) < options.minimum_notes:
        return _Processed(
            rejection=f"too short: {len(notes)} notes, expected {options.minimum_notes} or more"
        )
    write_notes(target, notes)
    return _Processed(
        seconds=round(max(note.onset_seconds + note.duration_seconds for note in notes), 6),
        notes=len(notes),
        content=content_of(notes),
    )
