"""Chunks of recordings for a WaveNet and its encoder: they begin where a row of the embedding does.

A share of them starts where a recording starts, as generation does. The others start anywhere else,
and the steps whose receptive field reaches before the chunk do not count. The encoder hears more
than the chunk on both sides, as it does of a whole recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training import mu_law
from cadenza_training.systems.raw_audio.augmentation import draw_noise_deviation, with_noise
from cadenza_training.systems.raw_audio.recordings import Recording, frame_count, render
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler


@dataclass(frozen=True)
class Chunks:
    """Time-major codes [time, batch], and what the encoder hears, [batch, samples]."""

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    mask: NDArray[np.float32]
    heard: NDArray[np.float32]
    pitches: NDArray[np.int64]


@dataclass(frozen=True)
class ChunkShape:
    """In samples. `span`: of a row of the embedding; `chunk` and `margin`, what the encoder hears
    beyond either end, are multiples of it."""

    span: int
    chunk: int
    margin: int
    receptive_field: int
    levels: int


class EmbeddedChunkSampler:
    def __init__(
        self,
        recordings: list[Recording],
        takes: TakeSampler,
        shape: ChunkShape,
        *,
        columns: int,
        onset_share: float,
        seed: tuple[int, ...],
    ) -> None:
        self.recordings = recordings
        self.takes = takes
        self.shape = shape
        self.columns = columns
        self.onset_share = onset_share
        self.generator = np.random.default_rng(seed)

    def next_batch(self) -> Chunks:
        shape = self.shape
        silence = mu_law.silence_code(shape.levels)
        chunks = Chunks(
            inputs=np.full((shape.chunk, self.columns), silence, dtype=np.int64),
            targets=np.full((shape.chunk, self.columns), silence, dtype=np.int64),
            mask=np.zeros((shape.chunk, self.columns), dtype=np.float32),
            heard=np.zeros((self.columns, shape.chunk + 2 * shape.margin), dtype=np.float32),
            pitches=np.zeros(self.columns, dtype=np.int64),
        )
        for column in range(self.columns):
            self._fill(chunks, column)
        return chunks

    def _fill(self, chunks: Chunks, column: int) -> None:
        shape = self.shape
        take = self.takes.draw(self.generator)
        recording = self.recordings[take.recording]
        latest = (frame_count(recording, take) - shape.chunk) // shape.span
        start = 0
        if latest > 0 and self.generator.random() >= self.onset_share:
            start = int(self.generator.integers(1, latest + 1)) * shape.span
        # A sample before what is heard, where there is one: it may be the first input.
        first = max(0, start - shape.margin - 1)
        samples = render(recording, take, first, start + shape.chunk + shape.margin - first)
        before = start - shape.margin - first
        heard = samples[max(0, before) :]
        chunks.heard[column, max(0, -before) :][: len(heard)] = heard
        codes = mu_law.encode(samples, shape.levels).astype(np.int64)
        targets = codes[start - first :][: shape.chunk]
        read = codes[start - 1 - first :][: len(targets)] if start > 0 else targets[:-1]
        deviation = draw_noise_deviation(self.takes.options, self.generator)
        if deviation > 0.0:
            read = with_noise(read, shape.levels, deviation, self.generator)
        chunks.targets[: len(targets), column] = targets
        chunks.inputs[len(targets) - len(read) : len(targets), column] = read
        chunks.mask[0 if start == 0 else shape.receptive_field : len(targets), column] = 1.0
        chunks.pitches[column] = max(0, take.pitch)

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
