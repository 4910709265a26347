"""Whether a model copies its training set: how near generated passages come to training passages,
beside how near passages of different recordings or pieces come to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse, vstack
from scipy.stats import binom
from sklearn.neighbors import NearestNeighbors

from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.report import Cell, Table

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
# A passage is suspect up to this quantile of the distances between strangers.
SUSPECT_QUANTILE = 0.01
# Of distances in single precision, where a copy's is not quite 0.
ROUNDING = 1e-6
# So many suspects are less likely than this among honest passages: the model copies.
SIGNIFICANCE = 0.01
# So many training passages are compared with those of others, and so many held-out ones with
# the training set; drawn with SEED.
MOST_COMPARED = 1000
SEED = 2016
# Neighbours asked for at first, when those of the same recording must be passed over.
_FIRST_NEIGHBOURS = 64

Features = NDArray[np.float64] | csr_matrix
Item = TypeVar("Item")


class HasOrigin(Protocol):
    """A passage knows the recording or piece that it is from."""

    @property
    def origin(self) -> str: ...


Passage = TypeVar("Passage", bound=HasOrigin)


@dataclass(frozen=True)
class Query(Generic[Passage]):
    """A passage, and the rows of its features at every alignment that is tried."""

    passage: Passage
    features: Features


@dataclass(frozen=True)
class Match(Generic[Passage]):
    """A generated passage and the training passage nearest to it."""

    generated: Passage
    training: Passage
    distance: float


@dataclass(frozen=True)
class Novelty(Generic[Passage]):
    """From the nearest match on."""

    matches: tuple[Match[Passage], ...]
    # From training passages to the nearest of other recordings or pieces; in order.
    between_strangers: NDArray[np.float64]
    # From held-out passages to the nearest training passage: what is new, and real; in order.
    of_reference: NDArray[np.float64]

    @property
    def threshold(self) -> float:
        return float(np.quantile(self.between_strangers, SUSPECT_QUANTILE)) + ROUNDING

    @property
    def suspects(self) -> tuple[Match[Passage], ...]:
        return tuple(match for match in self.matches if match.distance <= self.threshold)

    @property
    def expected_share(self) -> float:
        """Of suspects among honest passages: by the quantile's definition or, where more of the
        held-out real passages are as near to the training set, that of those."""
        if len(self.of_reference) == 0:
            return SUSPECT_QUANTILE
        return max(SUSPECT_QUANTILE, float(np.mean(self.of_reference <= self.threshold)))

    @property
    def probability_by_chance(self) -> float:
        """Of so many suspects or more, in a binomial distribution of the expected share."""
        return float(binom.sf(len(self.suspects) - 1, len(self.matches), self.expected_share))

    @property
    def copies(self) -> bool:
        return bool(self.suspects) and self.probability_by_chance < SIGNIFICANCE

    def sentence(self) -> str:
        count, total = len(self.suspects), len(self.matches)
        found = (
            f"{count} of {total} generated passages ({100 * count / total:.1f} %) lie within "
            f"{self.threshold:.4g} of a training passage, as near as the nearest "
            f"{100 * SUSPECT_QUANTILE:.0f} % of training passages come to another recording or "
            f"piece; {100 * self.expected_share:.1f} % are expected of honest passages"
        )
        if self.copies:
            return (
                f"COPIES: {found}, so many with a probability of "
                f"{self.probability_by_chance:.2g}. Listen to the pairs that --nearest writes."
            )
        if count:
            return f"{found}, so many may be chance. Listen to the pairs that --nearest writes."
        return f"No copy found: {found}."


def measure_novelty(
    index_features: Features,
    index_passages: Sequence[Passage],
    generated: Sequence[Query[Passage]],
    training: Sequence[Query[Passage]],
    reference: Sequence[Query[Passage]],
    metric: str,
) -> Novelty[Passage]:
    """`metric` is scikit-learn's name of a distance."""
    origins = {passage.origin for passage in index_passages}
    # A reference that was trained on is no example of what is new.
    reference = [query for query in reference if query.passage.origin not in origins]
    if len(origins) < 2:
        raise NotDefinedError(
            "the training set has passages of fewer than two recordings or pieces"
        )
    if not generated:
        raise NotDefinedError("no generated file is long enough for one passage")
    index = NearestNeighbors(metric=metric, algorithm="brute").fit(index_features)
    found = _nearest(index, index_passages, generated, among_strangers=False)
    matches = [
        Match(query.passage, index_passages[place], distance)
        for query, (distance, place) in zip(generated, found, strict=True)
    ]
    strangers = _nearest(index, index_passages, training, among_strangers=True)
    held_out = _nearest(index, index_passages, reference, among_strangers=False)
    return Novelty(
        tuple(sorted(matches, key=lambda match: match.distance)),
        np.sort([distance for distance, _ in strangers]),
        np.sort([distance for distance, _ in held_out]),
    )


def draw_for_comparison(items: Sequence[Item]) -> list[Item]:
    """At most MOST_COMPARED of them, at random."""
    places = np.random.default_rng(SEED).permutation(len(items))[:MOST_COMPARED]
    return [items[place] for place in np.sort(places)]


def _nearest(
    index: NearestNeighbors,
    passages: Sequence[HasOrigin],
    queries: Sequence[Query],
    *,
    among_strangers: bool,
) -> list[tuple[float, int]]:
    """For each query the distance and place of the nearest passage, of another origin where only
    strangers count; over all alignments."""
    if not queries:
        return []
    stack = vstack if issparse(queries[0].features) else np.concatenate
    rows = stack([query.features for query in queries])
    count = min(_FIRST_NEIGHBOURS, len(passages)) if among_strangers else 1
    distances, places = index.kneighbors(rows, n_neighbors=count)
    ends = np.cumsum([query.features.shape[0] for query in queries])
    return [
        _best(
            index,
            passages,
            query,
            query.passage.origin if among_strangers else None,
            distances[end - query.features.shape[0] : end],
            places[end - query.features.shape[0] : end],
        )
        for query, end in zip(queries, ends, strict=True)
    ]


def _best(
    index: NearestNeighbors,
    passages: Sequence[HasOrigin],
    query: Query,
    excluded: str | None,
    distances: NDArray[np.float64],
    places: NDArray[np.int64],
) -> tuple[float, int]:
    while True:
        counts = np.array([[passages[place].origin != excluded for place in r] for r in places])
        # Every alignment must have found a stranger, or all passages have been looked at.
        if counts.any(axis=1).all() or places.shape[1] == len(passages):
            best = int(np.argmin(np.where(counts, distances, np.inf)))
            return float(distances.flat[best]), int(places.flat[best])
        more = min(4 * places.shape[1], len(passages))
        distances, places = index.kneighbors(query.features, n_neighbors=more)


def novelty_table(novelty: Novelty) -> Table:
    """Quantiles of distances to the nearest training passage."""
    distances = [match.distance for match in novelty.matches]
    rows: list[tuple[Cell, ...]] = []
    for name, values in (
        ("generated", distances),
        ("reference", novelty.of_reference),
        ("training, to other recordings or pieces", novelty.between_strangers),
    ):
        if len(values) > 0:
            quantiles = [float(value) for value in np.quantile(values, QUANTILES)]
            rows.append((name, len(values), float(np.min(values)), *quantiles))
    return Table(
        "novelty",
        "Distance to the nearest training passage",
        ("passages", "number", "least", *(f"{100 * q:.0f} %" for q in QUANTILES)),
        tuple(rows),
    )
