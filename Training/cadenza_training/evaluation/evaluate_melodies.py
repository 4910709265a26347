"""The evaluation of an autoencoder of melodies: what it keeps of held-out ones, how likely they are
under it, what lies between two, and whether what it invents is new.

All of it by the network in PyTorch from the model file, the likeliest token at each step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.errors import UserError
from cadenza_training.evaluation import plots
from cadenza_training.evaluation.clock import Clock
from cadenza_training.evaluation.markov import MarkovModel, TokenGrammar, fitted_markov_model
from cadenza_training.evaluation.metric import Metric, MetricKind
from cadenza_training.evaluation.model_metadata import tensors_checksum
from cadenza_training.evaluation.note_histograms import overlap
from cadenza_training.evaluation.novelty import (
    Novelty,
    Query,
    draw_for_comparison,
    measure_novelty,
    novelty_table,
)
from cadenza_training.evaluation.report import Cell, Evaluation, Table
from cadenza_training.evaluation.split_choice import choose_split
from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.melody_vae.latents import decode, encode, spherical
from cadenza_training.systems.melody_vae.melodies import (
    Melodies,
    load_melodies,
    sounding,
)
from cadenza_training.systems.melody_vae.melody_vae import divergence, reconstruction_nats
from cadenza_training.systems.notes.step_grid import StepGrid

# Held-out melodies that are scored, spread over all; pairs that are gone between.
MOST_MELODIES = 2048
PAIRS = 256
# Places between the two of a pair, both ends included.
PLACES = 11
DRAWN = 256
MOST_COUNTED = 32768
MARKOV_ORDERS = (0, 1, 2, 3)
# Draws of each latent that the bound is a mean over.
DRAWS = 4
SEED = 2018
LEAST_NOTES = 4
LEAST_VARIANCE = 1e-2


@dataclass(frozen=True)
class MelodyPassage:
    origin: str


@dataclass(frozen=True)
class _Material:
    network: Autoencoder
    grid: StepGrid
    train: Melodies
    validation: Melodies
    held_out: Melodies


def is_melody_autoencoder(configuration: dict) -> bool:
    return configuration.get("encoder", {}).get("kind") == "recurrent"


def evaluate_melodies(
    reference: Path, split: str | None, model: Path, output: Path, temperature: float | None
) -> Evaluation:
    """`reference`: a prepared set of notes, whose training split the model has seen."""
    clock = Clock()
    chosen = choose_split(reference, split)
    if chosen is None:
        raise UserError(
            f"{reference} is no prepared set: the melodies are compared with those of one"
        )
    prepared, split = chosen
    network, configuration = load_network(model)
    grid = StepGrid.from_configuration(configuration["codec"])
    steps = network.encoder.steps
    with clock("reading"):
        parts = {
            name: load_melodies(prepared, name, grid, steps, LEAST_NOTES)
            for name in {"train", "validation", split}
        }
    if not len(parts[split].tokens):
        raise UserError(f"the split {split} of {reference} has no melodies of {steps} steps")
    held_out = parts[split].without_repeats().spread(MOST_MELODIES)
    material = _Material(
        network, grid, parts["train"], parts["validation"].spread(MOST_MELODIES), held_out
    )
    with clock("reconstruction"):
        means = encode(network, held_out.tokens)
        rebuilt = decode(network, means)
        metrics = _reconstruction(material, rebuilt)
    with clock("likelihood"):
        nats, rate = bound(network, material.validation.tokens, held_out.tokens)
        markov = _markov_models(material)
        score = _score_table(held_out, nats, markov)
    metrics.append(
        MetricKind(
            "rate", "divergence from the prior", "Roberts 2018", "bits a melody", "lower"
        ).measure(lambda: rate)
    )
    used = sampling_temperature(configuration, temperature)
    random = torch.Generator().manual_seed(SEED)
    latents = torch.randn(DRAWN, network.encoder.size, generator=random)
    drawn = decode(network, latents, temperature=used, generator=random)
    metrics += _invention(material, drawn, markov[-1])
    with clock("between two"):
        between = _between(material, means, markov[-1])
    with clock("novelty"):
        novelty = _novelty(material, drawn)
    sentences = [novelty.sentence()]
    with clock("plots"):
        pictures = [_draw(material, means, output)]
    settings: dict[str, object] = {
        "reference": f"{prepared.description.name}, {split}: {len(held_out.tokens)} melodies of "
        f"{steps} steps",
        "reference split": split,
        "training": f"{prepared.description.name}, train: {len(parts['train'].tokens)} melodies",
        "decoded": "by PyTorch from the model file, the likeliest token at each step",
        "drawn": f"{DRAWN} melodies from the prior, temperature {used:g}, seed {SEED}",
        "model": model.name,
        "model tensors (SHA-256)": tensors_checksum(model),
    }
    tables = [score, between, novelty_table(novelty)]
    return Evaluation("notes", settings, metrics, tables, sentences, pictures, clock.seconds)


def sampling_temperature(configuration: dict, wanted: float | None) -> float:
    return configuration.get("sampling", {}).get("temperature", 1.0) if wanted is None else wanted


def _reconstruction(material: _Material, rebuilt: NDArray[np.int64]) -> list[Metric]:
    """Beside it, what the nearest training melody would do in the place of a latent."""
    tokens = material.held_out.tokens
    heard, back = sounding(material.grid, tokens), sounding(material.grid, rebuilt)
    source = "Roberts 2018, 4.2"
    rows = (
        ("step_accuracy", "steps rebuilt", tokens == rebuilt),
        ("sounding_accuracy", "steps that sound as they did", heard == back),
        ("whole_melodies", "melodies rebuilt whole", (tokens == rebuilt).all(axis=1)),
    )
    return [
        MetricKind(key, name, source, "share", "higher").measure(
            lambda values=values: float(values.mean())
        )
        for key, name, values in rows
    ]


@torch.no_grad()
def bound(
    network: Autoencoder, validation: NDArray[np.int64], melodies: NDArray[np.int64]
) -> tuple[float, float]:
    """The upper bound on the nats of a melody, and the part of it that is divergence, in bits.

    A model file has the posterior's mean alone. Its variance is taken to be the same for all
    melodies: in each dimension what the means of `validation` leave of the prior's, as the
    posteriors' mixture is to be the prior. Any variance gives a bound.
    """
    variance = (1.0 - encode(network, validation).var(dim=0)).clamp(LEAST_VARIANCE, 1.0)
    means = encode(network, melodies)
    tokens = torch.from_numpy(np.ascontiguousarray(melodies.T))
    random = torch.Generator().manual_seed(SEED)
    nats = torch.zeros(len(melodies), dtype=torch.float64)
    for _ in range(DRAWS):
        latents = means + variance.sqrt() * torch.randn(means.shape, generator=random)
        nats += reconstruction_nats(network, tokens, latents).sum(dim=0).double() / DRAWS
    cost = divergence(means, variance.log().expand_as(means)).double()
    return float((nats + cost).mean()), float(cost.mean()) / math.log(2.0)


def _markov_models(material: _Material) -> list[MarkovModel]:
    grid = material.grid
    grammar = TokenGrammar((grid.vocabulary_size,), grid.start_token)
    # Windows overlap: some of them hold all that there is to count.
    train = list(material.train.spread(MOST_COUNTED).tokens)
    validation = list(material.validation.spread(256).tokens)
    return [fitted_markov_model(order, grammar, train, validation) for order in MARKOV_ORDERS]


def _score_table(held_out: Melodies, nats: float, markov: Sequence[MarkovModel]) -> Table:
    count, steps = held_out.tokens.shape
    rows: list[tuple[Cell, ...]] = [("this model", count * steps, nats, nats / steps)]
    for model in markov:
        mean = sum(model.nats(tokens) for tokens in held_out.tokens) / count
        rows.append((f"Markov, order {model.order}", count * steps, mean, mean / steps))
    return Table(
        "score",
        "Likelihood of held-out melodies; of this model, an upper bound on the nats",
        ("model", "choices", "nats a melody", "nats a step"),
        tuple(rows),
    )


def _invention(material: _Material, drawn: NDArray[np.int64], markov: MarkovModel) -> list[Metric]:
    grid, real = material.grid, material.held_out.tokens
    pitches = _is_pitch(grid)
    train = material.train.spread(MOST_MELODIES).tokens

    def notes(tokens: NDArray[np.int64]) -> float:
        return float(pitches[tokens].sum(axis=1).mean())

    def nats(tokens: NDArray[np.int64]) -> float:
        return float(np.mean([markov.nats(row) for row in tokens])) / tokens.shape[1]

    rows = [
        MetricKind("notes", "notes in a melody", "", "mean", "as the reference").measure(
            lambda: notes(drawn), lambda: notes(real), lambda: notes(train)
        ),
        MetricKind(
            "markov_nats", "how usual: a Markov model's", "", "nats a step", "as the reference"
        ).measure(lambda: nats(drawn), lambda: nats(real[:DRAWN])),
    ]
    for key, name, counts in (
        ("pitch_class_overlap", "pitch-class overlap", _pitch_classes),
        ("interval_overlap", "interval overlap", _intervals),
    ):
        of_real = counts(grid, real)
        rows.append(
            MetricKind(key, name, "", "0 … 1", "higher").measure(
                lambda f=counts, r=of_real: overlap(r, f(grid, drawn)),
                None,
                lambda f=counts, r=of_real: overlap(r, f(grid, train)),
            )
        )
    return rows


def _is_pitch(grid: StepGrid) -> NDArray[np.bool_]:
    return np.array([isinstance(symbol, int) for symbol in grid.voices[0].symbols])


def _pitch_classes(grid: StepGrid, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    heard = sounding(grid, tokens)
    return np.bincount(heard[heard >= 0] % 12, minlength=12).astype(np.float64)


def _intervals(grid: StepGrid, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """From each note of a melody to the next, -24 … 24 semitones."""
    counts = np.zeros(49)
    symbols = grid.voices[0].symbols
    for row in tokens:
        pitches = [symbols[token] for token in row if isinstance(symbols[token], int)]
        steps = np.clip(np.diff(pitches), -24, 24).astype(int) if len(pitches) > 1 else []
        np.add.at(counts, np.asarray(steps, dtype=int) + 24, 1.0)
    return counts


def _between(material: _Material, means: Tensor, markov: MarkovModel) -> Table:
    """Roberts et al. 2018, 4.3: from one melody to another, by their latents, and by taking more
    and more of the second one's steps."""
    network, grid, tokens = material.network, material.grid, material.held_out.tokens
    random = np.random.default_rng(SEED)
    first, second = random.permutation(len(tokens))[: 2 * (min(PAIRS, len(tokens) // 2))].reshape(
        2, -1
    )
    order = random.random((len(first), tokens.shape[1]))
    ends = [sounding(grid, decode(network, means[side])) for side in (first, second)]
    real = [sounding(grid, tokens[side]) for side in (first, second)]
    rows: list[tuple[Cell, ...]] = []
    for place in np.linspace(0.0, 1.0, PLACES):
        path = decode(network, spherical(means[first], means[second], float(place)))
        mixed = np.where(order < place, tokens[second], tokens[first])
        cells: list[Cell] = [float(round(place, 2))]
        for melodies, sides in ((path, ends), (mixed, real)):
            heard = sounding(grid, melodies)
            cells += [float((heard != side).mean()) for side in sides]
            cells.append(float(np.mean([markov.nats(row) for row in melodies])) / tokens.shape[1])
        rows.append(tuple(cells))
    return Table(
        "between",
        f"Between two held-out melodies, {len(first)} pairs: the share of steps that sound unlike "
        "the first one and unlike the second, and how unusual the melodies are (a Markov model's "
        "nats a step)",
        (
            "place",
            "latent: from the first",
            "from the second",
            "nats",
            "steps mixed: from the first",
            "from the second",
            "nats",
        ),
        tuple(rows),
    )


def _novelty(material: _Material, drawn: NDArray[np.int64]) -> Novelty[MelodyPassage]:
    """Melodies in what sounds at each step, above their first note."""

    def features(tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        heard = sounding(material.grid, tokens).astype(np.float64)
        begins = (heard >= 0).argmax(axis=1)
        first = heard[np.arange(len(heard)), begins]
        return np.where(heard >= 0, heard - first[:, None], -1000.0)

    def queries(melodies: Melodies) -> list[Query[MelodyPassage]]:
        rows = features(melodies.tokens)
        return [
            Query(MelodyPassage(name), row[None])
            for name, row in zip(melodies.names, rows, strict=True)
        ]

    drawn_melodies = Melodies(drawn, tuple("drawn" for _ in drawn))
    train = material.train
    return measure_novelty(
        features(train.tokens),
        [MelodyPassage(name) for name in train.names],
        generated=queries(drawn_melodies),
        training=draw_for_comparison(queries(train))[:DRAWN],
        reference=draw_for_comparison(queries(material.held_out))[:DRAWN],
        metric="hamming",
    )


def _draw(material: _Material, means: Tensor, output: Path) -> str:
    """A pair, and the melodies between."""
    first, second = means[:1], means[len(means) // 2 :][:1]
    rolls = [
        (
            f"{place:g} of the way",
            _roll(material.grid, decode(material.network, spherical(first, second, place))[0]),
        )
        for place in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    beats = material.network.encoder.steps / material.grid.ticks_per_beat
    return plots.draw_melodies(rolls, beats, output / "between.png")


def _roll(grid: StepGrid, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    notes = grid.decode(tokens.tolist())
    rows = [(note.onset_beats, note.duration_beats, note.pitch) for note in notes]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
