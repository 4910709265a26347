"""A folder of recorded single notes with a manifest.csv that says what each is.

Columns: file (relative to the manifest), instrument, midi_pitch; and where they are known velocity,
or lovel and hivel (a sampler's range of velocities), source_path, licence.

The configuration's [[instruments]] select among them; without any, every value of the column
`instrument` is one. Recordings up to `maximum_transposition` outside an instrument's range are
kept: training transposes them into it. `held_out` names the files to validate on; those outside
the range are left out of both sides.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from cadenza_training.data.audio_set import AudioCollection, Recording
from cadenza_training.data.options import InstrumentSelection, PrepareOptions
from cadenza_training.data.prepared_set import MANIFEST_FILE, Instrument, Rejection
from cadenza_training.data.sources import Source, group_of
from cadenza_training.errors import UserError

REQUIRED_COLUMNS = ("file", "instrument", "midi_pitch")


@dataclass(frozen=True)
class _Row:
    file: str
    instrument: str
    pitch: int
    velocity: int | None
    path: str
    licence: str


def collect(sources: Sequence[Source], options: PrepareOptions) -> AudioCollection:
    collection = AudioCollection(
        instruments=tuple(
            Instrument(
                selection.label,
                selection.minimum_pitch,
                selection.maximum_pitch,
                selection.maximum_transposition,
                selection.attribution,
            )
            for selection in options.instruments
        )
    )
    held_out_found: set[tuple[str, str]] = set()
    for source in sources:
        for row in _read_rows(source, collection):
            _add(row, source, options, collection, held_out_found)
    for selection in options.instruments:
        missing = [
            file for file in selection.held_out if (selection.label, file) not in held_out_found
        ]
        if missing:
            raise UserError(
                f"the configuration holds out {missing[0]} for {selection.label}, but the "
                "manifest has no such recording of that instrument"
            )
        if not any(found.instrument == selection.label for found in collection.recordings):
            raise UserError(
                f"no recording of {', '.join(str(source.path) for source in sources)} belongs to "
                f"the instrument {selection.label} of the configuration"
            )
    return collection


def _add(
    row: _Row,
    source: Source,
    options: PrepareOptions,
    collection: AudioCollection,
    held_out_found: set[tuple[str, str]],
) -> None:
    label = f"{source.name}/{row.file}"
    path = source.path / row.file
    if not path.is_file():
        collection.rejected.append(Rejection(label, "missing: the manifest names it"))
        return
    selections = [selection for selection in options.instruments if _selects(selection, row)]
    if options.instruments and not selections:
        reason = f"not asked for: no instrument of the configuration selects {row.instrument}"
        collection.rejected.append(Rejection(label, f"{reason}, {row.path}"))
        return
    group = group_of(label, options.group_by)
    if not selections:
        collection.recordings.append(
            Recording(path, label, group, row.instrument, row.pitch, row.velocity, row.licence)
        )
    for selection in selections:
        is_held_out = row.file in selection.held_out
        if is_held_out:
            held_out_found.add((selection.label, row.file))
        # Training transposes a recording into the range; held out ones are heard as they are.
        reach = 0 if is_held_out else selection.maximum_transposition
        if not selection.minimum_pitch - reach <= row.pitch <= selection.maximum_pitch + reach:
            reason = (
                f"out of range: pitch {row.pitch}{', held out,' if is_held_out else ''} is not "
                f"within {selection.minimum_pitch} … {selection.maximum_pitch} of "
                f"{selection.label}, nor up to {reach} semitones from it"
            )
            collection.rejected.append(Rejection(label, reason))
            continue
        fixed = ("validation" if is_held_out else "train") if selection.held_out else ""
        collection.recordings.append(
            Recording(
                path, label, group, selection.label, row.pitch, row.velocity, row.licence, fixed
            )
        )


def _selects(selection: InstrumentSelection, row: _Row) -> bool:
    texts = selection.path_contains
    return row.instrument in selection.sources and (
        not texts or any(text in row.path for text in texts)
    )


def _read_rows(source: Source, collection: AudioCollection) -> list[_Row]:
    manifest = source.path / MANIFEST_FILE
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            table = list(reader)
            columns = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{manifest} cannot be read: {error}") from error
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise UserError(
                f'{manifest} has no column "{column}"; expected {", ".join(REQUIRED_COLUMNS)}'
            )
    rows: list[_Row] = []
    for line, values in enumerate(table, start=2):
        row = _read_row(values)
        if isinstance(row, str):
            where = f"{source.name}/{MANIFEST_FILE} line {line}"
            collection.rejected.append(Rejection(where, f"not a row of a manifest: {row}"))
        else:
            rows.append(row)
    return rows


def _read_row(values: dict[str, str | None]) -> _Row | str:
    """The row, or what is wrong with it."""
    text = {name: (value or "").strip() for name, value in values.items() if name is not None}
    if not text["file"]:
        return "it names no file"
    try:
        pitch = int(text["midi_pitch"])
    except ValueError:
        return f'midi_pitch is "{text["midi_pitch"]}"'
    if not 0 <= pitch <= 127:
        return f"midi_pitch is {pitch}, expected 0 … 127"
    return _Row(
        file=text["file"],
        instrument=text["instrument"],
        pitch=pitch,
        velocity=_velocity(text),
        path=text.get("source_path") or text["file"],
        licence=text.get("licence", ""),
    )


def _velocity(text: dict[str, str]) -> int | None:
    """The velocity, or the middle of the sampler's range, whose ends default to 0 and 127 (SFZ)."""

    def number(name: str) -> int | None:
        value = text.get(name, "")
        return int(value) if value.isdigit() and int(value) <= 127 else None

    if number("velocity") is not None:
        return number("velocity")
    low, high = number("lovel"), number("hivel")
    if low is None and high is None:
        return None
    return ((low or 0) + (127 if high is None else high) + 1) // 2
