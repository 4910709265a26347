"""The sound files of a folder, a prepared set or one of its splits, and what is known of each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cadenza_training.data.prepared_set import MANIFEST_FILE, SetDescription
from cadenza_training.engine import Condition
from cadenza_training.errors import UserError
from cadenza_training.evaluation.split_choice import choose_split, title_of
from cadenza_training.evaluation.suffixes import SOUND_SUFFIXES


@dataclass(frozen=True)
class SoundFile:
    path: Path
    # The path within its set, without its ending.
    name: str
    instrument: str = ""
    # The pitch that was asked for or, of a recording, that is played. MIDI number.
    midi_pitch: int | None = None
    velocity: int | None = None
    # The recording that it came from: passages of one recording are no strangers.
    recording: str = ""
    # The name of the reference that it answers, where it answers one.
    answers: str = ""

    def read(
        self, sample_rate: int | None = None, seconds: float | None = None
    ) -> tuple[NDArray[np.float64], int]:
        """One channel, resampled to `sample_rate`, no longer than `seconds`; and its rate, Hz."""
        try:
            samples, file_rate = soundfile.read(self.path, dtype="float64", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise UserError(f"{self.path} cannot be read as sound: {error}") from error
        mono = samples.mean(axis=1)
        if len(mono) == 0:
            raise UserError(f"{self.path} holds no samples; expected a sound")
        if not np.isfinite(mono).all():
            raise UserError(f"{self.path} holds samples that are not finite numbers")
        rate = sample_rate or file_rate
        if rate != file_rate:
            mono = soxr.resample(mono, file_rate, rate)
        if seconds is not None:
            mono = mono[: max(1, round(seconds * rate))]
        return mono, rate


@dataclass(frozen=True)
class Sound:
    """A sound file, read."""

    file: SoundFile
    samples: NDArray[np.float64]
    sample_rate: int

    @property
    def name(self) -> str:
        return self.file.name


@dataclass(frozen=True)
class SoundFolder:
    folder: Path
    files: tuple[SoundFile, ...]
    # Of the prepared set, where it is one.
    description: SetDescription | None = None
    split: str = ""

    def of_instruments(self, labels: Sequence[str]) -> SoundFolder:
        """Its files of these instruments; all where none is named."""
        if not labels:
            return self
        files = tuple(file for file in self.files if file.instrument in labels)
        if not files:
            raise UserError(f"{self.title} has no sound of {', '.join(labels)}")
        return replace(self, files=files)

    def known_to(self, conditions: Sequence[Condition]) -> SoundFolder:
        """Its files whose instrument and pitch a model can be asked for, where it can be asked by
        labels."""
        files = self.files
        for condition in conditions:
            if condition.kind != "class" or not condition.labels:
                continue
            if condition.name == "instrument":
                files = tuple(file for file in files if file.instrument in condition.labels)
            elif condition.name == "pitch":
                files = tuple(file for file in files if str(file.midi_pitch) in condition.labels)
        if not files:
            raise UserError(f"{self.title} has no sound that the model can be asked for")
        return replace(self, files=files)

    @property
    def title(self) -> str:
        return title_of(self.folder, self.description, self.split)


def find_sounds(folder: Path, split: str | None = None) -> SoundFolder:
    """The files of a prepared set's split, of a folder with a manifest.csv, or of a folder."""
    chosen = choose_split(folder, split)
    if chosen is not None:
        prepared, split_name = chosen
        if prepared.description.kind != "audio":
            raise UserError(f"{folder} is a prepared set of notes; expected one of audio")
        files = tuple(
            SoundFile(
                path=prepared.path(entry),
                name=str(Path(entry.file).with_suffix("")),
                instrument=entry.instrument,
                midi_pitch=entry.midi_pitch,
                velocity=entry.velocity,
                recording=entry.source or entry.file,
            )
            for entry in prepared.split(split_name)
        )
        return SoundFolder(folder, files, prepared.description, split_name)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; expected one of sound files")
    if (folder / MANIFEST_FILE).is_file():
        return SoundFolder(folder, _read_manifest(folder))
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES)
    if not paths:
        raise UserError(f"{folder} has no sound file ({', '.join(sorted(SOUND_SUFFIXES))})")
    return SoundFolder(
        folder,
        tuple(
            SoundFile(path, name, recording=name)
            for path in paths
            for name in (str(path.relative_to(folder).with_suffix("")),)
        ),
    )


def _read_manifest(folder: Path) -> tuple[SoundFile, ...]:
    manifest = folder / MANIFEST_FILE
    files = []
    with manifest.open(encoding="utf-8", newline="") as text:
        for line, row in enumerate(csv.DictReader(text), start=2):
            try:
                files.append(
                    SoundFile(
                        path=folder / row["file"],
                        name=str(Path(row["file"]).with_suffix("")),
                        instrument=row.get("instrument") or "",
                        midi_pitch=_number(row.get("midi_pitch")),
                        velocity=_number(row.get("velocity")),
                        recording=row.get("source") or row["file"],
                        answers=row.get("answers") or "",
                    )
                )
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{manifest}, line {line}: bad or missing column ({error})") from (
                    error
                )
    if not files:
        raise UserError(f"{manifest} lists no file")
    return tuple(files)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def spread(files: Sequence[SoundFile], most: int) -> tuple[SoundFile, ...]:
    """At most so many files, at even distances over the whole list."""
    if len(files) <= most:
        return tuple(files)
    places = np.linspace(0, len(files) - 1, most).round().astype(int)
    return tuple(files[place] for place in places)


def read_sounds(
    files: Sequence[SoundFile],
    sample_rate: int | None = None,
    seconds: float | None = None,
    *,
    fill: bool = False,
) -> list[Sound]:
    """All at one rate: the given one, or the first file's; with `fill`, those that are shorter than
    `seconds` are filled up with silence."""
    sounds: list[Sound] = []
    for file in files:
        samples, rate = file.read(sample_rate, seconds)
        sample_rate = sample_rate or rate
        if fill and seconds is not None:
            samples = np.pad(samples, (0, max(0, round(seconds * rate) - len(samples))))
        sounds.append(Sound(file, samples, rate))
    return sounds
