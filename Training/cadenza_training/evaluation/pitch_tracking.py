"""The fundamental frequency of a sound, and how far it is from the pitch that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.sound_files import Sound

TOLERANCE_CENTS = 50.0
# The tracker's range covers every pitch from MIDI 24 to 96, whatever was asked.
LOWEST_HERTZ = 32.0
HIGHEST_HERTZ = 2100.0
# A frame holds four periods of the lowest pitch; a power of two for the transform.
FRAME_SECONDS = 0.128


@dataclass(frozen=True)
class Track:
    """What the tracker hears in one sound."""

    sound: Sound
    # Of the voiced frames, Hz.
    frequencies: NDArray[np.float64]

    @property
    def cents(self) -> float | None:
        """The median's distance from the asked pitch; None where nothing voiced was heard."""
        asked = self.sound.file.midi_pitch
        if asked is None or len(self.frequencies) == 0:
            return None
        return 100.0 * (float(librosa.hz_to_midi(np.median(self.frequencies))) - asked)

    @property
    def is_in_tune(self) -> bool:
        cents = self.cents
        return cents is not None and abs(cents) <= TOLERANCE_CENTS


def track(sound: Sound) -> Track:
    """pYIN (Mauch and Dixon 2014), which is not told what was asked."""
    frame_length = 2 ** round(np.log2(FRAME_SECONDS * sound.sample_rate))
    frequencies, voiced, _ = librosa.pyin(
        np.pad(sound.samples, (0, max(0, frame_length - len(sound.samples)))),
        fmin=LOWEST_HERTZ,
        fmax=min(HIGHEST_HERTZ, sound.sample_rate / 2.0),
        sr=sound.sample_rate,
        frame_length=frame_length,
    )
    return Track(sound, frequencies[voiced])


def number_in_tune(tracks: Sequence[Track]) -> int:
    """A sound without a voiced frame is out of tune."""
    return sum(entry.is_in_tune for entry in _asked(tracks))


def share_in_tune(tracks: Sequence[Track]) -> float:
    return number_in_tune(tracks) / len(_asked(tracks))


def median_absolute_cents(tracks: Sequence[Track]) -> float:
    errors = [abs(entry.cents) for entry in _asked(tracks) if entry.cents is not None]
    if not errors:
        raise NotDefinedError("the tracker heard no voiced frame in any passage")
    return float(np.median(errors))


def _asked(tracks: Sequence[Track]) -> list[Track]:
    asked = [entry for entry in tracks if entry.sound.file.midi_pitch is not None]
    if not asked:
        raise NotDefinedError("no asked pitch is known: the folder has no manifest.csv that says")
    return asked
