"""The system of notes: a prepared note set, a codec of notes, any network over tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.network import Network
from cadenza_training.networks.registry import make_network
from cadenza_training.systems.notes.codecs import make_codec
from cadenza_training.systems.notes.crop_sampler import CropSampler, TokenBatch, TokenPiece
from cadenza_training.systems.notes.grammar import Grammar
from cadenza_training.systems.notes.keys import KEY_LABELS
from cadenza_training.systems.notes.note_codec import NoteCodec
from cadenza_training.systems.notes.pieces import ScoredPiece, load_pieces
from cadenza_training.systems.notes.transposition import (
    AugmentationOptions,
    pitch_ranges,
    transpositions,
)
from cadenza_training.systems.system import FitConfiguration, Losses, System, class_default

# A position condition tells the steps of so many beats apart: a bar of common time.
POSITION_BEATS = 4
# Held-out pieces are scored side by side, as many as make so many predictions.
VALIDATION_PREDICTIONS = 16384


@dataclass(frozen=True)
class BatchOptions:
    # Of one crop at most: what the gradient reaches back through, and the network's memory.
    crop_tokens: int = 512
    # Share of crops that begin where a piece begins.
    onset_share: float = 0.25
    # Of each piece to validate on, its first tokens.
    validation_tokens: int = 4096

    def check(self, choices_per_step: int) -> None:
        if self.crop_tokens < 2 or self.crop_tokens % choices_per_step:
            raise UserError(
                f"batches.crop_tokens is {self.crop_tokens}, expected 2 or more, and a multiple of "
                f"the {choices_per_step} tokens of a step"
            )
        if not 0.0 <= self.onset_share <= 1.0:
            raise UserError(f"batches.onset_share is {self.onset_share}, expected 0 … 1")
        if self.validation_tokens < 1:
            raise UserError(
                f"batches.validation_tokens is {self.validation_tokens}, expected 1 or more"
            )


def condition_values(
    conditions: Sequence[ClassCondition], codec: NoteCodec, keys: Tensor, places: Tensor
) -> list[Tensor]:
    """The class of each condition: a key for each column, a position for each token."""
    values = {"key": keys, "position": places // codec.choices_per_step}
    return [
        values[condition.name] % condition.size
        if condition.follows_position
        else values[condition.name]
        for condition in conditions
    ]


def batch_losses(
    network: Network, codec: NoteCodec, grammar: Grammar, batch: TokenBatch, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The nats of every prediction, 0 where none is asked for, and the mask, [time, batch]."""
    inputs, targets, mask, places, keys = (
        torch.from_numpy(part).to(device)
        for part in (batch.inputs, batch.targets, batch.mask, batch.places, batch.keys)
    )
    logits, _ = network(inputs, condition_values(network.conditions, codec, keys, places))
    # Beyond a piece's end nothing is predicted: any token that may come there will do.
    if grammar.table is not None:
        first = grammar.table[places % grammar.places].argmax(dim=-1)
        targets = torch.where(mask > 0, targets, first)
    each = functional.cross_entropy(
        grammar.masked(logits, places).flatten(0, 1), targets.flatten(), reduction="none"
    )
    return each.unflatten(0, mask.shape) * mask, mask


