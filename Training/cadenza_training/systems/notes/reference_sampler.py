"""Composes in plain PyTorch, one token after another: to judge a network before, and beside, the
engine, which draws the same way from its own random numbers.

A network that carries a state reads each token once; any other reads its receptive field again for
every token, which is slow and simple.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cadenza_training.networks.network import Network
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
    seeds: Sequence[int],
    most_tokens: int,
    keys: Sequence[int] | None = None,
) -> list[NDArray[np.int64]]:
    """A piece for each seed: tokens until its end, or until there are `most_tokens`.

    `keys` are the pieces' keys; left out, the model's default. A piece's tokens depend on its own
    seed alone, and not on those composed beside it.
    """
    columns = len(seeds)
    generators = [np.random.default_rng(seed) for seed in seeds]
    grammar = Grammar(codec, torch.device("cpu"))
    defaults = {condition.name: condition.default for condition in network.conditions}
    asked = torch.tensor(keys if keys is not None else [defaults.get("key", 0)] * columns)
    state = network.empty_state(columns)
    carries = state is not None
    field = network.receptive_field
    read = torch.full((1, columns), codec.start_token)
    ends = [most_tokens] * columns
    for place in range(most_tokens):
        if all(end <= place for end in ends):
            break
        first = place if carries else max(0, place + 1 - (field or place + 1))
        places = torch.arange(first, place + 1)[:, None].expand(-1, columns)
        values = condition_values(network.conditions, codec, asked, places)
        logits, state = network(read[first:], values, state)
        allowed = grammar.masked(logits[-1:], places[-1:])[0].double().numpy()
        chosen = torch.zeros(1, columns, dtype=torch.int64)
        for column, generator in enumerate(generators):
            if place >= ends[column]:
                continue
            token = choose(allowed[column], sampling, generator)
            chosen[0, column] = token
            if token == codec.end_token:
                ends[column] = place + 1
        read = torch.cat([read, chosen])
    return [read[1 : end + 1, column].numpy() for column, end in enumerate(ends)]
