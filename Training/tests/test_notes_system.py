"""The system of notes from a prepared set to a model file, its baselines, and what it composes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cadenza_training.configuration import build
from cadenza_training.data.notes import Note, in_order, write_notes
from cadenza_training.data.prepared_set import NotesEntry, PreparedSet, SetDescription
from cadenza_training.errors import UserError
from cadenza_training.evaluation.evaluate_pieces import baseline_tables
from cadenza_training.evaluation.markov import MarkovModel, TokenGrammar, fitted_markov_model
from cadenza_training.evaluation.note_likelihood import likelihood_table, read_composer
from cadenza_training.evaluation.pieces import read_pieces
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.model_file import read_model
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.notes.crop_sampler import CropSampler, TokenBatch, TokenPiece
from cadenza_training.systems.notes.notes import Notes, batch_losses
from cadenza_training.systems.notes.reference_sampler import choose, compose
from cadenza_training.systems.system import SamplingOptions

VOICES = ["high", "low"]
LSTM = {
    "kind": "recurrent",
    "input": {"kind": "embedding", "channels": 8},
    "layers": [{"kind": "lstm", "channels": 12}],
}
TRANSFORMER = {
    "kind": "transformer",
    "channels": 8,
    "layers": 2,
    "heads": 2,
    "window": 8,
    "positions": "relative",
}
WAVENET = {
    "kind": "wavenet",
    "dilations": [1, 2, 4],
    "residual_channels": 6,
    "skip_channels": 8,
}
GRID = {"kind": "chorale_grid", "voices": VOICES, "end": True}
CODECS = {
    "chorale_grid": GRID,
    "performance_events": {"kind": "performance_events", "pitches": [36, 96], "end": True},
    "note_tokens": {"kind": "note_tokens", "end": True},
    "melody_steps": {"kind": "melody_steps", "end": True},
}


def scale(first: int, beats: int) -> list[Note]:
    """A scale up and down over its tonic, in quarter notes."""
    steps = (0, 2, 4, 5, 7, 5, 4, 2)
    notes = [
        Note(beat / 2, 0.5, beat, 1.0, first + steps[beat % 8], 80, 0) for beat in range(beats)
    ]
    return in_order([*notes, Note(0.0, beats / 2, 0.0, beats, first - 12, 80, 1)])


@pytest.fixture
def scales(tmp_path: Path) -> PreparedSet:
    entries = []
    for number, first in enumerate((60, 62, 64, 65, 67, 69)):
        split = ("train", "train", "train", "train", "validation", "test")[number]
        file = f"{split}/{number}.csv"
        (tmp_path / "set" / split).mkdir(parents=True, exist_ok=True)
        notes = scale(first - (6 if number > 3 else 0), 8 + number)
        write_notes(tmp_path / "set" / file, notes)
        entries.append(NotesEntry(file, split, str(number), 4.0, len(notes)))
    description = SetDescription("notes", "scales", data="made by the tests")
    prepared = PreparedSet(tmp_path / "set", description, tuple(entries))
    prepared.write()
    return prepared


def configuration(network: dict, codec: dict, **tables: dict) -> dict:
    return {
        "name": "tiny",
        "system": "notes",
        "network": network,
        "codec": codec,
        "batches": {"crop_tokens": 16},
        **tables,
        "training": {
            "steps": 3,
            "batch_size": 4,
            "device": "cpu",
            "threads": 1,
            "validate_every": 2,
            "log_every": 1,
            **tables.get("training", {}),
        },
    }


def made(values: dict, prepared: PreparedSet) -> Notes:
    read = read_configuration(values, None)
    options = build(TrainingOptions, read.training, "training")
    torch.manual_seed(1)
    return Notes(read, prepared, options, processes=1, rank=0)


@pytest.mark.parametrize("network", [LSTM, TRANSFORMER, WAVENET], ids=lambda n: n["kind"])
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_run_becomes_a_model_file(
    tmp_path: Path, scales: PreparedSet, network: dict, codec: dict
) -> None:
    values = configuration(network, codec, sampling={"temperature": 0.9, "top_p": 0.95})
    outcome = fit(read_configuration(values, None), scales, tmp_path / "run")
    assert outcome.step == 3
    assert math.isfinite(outcome.validation_nats)
    file = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", file, storage="f32")
    tensors, written = read_model(file)
    assert written["sampling"] == {"temperature": 0.9, "top_p": 0.95}
    assert "sample_rate" not in written["codec"]
    loaded, read_back = read_composer(file)
    assert read_back.configuration() == written["codec"]
    assert written["network"]["vocabulary_size"] == read_back.vocabulary_size
    assert set(tensors) == set(loaded.tensor_names())
    # What is composed ends, or is as long as was asked for, and can be played.
    drawn = {"most_tokens": 40}
    one, other = compose(loaded, read_back, SamplingOptions(), seeds=[3, 4], **drawn)
    for tokens in (one, other):
        assert len(tokens) == 40 or tokens[-1] == read_back.end_token
        read_back.decode(tokens)
    (again,) = compose(loaded, read_back, SamplingOptions(), seeds=[3], **drawn)
    assert again.tolist() == one.tolist()


@pytest.mark.parametrize("network", [LSTM, TRANSFORMER, WAVENET], ids=lambda n: n["kind"])
def test_conditions_follow_the_key_and_the_position(
    tmp_path: Path, scales: PreparedSet, network: dict
) -> None:
    values = configuration(
        network, GRID, conditions={"key": 3, "position": 2}, defaults={"key": "d_minor"}
    )
    fit(read_configuration(values, None), scales, tmp_path / "run")
    file = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", file, storage="f32")
    tensors, written = read_model(file)
    key, position = written["conditions"]
    assert (key["name"], key["size"], key["default"]) == ("key", 24, 14)
    assert key["labels"][14] == "d_minor"
    assert position == {
        "name": "position",
        "kind": "class",
        "size": 16,
        "embedding_channels": 2,
        "follows": "position",
    }
    assert tensors["conditions.position.embedding.weight"].shape == (16, 2)
    loaded, _ = load_network(file)
    inputs = torch.zeros(8, 1, dtype=torch.int64)
    keys, steps = torch.tensor([0]), torch.arange(8)[:, None] // 2
    plain, _ = loaded.eval()(inputs, [keys, steps])
    other_key, _ = loaded(inputs, [torch.tensor([1]), steps])
    later = steps.clone()
    later[6:] += 1
    other_step, _ = loaded(inputs, [keys, later])
    assert not torch.allclose(plain, other_key)
    # A step's position reaches that step and those after it, and none before.
    assert torch.allclose(plain[:6], other_step[:6])
    assert not torch.allclose(plain[6], other_step[6])


@pytest.mark.parametrize(
    "network",
    [
        LSTM,
        WAVENET,
        TRANSFORMER,
        {**TRANSFORMER, "positions": "sinusoidal", "normalization": "post"},
        {**TRANSFORMER, "positions": "learned", "position_count": 13, "window": 1},
    ],
    ids=lambda n: n["kind"],
)
def test_a_state_goes_on_where_it_was(scales: PreparedSet, network: dict) -> None:
    system = made(configuration(network, GRID, conditions={"key": 2, "position": 2}), scales)
    loaded = system.network.eval()
    tokens = torch.randint(0, loaded.vocabulary_size, (20, 3))
    keys, steps = torch.tensor([1, 2, 3]), torch.arange(20)[:, None].expand(-1, 3) // 2 % 16
    whole, _ = loaded(tokens, [keys, steps])
    state = loaded.empty_state(3)
    parts = []
    for first, last in ((0, 1), (1, 2), (2, 9), (9, 20)):
        part, state = loaded(tokens[first:last], [keys, steps[first:last]], state)
        parts.append(part)
    assert torch.allclose(torch.cat(parts), whole, atol=1e-5)


@pytest.mark.parametrize("network", [LSTM, TRANSFORMER, WAVENET], ids=lambda n: n["kind"])
def test_it_learns_its_pieces(scales: PreparedSet, network: dict) -> None:
    system = made(configuration(network, GRID, batches={"crop_tokens": 64}), scales)
    optimizer = torch.optim.Adam(system.network.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = system.next_losses().mean
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_only_a_voices_own_symbols_share_the_softmax(scales: PreparedSet) -> None:
    system = made(configuration(LSTM, GRID), scales)
    with torch.no_grad():
        for parameter in system.network.parameters():
            parameter.zero_()
    counts = [tokens.count for tokens in system.codec.ranges]
    tokens = system.codec.encode(scale(60, 2))[:-1]
    piece = TokenPiece(tokens, 0)
    batch = TokenBatch.of([piece], [0], len(tokens), system.codec.start_token)
    each, _ = batch_losses(system.network, system.codec, system.grammar, batch, torch.device("cpu"))
    expected = [math.log(counts[index % 2]) for index in range(len(tokens))]
    assert each[:, 0].tolist() == pytest.approx(expected, rel=1e-5)


def test_validation_is_the_nats_of_whole_pieces(scales: PreparedSet) -> None:
    system = made(configuration(LSTM, GRID), scales)
    system.network.eval()
    (piece,) = system.validation
    batch = TokenBatch.of([piece], [0], len(piece.tokens), system.codec.start_token)
    each, mask = batch_losses(
        system.network, system.codec, system.grammar, batch, torch.device("cpu")
    )
    assert system.validate() == pytest.approx(float(each.detach().sum() / mask.sum()), rel=1e-6)


def test_crops_read_what_stands_before_them(scales: PreparedSet) -> None:
    codec = made(configuration(LSTM, GRID), scales).codec
    pieces = [TokenPiece(codec.encode(scale(60, 12)), 0, (0, 2))]
    sampler = CropSampler(pieces, codec, crop_tokens=8, onset_share=0.3, columns=16, seed=(1, 0))
    tables = {semitones: codec.transposition(semitones) for semitones in (0, 2)}
    saw = set()
    for _ in range(10):
        state = sampler.state()
        batch = sampler.next_batch()
        for column in range(16):
            semitones = {0: 0, 2: 2}[int(batch.keys[column])]
            start = int(batch.places[0, column])
            assert start % 2 == 0
            whole = tables[semitones][pieces[0].tokens]
            count = int(batch.mask[:, column].sum())
            assert batch.targets[:count, column].tolist() == whole[start : start + 8].tolist()
            before = codec.start_token if start == 0 else whole[start - 1]
            assert batch.inputs[0, column] == before
            assert batch.inputs[1:count, column].tolist() == whole[start:][: count - 1].tolist()
            saw.add((semitones, start == 0))
    assert saw == {(0, True), (0, False), (2, True), (2, False)}
    sampler.restore(state)
    assert sampler.next_batch().targets.tolist() == batch.targets.tolist()


def test_a_run_continues_exactly(tmp_path: Path, scales: PreparedSet) -> None:
    values = configuration(LSTM, GRID, augmentation={"transposition": 3})
    values["training"] |= {"schedule": "constant"}
    whole = {**values, "training": {**values["training"], "steps": 4}}
    half = {**values, "training": {**values["training"], "steps": 2}}
    fit(read_configuration(whole, None), scales, tmp_path / "whole")
    fit(read_configuration(half, None), scales, tmp_path / "halves")
    fit(read_configuration(whole, None), scales, tmp_path / "halves")
    for run in ("whole", "halves"):
        export(tmp_path / run, tmp_path / f"{run}.safetensors", storage="f32")
    ones, _ = read_model(tmp_path / "whole.safetensors")
    others, _ = read_model(tmp_path / "halves.safetensors")
    assert all(torch.equal(ones[name], others[name]) for name in ones)


def test_fine_tuning_keeps_the_vocabulary(tmp_path: Path, scales: PreparedSet) -> None:
    values = configuration(LSTM, GRID, conditions={"key": 3})
    fit(read_configuration(values, None), scales, tmp_path / "run")
    file = tmp_path / "first.safetensors"
    export(tmp_path / "run", file)
    codec = read_model(file)[1]["codec"]
    again = read_configuration(configuration(LSTM, {"kind": "note_tokens"}), file)
    fit(again, scales, tmp_path / "second", start=file)
    export(tmp_path / "second", tmp_path / "second.safetensors")
    assert read_model(tmp_path / "second.safetensors")[1]["codec"] == codec


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"conditions": {"mood": 3}}, '"mood" is not known to notes; it has key and position'),
        ({"conditions": {"key": 0}}, "expected channels, 1 or more"),
        ({"defaults": {"key": 0}}, 'there is no condition "key"'),
        ({"batches": {"crop_tokens": 15}}, "a multiple of the 2 tokens of a step"),
        ({"batches": {"onset_share": 2.0}}, "expected 0 … 1"),
        ({"augmentation": {"transposition": 12}}, "expected 0 … 11 semitones"),
        (
            {"codec": CODECS["performance_events"], "conditions": {"position": 2}},
            "has no grid",
        ),
        ({"network": {**TRANSFORMER, "heads": 3}}, "does not divide 8 channels"),
        ({"network": {**TRANSFORMER, "positions": "learned"}}, "position_count goes with learned"),
    ],
)
def test_bad_configurations_are_refused(scales: PreparedSet, change: dict, sentence: str) -> None:
    values = configuration(LSTM, GRID) | change
    with pytest.raises(UserError, match=sentence):
        made(values, scales)


# ---- Markov models ------------------------------------------------------------------------------


def test_witten_bell_by_hand() -> None:
    model = MarkovModel(1, TokenGrammar((4,), start_token=0))
    model.learn([1, 1, 2])
    # Without context: 1 twice, 2 once, two kinds over three: (count + 2/4) / 5.
    one, two, unseen = 2.5 / 5, 1.5 / 5, 0.5 / 5
    # After 0, the start: 1 once. After 1: 1 and 2 once each.
    after_start = (1 + 1 * one) / 2
    after_one = {1: (1 + 2 * one) / 4, 2: (1 + 2 * two) / 4, 3: (2 * unseen) / 4}
    assert model.nats([1]) == pytest.approx(-math.log(after_start))
    for token, probability in after_one.items():
        assert model.nats([1, token]) == pytest.approx(-math.log(after_start * probability))
    # A context that was not seen is no context.
    assert model.nats([3, 2]) == pytest.approx(-math.log(unseen / 2 * two))


@pytest.mark.parametrize("order", [0, 1, 2, 5])
@pytest.mark.parametrize("choices", [(5,), (3, 2)])
def test_a_markov_model_is_a_distribution(order: int, choices: Sequence[int]) -> None:
    generator = np.random.default_rng(1)
    firsts = [0, *np.cumsum(choices)]

    def piece(length: int) -> list[int]:
        return [
            int(firsts[i % len(choices)] + generator.integers(choices[i % len(choices)]))
            for i in range(length)
        ]

    model = fitted_markov_model(order, TokenGrammar(tuple(choices), 0), [piece(50)], [piece(9)])
    for length in range(6):
        begun, place = piece(length), length % len(choices)
        before = model.nats(begun)
        after = [
            math.exp(before - model.nats([*begun, int(firsts[place] + token)]))
            for token in range(choices[place])
        ]
        assert sum(after) == pytest.approx(1.0)


def test_the_table_sets_a_model_beside_its_baselines(tmp_path: Path, scales: PreparedSet) -> None:
    fit(read_configuration(configuration(LSTM, GRID), None), scales, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "tiny.safetensors", storage="f32")
    table = likelihood_table([tmp_path / "tiny.safetensors"], scales)
    names = [row[0] for row in table.rows]
    assert names == [
        "tiny",
        "unigram",
        "order-2 Markov, over tokens",
        "order-2 Markov, over steps",
    ]
    # 13 beats of two voices in 16ths, and the end.
    assert {row[3] for row in table.rows} == {13 * 4 * 2 + 1}
    for _, per_token, per_sixteenth, count in table.rows:
        assert per_sixteenth * 13 * 4 == pytest.approx(per_token * count)
    nats = {row[0]: row[1] for row in table.rows}
    assert nats["order-2 Markov, over steps"] < nats["unigram"]


def test_an_evaluation_has_the_table(tmp_path: Path, scales: PreparedSet) -> None:
    fit(read_configuration(configuration(LSTM, GRID), None), scales, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "tiny.safetensors", storage="f32")
    reference = read_pieces(scales.folder, "test")
    (table,) = baseline_tables(reference, [tmp_path / "tiny.safetensors"])
    assert table.key == "note_likelihood"
    assert table.rows == likelihood_table([tmp_path / "tiny.safetensors"], scales).rows
    # Pieces that are of no set have no training split to learn from.
    assert (
        baseline_tables(replace(reference, description=None), [tmp_path / "tiny.safetensors"]) == []
    )


# ---- Sampling -----------------------------------------------------------------------------------


def test_choices_are_cut_before_they_are_drawn() -> None:
    generator = np.random.default_rng(1)
    logits = np.log([0.5, 0.3, 0.15, 0.05])

    def drawn(**options: float) -> list[float]:
        sampling = SamplingOptions(**options)
        found = [choose(logits, sampling, generator) for _ in range(2000)]
        return [found.count(token) / 2000 for token in range(4)]

    assert drawn(temperature=0.0) == [1, 0, 0, 0]
    assert drawn(top_k=1) == [1, 0, 0, 0]
    assert drawn() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.05)
    # 0.5 and 0.3 reach 0.7.
    assert drawn(top_p=0.7) == pytest.approx([0.625, 0.375, 0, 0], abs=0.05)
    assert drawn(temperature=0.5)[0] == pytest.approx(0.25 / 0.365, abs=0.05)


def test_the_command_trains_composers(
    tmp_path: Path, scales: PreparedSet, run_command: Callable
) -> None:
    done = run_command(
        "fit", "chorales", "--set", scales.folder, "--output", tmp_path / "run", "--steps", "1",
        "--override", 'codec.voices=["high","low"]', "--override", "training.batch_size=2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nats on the validation split" in done.stdout
