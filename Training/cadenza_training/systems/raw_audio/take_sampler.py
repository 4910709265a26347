"""Draws takes: instrument, then pitch, then a recording, each uniformly.

Without instruments, recordings are drawn by their length, so that every second of sound counts
the same.
"""

from __future__ import annotations

import numpy as np

from cadenza_training.data.prepared_set import Instrument
from cadenza_training.systems.raw_audio.augmentation import AugmentationOptions
from cadenza_training.systems.raw_audio.recordings import Recording, Take


class TakeSampler:
    def __init__(
        self,
        recordings: list[Recording],
        instruments: tuple[Instrument, ...],
        options: AugmentationOptions,
    ) -> None:
        self.options = options
        lengths = np.array([len(recording.samples) for recording in recordings], dtype=np.float64)
        self.shares = lengths / lengths.sum()
        self.pitches = [recording.pitch for recording in recordings]
        # Instrument → pitch → (recording, semitones): what can play it.
        self.choices: dict[int, dict[int, list[tuple[int, int]]]] = {}
        if not instruments or any(recording.instrument < 0 for recording in recordings):
            return
        for index, recording in enumerate(recordings):
            instrument = instruments[recording.instrument]
            reach = instrument.maximum_transposition if options.transpose else 0
            pitches = self.choices.setdefault(recording.instrument, {})
            if recording.pitch < 0:
                pitches.setdefault(-1, []).append((index, 0))
                continue
            for semitones in range(-reach, reach + 1):
                pitch = recording.pitch + semitones
                if instrument.minimum_pitch <= pitch <= instrument.maximum_pitch:
                    pitches.setdefault(pitch, []).append((index, semitones))
        self.choices = {label: pitches for label, pitches in self.choices.items() if pitches}

    def draw(self, generator: np.random.Generator) -> Take:
        if self.choices:
            pitches = self.choices[int(generator.choice(list(self.choices)))]
            pitch = int(generator.choice(list(pitches)))
            recording, semitones = pitches[pitch][int(generator.integers(len(pitches[pitch])))]
        else:
            recording, semitones = int(generator.choice(len(self.shares), p=self.shares)), 0
            pitch = self.pitches[recording]
        detune = generator.uniform(-1.0, 1.0) * self.options.detune_cents / 100.0
        decibels = -generator.random() * self.options.gain_decibels
        return Take(recording, pitch, float(semitones + detune), float(10.0 ** (decibels / 20.0)))
