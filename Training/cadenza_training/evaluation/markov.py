"""Markov models of tokens: the baselines that a network of notes is compared with.

Order n: the next token given the n before it. Estimates of all orders down to none are mixed as
Witten and Bell 1991 do (method C), with a strength s beside it:

    P_n(token | context) = (count(context, token) + s · T · P_{n-1}(token | shorter context))
                           / (count(context) + s · T)

where T is how many different tokens were seen after the context, and P_{-1} is the same for every
token that may come. Codecs whose steps have several places, such as the voices of a chorale, have
tables for each place: no baseline is spent on what the grammar says.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Of the mixture; the one that fits the pieces to validate on best is taken.
STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class TokenGrammar:
    """How many tokens may come at each place of a step, and what every piece begins after."""

    choices: tuple[int, ...]
    start_token: int


class MarkovModel:
    def __init__(self, order: int, grammar: TokenGrammar, strength: float = 1.0) -> None:
        """Order 0 is the unigram model."""
        self.order = order
        self.grammar = grammar
        self.strength = strength
        # By length of context: (place, context …, token) and (place, context …) → count.
        self.pairs: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        self.contexts: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        # How many different tokens were seen after a context.
        self.kinds: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]

    def learn(self, tokens: Sequence[int]) -> None:
        places = len(self.grammar.choices)
        # Python's own integers: as keys they are far quicker than NumPy's.
        line = [self.grammar.start_token] * self.order + [int(token) for token in tokens]
        for length in range(self.order + 1):
            pairs, contexts, kinds = self.pairs[length], self.contexts[length], self.kinds[length]
            for index in range(len(line) - self.order):
                end = index + self.order
                context = (index % places, *line[end - length : end])
                pair = (*context, line[end])
                if pair not in pairs:
                    kinds[context] += 1
                pairs[pair] += 1
                contexts[context] += 1

    def probability(self, past: tuple[int, ...], token: int, place: int = 0) -> float:
        """Of `token` at `place`, after `past`, the last `order` tokens."""
        probability = 1.0 / self.grammar.choices[place]
        for length in range(self.order + 1):
            context = (place, *past[self.order - length :])
            seen = self.contexts[length][context]
            if seen == 0:
                # A longer context was not seen either.
                break
            mixed = self.strength * self.kinds[length][context]
            count = self.pairs[length][(*context, token)]
            probability = (count + mixed * probability) / (seen + mixed)
        return probability

    def nats(self, tokens: Sequence[int]) -> float:
        """Negative log-likelihood of a whole piece."""
        places = len(self.grammar.choices)
        line = [self.grammar.start_token] * self.order + [int(token) for token in tokens]
        total = 0.0
        for index in range(len(line) - self.order):
            end = index + self.order
            past = tuple(line[index:end])
            total -= math.log(self.probability(past, line[end], place=index % places))
        return total


def fitted_markov_model(
    order: int,
    grammar: TokenGrammar,
    train: Sequence[Sequence[int]],
    validation: Sequence[Sequence[int]],
) -> MarkovModel:
    """Learnt from `train`, with the strength that gives `validation` the least nats."""
    model = MarkovModel(order, grammar)
    for tokens in train:
        model.learn(tokens)
    if validation:
        found = []
        for strength in STRENGTHS:
            model.strength = strength
            found.append(sum(model.nats(tokens) for tokens in validation))
        model.strength = STRENGTHS[int(np.argmin(found))]
    return model
