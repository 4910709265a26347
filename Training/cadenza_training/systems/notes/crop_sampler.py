"""Batches of crops: stretches of pieces, each from the start of a step, read from nothing before.

A share of them begins where a piece begins, exactly as generation does: the token before it is the
start token. The others begin anywhere, after the token that stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training.systems.notes.keys import transposed_key
from cadenza_training.systems.notes.note_codec import NoteCodec


@dataclass(frozen=True)
class TokenPiece:
    """A piece as it stands, its key, and the semitones by which it may be transposed."""

    tokens: NDArray[np.integer]
    key: int
    transpositions: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class TokenBatch:
    """Time-major, [time, batch]; `keys` is [batch]."""

    # The tokens one step late.
    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    mask: NDArray[np.float32]
    # The place of each token in its piece.
    places: NDArray[np.int64]
    keys: NDArray[np.int64]

    @staticmethod
    def of(
        crops: Sequence[TokenPiece], starts: Sequence[int], longest: int, start_token: int
    ) -> TokenBatch:
        """At most the `longest` first predictions of each crop.

        Where a crop starts within a piece, its first token is the one before it.
        """
        known = [len(crop.tokens) - (start > 0) for crop, start in zip(crops, starts, strict=True)]
        length = min(longest, max(known))
        shape = (length, len(crops))
        batch = TokenBatch(
            inputs=np.full(shape, start_token, dtype=np.int64),
            targets=np.full(shape, start_token, dtype=np.int64),
            mask=np.zeros(shape, dtype=np.float32),
            places=np.arange(length)[:, None] + np.array(starts, dtype=np.int64),
            keys=np.array([crop.key for crop in crops], dtype=np.int64),
        )
        for column, (crop, start) in enumerate(zip(crops, starts, strict=True)):
            targets = crop.tokens[1:] if start > 0 else crop.tokens
            targets = targets[:length]
            count = len(targets)
            read = crop.tokens[:count] if start > 0 else crop.tokens[: count - 1]
            batch.targets[:count, column] = targets
            batch.mask[:count, column] = 1.0
            batch.inputs[count - len(read) : count, column] = read
        return batch


class CropSampler:
    """Draws pieces in proportion to their lengths, each in one of its transpositions."""

    def __init__(
        self,
        pieces: Sequence[TokenPiece],
        codec: NoteCodec,
        *,
        crop_tokens: int,
        onset_share: float,
        columns: int,
        seed: tuple[int, ...],
    ) -> None:
        self.pieces = pieces
        self.codec = codec
        semitones = {semitone for piece in pieces for semitone in piece.transpositions}
        self.tables = {semitone: codec.transposition(semitone) for semitone in semitones}
        self.crop_tokens = crop_tokens
        self.onset_share = onset_share
        self.columns = columns
        self.generator = np.random.default_rng(seed)
        lengths = np.array([len(piece.tokens) for piece in pieces], dtype=np.float64)
        self.shares = lengths / lengths.sum()

    def next_batch(self) -> TokenBatch:
        crops, starts = [], []
        for number in self.generator.choice(len(self.pieces), self.columns, p=self.shares):
            piece = self.pieces[number]
            semitones = int(self.generator.choice(piece.transpositions))
            start = self._start(len(piece.tokens))
            # One token earlier, where there is one: it is the first input.
            first = max(0, start - 1)
            tokens = self.tables[semitones][piece.tokens[first : start + self.crop_tokens]]
            crops.append(TokenPiece(tokens, transposed_key(piece.key, semitones)))
            starts.append(start)
        return TokenBatch.of(crops, starts, self.crop_tokens, self.codec.start_token)

    def _start(self, tokens: int) -> int:
        latest = (tokens - self.crop_tokens) // self.codec.choices_per_step
        if latest <= 0 or self.generator.random() < self.onset_share:
            return 0
        return int(self.generator.integers(latest + 1)) * self.codec.choices_per_step

    def state(self) -> dict[str, object]:
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping) -> None:
        self.generator.bit_generator.state = state["generator"]
