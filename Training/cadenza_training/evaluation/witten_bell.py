"""Markov tables of any order over classes: the baselines of what a network predicts.

Contexts that are rare lean on shorter ones (Witten and Bell 1991, their method C):
P(x | c) = (N(c x) + T(c) P(x | shorter c)) / (N(c) + T(c)), N counts, and T(c) is how many
different classes followed c; below the empty context all classes are as likely.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence


class MarkovTable:
    def __init__(
        self, sequences: Iterable[Sequence[int]], classes: int, order: int, first: int
    ) -> None:
        """Before a sequence begins everything was `first`."""
        self.classes = classes
        self.order = order
        self.first = first
        # By the context's length: how often each context and class were met, how often each
        # context, and by how many classes it was followed.
        self.counts: list[Counter[tuple[tuple[int, ...], int]]] = [
            Counter() for _ in range(order + 1)
        ]
        for sequence in sequences:
            for context, value in self._steps(sequence):
                for length, counts in enumerate(self.counts):
                    counts[context[order - length :], value] += 1
        self.totals: list[Counter[tuple[int, ...]]] = []
        self.kinds: list[Counter[tuple[int, ...]]] = []
        for counts in self.counts:
            total: Counter[tuple[int, ...]] = Counter()
            for (context, _), count in counts.items():
                total[context] += count
            self.totals.append(total)
            self.kinds.append(Counter(context for context, _ in counts))

    def _steps(self, sequence: Sequence[int]) -> Iterable[tuple[tuple[int, ...], int]]:
        padded = [self.first] * self.order + [int(value) for value in sequence]
        for place in range(self.order, len(padded)):
            yield tuple(padded[place - self.order : place]), padded[place]

    def probability(self, context: tuple[int, ...], value: int) -> float:
        """`context`: the last `order` classes."""
        probability = 1.0 / self.classes
        for length in range(self.order + 1):
            seen = context[self.order - length :]
            total, kinds = self.totals[length][seen], self.kinds[length][seen]
            if total > 0:
                count = self.counts[length][seen, value]
                probability = (count + kinds * probability) / (total + kinds)
        return probability

    def nats(self, sequence: Sequence[int]) -> float:
        """Summed negative log-likelihood."""
        return -sum(math.log(self.probability(*step)) for step in self._steps(sequence))
