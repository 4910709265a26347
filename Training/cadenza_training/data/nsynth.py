"""NSynth's own layout (Engel et al. 2017): examples.json, and audio/NAME.wav for each of its keys.

The data set comes as three such folders, nsynth-train, -valid and -test. Given together, or by the
folder that holds them, they are the splits. One alone is split here, and no instrument is then on
two sides.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cadenza_training.data.audio_set import AudioCollection, Recording
from cadenza_training.data.options import NSynthOptions, PrepareOptions
from cadenza_training.data.prepared_set import Rejection
from cadenza_training.data.sources import Source
from cadenza_training.data.split import rank
from cadenza_training.errors import UserError

EXAMPLES_FILE = "examples.json"
AUDIO_FOLDER = "audio"
SPLIT_WORDS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Example:
    name: str
    pitch: int
    velocity: int
    family: str
    source: str
    instrument: str


def nsynth_folders(path: Path) -> list[Path]:
    if (path / EXAMPLES_FILE).is_file():
        return [path]
    return sorted(child for child in path.glob("*") if (child / EXAMPLES_FILE).is_file())


def collect(sources: Sequence[Source], options: PrepareOptions) -> AudioCollection:
    collection = AudioCollection()
    folders = [
        Source(folder, source.label(folder))
        for source in sources
        for folder in nsynth_folders(source.path)
    ]
    if not folders:
        raise UserError(f"{sources[0].path} has no {EXAMPLES_FILE}, nor a folder in it")
    for folder, split in zip(folders, _splits(folders), strict=True):
        _collect_folder(folder, split, options, collection)
    return collection


def _splits(folders: Sequence[Source]) -> list[str]:
    """The side of each folder by its name; empty: to be split."""
    if len(folders) == 1:
        return [""]
    found = []
    for folder in folders:
        words = re.split(r"[^a-z]+", folder.path.name.lower())
        found.append(next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), ""))
    if any(found) and not all(found):
        unnamed = folders[found.index("")].path
        raise UserError(
            f"{unnamed}: its name says neither train, valid nor test, while those of the other "
            "folders do; give folders that all do, or none that does"
        )
    return found


def _collect_folder(
    folder: Source, split: str, options: PrepareOptions, collection: AudioCollection
) -> None:
    selected: dict[str, list[Example]] = defaultdict(list)
    for name, values in _read_examples(folder.path / EXAMPLES_FILE).items():
        example = _example(name, values)
        if isinstance(example, str):
            reason = f"not an example of NSynth: {example}"
        else:
            reason = _why_not(example, options.nsynth, folder.path)
            if not reason:
                selected[example.family].append(example)
        if reason:
            collection.rejected.append(Rejection(f"{folder.name}/{name}", reason))
    limit = options.nsynth.maximum_per_family
    for family, examples in sorted(selected.items()):
        examples.sort(key=lambda example: rank(options.seed, example.name))
        for example in examples[limit:] if limit else ():
            reason = f"not asked for: more than {limit} notes of {family}"
            collection.rejected.append(Rejection(f"{folder.name}/{example.name}", reason))
        for example in examples[:limit] if limit else examples:
            label = f"{folder.name}/{example.name}"
            is_family = options.nsynth.label == "family"
            is_by_instrument = options.nsynth.split_by == "instrument" and not split
            collection.recordings.append(
                Recording(
                    path=folder.path / AUDIO_FOLDER / f"{example.name}.wav",
                    source=label,
                    group=example.instrument if is_by_instrument else label,
                    instrument=example.family if is_family else example.instrument,
                    midi_pitch=example.pitch,
                    velocity=example.velocity,
                    fixed_split=split,
                )
            )


def _read_examples(path: Path) -> dict[str, object]:
    try:
        examples = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(examples, dict):
        raise UserError(f"{path} is not NSynth's: expected one object with a key for each note")
    return examples


def _example(name: str, values: object) -> Example | str:
    """The example, or what is wrong with it."""
    if not isinstance(values, Mapping):
        return "it is not an object"
    for key in ("pitch", "velocity"):
        value = values.get(key)
        if type(value) is not int or not 0 <= value <= 127:
            return f"{key} is {value!r}, expected 0 … 127"
    for key in ("instrument_family_str", "instrument_source_str", "instrument_str"):
        if not isinstance(values.get(key), str):
            return f"it has no {key}"
    return Example(
        name,
        values["pitch"],
        values["velocity"],
        values["instrument_family_str"],
        values["instrument_source_str"],
        values["instrument_str"],
    )


def _why_not(example: Example, options: NSynthOptions, folder: Path) -> str:
    """The reason to leave an example out; empty: it is wanted."""
    if options.families and example.family not in options.families:
        return f"not asked for: family {example.family}"
    if options.sources and example.source not in options.sources:
        return f"not asked for: source {example.source}"
    if options.velocities and example.velocity not in options.velocities:
        return f"not asked for: velocity {example.velocity}"
    if not options.minimum_pitch <= example.pitch <= options.maximum_pitch:
        return (
            f"out of range: pitch {example.pitch} is outside "
            f"{options.minimum_pitch} … {options.maximum_pitch}"
        )
    if not (folder / AUDIO_FOLDER / f"{example.name}.wav").is_file():
        return f"missing: {AUDIO_FOLDER}/{example.name}.wav"
    return ""
