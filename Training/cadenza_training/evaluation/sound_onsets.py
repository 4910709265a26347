"""Whether generated sound strikes its notes where a score says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

import librosa
import mir_eval
import numpy as np

from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.pieces import read_piece
from cadenza_training.evaluation.score_agreement import ONSET_TOLERANCE_SECONDS
from cadenza_training.evaluation.sound_files import Sound
from cadenza_training.evaluation.suffixes import MIDI_SUFFIXES

HOP_LENGTH = 128


def sound_onset_f1(scores: Path, sounds: Sequence[Sound]) -> float:
    """The mean of mir_eval's onset F-measure, within 50 ms, of librosa's onsets in each sound that
    has a MIDI file of its name in the folder of the references."""
    known = {
        path.stem: path
        for path in sorted(scores.rglob("*"))
        if path.suffix.lower() in MIDI_SUFFIXES
    }
    values = []
    for sound in sounds:
        stem = PurePath(sound.file.answers or sound.name).name
        if stem not in known:
            continue
        length = len(sound.samples) / sound.sample_rate
        asked = np.unique(read_piece(known[stem], stem).column("onset_seconds"))
        heard = librosa.onset.onset_detect(
            # Silence first: the detector needs a rise to find a note that begins at once.
            y=np.pad(sound.samples, (sound.sample_rate // 10, 0)),
            sr=sound.sample_rate,
            hop_length=HOP_LENGTH,
            units="time",
        )
        heard = np.clip(heard - sound.sample_rate // 10 / sound.sample_rate, 0.0, None)
        values.append(
            mir_eval.onset.f_measure(asked[asked < length], heard, window=ONSET_TOLERANCE_SECONDS)[
                0
            ]
        )
    if not values:
        raise NotDefinedError("no score is known: no MIDI file of a sound's name in REFERENCE")
    return float(np.mean(values))
