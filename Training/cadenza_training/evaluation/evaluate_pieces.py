"""The whole evaluation of generated notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.evaluation import note_histograms, pitch_content, plots, score_agreement
from cadenza_training.evaluation.clock import Clock
from cadenza_training.evaluation.generated_pieces import (
    choices_per_step,
    has_likelihood,
    has_voices,
    score_pieces,
)
from cadenza_training.evaluation.harmony import harmony_metrics
from cadenza_training.evaluation.kullback_leibler import divergence
from cadenza_training.evaluation.metric import Metric, MetricKind, NotDefinedError
from cadenza_training.evaluation.model_metadata import read_configuration, tensors_checksum
from cadenza_training.evaluation.nearest_pairs import write_note_pairs
from cadenza_training.evaluation.next_note import next_note_figures
from cadenza_training.evaluation.note_histograms import overlap
from cadenza_training.evaluation.note_likelihood import likelihood_table
from cadenza_training.evaluation.note_novelty import PASSAGE_NOTES, NotePassage, note_novelty
from cadenza_training.evaluation.novelty import Novelty, novelty_table
from cadenza_training.evaluation.pieces import Piece, PieceFolder
from cadenza_training.evaluation.report import Evaluation, Table
from cadenza_training.evaluation.score_agreement import PiecePair
from cadenza_training.systems.note_matrix.codec import NoteMatrixCodec
from cadenza_training.systems.notes.codecs import KEYS

REPORT = "COMP9491 4.2"


@dataclass(frozen=True)
class PieceOptions:
    output: Path
    training: PieceFolder | None = None
    # Pairs to write; 0: none.
    nearest: int = 0
    # Four voices: their chords, parallels and ranges.
    harmony: bool = False
    # The composer, and others to score beside it.
    model: Path | None = None
    beside: tuple[Path, ...] = ()
    # What the next notes are predicted of, where not all of the reference is compared.
    held_out: PieceFolder | None = None


def evaluate_pieces(
    reference: PieceFolder, generated: PieceFolder, options: PieceOptions
) -> Evaluation:
    clock = Clock()
    with_voices, training_with_voices = reference, options.training
    if options.model is not None and not has_voices(read_configuration(options.model)["codec"]):
        # What has no voices is compared with what has none: intervals, passages and pictures go
        # from note to note.
        reference = reference.in_one_voice()
        if options.training is not None:
            options = replace(options, training=options.training.in_one_voice())
    with clock("histograms"):
        metrics = _pitch_metrics(reference.pieces, generated.pieces)
        metrics += _histogram_metrics(reference, generated, options.training)
    with clock("agreement with scores"):
        metrics += _agreement_metrics(reference.pieces, generated.pieces)
    with clock("novelty"):
        metric, novelty = _novelty(reference, generated, options.training)
    metrics.append(metric)
    tables: list[Table] = []
    if options.harmony:
        with clock("harmony"):
            rows, table = harmony_metrics(
                reference.pieces,
                generated.pieces,
                None if options.training is None else options.training.pieces,
            )
        metrics += rows
        tables += [] if table is None else [table]
    if options.model is not None:
        with clock("likelihood"):
            tables += _prediction_tables(
                with_voices, replace(options, training=training_with_voices)
            )
    sentences: list[str] = []
    if novelty is not None:
        tables.append(novelty_table(novelty))
        sentences.append(novelty.sentence())
        if options.nearest > 0:
            write_note_pairs(novelty.matches[: options.nearest], options.output / "nearest")
    with clock("plots"):
        pictures = _draw(reference.pieces, generated.pieces, options.output)
    settings: dict[str, object] = {
        "reference": _described(reference),
        "generated": _described(generated),
    }
    if options.training is not None:
        settings["training"] = _described(options.training)
    if reference.split:
        settings["reference split"] = reference.split
    if options.model is not None:
        settings["model"] = options.model.name
        settings["model tensors (SHA-256)"] = tensors_checksum(options.model)
    return Evaluation("notes", settings, metrics, tables, sentences, pictures, clock.seconds)


def _prediction_tables(reference: PieceFolder, options: PieceOptions) -> list[Table]:
    """How well the models predict the reference; those that predict numbers have no likelihood."""
    scores = []
    for model in (options.model, *options.beside):
        codec = read_configuration(model)["codec"]
        if not has_likelihood(codec):
            continue
        nats, choices = score_pieces(model, reference.pieces)
        per_step = choices_per_step(codec)
        name = "this model" if model == options.model else model.name
        scores.append((name, choices, nats / choices, nats / choices * per_step))
    tables = []
    if scores:
        columns = ("model", "choices", "nats a choice", "nats a step")
        title = f"Likelihood of {reference.title}, by the engine"
        tables.append(Table("score", title, columns, tuple(scores)))
    tables += baseline_tables(reference, (options.model, *options.beside))
    if read_configuration(options.model)["codec"]["kind"] == NoteMatrixCodec.kind:
        if options.training is None:
            raise UserError("a note matrix is evaluated beside its training set: name --training")
        held_out = options.held_out or reference
        figures = next_note_figures(options.model, held_out.pieces, options.training.pieces)
        tables += figures.tables()
    return tables


def baseline_tables(reference: PieceFolder, models: Sequence[Path]) -> list[Table]:
    """Composers of tokens beside Markov models, where the reference is a split of a prepared set:
    they are learnt from its training split."""
    composers = [
        model for model in models if read_configuration(model)["codec"].get("kind") in KEYS
    ]
    if reference.description is None or composers[:1] != list(models[:1]):
        return []
    return [likelihood_table(composers, PreparedSet.read(reference.folder), reference.split)]


def _described(folder: PieceFolder) -> str:
    notes = sum(len(piece.table) for piece in folder.pieces)
    return f"{folder.title}: {len(folder.pieces)} pieces, {notes:,} notes"


def _pitch_metrics(reference: Sequence[Piece], generated: Sequence[Piece]) -> list[Metric]:
    def mean_of(
        pieces: Sequence[Piece], function: Callable[[NDArray[np.int64]], float]
    ) -> Callable[[], float]:
        return lambda: float(np.mean([function(piece.pitches) for piece in pieces]))

    rows = []
    for key, name, unit, function in (
        ("pitches", "number of pitches", "a piece", pitch_content.number_of_pitches),
        ("range", "pitch range", "semitones", pitch_content.pitch_range),
        ("entropy", "pitch entropy", "bits", pitch_content.pitch_entropy),
    ):
        kind = MetricKind(key, name, REPORT, unit, "as the reference")
        rows.append(kind.measure(mean_of(generated, function), mean_of(reference, function)))
    return rows


def _histogram_metrics(
    reference: PieceFolder, generated: PieceFolder, training: PieceFolder | None
) -> list[Metric]:
    rows = []
    for kind, counted, compared in (
        (
            MetricKind("kullback_leibler", "KL divergence, pitches", REPORT, "nats", "lower"),
            note_histograms.pitch_counts,
            divergence,
        ),
        (
            MetricKind("cross_entropy", "cross-entropy, pitches", "Du", "nats a note", "lower"),
            note_histograms.pitch_counts,
            note_histograms.pitch_cross_entropy,
        ),
        (
            MetricKind("pitch_class_overlap", "pitch-class overlap", "", "0 … 1", "higher"),
            note_histograms.pitch_class_counts,
            overlap,
        ),
        (
            MetricKind("interval_overlap", "interval overlap", "", "0 … 1", "higher"),
            note_histograms.interval_counts,
            overlap,
        ),
    ):
        real = counted(reference.pieces)
        rows.append(
            kind.measure(
                lambda f=compared, c=counted, r=real: f(r, c(generated.pieces)),
                None,
                None
                if training is None
                else lambda f=compared, c=counted, r=real: f(r, c(training.pieces)),
            )
        )
    return rows


def _agreement_metrics(reference: Sequence[Piece], generated: Sequence[Piece]) -> list[Metric]:
    def over_pairs(function: Callable[[Sequence[PiecePair]], float]) -> Callable[[], float]:
        return lambda: function(score_agreement.pair_pieces(reference, generated))

    agreement = score_agreement
    return [
        MetricKind(key, name, source, "0 … 1", better).measure(over_pairs(function))
        for key, name, source, better, function in (
            (
                "mean_squared_error",
                "mean squared error, piano rolls",
                "Du, Shinde fig. 3",
                "lower",
                agreement.piano_roll_squared_error,
            ),
            ("pitch_accuracy", "pitch accuracy", "Du (1)", "higher", agreement.pitch_accuracy),
            (
                "rhythm_coherence",
                "rhythm coherence",
                "Du (2)",
                "higher",
                agreement.rhythm_coherence,
            ),
            (
                "harmonic_progression_accuracy",
                "harmonic progression accuracy",
                "Du (4)",
                "higher",
                agreement.harmonic_progression_accuracy,
            ),
            ("onset_f1", "onset F1", "mir_eval", "higher", agreement.onset_f1),
            ("note_f1", "onset and pitch F1", "mir_eval", "higher", agreement.note_f1),
        )
    ]


def _novelty(
    reference: PieceFolder, generated: PieceFolder, training: PieceFolder | None
) -> tuple[Metric, Novelty[NotePassage] | None]:
    kind = MetricKind(
        "suspected_copies",
        f"passages of {PASSAGE_NOTES} notes suspected to be copies",
        "Cadenza",
        "share",
        "lower",
    )
    found: list[Novelty[NotePassage]] = []

    def share() -> float:
        if training is None:
            raise NotDefinedError("no training set was named")
        novelty = note_novelty(training.pieces, generated.pieces, reference.pieces)
        found.append(novelty)
        return len(novelty.suspects) / len(novelty.matches)

    metric = kind.measure(share)
    return metric, found[0] if found else None


def _draw(reference: Sequence[Piece], generated: Sequence[Piece], folder: Path) -> list[str]:
    sides = [reference, generated]
    names = [
        plots.draw_histograms(
            [
                ("MIDI pitch", *(note_histograms.pitch_counts(side) for side in sides), 0),
                (
                    "pitch class, from C",
                    *(note_histograms.pitch_class_counts(side) for side in sides),
                    0,
                ),
                (
                    "interval, semitones",
                    *(note_histograms.interval_counts(side) for side in sides),
                    -note_histograms.WIDEST_INTERVAL,
                ),
            ],
            folder / "pitch_histograms.png",
        )
    ]
    try:
        pairs = [
            (pair.reference, pair.generated)
            for pair in score_agreement.pair_pieces(reference, generated)
        ]
    except NotDefinedError:
        pairs = list(zip(reference, generated, strict=False))
    rolls = [
        (first.name, _roll(first), second.name, _roll(second))
        for first, second in pairs[: plots.MOST_ROWS]
    ]
    names.append(plots.draw_piano_rolls(rolls, folder / "piano_rolls.png"))
    return names


def _roll(piece: Piece) -> NDArray[np.float64]:
    return np.stack(
        [piece.column("onset_beats"), piece.column("duration_beats"), piece.column("pitch")], axis=1
    )
