"""Composes in plain PyTorch, one token after another: to judge a network before, and beside, the
engine, which draws the same way from its own random numbers.

A network that carries a state reads each token once; any other reads its receptive field again for
every token, which is slow and simple.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from cadenza_training.networks.network import Network
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.systems.notes.grammar import Grammar
from cadenza_training.systems.notes.note_codec import NoteCodec
from cadenza_training.systems.notes.notes import condition_values
from cadenza_training.systems.system import SamplingOptions


def choose(
    logits: NDArray[np.float64], sampling: SamplingOptions, generator: np.random.Generator
) -> int:
    """Temperature, then the k likeliest, then the fewest that reach p, then a draw."""
    if sampling.temperature <= 0.0:
        return int(logits.argmax())
    scaled = logits / sampling.temperature
    order = np.argsort(-scaled, kind="stable")
    if 0 < sampling.top_k < len(order):
        order = order[: sampling.top_k]
    weights = np.exp(scaled[order] - scaled[order[0]])
    weights /= weights.sum()
    if sampling.top_p < 1.0:
        kept = int(np.searchsorted(np.cumsum(weights), sampling.top_p)) + 1
        order, weights = order[:kept], weights[:kept]
    return int(generator.choice(order, p=weights / weights.sum()))


@torch.no_grad()
def compose(
    network: Network,
    codec: NoteCodec,
    sampling: SamplingOptions,
    *,
    seed: int,
    most_tokens: int,
    asked: Mapping[str, int] | None = None,
) -> NDArray[np.int64]:
    """Tokens until the piece's end, which is the last of them, or until there are `most_tokens`.

    `asked` are classes of conditions by name; those not named take their defaults.
    """
    generator = np.random.default_rng(seed)
    grammar = Grammar(codec, torch.device("cpu"))
    defaults = {condition.name: condition.default for condition in network.conditions}
    keys = torch.tensor([(asked or {}).get("key", defaults.get("key", 0))])
    carries = isinstance(network, Recurrent)
    field = network.receptive_field
    tokens: list[int] = []
    state = None
    while len(tokens) < most_tokens and (not tokens or tokens[-1] != codec.end_token):
        read = [codec.start_token, *tokens]
        first = len(read) - 1 if carries else max(0, len(read) - (field or len(read)))
        places = torch.arange(first, len(read))[:, None]
        values = condition_values(network.conditions, codec, keys, places)
        logits, state = network(torch.tensor(read[first:])[:, None], values, state)
        allowed = grammar.masked(logits[-1:], places[-1:])[0, 0]
        tokens.append(choose(allowed.double().numpy(), sampling, generator))
    return np.array(tokens, dtype=np.int64)
