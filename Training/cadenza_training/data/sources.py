"""The files and folders that were given, and what lies in them, in an order of its own.

A file is known by its source's name and its path within: the same on every machine, so that
splits do not depend on where a folder lies, and nobody's home folder ends up in a set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cadenza_training.errors import UserError


@dataclass(frozen=True)
class Source:
    path: Path
    # Its own name, with a number where two have the same.
    name: str

    def label(self, file: Path) -> str:
        if file == self.path:
            return self.name
        return f"{self.name}/{file.relative_to(self.path).as_posix()}"


def open_sources(paths: Sequence[Path]) -> list[Source]:
    sources: list[Source] = []
    for path in paths:
        check_source(path)
        resolved = path.resolve()
        if any(source.path == resolved for source in sources):
            raise UserError(f"{path} was given twice")
        for source in sources:
            if resolved in source.path.parents or source.path in resolved.parents:
                raise UserError(f"{path} and {source.path}: one lies within the other; give one")
        name, number = resolved.name or "root", 1
        while any(source.name == name for source in sources):
            number += 1
            name = f"{resolved.name}-{number}"
        sources.append(Source(resolved, name))
    return sources


def check_source(path: Path) -> None:
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    try:
        is_empty = path.is_dir() and not any(path.iterdir())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    if is_empty:
        raise UserError(f"{path} is an empty folder; expected recordings or scores in it")


def files_within(folder: Path, skip: Sequence[Path] = ()) -> Iterator[Path]:
    """Every file below, but hidden ones and the folders to skip, sorted by path."""
    skipped = {path.resolve() for path in skip}

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (Path(place) / name).resolve() not in skipped
        )
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place) / name


def with_suffix(files: Iterable[Path], suffixes: Sequence[str]) -> list[Path]:
    return [file for file in files if file.suffix.lower() in suffixes]


def group_of(label: str, group_by: str) -> str:
    """What a file belongs to: itself, its folder, or what a regular expression finds in its path.

    A path that the expression does not match belongs to itself.
    """
    if group_by == "file":
        return label
    if group_by == "folder":
        return label.rpartition("/")[0]
    return find_in_path(group_by, label, "group_by") or label


def find_in_path(pattern: str, label: str, key: str) -> str:
    """The first group of the expression, or all that it matched; empty: not found."""
    try:
        match = re.search(pattern, label)
    except re.error as error:
        raise UserError(f'{key}: "{pattern}" is not a regular expression: {error}') from error
    if match is None:
        return ""
    return (match.group(1) if match.re.groups else match.group(0)) or ""
