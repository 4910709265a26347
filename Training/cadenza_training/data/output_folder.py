"""A folder that appears only once it is complete.

Everything is written to `NAME.part` beside it, which takes the folder's place at the end. Of a run
that was interrupted only that folder stays, and the next run clears it away; of one that failed,
nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cadenza_training.data.prepared_set import MANIFEST_FILE, REJECTED_FILE, SET_FILE, SPLITS
from cadenza_training.errors import UserError

# Says that a folder of this name is ours to clear away.
PART_MARK = ".cadenza-prepare"
NSYNTH_FOLDER = "nsynth"
OWN_NAMES = {SET_FILE, MANIFEST_FILE, REJECTED_FILE, NSYNTH_FOLDER, *SPLITS}


def part_of(folder: Path) -> Path:
    folder = folder.resolve()
    if not folder.name:
        raise UserError(f"--output {folder}: expected a folder that can be replaced")
    return folder.with_name(f"{folder.name}.part")


@contextmanager
def staged(folder: Path, sources: Sequence[Path], *, force: bool) -> Iterator[Path]:
    """Gives the folder to write to. What was at `folder` stays there until the end."""
    folder = folder.resolve()
    part = part_of(folder)
    _check_target(folder, sources, force)
    try:
        if part.exists():
            if not (part / PART_MARK).is_file():
                raise UserError(
                    f"{part} is in the way: it is where {folder.name} is written to until it is "
                    "complete, and it was not made by this command"
                )
            shutil.rmtree(part)
        part.mkdir(parents=True)
        (part / PART_MARK).write_text("an unfinished set of cadenza-train prepare\n")
        try:
            yield part
        except (UserError, OSError):
            shutil.rmtree(part, ignore_errors=True)
            raise
        (part / PART_MARK).unlink()
        _replace(folder, part)
    except OSError as error:
        raise UserError(f"{error.filename or part}: {error.strerror or error}") from error


def _check_target(folder: Path, sources: Sequence[Path], force: bool) -> None:
    for source in sources:
        resolved = source.resolve()
        if resolved == folder or folder in resolved.parents:
            raise UserError(f"--output {folder} would replace {source}, which it is made from")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a folder to write to")
    if folder in (Path.cwd(), *Path.cwd().parents):
        # It would be gone under the feet of whoever works in it.
        raise UserError(f"{folder} is replaced as a whole; run the command from outside of it")
    names = set(os.listdir(folder))
    is_own = SET_FILE in names and names <= OWN_NAMES
    if names and not is_own and not force:
        raise UserError(
            f"{folder} is not empty and is not a set that this command made; "
            "choose another --output, or replace all that is in it with --force"
        )
    if _aside(folder).exists():
        raise UserError(
            f"{_aside(folder)} is in the way: {folder.name} is moved there for a moment"
        )


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.old")


def _replace(folder: Path, part: Path) -> None:
    if not folder.exists():
        part.rename(folder)
        return
    folder.rename(_aside(folder))
    part.rename(folder)
    shutil.rmtree(_aside(folder))
