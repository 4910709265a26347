"""Sequences of notes from anywhere in the pieces, in any key.

A network with a window starts from nothing at every prediction, and so does a sequence: its first
notes only warm the state up. A sequence may begin before its piece, where everything is what step
0 is fed, as a window there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cadenza_training.systems.note_matrix.codec import PITCH, NoteMatrixCodec

HIGHEST_PITCH = 127


class SequenceSampler:
    def __init__(
        self,
        pieces: Sequence[NDArray[np.int64]],
        codec: NoteMatrixCodec,
        *,
        window: int,
        sequence_notes: int,
        warm_up_notes: int,
        transpose: int,
        columns: int,
        seed: tuple[int, ...],
    ) -> None:
        """`pieces`: rows as the codec has them; `transpose`: semitones, either way."""
        self.pieces = list(pieces)
        self.codec = codec
        self.window = window
        self.sequence_notes = sequence_notes
        self.warm_up_notes = warm_up_notes
        self.transpose = transpose
        self.columns = columns
        self.generator = np.random.default_rng(seed)
        lengths = np.array([len(piece) for piece in self.pieces], dtype=np.float64)
        self.shares = lengths / lengths.sum()

    def next_batch(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Inputs and targets [notes, columns, 3], and which predictions count [notes, columns]."""
        first = self.codec.first()
        shape = (self.sequence_notes, self.columns)
        inputs = np.tile(first, (*shape, 1))
        targets = np.tile(first, (*shape, 1))
        mask = np.zeros(shape, dtype=np.float32)
        for column in range(self.columns):
            piece = self.pieces[self.generator.choice(len(self.pieces), p=self.shares)]
            start = int(self.generator.integers(1 - self.window, max(1, len(piece) - self.window)))
            end = min(len(piece), start + self.sequence_notes)
            # The note before the first one is read too, where there is one.
            begin = max(0, start)
            known = max(0, begin - 1)
            elements = self.codec.elements(self._transposed(piece[known:end]))
            place = begin - start
            count = end - begin
            targets[place : place + count, column] = elements[begin - known :]
            read = elements[: len(elements) - 1]
            inputs[place + count - len(read) : place + count, column] = read
            # Before the piece nothing is missing: what is there warms the state up.
            mask[max(place, self.warm_up_notes) : place + count, column] = 1.0
        return inputs, targets, mask

    def _transposed(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """In another key, which keeps every pitch one of MIDI's."""
        if self.transpose == 0:
            return rows
        pitches = rows[:, PITCH]
        lowest = max(-self.transpose, -int(pitches.min()))
        highest = min(self.transpose, HIGHEST_PITCH - int(pitches.max()))
        moved = rows.copy()
        moved[:, PITCH] += int(self.generator.integers(lowest, highest + 1))
        return moved

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
