"""Which layout a source has, by what lies in it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from cadenza_training.data.audio_folder import AUDIO_SUFFIXES
from cadenza_training.data.chorales import MUSIC21, grids_within
from cadenza_training.data.maestro import table_of
from cadenza_training.data.midi_folder import MIDI_SUFFIXES
from cadenza_training.data.nsynth import nsynth_folders
from cadenza_training.data.options import LAYOUTS
from cadenza_training.data.prepared_set import MANIFEST_FILE, SET_FILE
from cadenza_training.data.soundfont import SOUNDFONT_SUFFIXES
from cadenza_training.data.sources import check_source, files_within
from cadenza_training.errors import UserError

# Enough to tell what a folder is about.
FILES_LOOKED_AT = 100_000


def find_layout(paths: Sequence[Path], skip: Sequence[Path]) -> str:
    found = {path: _layout_of(path, skip) for path in paths}
    if len(set(found.values())) > 1:
        kinds = ", ".join(f"{path} ({layout})" for path, layout in found.items())
        raise UserError(f"the sources are of different layouts: {kinds}; prepare one at a time")
    return next(iter(found.values()))


def _layout_of(path: Path, skip: Sequence[Path]) -> str:
    if str(path) == MUSIC21 and not path.exists():
        return "chorales"
    check_source(path)
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix in SOUNDFONT_SUFFIXES:
            return "soundfont"
        if suffix == ".json":
            return "chorales"
        if suffix in AUDIO_SUFFIXES:
            return "audio"
        if suffix in MIDI_SUFFIXES:
            return "midi"
        raise UserError(
            f"{path} is not a file that can be prepared; expected sound, MIDI, a soundfont "
            f"({', '.join(SOUNDFONT_SUFFIXES)}), a grid of chorales (.json), or a folder"
        )
    if (path / SET_FILE).is_file() and (path / MANIFEST_FILE).is_file():
        raise UserError(f"{path} is a prepared set already; give what it was made from")
    if nsynth_folders(path):
        return "nsynth"
    if (path / MANIFEST_FILE).is_file():
        return "manifest"
    if table_of(path) is not None:
        return "maestro"
    files = list(islice(files_within(path, skip), FILES_LOOKED_AT))
    audio = sum(file.suffix.lower() in AUDIO_SUFFIXES for file in files)
    midi = sum(file.suffix.lower() in MIDI_SUFFIXES for file in files)
    if audio and midi:
        raise UserError(
            f"{path} holds both sound ({audio} files) and MIDI ({midi} files): "
            "say which with --layout audio or --layout midi"
        )
    if audio or midi:
        return "audio" if audio else "midi"
    if grids_within(path):
        return "chorales"
    raise UserError(
        f"{path}: nothing in it that can be prepared ({len(files)} files, none of them sound, MIDI "
        f"or a grid of chorales); layouts are {', '.join(LAYOUTS)}"
    )
