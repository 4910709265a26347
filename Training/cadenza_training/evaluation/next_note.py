"""How well a note matrix is predicted, each note from those before it: errors on normalised fields
(Shinde et al.), and for fields of classes their negative log-likelihood.

The network runs in PyTorch with the windows that the engine runs it with: the engine hands out what
it draws, not what it predicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cadenza_training.errors import UserError
from cadenza_training.evaluation.markov import MarkovModel, TokenGrammar
from cadenza_training.evaluation.pieces import Piece, notes_of
from cadenza_training.evaluation.report import Cell, Table
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.note_matrix.codec import FIELD_NAMES, NoteMatrixCodec
from cadenza_training.systems.note_matrix.note_matrix import field_losses, spread, windows_of

# Notes that are predicted, spread over all held-out ones: each costs a window of steps.
MOST_NOTES = 10_000
MARKOV_ORDERS = (0, 2)


def decibels(signal: float, error: float) -> float:
    """10 log₁₀ of a ratio of powers."""
    return math.inf if error == 0.0 else 10.0 * math.log10(signal / error)


@dataclass(frozen=True)
class NextNote:
    """Of one way to predict: the mean squared error of each field, on numbers of 0 … 1."""

    squared_errors: NDArray[np.float64]

    @property
    def over_all(self) -> float:
        return float(self.squared_errors.mean())


@dataclass(frozen=True)
class NextNoteFigures:
    notes: int
    # Of each field of the held-out notes: the mean of its squares, and its variance.
    mean_squares: NDArray[np.float64]
    variances: NDArray[np.float64]
    errors: Mapping[str, NextNote]
    # Nats a note of each field, by who predicts; empty where the fields are numbers.
    nats: Mapping[str, NDArray[np.float64]]

    def tables(self) -> list[Table]:
        signal, variance = float(self.mean_squares.mean()), float(self.variances.mean())
        rows: list[tuple[Cell, ...]] = [
            (
                name,
                *(float(value) for value in errors.squared_errors),
                errors.over_all,
                decibels(signal, errors.over_all),
                decibels(variance, errors.over_all),
            )
            for name, errors in self.errors.items()
        ]
        tables = [
            Table(
                "next_note",
                f"Mean squared error of the next note, over {self.notes:,} held-out notes",
                ("predicted by", *FIELD_NAMES, "all", "signal-to-noise, dB", "mean removed, dB"),
                tuple(rows),
            )
        ]
        if self.nats:
            tables.append(
                Table(
                    "next_note_nats",
                    f"Nats a note, over {self.notes:,} held-out notes",
                    ("predicted by", *FIELD_NAMES, "all"),
                    tuple(
                        (name, *(float(value) for value in nats), float(nats.sum()))
                        for name, nats in self.nats.items()
                    ),
                )
            )
        return tables


def rows_of(piece: Piece, codec: NoteMatrixCodec) -> NDArray[np.int64]:
    return codec.rows(notes_of(piece.table))


@torch.no_grad()
def next_note_figures(
    model: Path, held_out: Sequence[Piece], training: Sequence[Piece]
) -> NextNoteFigures:
    """Beside two that need no network: the mean of the training set, and the last note again."""
    network, configuration = load_network(model)
    codec = NoteMatrixCodec(configuration["codec"])
    rows = [rows_of(piece, codec) for piece in held_out]
    elements = [codec.elements(piece) for piece in rows]
    total = sum(map(len, rows))
    if total == 0 or not training:
        raise UserError("the next note is predicted of held-out pieces, beside training pieces")
    places = spread(total, MOST_NOTES)
    actual = np.concatenate([codec.normalised(piece) for piece in rows])
    first = codec.first()
    start = [
        codec.class_values(field)[int(first[field])] if count else first[field]
        for field, count in enumerate(codec.class_counts)
    ]
    previous = np.concatenate(
        [np.concatenate([[start], codec.normalised(piece)[:-1]]) for piece in rows]
    )
    learnt = [rows_of(piece, codec) for piece in training]
    mean = np.concatenate([codec.normalised(piece) for piece in learnt]).mean(axis=0)
    wanted = actual[places]
    predicted, nats = [], []
    fields = network.fields.fields
    for windows, following in windows_of(elements, first, network.window, places):
        outputs = network.predict(windows, [])
        nats.append(field_losses(network, outputs, following).double().numpy())
        columns = []
        for index, (field, output) in enumerate(
            zip(fields, network.fields.split(outputs.double()), strict=True)
        ):
            if field.is_value:
                columns.append(output[..., 0].clamp(0.0, 1.0))
            else:
                values = torch.from_numpy(codec.class_values(index))
                columns.append((output.softmax(-1) * values).sum(-1))
        predicted.append(torch.stack(columns, dim=-1).numpy())
    errors = {
        name: NextNote(np.square(guess - wanted).mean(axis=0))
        for name, guess in (
            ("this model", np.concatenate(predicted)),
            ("the training set's mean", mean),
            ("the note before", previous[places]),
        )
    }
    likelihoods: dict[str, NDArray[np.float64]] = {}
    if not any(field.is_value for field in fields):
        likelihoods["this model"] = np.concatenate(nats).mean(axis=0)
        likelihoods |= _markov(codec, [codec.elements(piece) for piece in learnt], elements)
    return NextNoteFigures(
        len(places),
        np.square(wanted).mean(axis=0),
        wanted.var(axis=0),
        errors,
        likelihoods,
    )


def _markov(
    codec: NoteMatrixCodec,
    training: Sequence[NDArray[np.float32]],
    held_out: Sequence[NDArray[np.float32]],
) -> dict[str, NDArray[np.float64]]:
    """Nats a note of each field by itself, from its own past, over all held-out notes."""
    total = sum(map(len, held_out))
    first = codec.first().astype(int)
    found = {}
    for order in MARKOV_ORDERS:
        nats = []
        for field, classes in enumerate(codec.class_counts):
            model = MarkovModel(order, TokenGrammar((classes,), int(first[field])))
            for piece in training:
                model.learn(piece[:, field].astype(int))
            nats.append(sum(model.nats(piece[:, field].astype(int)) for piece in held_out) / total)
        name = "unigram" if order == 0 else f"order-{order} Markov"
        found[name] = np.array(nats)
    return found
