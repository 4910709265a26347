"""Bach's chorales: a JSON of pitch grids, or the scores that come with the music21 package.

A grid (Boulanger-Lewandowski et al. 2012; the separated one of Huang et al. 2017) is an object of
splits, train, valid and test; a split is a list of pieces, a piece a list of steps, a step a list
of MIDI numbers. -1, null or NaN is a voice that rests. Where every step of a piece is as long,
a place in the step is a voice, the first the highest; else voices are told by their height.

A grid cannot tell a note that is held from one that is struck again: equal pitches of one voice in
consecutive steps are joined. The scores of music21 tell, and their tied notes are joined.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cadenza_training.data.notes import Note
from cadenza_training.data.notes_set import Piece, PieceCollection
from cadenza_training.data.options import ChoralesOptions, PrepareOptions
from cadenza_training.data.prepared_set import Rejection
from cadenza_training.data.sources import Source
from cadenza_training.errors import UserError

# In place of a file: the scores of the package.
MUSIC21 = "music21"
SPLIT_NAMES = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}
# Quarter notes a step, by what a file's name says.
RESOLUTIONS = ((r"16th", 0.25), (r"8th", 0.5), (r"quarter", 1.0))
DEFAULT_BEATS_PER_STEP = 0.25


def grids_within(folder: Path) -> list[Path]:
    """The JSON files of a folder that begin as a grid does."""
    found = []
    for file in sorted(folder.glob("*.json")):
        with file.open("rb") as opened:
            head = opened.read(200).decode("utf-8", "replace")
        if re.match(r'\s*\{\s*"(train|valid|validation|test)"\s*:\s*\[', head):
            found.append(file)
    return found


def is_package(paths: Sequence[Path]) -> bool:
    return [str(path) for path in paths] == [MUSIC21] and not paths[0].exists()


def collect(sources: Sequence[Source], options: PrepareOptions) -> PieceCollection:
    """Without sources, the scores of music21."""
    collection = PieceCollection()
    if not sources:
        collection.pieces.extend(_scores_of_music21(options.chorales))
    for source in sources:
        _collect_grid(_grid_file(source.path), source, options.chorales, collection)
    return collection


def _grid_file(path: Path) -> Path:
    if path.is_file():
        return path
    grids = grids_within(path)
    if len(grids) == 1:
        return grids[0]
    if not grids:
        raise UserError(
            f"{path} has no grid of chorales: expected one .json with train, valid, test"
        )
    names = ", ".join(grid.name for grid in grids)
    raise UserError(f"{path} has several grids of the same chorales: name one of {names}")


def _collect_grid(
    file: Path, source: Source, options: ChoralesOptions, collection: PieceCollection
) -> None:
    try:
        splits = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if not isinstance(splits, dict) or not splits or not splits.keys() <= SPLIT_NAMES.keys():
        raise UserError(f"{file} is not a grid of chorales: expected train, valid and test")
    beats_per_step = options.beats_per_step or _resolution(file.name)
    for name, pieces in sorted(splits.items()):
        if not isinstance(pieces, list):
            raise UserError(f'{file}: "{name}" is not a list of pieces')
        for number, steps in enumerate(pieces):
            title = f"{name} {number:03d}"
            label = f"{source.name}/{name}-{number:03d}"
            try:
                notes = grid_notes(steps, beats_per_step, options)
            except (TypeError, ValueError, OverflowError) as error:
                collection.rejected.append(Rejection(label, f"unreadable: {error}"))
                continue
            collection.pieces.append(
                Piece(label, label, notes=notes, title=title, fixed_split=SPLIT_NAMES[name])
            )


def _resolution(name: str) -> float:
    return next(
        (beats for pattern, beats in RESOLUTIONS if re.search(pattern, name, re.I)),
        DEFAULT_BEATS_PER_STEP,
    )


def grid_notes(
    steps: Sequence[Sequence[float | None]], beats_per_step: float, options: ChoralesOptions
) -> tuple[Note, ...]:
    rows = [[_pitch(value) for value in step] for step in steps]
    is_by_place = len({len(row) for row in rows}) <= 1
    # By voice, or where nobody says whose a pitch is, by the pitch itself, while it lasts.
    sounding = [
        {
            place if is_by_place else pitch: pitch
            for place, pitch in enumerate(row)
            if pitch is not None
        }
        for row in rows
    ]
    seconds = 60.0 / options.tempo
    notes: list[Note] = []
    for key in sorted({key for step in sounding for key in step}):
        for pitch, start, end in _held(sounding, key):
            from_the_top = sorted(sounding[start].values(), reverse=True)
            onset, duration = start * beats_per_step, (end - start) * beats_per_step
            notes.append(
                Note(
                    onset_seconds=onset * seconds,
                    duration_seconds=duration * seconds,
                    onset_beats=onset,
                    duration_beats=duration,
                    pitch=pitch,
                    velocity=options.velocity,
                    voice=key if is_by_place else from_the_top.index(pitch),
                )
            )
    return tuple(notes)


def _held(sounding: Sequence[dict[int, int]], voice: int) -> Iterator[tuple[int, int, int]]:
    """Pitch, first step and step after the last of each run of one pitch in a voice."""
    start, current = 0, None
    for step in range(len(sounding) + 1):
        pitch = sounding[step].get(voice) if step < len(sounding) else None
        if pitch != current:
            if current is not None:
                yield current, start, step
            start, current = step, pitch


def _pitch(value: float | None) -> int | None:
    """A MIDI number; None: a rest."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a pitch")
    if math.isnan(value) or value < 0:
        return None
    if value != int(value) or value > 127:
        raise ValueError(f"{value!r} is not a MIDI number 0 … 127")
    return int(value)


def _scores_of_music21(options: ChoralesOptions) -> list[Piece]:
    from music21 import corpus

    pieces = []
    for name in tqdm(list(corpus.chorales.Iterator(returnType="filename")), leave=False):
        score = corpus.parse(name)
        title = getattr(score.metadata, "title", None) or str(name)
        notes = score_notes(score, options)
        pieces.append(Piece(f"{MUSIC21}/{name}", f"{MUSIC21}/{name}", notes=notes, title=title))
    return pieces


def score_notes(score: Any, options: ChoralesOptions) -> tuple[Note, ...]:  # noqa: ANN401
    """The notes of a music21 score, a part a voice."""
    seconds = 60.0 / options.tempo
    return tuple(
        Note(
            onset_seconds=float(element.offset) * seconds,
            duration_seconds=float(element.quarterLength) * seconds,
            onset_beats=float(element.offset),
            duration_beats=float(element.quarterLength),
            pitch=pitch.midi,
            velocity=options.velocity,
            voice=voice,
        )
        for voice, part in enumerate(score.parts)
        for element in part.stripTies().flatten().notes
        # Grace notes last no time.
        if element.quarterLength > 0
        for pitch in element.pitches
    )
