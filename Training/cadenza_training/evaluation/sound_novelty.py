"""Passages of sound, for the search of copies: sequences of mel-frequency cepstra."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training import mu_law
from cadenza_training.evaluation.mel_cepstrum import HOP_LENGTH, mel_cepstrum
from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.novelty import Novelty, Query, draw_for_comparison, measure_novelty
from cadenza_training.evaluation.sound_files import SoundFile

PASSAGE_SECONDS = 1.0
# Cepstra are averaged over this many frames, which is also the distance of the index's passages; a
# query is tried at every frame in between, so that a copy is found wherever it begins.
POOLED_FRAMES = 4
# A passage quieter than this is silence, and silence is no one's.
SILENCE_DECIBELS = -50.0


@dataclass(frozen=True)
class SoundPassage:
    file: SoundFile
    start_seconds: float

    @property
    def origin(self) -> str:
        return self.file.recording


@dataclass(frozen=True)
class _Cepstra:
    """Of one file: what its passages are cut from."""

    file: SoundFile
    # [frames, coefficients], each the mean over POOLED_FRAMES frames from there on.
    pooled: NDArray[np.float64]
    # For each frame that a passage may start at.
    is_loud: NDArray[np.bool_]
    passage_frames: int
    frame_seconds: float

    def passage(self, start: int) -> SoundPassage:
        return SoundPassage(self.file, start * self.frame_seconds)

    def rows(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """[starts, groups of frames, coefficients]."""
        groups = np.arange(0, self.passage_frames, POOLED_FRAMES)
        return self.pooled[starts[:, None] + groups[None, :]]

    def indexed(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.is_loud & (np.arange(len(self.is_loud)) % POOLED_FRAMES == 0))

    def queried(self) -> list[NDArray[np.int64]]:
        """For passages one after another, the starts that are tried."""
        total = len(self.is_loud)
        # The last passage is tried at earlier frames, so that it too has every alignment.
        firsts = [
            max(0, min(start, total - POOLED_FRAMES))
            for start in range(0, total, self.passage_frames)
        ]
        spans = [np.arange(first, min(first + POOLED_FRAMES, total)) for first in firsts]
        loud = [span[self.is_loud[span]] for span in spans]
        return [span for span in loud if len(span) > 0]


def flatten(windows: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows whose Euclidean distance is the root mean square difference of their coefficients, in
    the training set's standard deviations."""
    rows = (windows / scale).reshape(len(windows), -1)
    return rows / np.sqrt(rows.shape[1])


def sound_novelty(
    training: Iterable[SoundFile],
    generated: Iterable[SoundFile],
    reference: Iterable[SoundFile],
    sample_rate: int,
) -> Novelty[SoundPassage]:
    passage_frames = POOLED_FRAMES * max(
        1, round(PASSAGE_SECONDS * sample_rate / HOP_LENGTH / POOLED_FRAMES)
    )
    sides = [
        [
            cepstra
            for file in tqdm(list(files), desc=f"passages: {name}", unit="file")
            if (cepstra := _cepstra(file, sample_rate, passage_frames)) is not None
        ]
        for name, files in (
            ("training", training),
            ("generated", generated),
            ("reference", reference),
        )
    ]
    passages = [entry.passage(start) for entry in sides[0] for start in entry.indexed()]
    if not passages:
        raise NotDefinedError(f"no training file has a passage of {PASSAGE_SECONDS:g} s")
    everything = np.concatenate([entry.rows(entry.indexed()) for entry in sides[0]])
    scale = everything.std(axis=(0, 1))
    scale[scale == 0.0] = 1.0

    def queries(places: list[tuple[_Cepstra, NDArray[np.int64]]]) -> list[Query[SoundPassage]]:
        return [
            Query(entry.passage(int(starts[0])), flatten(entry.rows(starts), scale))
            for entry, starts in places
        ]

    asked = [[(entry, starts) for entry in side for starts in entry.queried()] for side in sides]
    return measure_novelty(
        flatten(everything, scale),
        passages,
        generated=queries(asked[1]),
        training=queries(draw_for_comparison(asked[0])),
        reference=queries(draw_for_comparison(asked[2])),
        metric="euclidean",
    )


def _cepstra(file: SoundFile, sample_rate: int, passage_frames: int) -> _Cepstra | None:
    """None where the file is shorter than a passage."""
    samples, _ = file.read(sample_rate)
    # Through mu-law on both sides: a copy by a model of 256 levels then differs by nothing of it.
    samples = mu_law.decode(mu_law.encode(samples))
    # Coefficient 0 is the level: a copy at another level is a copy.
    cepstra = mel_cepstrum(samples, sample_rate)[:, 1:]
    starts = len(cepstra) - passage_frames + 1
    if starts < 1 or len(samples) < PASSAGE_SECONDS * sample_rate:
        return None
    means = np.lib.stride_tricks.sliding_window_view(cepstra, POOLED_FRAMES, axis=0).mean(axis=-1)
    length = passage_frames * HOP_LENGTH
    power = np.concatenate([[0.0], np.cumsum(np.square(samples))])
    begins = np.minimum(np.arange(starts) * HOP_LENGTH, len(samples) - 1)
    ends = np.minimum(begins + length, len(samples))
    is_loud = (power[ends] - power[begins]) / length > 10.0 ** (SILENCE_DECIBELS / 10.0)
    return _Cepstra(file, means, is_loud, passage_frames, HOP_LENGTH / sample_rate)
