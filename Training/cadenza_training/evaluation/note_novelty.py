"""Passages of notes, for the search of copies: n-grams of intervals and times between notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.novelty import Novelty, Query, draw_for_comparison, measure_novelty
from cadenza_training.evaluation.pieces import Piece
from cadenza_training.evaluation.score_agreement import STEPS_PER_BEAT

PASSAGE_NOTES = 16
# The index's passages begin this many notes apart; a query is tried at every note in between.
INDEX_HOP = 4
NGRAMS = (2, 4)
# A passage of fewer different steps, a note repeated or a trill, is no one's.
FEWEST_STEPS = 5
_ONSET_BEATS = 2
_PITCH = 4


@dataclass(frozen=True)
class NotePassage:
    """Notes of one voice in succession, as rows of NOTE_COLUMNS."""

    piece: str
    notes: NDArray[np.float64]

    @property
    def origin(self) -> str:
        return self.piece

    @property
    def where(self) -> str:
        return f"{self.piece} from beat {self.notes[0, _ONSET_BEATS]:g}"


def words_of(notes: NDArray[np.float64]) -> str:
    """One word for each step from a note to the next, INTERVAL_SIXTEENTHS: the same in every key
    and, as beats count, at every tempo."""
    intervals = np.diff(notes[:, _PITCH]).astype(int)
    sixteenths = np.floor(np.diff(notes[:, _ONSET_BEATS]) * STEPS_PER_BEAT + 0.5).astype(int)
    return " ".join(f"{i}_{s}" for i, s in zip(intervals, sixteenths, strict=True))


def note_novelty(
    training: Sequence[Piece], generated: Sequence[Piece], reference: Sequence[Piece]
) -> Novelty[NotePassage]:
    vectorizer = HashingVectorizer(
        analyzer="word",
        token_pattern=r"\S+",
        lowercase=False,
        ngram_range=NGRAMS,
        n_features=2**18,
        alternate_sign=False,
        dtype=np.float32,
    )

    def features(texts: list[str]) -> csr_matrix:
        return vectorizer.transform(texts)

    passages = [
        NotePassage(piece.name, rows[start : start + PASSAGE_NOTES])
        for piece in training
        for rows in piece.voices()
        for start in range(0, len(rows) - PASSAGE_NOTES + 1, INDEX_HOP)
        if _is_someones(rows[start : start + PASSAGE_NOTES])
    ]
    if not passages:
        raise NotDefinedError(
            f"no voice of the training set has a passage of {PASSAGE_NOTES} notes"
        )

    def queries(cuts: list[tuple[str, NDArray[np.float64], int]]) -> list[Query[NotePassage]]:
        found = []
        for name, rows, start in cuts:
            total = len(rows) - PASSAGE_NOTES + 1
            # The last passage is tried at earlier notes, so that it too has every alignment.
            first = max(0, min(start, total - INDEX_HOP))
            starts = range(first, min(first + INDEX_HOP, total))
            texts = [words_of(rows[at : at + PASSAGE_NOTES]) for at in starts]
            passage = NotePassage(name, rows[start : start + PASSAGE_NOTES])
            found.append(Query(passage, features(texts)))
        return found

    return measure_novelty(
        features([words_of(passage.notes) for passage in passages]),
        passages,
        generated=queries(_cuts(generated)),
        training=queries(draw_for_comparison(_cuts(training))),
        reference=queries(draw_for_comparison(_cuts(reference))),
        metric="cosine",
    )


def _cuts(pieces: Sequence[Piece]) -> list[tuple[str, NDArray[np.float64], int]]:
    """Passages one after another: the piece's name, the voice's rows and the passage's start."""
    return [
        (piece.name, rows, start)
        for piece in pieces
        for rows in piece.voices()
        for start in range(0, len(rows) - PASSAGE_NOTES + 1, PASSAGE_NOTES)
        if _is_someones(rows[start : start + PASSAGE_NOTES])
    ]


def _is_someones(notes: NDArray[np.float64]) -> bool:
    return len(set(words_of(notes).split())) >= FEWEST_STEPS
