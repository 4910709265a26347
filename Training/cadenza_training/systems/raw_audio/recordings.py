"""The recordings of a prepared set in memory, and takes of them: transposed, detuned, louder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cadenza_training.data.prepared_set import AudioEntry, PreparedSet
from cadenza_training.errors import UserError


@dataclass(frozen=True)
class Recording:
    file: str
    # 16 bits suffice beside at most 256 codes, and halve the memory.
    samples: NDArray[np.int16]
    # Index into the set's labels, and the MIDI number; -1: not known.
    instrument: int
    pitch: int


@dataclass(frozen=True)
class Take:
    """One way to play a recording."""

    recording: int
    # The MIDI number it is asked for by; -1: not known.
    pitch: int
    semitones: float = 0.0
    gain: float = 1.0

    @property
    def speed(self) -> float:
        """Resampled, pitch and speed change together."""
        return 2.0 ** (self.semitones / 12.0)


def load_recordings(prepared: PreparedSet, entries: list[AudioEntry]) -> list[Recording]:
    labels = prepared.description.labels
    recordings = []
    for entry in entries:
        path = prepared.path(entry)
        try:
            samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error
        if rate != prepared.description.sample_rate or samples.shape[1] != 1:
            raise UserError(
                f"{path} has {samples.shape[1]} channels at {rate} Hz, expected one at "
                f"{prepared.description.sample_rate} Hz as set.json says"
            )
        if labels and entry.instrument not in labels:
            raise UserError(
                f'{path} is of the instrument "{entry.instrument}", which set.json does not list'
            )
        instrument = labels.index(entry.instrument) if labels else -1
        pitch = -1 if entry.midi_pitch is None else entry.midi_pitch
        recordings.append(Recording(entry.file, samples[:, 0], instrument, pitch))
    return recordings


def frame_count(recording: Recording, take: Take) -> int:
    return int(len(recording.samples) / take.speed)


def render(recording: Recording, take: Take, start: int, frames: int) -> NDArray[np.float32]:
    """At most `frames` samples of a take, from `start` in its own time."""
    speed = take.speed
    if take.semitones == 0.0:
        section = recording.samples[start : start + frames].astype(np.float32)
    else:
        # Some samples before it, so that the resampling filter has its past.
        margin = min(start, 64)
        first = int((start - margin) * speed)
        last = int((start + frames) * speed) + 64
        source = recording.samples[first:last].astype(np.float32)
        resampled = soxr.resample(source, speed, 1.0, quality="HQ")
        section = resampled[margin : margin + frames]
    return np.clip(section * np.float32(take.gain / 32768.0), -1.0, 1.0)
