"""Sequences for a network that carries its state: each column plays a take, chunk after chunk.

The gradient reaches back through one chunk, the state through all of them (truncated
backpropagation through time, Williams and Peng 1990). A column whose take has ended, or has
played long enough, starts another from a zero state, as generation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training import mu_law
from cadenza_training.systems.raw_audio.augmentation import draw_noise_deviation, with_noise
from cadenza_training.systems.raw_audio.batch import Batch
from cadenza_training.systems.raw_audio.recordings import Recording, Take, frame_count, render
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler


@dataclass
class Column:
    take: Take
    # In the take's own time: where the column began, where it is, where it ends.
    start: int
    position: int
    end: int
    noise_deviation: float
    codes: NDArray[np.int64]


class SequenceSampler:
    def __init__(
        self,
        recordings: list[Recording],
        takes: TakeSampler,
        *,
        levels: int,
        chunk_frames: int,
        sequence_frames: int,
        columns: int,
        onset_share: float,
        seed: tuple[int, ...],
    ) -> None:
        """A take plays for a length drawn between a chunk and `sequence_frames`."""
        self.recordings = recordings
        self.takes = takes
        self.levels = levels
        self.chunk_frames = chunk_frames
        self.sequence_frames = max(sequence_frames, chunk_frames)
        self.onset_share = onset_share
        self.generator = np.random.default_rng(seed)
        self.columns: list[Column | None] = [None] * columns

    def next_batch(self) -> Batch:
        silence = mu_law.silence_code(self.levels)
        batch = Batch.empty(self.chunk_frames, len(self.columns), silence)
        for index, column in enumerate(self.columns):
            if column is None or column.position >= column.end:
                column = self._begin()
                self.columns[index] = column
            self._fill(batch, index, column)
        return batch

    def _begin(self) -> Column:
        take = self.takes.draw(self.generator)
        available = frame_count(self.recordings[take.recording], take)
        start = 0
        if available > self.sequence_frames and self.generator.random() >= self.onset_share:
            start = int(self.generator.integers(0, available - self.sequence_frames + 1))
        length = int(self.generator.integers(self.chunk_frames, self.sequence_frames + 1))
        end = min(available, start + length)
        deviation = draw_noise_deviation(self.takes.options, self.generator)
        return self._column(take, start, start, end, deviation)

    def _column(self, take: Take, start: int, position: int, end: int, deviation: float) -> Column:
        samples = render(self.recordings[take.recording], take, start, end - start)
        codes = mu_law.encode(samples, self.levels).astype(np.int64)
        return Column(take, start, position, start + len(codes), deviation, codes)

    def _fill(self, batch: Batch, index: int, column: Column) -> None:
        first = column.position - column.start
        targets = column.codes[first : first + self.chunk_frames]
        batch.targets[: len(targets), index] = targets
        read = column.codes[max(0, first - 1) : first + len(targets) - 1]
        if column.noise_deviation > 0.0:
            read = with_noise(read, self.levels, column.noise_deviation, self.generator)
        batch.inputs[len(targets) - len(read) : len(targets), index] = read
        # A sequence from within a recording begins without its past: its first chunk only warms
        # the state up.
        if first > 0 or column.start == 0:
            batch.mask[: len(targets), index] = 1.0
        batch.starts[index] = first == 0
        batch.instruments[index] = max(0, self.recordings[column.take.recording].instrument)
        batch.pitches[index] = max(0, column.take.pitch)
        column.position += self.chunk_frames

    def state(self) -> dict[str, object]:
        return {
            "generator": self.generator.bit_generator.state,
            "columns": [
                None
                if column is None
                else {
                    "take": asdict(column.take),
                    "start": column.start,
                    "position": column.position,
                    "end": column.end,
                    "deviation": column.noise_deviation,
                }
                for column in self.columns
            ],
        }

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
        self.columns = [
            None
            if saved is None
            else self._column(
                Take(**saved["take"]),
                saved["start"],
                saved["position"],
                saved["end"],
                saved["deviation"],
            )
            for saved in state["columns"]
        ]
