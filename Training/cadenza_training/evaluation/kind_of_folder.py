"""Whether a folder holds sound or notes."""

from __future__ import annotations

from pathlib import Path

from cadenza_training.errors import UserError
from cadenza_training.evaluation.split_choice import kind_of
from cadenza_training.evaluation.suffixes import MIDI_SUFFIXES, SOUND_SUFFIXES


def kind_of_folder(folder: Path) -> str:
    """ "audio" or "notes", by set.json or by the files' endings."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; expected one of sound or MIDI files")
    kind = kind_of(folder)
    if kind is not None:
        return kind
    endings = {path.suffix.lower() for path in folder.rglob("*")}
    has_sound, has_notes = bool(endings & SOUND_SUFFIXES), bool(endings & MIDI_SUFFIXES)
    if has_sound and has_notes:
        raise UserError(f"{folder} holds sound and MIDI files; expected --kind audio or notes")
    if not has_sound and not has_notes:
        raise UserError(f"{folder} has no sound and no MIDI file")
    return "audio" if has_sound else "notes"
