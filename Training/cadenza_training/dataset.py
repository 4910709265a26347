"""Recorded single notes as token codes, split into training and validation by recording.

The data folder holds audio files and a `manifest.csv` with at least the columns `file`
(relative path), `instrument` and `midi_pitch`. A recipe file says which of its instruments
become which label of the model, over which range of pitches, and how far a recording may be
transposed to fill the gaps between recorded pitches.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cadenza_training import mu_law

# A note starts where it first reaches this share of its peak (-34 dB), less the fade-in.
ONSET_THRESHOLD = 0.02
FADE_IN_SECONDS = 0.002
FADE_OUT_SECONDS = 0.010
NOTE_PEAK = 0.8


@dataclass(frozen=True)
class InstrumentRecipe:
    """Which recordings make one instrument of the model."""

    label: str
    sources: tuple[str, ...]
    minimum_pitch: int
    maximum_pitch: int
    # Recordings are resampled by up to this many semitones either way.
    maximum_transposition: int
    # A recording counts when its path has one of these texts (all recordings when empty).
    path_contains: tuple[str, ...] = ()
    # The files to validate on; chosen at random when empty.
    held_out: tuple[str, ...] = ()
    # Who made the recordings, and their licence: for the model's card.
    attribution: str = ""


@dataclass(frozen=True)
class Recipe:
    name: str
    description: str
    license: str
    data: str
    sample_rate: int
    levels: int
    validation_share: float
    instruments: tuple[InstrumentRecipe, ...]

    @staticmethod
    def load(path: Path) -> Recipe:
        values = json.loads(path.read_text(encoding="utf-8"))
        instruments = tuple(
            InstrumentRecipe(
                label=entry["label"],
                sources=tuple(entry["sources"]),
                minimum_pitch=entry["minimum_pitch"],
                maximum_pitch=entry["maximum_pitch"],
                maximum_transposition=entry["maximum_transposition"],
                path_contains=tuple(entry.get("path_contains", ())),
                held_out=tuple(entry.get("held_out", ())),
                attribution=entry.get("attribution", ""),
            )
            for entry in values["instruments"]
        )
        return Recipe(**{**values, "instruments": instruments})

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(instrument.label for instrument in self.instruments)


@dataclass(frozen=True)
class Note:
    """One recording at one transposition, as codes."""

    file: str
    instrument: int
    pitch: int
    transposition: int
    codes: NDArray[np.uint8]


@dataclass(frozen=True)
class NoteCollection:
    training: list[Note]
    validation: list[Note]


def read_note(path: Path, sample_rate: int, semitones: int) -> NDArray[np.float64]:
    """Reads a recording, transposes it by resampling, trims it and sets its level."""
    samples, file_rate = soundfile.read(path, dtype="float64", always_2d=True)
    samples = samples.mean(axis=1)
    # Played as if recorded faster or slower: pitch and speed change together.
    claimed_rate = file_rate * 2.0 ** (semitones / 12.0)
    if claimed_rate != sample_rate:
        samples = soxr.resample(samples, claimed_rate, sample_rate)
    peak = float(np.abs(samples).max())
    if peak <= 0.0:
        return samples[:0]
    fade_in = int(FADE_IN_SECONDS * sample_rate)
    fade_out = min(int(FADE_OUT_SECONDS * sample_rate), len(samples))
    onset = int(np.argmax(np.abs(samples) > ONSET_THRESHOLD * peak))
    samples = samples[max(0, onset - fade_in) :] * (NOTE_PEAK / peak)
    samples[:fade_in] *= np.linspace(0.0, 1.0, len(samples[:fade_in]))
    samples[-fade_out:] *= np.linspace(1.0, 0.0, len(samples[-fade_out:]))
    return samples


def load_notes(
    data: Path, recipe: Recipe, *, seed: int = 2016, transpose: bool = True
) -> NoteCollection:
    """Reads every recording of the recipe. The split depends on the seed and the manifest only.

    A held-out recording is held out in every transposition, and is validated as recorded.
    """
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    collection = NoteCollection(training=[], validation=[])
    generator = np.random.default_rng(seed)
    for index, instrument in enumerate(recipe.instruments):
        recordings = [row for row in rows if _belongs(row, instrument)]
        if not recordings:
            raise ValueError(f"the manifest has no recording for {instrument.label}")
        held_out = set(instrument.held_out)
        if not held_out:
            held_out = _choose_held_out(recordings, instrument, recipe.validation_share, generator)
        for row in recordings:
            is_validation = row["file"] in held_out
            farthest = instrument.maximum_transposition if transpose and not is_validation else 0
            for semitones in range(-farthest, farthest + 1):
                pitch = int(row["midi_pitch"]) + semitones
                if not instrument.minimum_pitch <= pitch <= instrument.maximum_pitch:
                    continue
                samples = read_note(data / row["file"], recipe.sample_rate, semitones)
                codes = mu_law.encode(samples, recipe.levels).astype(np.uint8)
                note = Note(row["file"], index, pitch, semitones, codes)
                (collection.validation if is_validation else collection.training).append(note)
    return collection


def _belongs(row: dict[str, str], instrument: InstrumentRecipe) -> bool:
    if row["instrument"] not in instrument.sources:
        return False
    reach = instrument.maximum_transposition
    pitch = int(row["midi_pitch"])
    if not instrument.minimum_pitch - reach <= pitch <= instrument.maximum_pitch + reach:
        return False
    texts = instrument.path_contains
    return not texts or any(text in row.get("source_path", row["file"]) for text in texts)


def _choose_held_out(
    recordings: list[dict[str, str]],
    instrument: InstrumentRecipe,
    share: float,
    generator: np.random.Generator,
) -> set[str]:
    """A share of the recordings, at least one, without which every pitch is still covered."""

    def covered(kept: list[dict[str, str]]) -> set[int]:
        reach = instrument.maximum_transposition
        pitches = {int(row["midi_pitch"]) for row in kept}
        return {
            pitch
            for pitch in range(instrument.minimum_pitch, instrument.maximum_pitch + 1)
            if any(abs(pitch - recorded) <= reach for recorded in pitches)
        }

    wanted = max(1, round(share * len(recordings)))
    everything = covered(recordings)
    held_out: set[str] = set()
    for position in generator.permutation(len(recordings)):
        file = recordings[position]["file"]
        in_range = (
            instrument.minimum_pitch
            <= int(recordings[position]["midi_pitch"])
            <= instrument.maximum_pitch
        )
        kept = [row for row in recordings if row["file"] not in held_out | {file}]
        if in_range and covered(kept) == everything:
            held_out.add(file)
        if len(held_out) == wanted:
            break
    return held_out


@dataclass(frozen=True)
class Batch:
    """Time-major codes [time, batch], the conditions [batch] and the loss mask [time, batch]."""

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    mask: NDArray[np.float32]
    instruments: NDArray[np.int64]
    pitches: NDArray[np.int64]


class ChunkSampler:
    """Draws training chunks: instrument, then pitch, then a note, each uniformly.

    A share of the chunks starts where the note starts, exactly as generation does: the input
    before it is the silence code and the layers see zeros. The others start anywhere, and the
    steps whose receptive field reaches before the chunk are masked out of the loss.

    Half of the chunks carry noise on what the network reads, never on what it predicts: when it
    generates, it reads its own imperfect past (as in LPCNet, Valin and Skoglund 2019, section
    3.4). The noise is normal, in code steps, its deviation drawn between 0 and `input_noise`.
    """

    def __init__(
        self,
        notes: list[Note],
        *,
        levels: int,
        receptive_field: int,
        chunk_frames: int,
        batch_size: int,
        onset_share: float,
        input_noise: float,
        seed: int,
    ) -> None:
        self.levels = levels
        self.silence = mu_law.silence_code(levels)
        self.receptive_field = receptive_field
        self.chunk_frames = chunk_frames
        self.batch_size = batch_size
        self.onset_share = onset_share
        self.input_noise = input_noise
        self.generator = np.random.default_rng(seed)
        self.by_instrument: dict[int, dict[int, list[Note]]] = {}
        for note in notes:
            by_pitch = self.by_instrument.setdefault(note.instrument, {})
            by_pitch.setdefault(note.pitch, []).append(note)

    def _choose_note(self) -> Note:
        by_pitch = self.by_instrument[int(self.generator.choice(list(self.by_instrument)))]
        candidates = by_pitch[int(self.generator.choice(list(by_pitch)))]
        return candidates[int(self.generator.integers(len(candidates)))]

    def _add_noise(self, inputs: NDArray[np.int64]) -> None:
        if self.generator.random() < 0.5:
            deviation = self.generator.uniform(0.0, self.input_noise)
            noise = np.rint(self.generator.normal(0.0, deviation, len(inputs)))
            inputs[:] = np.clip(inputs + noise.astype(np.int64), 0, self.levels - 1)

    def next_batch(self) -> Batch:
        shape = (self.chunk_frames, self.batch_size)
        inputs = np.full(shape, self.silence, dtype=np.int64)
        targets = np.full(shape, self.silence, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.float32)
        notes = [self._choose_note() for _ in range(self.batch_size)]
        for column, note in enumerate(notes):
            latest_start = len(note.codes) - self.chunk_frames
            start = 0
            if latest_start > 0 and self.generator.random() >= self.onset_share:
                start = int(self.generator.integers(1, latest_start + 1))
            codes = note.codes[start : start + self.chunk_frames]
            targets[: len(codes), column] = codes
            inputs[1 : len(codes), column] = codes[:-1]
            if start > 0:
                inputs[0, column] = note.codes[start - 1]
            self._add_noise(inputs[1 : len(codes), column])
            first_scored = 0 if start == 0 else self.receptive_field
            mask[first_scored : len(codes), column] = 1.0
        return Batch(
            inputs=inputs,
            targets=targets,
            mask=mask,
            instruments=np.array([note.instrument for note in notes], dtype=np.int64),
            pitches=np.array([note.pitch for note in notes], dtype=np.int64),
        )

    def batches(self) -> Iterator[Batch]:
        while True:
            yield self.next_batch()
