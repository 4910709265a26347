"""Which split of a prepared set a folder means."""

from __future__ import annotations

from pathlib import Path

from cadenza_training.data.prepared_set import SET_FILE, SPLITS, PreparedSet, SetDescription
from cadenza_training.errors import UserError


def choose_split(folder: Path, split: str | None) -> tuple[PreparedSet, str] | None:
    """The set and the split's name; None where the folder is no prepared set.

    SET/validation names a split of SET. SET alone is `split` or, left out, its test split where
    that has files, and else its validation split.
    """
    absolute = folder.resolve()
    if absolute.name in SPLITS and (absolute.parent / SET_FILE).is_file():
        if split is not None and split != absolute.name:
            raise UserError(f"{folder} is the {absolute.name} split, and {split} was asked for")
        folder, split = folder.parent, absolute.name
    if not (folder / SET_FILE).is_file():
        return None
    prepared = PreparedSet.read(folder)
    if split is None:
        split = "test" if prepared.split("test") else "validation"
    if not prepared.split(split):
        raise UserError(f"{folder}: its {split} split has no file")
    return prepared, split


def kind_of(folder: Path) -> str | None:
    """The kind of a prepared set, "audio" or "notes"; None where the folder is none."""
    absolute = folder.resolve()
    root = absolute.parent if absolute.name in SPLITS else absolute
    return PreparedSet.read(root).description.kind if (root / SET_FILE).is_file() else None


def training_folder(training: Path | None, reference: Path) -> Path | None:
    """The training split of the set that was named or, where none was, of the reference's set;
    a folder that is no prepared set as it is."""
    folder = reference if training is None else training
    absolute = folder.resolve()
    if absolute.name in SPLITS and (absolute.parent / SET_FILE).is_file():
        if training is not None:
            return training
        folder = folder.parent
    if not (folder / SET_FILE).is_file():
        return training
    return folder / "train" if PreparedSet.read(folder).split("train") else None


def title_of(folder: Path, description: SetDescription | None, split: str) -> str:
    """What a report calls a folder, or a prepared set's split."""
    return folder.name if description is None else f"{description.name}, its {split} split"
