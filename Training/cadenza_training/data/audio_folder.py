"""A folder of recordings, in as many sub-folders as there may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cadenza_training.data.audio_set import AudioCollection, Recording
from cadenza_training.data.options import PrepareOptions
from cadenza_training.data.pitch_names import pitch_of, velocity_of
from cadenza_training.data.prepared_set import Rejection
from cadenza_training.data.sources import (
    Source,
    files_within,
    find_in_path,
    group_of,
    with_suffix,
)
from cadenza_training.data.unusable import UnusableError

# What libsndfile can open by itself; its headerless RAW it cannot.
READABLE_SUFFIXES = (
    *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sd2", ".iff", ".8svx", ".voc"),
    *(".sf", ".paf", ".nist", ".sph", ".pvf", ".xi", ".avr", ".htk", ".sds", ".wve"),
)
# Sound all the same: to be named, not passed over.
OTHER_SUFFIXES = (
    *(".m4a", ".mp4", ".aac", ".alac", ".wma", ".ape", ".wv", ".mka", ".webm", ".amr"),
    *(".dsf", ".dff", ".tta", ".ac3", ".raw", ".pcm"),
)
AUDIO_SUFFIXES = READABLE_SUFFIXES + OTHER_SUFFIXES


def collect(
    sources: Sequence[Source], options: PrepareOptions, skip: Sequence[Path]
) -> AudioCollection:
    collection = AudioCollection()
    for source in sources:
        files = [source.path] if source.path.is_file() else files_within(source.path, skip)
        for file in with_suffix(files, AUDIO_SUFFIXES):
            label = source.label(file)
            try:
                collection.recordings.append(_recording(file, label, sources, options))
            except UnusableError as error:
                collection.rejected.append(Rejection(label, str(error)))
    return collection


def _recording(
    file: Path, label: str, sources: Sequence[Source], options: PrepareOptions
) -> Recording:
    if file.suffix.lower() in OTHER_SUFFIXES:
        raise UnusableError(
            f"not a format that libsndfile reads: {file.suffix}; convert it to WAV or FLAC"
        )
    pitch = velocity = None
    if options.audio.pitch_from_name or options.audio.pitch_pattern:
        pitch = pitch_of(file.stem, options.audio.pitch_pattern)
        velocity = velocity_of(file.stem)
    instrument = _instrument(label, options.audio.instruments_from)
    if not instrument and pitch is not None:
        # All of one instrument, so that the range of its pitches is told.
        instrument = options.name or sources[0].name
    return Recording(file, label, group_of(label, options.group_by), instrument, pitch, velocity)


def _instrument(label: str, instruments_from: str) -> str:
    if not instruments_from:
        return ""
    if instruments_from == "folders":
        *folders, _ = label.split("/")
        # The first is the source itself, whose own files have no other.
        return folders[min(1, len(folders) - 1)] if folders else label
    instrument = find_in_path(instruments_from, label, "audio.instruments_from")
    if not instrument:
        raise UnusableError(f"no instrument: {instruments_from} finds nothing in its path")
    return instrument
