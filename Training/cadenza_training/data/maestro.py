"""MAESTRO's layout (Hawthorne et al. 2019): maestro-v*.csv or .json beside folders of MIDI files.

The table says which split a performance is in, such that no composition is in two.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from cadenza_training.data.notes_set import Piece, PieceCollection
from cadenza_training.data.prepared_set import SPLITS, Rejection
from cadenza_training.data.sources import Source
from cadenza_training.errors import UserError

# Of all its versions.
LICENCE = "CC-BY-NC-SA-4.0"
REQUIRED_COLUMNS = ("midi_filename", "split")


def table_of(folder: Path) -> Path | None:
    """The newest version's table, CSV before JSON."""
    for suffix in (".csv", ".json"):
        tables = sorted(folder.glob(f"maestro-v*{suffix}"))
        if tables:
            return tables[-1]
    return None


def collect(sources: Sequence[Source]) -> PieceCollection:
    collection = PieceCollection()
    for source in sources:
        table = table_of(source.path)
        if table is None:
            raise UserError(f"{source.path} has no maestro-v*.csv or maestro-v*.json")
        for row in _read_table(table):
            _add(row, source, collection)
    return collection


def _add(row: dict[str, str], source: Source, collection: PieceCollection) -> None:
    label = f"{source.name}/{row['midi_filename']}"
    path = source.path / row["midi_filename"]
    if row["split"] not in SPLITS:
        reason = f'unknown split: "{row["split"]}", expected {", ".join(SPLITS)}'
    elif not path.is_file():
        reason = "missing: the table names it"
    else:
        names = (row.get("canonical_composer", ""), row.get("canonical_title", ""))
        title = ": ".join(name for name in names if name)
        collection.pieces.append(
            Piece(label, label, path, title=title, licence=LICENCE, fixed_split=row["split"])
        )
        return
    collection.rejected.append(Rejection(label, reason))


def _read_table(table: Path) -> list[dict[str, str]]:
    try:
        if table.suffix == ".csv":
            with table.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        else:
            rows = _rows_of(json.loads(table.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError, csv.Error) as error:
        raise UserError(f"{table} cannot be read: {error}") from error
    for row in rows:
        for column in REQUIRED_COLUMNS:
            if not isinstance(row.get(column), str):
                raise UserError(f'{table} has no column "{column}" in every row')
    return rows


def _rows_of(values: object) -> list[dict[str, str]]:
    """A list of rows, or columns by name, each with values by the row's number."""
    if isinstance(values, list):
        return values
    columns = dict(values.items())
    return [
        {name: column.get(number) for name, column in columns.items()}
        for number in columns.get("midi_filename", {})
    ]
