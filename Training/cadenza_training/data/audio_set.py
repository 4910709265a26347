"""From recordings, wherever they were found, to an audio set."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cadenza_training.data.audio_processing import process, read_mono, to_pcm, write_sound
from cadenza_training.data.options import AudioOptions, PrepareOptions
from cadenza_training.data.parallel import process_all
from cadenza_training.data.prepared_set import (
    SPLITS,
    AudioEntry,
    Instrument,
    PreparedSet,
    Rejection,
    SetDescription,
)
from cadenza_training.data.split import SplitItem, split
from cadenza_training.data.unusable import UnusableError
from cadenza_training.errors import UserError

PENDING_FOLDER = "pending"
LONGEST_NAME = 80
# Not the .7 of a work's number.
FILE_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


@dataclass(frozen=True)
class Recording:
    path: Path
    # How it is called in the set, and what belongs with it on one side.
    source: str
    group: str
    instrument: str = ""
    midi_pitch: int | None = None
    velocity: int | None = None
    licence: str = ""
    # The side that it must be on; empty: the split decides.
    fixed_split: str = ""


@dataclass
class AudioCollection:
    """What a layout found."""

    recordings: list[Recording] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    # Those of the configuration; where a label is not here, its range is what was recorded.
    instruments: tuple[Instrument, ...] = ()
    # Of the others, by label.
    attributions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Processed:
    seconds: float = 0.0
    content: str = ""
    rejection: str = ""


def prepare_audio(
    collection: AudioCollection,
    options: PrepareOptions,
    part: Path,
    *,
    name: str,
    settings: dict[str, object],
) -> PreparedSet:
    """Writes the set into `part`."""
    recordings = sorted(collection.recordings, key=lambda recording: recording.source)
    rejected = list(collection.rejected)
    pending = part / PENDING_FOLDER
    pending.mkdir()
    work = [(recording.path, pending / f"{i}.flac") for i, recording in enumerate(recordings)]
    results = process_all(
        partial(_process_file, options=options.audio), work, options.workers, "file"
    )
    kept: list[tuple[Recording, _Processed, Path]] = []
    for recording, result, (_, written) in zip(recordings, results, work, strict=True):
        if result.rejection:
            rejected.append(Rejection(recording.source, result.rejection))
        else:
            kept.append((recording, result, written))
    sides = split(
        [
            SplitItem(
                recording.source,
                recording.group,
                result.content,
                recording.instrument,
                recording.midi_pitch,
                recording.fixed_split,
            )
            for recording, result, _ in kept
        ],
        validation_share=options.validation_share,
        test_share=options.test_share,
        seed=options.seed,
        instruments=_ranges(
            collection, [recording for recording, _, _ in kept], options.audio.maximum_transposition
        ),
    )
    for side in SPLITS:
        (part / side).mkdir()
    entries: list[AudioEntry] = []
    names: set[str] = set()
    trained = {
        recording.instrument
        for (recording, _, _), side in zip(kept, sides.sides, strict=True)
        if side == "train"
    }
    for index, (recording, result, written) in enumerate(kept):
        reason = ""
        if index in sides.conflicts:
            reason = f"held out elsewhere: the same sound or group as {sides.conflicts[index]}"
        elif trained and recording.instrument not in trained:
            reason = f"nothing to train on: {recording.instrument} has recordings held out alone"
        if reason:
            rejected.append(Rejection(recording.source, reason))
            written.unlink()
            continue
        file = f"{sides.sides[index]}/{unique_name(recording.source, names)}.flac"
        written.rename(part / file)
        entries.append(
            AudioEntry(
                file=file,
                split=sides.sides[index],
                instrument=recording.instrument,
                midi_pitch=recording.midi_pitch,
                velocity=recording.velocity,
                seconds=result.seconds,
                source=recording.source,
                licence=recording.licence,
            )
        )
    pending.rmdir()
    rejected.sort(key=lambda rejection: (rejection.source, rejection.reason))
    if not any(entry.split == "train" for entry in entries):
        raise UserError(nothing_left("recording", len(entries), rejected))
    description = SetDescription(
        kind="audio",
        name=name,
        description=options.description,
        license=options.license,
        data=options.data,
        sample_rate=options.audio.sample_rate,
        instruments=tuple(
            instrument
            for label, instrument in _ranges(
                collection,
                _reached(entries, options.audio.maximum_transposition),
                options.audio.maximum_transposition,
            ).items()
            if label
        ),
        settings=settings,
    )
    prepared = PreparedSet(part, description, tuple(entries))
    prepared.write(rejected)
    return prepared


def _process_file(work: tuple[Path, Path], options: AudioOptions) -> _Processed:
    source, target = work
    try:
        samples = to_pcm(process(*read_mono(source), options))
    except UnusableError as error:
        return _Processed(rejection=str(error))
    write_sound(target, samples, options.sample_rate)
    return _Processed(
        seconds=round(len(samples) / options.sample_rate, 6),
        content=hashlib.sha256(samples.tobytes()).hexdigest(),
    )


def unique_name(source: str, names: set[str]) -> str:
    """A file name that tells where it is from, safe on every file system, and remembers it."""
    stem = FILE_SUFFIX.sub("", source.rpartition("/")[2])
    stem = re.sub(r"[^A-Za-z0-9._#+-]+", "_", stem)[:LONGEST_NAME].strip(".") or "unnamed"
    name, number = stem, 1
    # Some file systems do not tell upper from lower case.
    while name.lower() in names:
        number += 1
        name = f"{stem}-{number}"
    names.add(name.lower())
    return name


def nothing_left(noun: str, kept: int, rejected: Sequence[Rejection]) -> str:
    if kept:
        return f"every {noun} is held out, and none is left to train on"
    if not rejected:
        return f"no {noun} was found"
    example = rejected[0]
    return (
        f"no {noun} is left: all {len(rejected)} were rejected, "
        f"such as {example.source} ({example.reason})"
    )


def _reached(entries: Sequence[AudioEntry], transposition: int) -> list[AudioEntry]:
    """Those that training hears, and the held out ones whose pitch it reaches by transposing."""
    trained: dict[str, set[int | None]] = {}
    for entry in entries:
        if entry.split == "train":
            trained.setdefault(entry.instrument, set()).add(entry.midi_pitch)

    def is_reached(entry: AudioEntry) -> bool:
        pitch, pitches = entry.midi_pitch, trained[entry.instrument]
        return pitch in pitches or (
            pitch is not None
            and any(
                other in pitches
                for other in range(pitch - transposition, pitch + transposition + 1)
            )
        )

    return [entry for entry in entries if is_reached(entry)]


def _ranges(
    collection: AudioCollection, found: Sequence[Recording | AudioEntry], transposition: int
) -> dict[str, Instrument]:
    """Instruments of the configuration, then the others by label, as far as their recordings reach.

    Recordings without a pitch are an instrument without a range: all of MIDI's.
    """
    pitches: dict[str, list[int]] = {}
    for recording in found:
        known = pitches.setdefault(recording.instrument, [])
        if recording.midi_pitch is not None:
            known.append(recording.midi_pitch)
    ranges = {instrument.label: instrument for instrument in collection.instruments}
    for label in sorted(pitches.keys() - ranges.keys()):
        lowest, highest = min(pitches[label], default=0), max(pitches[label], default=127)
        attribution = collection.attributions.get(label, "")
        ranges[label] = Instrument(label, lowest, highest, transposition, attribution)
    return ranges
