"""Negative log-likelihood of held-out pieces: what a network of notes gives them, and baselines.

Every piece is scored whole, from its first token on, in its own key. Nats are stated for a token
and for a 16th, which pieces in any codec have: codecs whose 16ths hold another number of tokens
can be compared by them, as far as what they write is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.evaluation.markov import TokenGrammar, fitted_markov_model
from cadenza_training.evaluation.report import Table
from cadenza_training.networks.network import Network
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.notes.codecs import KEYS, read_codec
from cadenza_training.systems.notes.crop_sampler import TokenBatch, TokenPiece
from cadenza_training.systems.notes.grammar import Grammar
from cadenza_training.systems.notes.note_codec import NoteCodec
from cadenza_training.systems.notes.notes import batch_losses
from cadenza_training.systems.notes.pieces import load_pieces

SIXTEENTHS_PER_BEAT = 4
# Tokens of a piece at most, so that an hour of music is scored in a bounded memory.
MOST_TOKENS = 8192


@dataclass(frozen=True)
class NoteLikelihood:
    """Sums over pieces."""

    nats: float
    tokens: int
    sixteenths: float

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def nats_per_sixteenth(self) -> float:
        return self.nats / self.sixteenths


@dataclass(frozen=True)
class HeldOutPieces:
    """Pieces as the tokens of one codec."""

    codec: NoteCodec
    pieces: tuple[TokenPiece, ...]

    def likelihood(self, nats_of: Callable[[TokenPiece], float]) -> NoteLikelihood:
        nats = sum(nats_of(piece) for piece in tqdm(self.pieces, desc="scoring", leave=False))
        return NoteLikelihood(
            nats,
            sum(len(piece.tokens) for piece in self.pieces),
            SIXTEENTHS_PER_BEAT * sum(self.codec.beats(piece.tokens) for piece in self.pieces),
        )


def read_composer(path: Path) -> tuple[Network, NoteCodec]:
    """A model of notes, ready to be asked."""
    network, configuration = load_network(path)
    if configuration["codec"]["kind"] not in KEYS:
        raise UserError(
            f'{path}: its codec is "{configuration["codec"]["kind"]}", expected one of '
            f"{', '.join(sorted(KEYS))}"
        )
    return network, read_codec(configuration["codec"])


def token_pieces(
    prepared: PreparedSet, split: str, codec: NoteCodec, most_tokens: int | None = MOST_TOKENS
) -> tuple[TokenPiece, ...]:
    return tuple(
        TokenPiece(codec.encode(piece.notes)[:most_tokens], piece.key)
        for piece in load_pieces(prepared, split)
    )


@torch.no_grad()
def network_nats(network: Network, codec: NoteCodec, piece: TokenPiece) -> float:
    device = next(network.parameters()).device
    batch = TokenBatch.of([piece], [0], len(piece.tokens), codec.start_token)
    each, _ = batch_losses(network, codec, Grammar(codec, device), batch, device)
    return float(each.double().sum())


def grammar_of(codec: NoteCodec) -> TokenGrammar:
    return TokenGrammar(tuple(tokens.count for tokens in codec.ranges), codec.start_token)


def baseline_orders(codec: NoteCodec) -> dict[str, int]:
    """What each Markov model is called, and how many tokens it looks back."""
    orders = {"unigram": 0, "order-2 Markov, over tokens": 2}
    if codec.choices_per_step > 1:
        # The two steps before, and what of its own step comes before a token.
        orders["order-2 Markov, over steps"] = 3 * codec.choices_per_step - 1
    return orders


def likelihood_table(models: Sequence[Path], prepared: PreparedSet, split: str = "test") -> Table:
    """Each model beside baselines over the tokens of the first, learnt from the training split."""
    network, codec = read_composer(models[0])
    held_out = HeldOutPieces(codec, token_pieces(prepared, split, codec))
    if not held_out.pieces:
        raise UserError(f"{prepared.folder} has no pieces in its split {split}")
    rows: list[tuple[str, NoteLikelihood]] = [
        (models[0].stem, held_out.likelihood(lambda piece: network_nats(network, codec, piece)))
    ]
    for path in models[1:]:
        rows.append((path.stem, _likelihood_of(path, prepared, split)))
    train = [piece.tokens for piece in token_pieces(prepared, "train", codec, None)]
    validation = [piece.tokens for piece in token_pieces(prepared, "validation", codec)]
    grammar = grammar_of(codec)
    for name, order in baseline_orders(codec).items():
        markov = fitted_markov_model(order, grammar, train, validation)
        rows.append((name, held_out.likelihood(lambda piece, m=markov: m.nats(piece.tokens))))
    return Table(
        "note_likelihood",
        f"Negative log-likelihood of the split {split}: {len(held_out.pieces)} pieces",
        ("", "nats a token", "nats a 16th", "tokens"),
        tuple(
            (name, found.nats_per_token, found.nats_per_sixteenth, found.tokens)
            for name, found in rows
        ),
    )


def _likelihood_of(path: Path, prepared: PreparedSet, split: str) -> NoteLikelihood:
    network, codec = read_composer(path)
    held_out = HeldOutPieces(codec, token_pieces(prepared, split, codec))
    return held_out.likelihood(lambda piece: network_nats(network, codec, piece))
