"""Which tokens may come at each place of a step: what the softmax is over."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cadenza_training.systems.notes.note_codec import NoteCodec


class Grammar:
    """Hides from a prediction what the codec does not let the sampler choose."""

    def __init__(self, codec: NoteCodec, device: torch.device) -> None:
        self.places = codec.choices_per_step
        # [places, vocabulary]: nothing added to what may come, -inf to all else.
        self.table: Tensor | None = None
        if len(codec.ranges) > 1:
            self.table = torch.full((self.places, codec.vocabulary_size), -math.inf, device=device)
            for place, tokens in enumerate(codec.ranges):
                self.table[place, tokens.first : tokens.first + tokens.count] = 0.0

    def masked(self, logits: Tensor, places: Tensor) -> Tensor:
        """`logits` [time, batch, vocabulary] of the tokens at `places` [time, batch]."""
        logits = logits.float()
        return logits if self.table is None else logits + self.table[places % self.places]
