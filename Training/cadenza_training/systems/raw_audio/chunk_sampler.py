"""Chunks for a network with a bounded receptive field: each stands alone.

A share of them starts where a recording starts, exactly as generation does: the input before it
is silence and the layers see zeros. The others start anywhere, and the steps whose receptive
field reaches before the chunk do not count.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cadenza_training import mu_law
from cadenza_training.systems.raw_audio.augmentation import draw_noise_deviation, with_noise
from cadenza_training.systems.raw_audio.batch import Batch
from cadenza_training.systems.raw_audio.recordings import Recording, frame_count, render
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler


class ChunkSampler:
    def __init__(
        self,
        recordings: list[Recording],
        takes: TakeSampler,
        *,
        levels: int,
        receptive_field: int,
        chunk_frames: int,
        columns: int,
        onset_share: float,
        seed: tuple[int, ...],
    ) -> None:
        self.recordings = recordings
        self.takes = takes
        self.levels = levels
        self.receptive_field = receptive_field
        self.chunk_frames = chunk_frames
        self.columns = columns
        self.onset_share = onset_share
        self.generator = np.random.default_rng(seed)

    def next_batch(self) -> Batch:
        batch = Batch.empty(self.chunk_frames, self.columns, mu_law.silence_code(self.levels))
        for column in range(self.columns):
            self._fill(batch, column)
        return batch

    def _fill(self, batch: Batch, column: int) -> None:
        take = self.takes.draw(self.generator)
        recording = self.recordings[take.recording]
        latest = frame_count(recording, take) - self.chunk_frames
        start = 0
        if latest > 0 and self.generator.random() >= self.onset_share:
            start = int(self.generator.integers(1, latest + 1))
        # One sample earlier, where there is one: it is the first input.
        samples = render(recording, take, max(0, start - 1), self.chunk_frames + (start > 0))
        codes = mu_law.encode(samples, self.levels).astype(np.int64)
        targets = codes[1:] if start > 0 else codes
        read = codes[: len(targets)] if start > 0 else codes[:-1]
        deviation = draw_noise_deviation(self.takes.options, self.generator)
        if deviation > 0.0:
            read = with_noise(read, self.levels, deviation, self.generator)
        batch.targets[: len(targets), column] = targets
        batch.inputs[len(targets) - len(read) : len(targets), column] = read
        batch.mask[0 if start == 0 else self.receptive_field : len(targets), column] = 1.0
        batch.instruments[column] = max(0, recording.instrument)
        batch.pitches[column] = max(0, take.pitch)

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
