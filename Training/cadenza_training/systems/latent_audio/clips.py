"""The recordings of a prepared set as clips of one length, and batches of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.systems.latent_audio.tuning import measure_cents
from cadenza_training.systems.raw_audio.recordings import Recording, load_recordings

# A recording that is further from its pitch is not of that pitch.
FARTHEST_CENTS = 60.0


@dataclass(frozen=True)
class ClipOptions:
    # Samples of a clip: a recording is cut to them, or filled up with silence.
    clip_frames: int = 64000
    # Only these instruments of the set, and these pitches; none: all.
    instruments: tuple[str, ...] = ()
    minimum_pitch: int = 0
    maximum_pitch: int = 127
    # Recordings are brought to the exact pitch that they are asked for by.
    tune: bool = False
    # Recordings at most, the first of a set's order; 0: all.
    most_recordings: int = 0
    # Instruments are drawn in proportion to the number of their recordings to this power: 1 is
    # every recording alike, 0 every instrument.
    balance: float = 0.5
    # A recording may be resampled by up to so many semitones either way.
    transpose: int = 0

    def check(self) -> None:
        if self.clip_frames < 64:
            raise UserError(f"batches.clip_frames is {self.clip_frames}, expected 64 or more")
        if not 0.0 <= self.balance <= 1.0:
            raise UserError(f"batches.balance is {self.balance}, expected 0 … 1")
        if not 0 <= self.transpose <= 12:
            raise UserError(f"batches.transpose is {self.transpose}, expected 0 … 12")
        if not 0 <= self.minimum_pitch <= self.maximum_pitch <= 127:
            raise UserError("batches: minimum_pitch … maximum_pitch is no range of MIDI's")


@dataclass(frozen=True)
class ClipBatch:
    """`samples` [batch, clip_frames]; `instruments` are places among the labels, `pitches` MIDI
    numbers; -1: not known."""

    samples: Tensor
    instruments: Tensor
    pitches: Tensor


def load_clips(
    prepared: PreparedSet, split: str, options: ClipOptions, sample_rate: int
) -> list[Recording]:
    """Recordings that the options ask for, at `sample_rate`, at most a clip long each (and a little
    more where they may be transposed)."""
    labels = prepared.description.labels
    for instrument in options.instruments:
        if instrument not in labels:
            raise UserError(
                f'batches.instruments: "{instrument}" is not in {prepared.folder}; it has '
                f"{', '.join(labels) or 'no instruments'}"
            )
    entries = [
        entry
        for entry in prepared.split(split)
        if (not options.instruments or entry.instrument in options.instruments)
        and (
            entry.midi_pitch is None
            or options.minimum_pitch <= entry.midi_pitch <= options.maximum_pitch
        )
    ]
    if options.most_recordings and split == "train":
        entries = entries[: options.most_recordings]
    rate = prepared.description.sample_rate
    longest = int(options.clip_frames * 2.0 ** ((options.transpose + 1) / 12.0))
    found = []
    for recording in load_recordings(prepared, entries):
        samples = recording.samples.astype(np.float32)
        speed = 1.0
        if options.tune and recording.pitch >= 0:
            cents = measure_cents(samples / 32768.0, rate, recording.pitch, FARTHEST_CENTS)
            if cents is None:
                continue
            # Sharp by so much: played slower by as much.
            speed = 2.0 ** (cents / 1200.0)
        if speed != 1.0 or rate != sample_rate:
            samples = soxr.resample(samples, rate * speed, sample_rate, quality="HQ")
        kept = np.clip(np.rint(samples[:longest]), -32768, 32767).astype(np.int16)
        found.append(Recording(recording.file, kept, recording.instrument, recording.pitch))
    return found


def fitted(samples: NDArray[np.int16], frames: int) -> NDArray[np.float32]:
    """Full scale is 1."""
    clip = np.zeros(frames, dtype=np.float32)
    count = min(frames, len(samples))
    clip[:count] = samples[:count].astype(np.float32) / np.float32(32768.0)
    return clip


def batch_of(recordings: Sequence[Recording], frames: int) -> ClipBatch:
    return ClipBatch(
        torch.from_numpy(np.stack([fitted(r.samples, frames) for r in recordings])),
        torch.tensor([r.instrument for r in recordings]),
        torch.tensor([r.pitch for r in recordings]),
    )


class ClipSampler:
    """Draws an instrument, then one of its recordings, then perhaps a transposition."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        options: ClipOptions,
        *,
        columns: int,
        seed: tuple[int, ...],
    ) -> None:
        self.recordings = list(recordings)
        self.options = options
        self.columns = columns
        self.generator = np.random.default_rng(seed)
        self.by_instrument: dict[int, list[int]] = {}
        for index, recording in enumerate(self.recordings):
            self.by_instrument.setdefault(recording.instrument, []).append(index)
        counts = np.array([len(found) for found in self.by_instrument.values()], dtype=np.float64)
        self.shares = counts**options.balance / (counts**options.balance).sum()
        pitches = [r.pitch for r in self.recordings]
        self.pitch_range = (min(pitches), max(pitches))

    def next_batch(self) -> ClipBatch:
        return batch_of([self._draw() for _ in range(self.columns)], self.options.clip_frames)

    def _draw(self) -> Recording:
        instrument = list(self.by_instrument)[
            self.generator.choice(len(self.shares), p=self.shares)
        ]
        indices = self.by_instrument[instrument]
        recording = self.recordings[indices[int(self.generator.integers(len(indices)))]]
        reach = self.options.transpose
        semitones = int(self.generator.integers(-reach, reach + 1)) if reach else 0
        pitch = recording.pitch + semitones
        if semitones == 0 or not self.pitch_range[0] <= pitch <= self.pitch_range[1]:
            return recording
        speed = 2.0 ** (semitones / 12.0)
        needed = int(self.options.clip_frames * speed) + 64
        samples = recording.samples[:needed].astype(np.float32)
        moved = np.rint(soxr.resample(samples, speed, 1.0, quality="MQ"))
        kept = np.clip(moved, -32768, 32767).astype(np.int16)
        return Recording(recording.file, kept, recording.instrument, pitch)

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