class Notes(System):
    def __init__(
        self,
        configuration: FitConfiguration,
        prepared: PreparedSet,
        training: TrainingOptions,
        *,
        processes: int,
        rank: int,
    ) -> None:
        augmentation = build(AugmentationOptions, configuration.augmentation, "augmentation")
        augmentation.check()
        self.batch_options = build(BatchOptions, configuration.batches, "batches")
        if training.batch_size % processes:
            raise UserError(
                f"training.batch_size is {training.batch_size}, "
                f"which {processes} processes cannot share evenly"
            )
        pieces = load_pieces(prepared, "train")
        if not pieces:
            raise UserError(f"{prepared.folder} has no pieces to train on")
        self.codec = make_codec(configuration.codec, [piece.notes for piece in pieces])
        self.batch_options.check(self.codec.choices_per_step)
        self.conditions = self._conditions(configuration)
        self.network = make_network(
            {**configuration.network, "vocabulary_size": self.codec.vocabulary_size},
            self.conditions,
        )
        self.network.relate_tokens(torch.from_numpy(self.codec.traits()))
        self.device = torch.device("cpu")
        self.grammar = Grammar(self.codec, self.device)
        self.validation = [self._tokens(piece) for piece in load_pieces(prepared, "validation")]
        ranges = pitch_ranges(note for piece in pieces for note in piece.notes)
        self.sampler = CropSampler(
            [
                self._tokens(piece, transpositions(piece.notes, ranges, augmentation.transposition))
                for piece in pieces
            ],
            self.codec,
            crop_tokens=self.batch_options.crop_tokens,
            onset_share=self.batch_options.onset_share,
            columns=training.batch_size // processes,
            seed=(training.seed, rank),
        )

    def _tokens(self, piece: ScoredPiece, semitones: Sequence[int] = (0,)) -> TokenPiece:
        tokens = self.codec.encode(piece.notes)
        return TokenPiece(tokens.astype(np.int32), piece.key, tuple(semitones))

    def _conditions(self, configuration: FitConfiguration) -> tuple[ClassCondition, ...]:
        conditions = []
        for name, channels in configuration.conditions.items():
            if not isinstance(channels, int) or channels < 1:
                raise UserError(f"conditions.{name} is {channels!r}, expected channels, 1 or more")
            if name == "key":
                wanted = configuration.defaults.get(name, 0)
                default = class_default(name, wanted, KEY_LABELS, len(KEY_LABELS))
                conditions.append(
                    ClassCondition(name, len(KEY_LABELS), channels, KEY_LABELS, default)
                )
            elif name == "position":
                if not self.codec.has_grid:
                    raise UserError(
                        f"conditions.position: {self.codec.kind} has no grid whose steps it could "
                        "follow; leave it out"
                    )
                size = POSITION_BEATS * self.codec.ticks_per_beat
                conditions.append(ClassCondition(name, size, channels, follows_position=True))
            else:
                raise UserError(
                    f'conditions: "{name}" is not known to notes; it has key and position'
                )
        for name in configuration.defaults:
            if name not in configuration.conditions:
                raise UserError(f'defaults: there is no condition "{name}"')
        return tuple(conditions)

    def to(self, device: torch.device) -> None:
        self.device = device
        self.network.to(device)
        self.grammar = Grammar(self.codec, device)

    def compile(self) -> None:
        # Crops of many lengths would be compiled again and again.
        pass

    def next_losses(self) -> Losses:
        each, mask = batch_losses(
            self.network, self.codec, self.grammar, self.sampler.next_batch(), self.device
        )
        return Losses(each.sum(), mask.sum())

    @torch.no_grad()
    def validate(self) -> float:
        """Each piece from its first token on, as it stands."""
        if not self.validation:
            return math.nan
        nats, count = 0.0, 0
        for batch in self._validation_batches():
            each, mask = batch_losses(self.network, self.codec, self.grammar, batch, self.device)
            nats += float(each.double().sum())
            count += int(mask.sum())
        return nats / count

    def _validation_batches(self) -> list[TokenBatch]:
        """Pieces of like length together."""
        most = self.batch_options.validation_tokens
        waiting = sorted(self.validation, key=lambda piece: -len(piece.tokens))
        batches = []
        while waiting:
            length = min(most, len(waiting[0].tokens))
            count = max(1, VALIDATION_PREDICTIONS // length)
            group, waiting = waiting[:count], waiting[count:]
            batches.append(TokenBatch.of(group, [0] * len(group), length, self.codec.start_token))
        return batches

    def state(self) -> dict[str, object]:
        return {"sampler": self.sampler.state()}

    def restore(self, state: Mapping) -> None:
        self.sampler.restore(state["sampler"])

    def model_configuration(self) -> dict[str, object]:
        return {
            "network": self.network.network_configuration(),
            "codec": self.codec.configuration(),
            "conditions": [condition.to_configuration() for condition in self.conditions],
        }
