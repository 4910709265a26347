"""A folder of MIDI files, one piece each, in as many sub-folders as there may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cadenza_training.data.notes_set import Piece, PieceCollection
from cadenza_training.data.options import PrepareOptions
from cadenza_training.data.sources import Source, files_within, group_of, with_suffix

MIDI_SUFFIXES = (".mid", ".midi", ".smf", ".kar")


def collect(
    sources: Sequence[Source], options: PrepareOptions, skip: Sequence[Path]
) -> PieceCollection:
    collection = PieceCollection()
    for source in sources:
        files = [source.path] if source.path.is_file() else files_within(source.path, skip)
        for file in with_suffix(files, MIDI_SUFFIXES):
            label = source.label(file)
            collection.pieces.append(
                Piece(label, group_of(label, options.group_by), path=file, title=file.stem)
            )
    return collection
