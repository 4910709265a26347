"""The note matrix: fields, windows and both directions in PyTorch, the codec's rows by hand, a
training run from notes to a model file, and how the next note's errors are measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cadenza_training.configuration import build, read_toml
from cadenza_training.data.notes import Note, write_notes
from cadenza_training.data.prepared_set import NotesEntry, PreparedSet, SetDescription
from cadenza_training.errors import UserError
from cadenza_training.evaluation.codec_vocabulary import vocabulary
from cadenza_training.evaluation.markov import MarkovModel, TokenGrammar
from cadenza_training.evaluation.network_summary import network_summary
from cadenza_training.evaluation.next_note import decibels, next_note_figures
from cadenza_training.evaluation.pieces import read_pieces
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.model_file import read_model
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.registry import load_network, make_network
from cadenza_training.systems.note_matrix.codec import INTERVAL, PITCH, VELOCITY, NoteMatrixCodec
from cadenza_training.systems.note_matrix.note_matrix import spread, windows_of
from cadenza_training.systems.note_matrix.sequence_sampler import SequenceSampler
from cadenza_training.systems.system import FitConfiguration

NUMBERS = {
    "kind": "note_matrix",
    "pitch": {"range": [0, 127]},
    "velocity": {"range": [1, 127]},
    "interval": {"maximum_milliseconds": 4000},
}
CLASSES = {
    "kind": "note_matrix",
    "pitch": {"range": [20, 100], "classes": True},
    "velocity": {"range": [1, 127], "classes": 8},
    "interval": {"maximum_milliseconds": 4000, "classes": 397},
}
MIXED = {
    "kind": "recurrent",
    "window": 4,
    "input": {
        "kind": "fields",
        "fields": [
            {"kind": "embedding", "size": 7, "channels": 3},
            {"kind": "one_hot", "size": 5},
            {"kind": "value"},
        ],
    },
    "layers": [
        {"kind": "lstm", "channels": 6, "bidirectional": True},
        {"kind": "gru", "channels": 4},
        {"kind": "gru", "channels": 3, "bidirectional": True},
    ],
    "head": {
        "kind": "fields",
        "fields": [
            {"kind": "softmax", "size": 7},
            {"kind": "softmax", "size": 5},
            {"kind": "linear", "noise": 0.25},
        ],
    },
}
CONDITION = ClassCondition("style", 3, 2)


def made(configuration: Mapping, conditions: tuple[ClassCondition, ...] = ()) -> Recurrent:
    torch.manual_seed(5)
    network = make_network(configuration, conditions).eval().double()
    assert isinstance(network, Recurrent)
    return network


def elements(steps: int, columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    parts = [
        torch.randint(0, size, (steps, columns), generator=generator).double() for size in (7, 5)
    ]
    parts.append(torch.rand((steps, columns), generator=generator).double())
    return torch.stack(parts, dim=-1)


# ---- The network ----------------------------------------------------------------------------


def test_fields_keep_their_configuration_and_name_every_tensor() -> None:
    network = made(MIXED, (CONDITION,))
    assert network.network_configuration() == MIXED
    assert network.receptive_field == 4
    shapes = {name: list(tensor.shape) for name, tensor in network.tensors().items()}
    # Layer 0 reads 3 + 5 + 1 channels of fields and 2 of the condition; the head reads both
    # directions of the last layer and predicts 7 + 5 + 1.
    assert shapes == {
        "input.fields.0.embedding.weight": [7, 3],
        "conditions.style.embedding.weight": [3, 2],
        **recurrent_shapes("layers.0.", 4, 6, 11),
        **recurrent_shapes("layers.0.backward.", 4, 6, 11),
        **recurrent_shapes("layers.1.", 3, 4, 12),
        **recurrent_shapes("layers.2.", 3, 3, 4),
        **recurrent_shapes("layers.2.backward.", 3, 3, 4),
        "head.weight": [13, 6],
        "head.bias": [13],
    }


def recurrent_shapes(place: str, gates: int, channels: int, inputs: int) -> dict[str, list[int]]:
    rows = gates * channels
    return {
        f"{place}input.weight": [rows, inputs],
        f"{place}input.bias": [rows],
        f"{place}recurrent.weight": [rows, channels],
        f"{place}recurrent.bias": [rows],
    }


@torch.no_grad()
def test_a_window_is_read_anew_from_the_start_element_on() -> None:
    network = made(MIXED, (CONDITION,))
    inputs, styles = elements(6, 2), torch.tensor([2, 0])
    outputs, state = network(inputs, [styles])
    for step in range(6):
        read = [inputs[max(0, place)] for place in range(step - 3, step + 1)]
        expected = network.predict(torch.stack(read), [styles])
        assert torch.allclose(outputs[step], expected, atol=1e-12)
    # Chunk by chunk it is the same.
    first, carried = network(inputs[:2], [styles])
    second, _ = network(inputs[2:], [styles], carried)
    assert torch.allclose(torch.cat([first, second]), outputs, atol=1e-12)
    assert state[0][0].shape == (3, 2, 3)


@torch.no_grad()
def test_a_bidirectional_layer_by_hand() -> None:
    """The head reads the forward direction after the newest element, and the backward direction
    after the oldest: two layers of one direction, the second over the reversed window."""
    both = {
        "kind": "recurrent",
        "window": 3,
        "input": {"kind": "fields", "fields": [{"kind": "value"}]},
        "layers": [{"kind": "lstm", "channels": 2, "bidirectional": True}],
        "head": {"kind": "fields", "fields": [{"kind": "linear"}]},
    }
    network = made(both)
    tensors = network.tensors()
    window = torch.tensor([0.2, 0.9, -0.4], dtype=torch.float64)
    ends = []
    for place, order in (("layers.0.", window), ("layers.0.backward.", window.flip(0))):
        hidden = cell = torch.zeros(2, dtype=torch.float64)
        for value in order:
            gates = tensors[f"{place}input.weight"] @ value[None] + tensors[f"{place}input.bias"]
            gates = gates + tensors[f"{place}recurrent.weight"] @ hidden
            gates = gates + tensors[f"{place}recurrent.bias"]
            i, f, g, o = gates.chunk(4)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
        ends.append(hidden)
    expected = tensors["head.weight"] @ torch.cat(ends) + tensors["head.bias"]
    assert torch.allclose(network.predict(window[:, None, None], [])[0], expected, atol=1e-12)


@torch.no_grad()
def test_remembering_is_the_window_while_it_is_not_full() -> None:
    one_way = {**MIXED, "layers": [{"kind": "lstm", "channels": 6}], "window": 5}
    network = made(one_way)
    inputs = elements(5, 3)
    remembered, _ = network.remember(inputs, [])
    assert torch.allclose(remembered[-1], network.predict(inputs, []), atol=1e-12)
    with pytest.raises(ValueError, match="both ways"):
        made(MIXED).remember(elements(5, 3), [])


def test_weights_of_fields_survive_a_file() -> None:
    network = made(MIXED)
    other = make_network(MIXED, ()).eval().double()
    other.load_tensors(network.tensors())
    inputs = elements(3, 1)
    with torch.no_grad():
        assert torch.allclose(network(inputs, [])[0], other(inputs, [])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"window": None}, "a layer is bidirectional: the network needs a window"),
        ({"window": 1025}, "network.window is 1025, expected 1 … 1024"),
        ({"head": {"kind": "softmax"}}, "whose head is a softmax, fields where the input is"),
        (
            {"head": {"kind": "fields", "fields": MIXED["head"]["fields"][:2]}},
            "3 fields to read and 2 to predict",
        ),
        (
            {"head": {"kind": "fields", "fields": MIXED["head"]["fields"][::-1]}},
            "field 0 reads embedding and predicts linear",
        ),
        (
            {
                "head": {
                    "kind": "fields",
                    "fields": [{"kind": "softmax", "size": 6}, *MIXED["head"]["fields"][1:]],
                }
            },
            "field 0 reads tokens of size 7 and predicts 6",
        ),
    ],
)
def test_networks_that_cannot_be(changes: Mapping, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make_network({**MIXED, **changes}, ())


# ---- The codec ------------------------------------------------------------------------------


def note(beat: float, pitch: int, velocity: int = 80, voice: int = 0) -> Note:
    return Note(beat / 2, 0.25, beat, 0.5, pitch, velocity, voice)


def test_rows_ascend_within_a_moment_and_count_time_in_ticks() -> None:
    notes = [
        note(1.0, 64),
        note(1.0, 60),
        note(1.0, 60, 90, voice=1),
        note(1.25, 67),
        note(0.5, 62),
    ]
    rows = NoteMatrixCodec(NUMBERS).rows(notes)
    # 500 ticks a beat; what two voices strike at once is one note, the louder.
    assert rows.tolist() == [[62, 80, 250], [60, 90, 250], [64, 80, 0], [67, 80, 125]]


def test_numbers_as_the_format_states_them() -> None:
    codec = NoteMatrixCodec(NUMBERS)
    found = codec.elements(np.array([[127, 127, 4000], [0, 1, 0], [60, 64, 250], [60, 64, 9999]]))
    assert found[0].tolist() == [1.0, 1.0, 1.0]
    assert found[1].tolist() == [0.0, 0.0, 0.0]
    assert found[2] == pytest.approx([60 / 127, 0.5, 0.25])
    assert found[3, INTERVAL] == 1.0
    assert codec.first().tolist() == [0.5, 0.5, 0.0]


def test_classes_as_the_format_states_them() -> None:
    codec = NoteMatrixCodec(CLASSES)
    assert codec.class_counts == (81, 8, 397)
    rows = np.array([[20, 1, 0], [100, 127, 4000], [5, 64, 250], [127, 17, 125]])
    # Pitches beyond the range are moved to its ends; √(250 / 4000) · 396 = 99.
    assert codec.elements(rows).tolist() == [[0, 0, 0], [80, 7, 396], [0, 3, 99], [80, 1, 70]]
    assert codec.first().tolist() == [40, 3, 0]
    # v = lowest + ⌊(2b + 1) · 127 / 16⌋, as a share of 126.
    assert codec.class_values(VELOCITY)[3] == pytest.approx(55 / 126)
    assert codec.class_values(PITCH)[[0, 80]].tolist() == [0.0, 1.0]
    assert codec.class_values(INTERVAL)[99] == pytest.approx(0.25)


def test_every_class_reads_back_as_itself() -> None:
    codec = NoteMatrixCodec(CLASSES)
    for field in (PITCH, VELOCITY, INTERVAL):
        values = codec.class_values(field)
        rows = np.full((len(values), 3), 60)
        if field == INTERVAL:
            # Before it is rounded to whole ticks, which merges the shortest.
            scaled = np.floor(np.sqrt(4000 * values**2 / 4000) * (len(values) - 1) + 0.5)
            assert scaled.tolist() == list(range(len(values)))
            continue
        lowest, highest = (codec.pitch, codec.velocity)[field].range
        rows[:, field] = np.rint(lowest + values * (highest - lowest))
        assert codec.elements(rows)[:, field].tolist() == list(range(len(values)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "mu_law"}, 'codec.kind is "mu_law"'),
        ({"pitch": {"range": [60, 60]}}, "codec.pitch.range is"),
        ({"velocity": {"range": [0, 127]}}, "codec.velocity.range is"),
        ({"interval": {"classes": 1}}, "codec.interval.classes is 1, expected 2 … 1024"),
        ({"pitch": {"from": 3}}, 'codec.pitch: unknown key "from"'),
    ],
)
def test_codecs_that_cannot_be(changes: Mapping, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        NoteMatrixCodec({**NUMBERS, **changes})


# ---- Batches --------------------------------------------------------------------------------


def test_windows_begin_before_their_piece() -> None:
    pieces = [np.arange(6, dtype=np.float32).reshape(2, 3), np.full((1, 3), 9.0, np.float32)]
    first = np.array([0.5, 0.5, 0.0], np.float32)
    ((windows, following),) = windows_of(pieces, first, 2, np.array([0, 1, 2]))
    assert windows.shape == (2, 3, 3)
    assert windows[:, 0].tolist() == [first.tolist(), first.tolist()]
    assert windows[:, 1].tolist() == [first.tolist(), [0.0, 1.0, 2.0]]
    assert windows[:, 2].tolist() == [first.tolist(), first.tolist()]
    assert following.tolist() == [[0, 1, 2], [3, 4, 5], [9, 9, 9]]


def test_spread_is_even() -> None:
    assert spread(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert spread(3, 5).tolist() == [0, 1, 2]


def test_sequences_read_one_note_late_in_one_key_and_resume() -> None:
    codec = NoteMatrixCodec(NUMBERS)
    generator = np.random.default_rng(1)
    piece = np.stack([generator.integers(40, 80, 90), np.full(90, 64), np.full(90, 250)], axis=1)

    def sampler() -> SequenceSampler:
        return SequenceSampler(
            [piece],
            codec,
            window=10,
            sequence_notes=20,
            warm_up_notes=4,
            transpose=5,
            columns=8,
            seed=(1, 2),
        )

    one = sampler()
    inputs, targets, mask = one.next_batch()
    begun_before = 0
    for column in range(8):
        counted = np.flatnonzero(mask[:, column])
        assert (np.diff(counted) == 1).all()
        assert (inputs[counted[1:], column] == targets[counted[:-1], column]).all()
        pitches = np.rint(targets[counted, column, PITCH] * 127).astype(int)
        found = [
            shift
            for shift in range(-5, 6)
            for start in range(91 - len(pitches))
            if (piece[start : start + len(pitches), PITCH] + shift == pitches).all()
        ]
        assert len(found) == 1
        before = (inputs[: counted[0] + 1, column] == codec.first()).all()
        begun_before += bool(before)
        # Notes from within a piece only count once the state is warm; what stands before a piece
        # warms it up too.
        assert counted[0] >= 4 or before
    state = one.state()
    following = one.next_batch()
    other = sampler()
    other.restore(state)
    assert all((a == b).all() for a, b in zip(following, other.next_batch(), strict=True))


# ---- From notes to a model file -------------------------------------------------------------


@pytest.fixture
def chord_set(tmp_path: Path) -> PreparedSet:
    """Broken chords in eighths, the first of four notes loud: what follows is certain."""
    entries = []
    for number in range(8):
        split = "validation" if number == 6 else "test" if number == 7 else "train"
        steps = [0, 24, 12, 36] * 21
        notes = [
            note(place / 2, 40 + number + step, 100 if step == 0 else 60)
            for place, step in enumerate(steps)
        ]
        file = f"{split}/chord-{number}.csv"
        (tmp_path / "set" / split).mkdir(parents=True, exist_ok=True)
        write_notes(tmp_path / "set" / file, notes)
        entries.append(NotesEntry(file, split, notes=len(notes), seconds=21.0, licence="CC0-1.0"))
    description = SetDescription(
        kind="notes", name="chords", license="CC0-1.0", data="made by the tests"
    )
    prepared = PreparedSet(tmp_path / "set", description, tuple(entries))
    prepared.write()
    return prepared


def recipe(name: str, steps: int) -> FitConfiguration:
    values = read_toml(name)
    values["network"] |= {"window": 8, "dropout": 0.0, "layers": [{"kind": "gru", "channels": 24}]}
    values["batches"] = {"sequence_notes": 16, "warm_up_notes": 4, "validation_notes": 60}
    values["augmentation"] = {"transpose": 3}
    values["training"] = {
        "steps": steps,
        "batch_size": 8,
        "learning_rate": 0.02,
        "average_decay": 0.9,
        "validate_every": 50,
        "device": "cpu",
    }
    return read_configuration(values, None)


def test_regression_learns_broken_chords(chord_set: PreparedSet, tmp_path: Path) -> None:
    outcome = fit(recipe("note-lstm", 150), chord_set, tmp_path / "run")
    assert outcome.unit == "squared error"
    assert "training_loss" in (tmp_path / "run" / "loss.csv").read_text().splitlines()[0]
    export(tmp_path / "run", tmp_path / "model.safetensors", storage="f32")
    _, configuration = read_model(tmp_path / "model.safetensors")
    # The noise of each head is its error on the validation split; nats there are none.
    noise = [entry["noise"] for entry in configuration["network"]["head"]["fields"]]
    assert np.mean(np.square(noise)) == pytest.approx(outcome.validation_nats, rel=1e-5)
    assert "validation_nats" not in configuration["training"]
    pieces = {split: read_pieces(chord_set.folder / split).pieces for split in ("train", "test")}
    figures = next_note_figures(tmp_path / "model.safetensors", pieces["test"], pieces["train"])
    model, mean, before = (figures.errors[name].over_all for name in figures.errors)
    assert model < 0.5 * before
    assert model < 0.5 * mean
    assert figures.nats == {}
    (table,) = figures.tables()
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["all"] == pytest.approx(model)
    assert row["signal-to-noise, dB"] == pytest.approx(
        10 * math.log10(float(figures.mean_squares.mean()) / model)
    )


def test_the_twin_learns_broken_chords(chord_set: PreparedSet, tmp_path: Path) -> None:
    outcome = fit(recipe("note-lstm-classes", 120), chord_set, tmp_path / "run")
    assert outcome.unit == "nats"
    export(tmp_path / "run", tmp_path / "model.safetensors", storage="f32")
    network, configuration = load_network(tmp_path / "model.safetensors")
    assert [entry["size"] for entry in configuration["network"]["head"]["fields"]] == [128, 32, 397]
    assert network.window == 8
    pieces = {split: read_pieces(chord_set.folder / split).pieces for split in ("train", "test")}
    figures = next_note_figures(tmp_path / "model.safetensors", pieces["test"], pieces["train"])
    assert list(figures.nats) == ["this model", "unigram", "order-2 Markov"]
    assert figures.nats["this model"].sum() < figures.nats["unigram"].sum()
    assert figures.nats["this model"].shape == (3,)


def test_a_run_continues_exactly(chord_set: PreparedSet, tmp_path: Path) -> None:
    fit(recipe("note-lstm", 12), chord_set, tmp_path / "whole")
    values = recipe("note-lstm", 12)
    values.training["schedule"] = "constant"
    fit(values, chord_set, tmp_path / "at-once")
    values.training["steps"] = 6
    fit(values, chord_set, tmp_path / "parts")
    values.training["steps"] = 12
    fit(values, chord_set, tmp_path / "parts")
    export(tmp_path / "at-once", tmp_path / "one.safetensors", storage="f32")
    export(tmp_path / "parts", tmp_path / "two.safetensors", storage="f32")
    (one, _), (two, _) = (read_model(tmp_path / f"{n}.safetensors") for n in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_recipes_that_cannot_be(chord_set: PreparedSet, tmp_path: Path) -> None:
    def refused(sentence: str, name: str = "note-lstm", **tables: dict) -> None:
        values = read_toml(name)
        for table, changes in tables.items():
            values.setdefault(table, {}).update(changes)
        values["training"] = {"steps": 1, "device": "cpu"}
        with pytest.raises(UserError, match=sentence):
            fit(build(FitConfiguration, values, "x"), chord_set, tmp_path / "refused")

    refused("some fields have classes and some have not", codec={"velocity": {"classes": 4}})
    refused("codec has no classes of it", "note-lstm-classes", codec=NUMBERS)
    refused("knows no conditions", conditions={"style": 3})
    refused("recurrent networks with a window", network={"kind": "recurrent", "window": None})
    refused("batches.warm_up_notes is 75", batches={"warm_up_notes": 75})


# ---- Figures --------------------------------------------------------------------------------


def test_witten_bell_by_hand() -> None:
    table = MarkovModel(1, TokenGrammar((3,), 2))
    table.learn([0, 1, 0])
    # Unigram: counts 2, 1, 0 of 3, two kinds: (2 + 2/3) / 5, (1 + 2/3) / 5, (2/3) / 5.
    unigram = [(2 + 2 / 3) / 5, (1 + 2 / 3) / 5, (2 / 3) / 5]
    # After 2 came 0 once: (1 + 1 · P(0)) / 2; after 0 came 1 once.
    assert table.probability((2,), 0) == pytest.approx((1 + unigram[0]) / 2)
    assert table.probability((0,), 2) == pytest.approx(unigram[2] / 2)
    for context in range(3):
        assert sum(table.probability((context,), x) for x in range(3)) == pytest.approx(1.0)
    expected = -math.log((1 + unigram[0]) / 2) - math.log((1 + unigram[1]) / 2)
    assert table.nats([0, 1]) == pytest.approx(expected)


def test_decibels() -> None:
    assert decibels(0.1, 0.001) == pytest.approx(20.0)
    assert decibels(1.0, 0.0) == math.inf


def test_words_for_a_card() -> None:
    text = vocabulary(NoteMatrixCodec(CLASSES).configuration())
    assert "pitch as one of 81 classes (MIDI 20 … 100, G#0 … E7)" in text
    assert "interval as one of 397 classes (0 … 4,000 ms)" in text
    grid = {
        "kind": "chorale_grid",
        "tempo": 80,
        "steps_per_beat": 4,
        "voices": [{"name": "soprano", "symbols": ["hold", "off", "end", 60, 62]}],
    }
    assert "soprano hold, off, end and 2 pitches (MIDI 60 … 62, C4 … D4)" in vocabulary(grid)
    assert vocabulary({"kind": "mu_law"}) == ""
    assert network_summary(MIXED) == (
        "recurrent network: 1 bidirectional LSTM layer of 6 channels, then 1 GRU layer of 4 "
        "channels, then 1 bidirectional GRU layer of 3 channels over a window of 4, which predicts "
        "a softmax over 7, a softmax over 5, a number"
    )
