"""Melodies of a few bars: their windows, the autoencoder from a set to a file, its figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cadenza_training.data.notes import Note, in_order, write_notes
from cadenza_training.data.prepared_set import NotesEntry, PreparedSet, SetDescription
from cadenza_training.errors import UserError
from cadenza_training.evaluation.evaluate_melodies import evaluate_melodies, is_melody_autoencoder
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.model_file import read_model
from cadenza_training.networks.registry import load_network
from cadenza_training.reference import logits as reference_logits
from cadenza_training.reference import melody_latent, network_inputs
from cadenza_training.systems.melody_vae.latents import decode, encode, spherical
from cadenza_training.systems.melody_vae.melodies import (
    Melodies,
    melody_grid,
    sounding,
    windows_of_part,
)
from cadenza_training.systems.melody_vae.melody_vae import divergence

FIXTURES = Path(__file__).parents[2] / "Tests" / "Fixtures" / "parity"
CONFIGURATION = {
    "name": "tiny",
    "system": "melody_vae",
    "network": {
        "kind": "recurrent",
        "input": {"kind": "embedding", "channels": 6},
        "layers": [{"kind": "lstm", "channels": 24}, {"kind": "gru", "channels": 16}],
        "latent": {"size": 8, "rising_steps": 5, "free_bits": 2.0},
        "encoder": {"layers": [{"kind": "lstm", "channels": 12, "bidirectional": True}]},
    },
    "codec": {"kind": "melody_steps", "pitches": [55, 84]},
    "batches": {"steps": 16, "least_notes": 3},
    "augmentation": {"transposition": 2},
    "training": {"steps": 40, "batch_size": 16, "learning_rate": 0.01, "validate_every": 20},
}


def melody(first: int, beats: int) -> list[Note]:
    steps = (0, 2, 4, 5, 7, 5, 4, 2)
    song = [Note(b / 2, 0.5, b, 1.0, first + steps[b % 8], 80, 0) for b in range(beats)]
    return in_order([*song, Note(0.0, beats / 2, 0.0, beats, first - 12, 80, 1)])


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    folder = tmp_path_factory.mktemp("songs")
    entries = []
    for number, first in enumerate((60, 62, 64, 65, 67, 69, 61)):
        split = ("train", "train", "train", "train", "validation", "test", "train")[number]
        file = f"{split}/{number}.csv"
        (folder / split).mkdir(exist_ok=True)
        notes = melody(first, 24)
        if number == 6:
            # Chords: no melody, nothing is learnt from it.
            notes = in_order([*notes, *(Note(b / 2, 0.5, b, 1.0, 70, 80, 0) for b in range(24))])
        write_notes(folder / file, notes)
        entries.append(NotesEntry(file, split, str(number), 4.0, len(notes)))
    description = SetDescription("notes", "songs", data="made by the tests")
    prepared = PreparedSet(folder, description, tuple(entries))
    prepared.write()
    return prepared


def test_a_window_begins_what_sounds_there() -> None:
    grid = melody_grid((55, 84), 4, 120)
    names = grid.voices[0].symbols
    notes = [
        Note(0, 0, 0.0, 2.0, 60, 80, 0),
        Note(0, 0, 2.0, 0.5, 62, 80, 0),
        Note(0, 0, 3.0, 1.0, 64, 80, 0),
        Note(0, 0, 4.0, 2.0, 65, 80, 0),
    ]
    windows = windows_of_part(grid, notes, 16, 3)
    written = [[names[token] for token in row] for row in windows]
    hold = "hold"
    assert written[0] == [60, *[hold] * 7, 62, hold, "off", hold, 64, *[hold] * 3]
    # One beat later the first note, which goes on, begins the window.
    assert written[1] == [60, *[hold] * 3, 62, hold, "off", hold, 64, *[hold] * 3, 65, *[hold] * 3]
    assert len(windows_of_part(grid, notes, 16, 5)) == 0
    heard = sounding(grid, windows)
    assert heard[0].tolist() == [*[60] * 8, 62, 62, -1, -1, *[64] * 4]
    assert len(windows_of_part(melody_grid((55, 64), 4, 120), notes, 16, 3)) == 1


def test_repeats_and_spreading() -> None:
    tokens = np.array([[1, 2], [3, 4], [1, 2], [5, 6]])
    melodies = Melodies(tokens, ("a", "b", "c", "d"))
    assert melodies.without_repeats().names == ("a", "b", "d")
    assert melodies.spread(2).names == ("a", "c")
    assert melodies.spread(9).names == melodies.names


def test_the_divergence_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    ours = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros(5, 7), torch.ones(5, 7))
    expected = torch.distributions.kl_divergence(ours, prior).sum(dim=-1)
    torch.testing.assert_close(divergence(mean, log_variance), expected)


def test_spherical_interpolation_keeps_to_the_sphere() -> None:
    first, second = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    middle = spherical(first, second, 0.5)
    torch.testing.assert_close(middle, torch.full((1, 2), 3.0 / 2**0.5))
    torch.testing.assert_close(spherical(first, second, 0.0), first)
    torch.testing.assert_close(spherical(first, first, 0.3), first)


@pytest.mark.parametrize("name", ["lstm-latent", "lstm-latent-window-both"])
def test_networks_that_begin_from_a_latent_are_the_reference(name: str) -> None:
    tensors, configuration = read_model(FIXTURES / f"{name}.safetensors")
    found = load_file(FIXTURES / f"{name}.reference.safetensors")
    if configuration["network"].get("window"):
        # Trained networks with a window have no zeros in the first token's place.
        configuration["network"].pop("first_input")
    values = {"z": found["conditions.z"]}
    wanted = reference_logits(tensors, configuration, found["tokens"], values)
    from cadenza_training.networks.conditions import read_condition
    from cadenza_training.networks.registry import make_network

    conditions = [read_condition(entry) for entry in configuration["conditions"]]
    network = make_network(configuration["network"], conditions)
    network.load_tensors(tensors)
    network.double()
    off = configuration["codec"]["symbols"].index("off")
    inputs = network_inputs(found["tokens"], off)[:, None]
    latents = found["conditions.z"].double()
    if network.window is None:
        predicted, _ = network(inputs, [latents[:, None]])
        predicted = predicted[:, 0]
    else:
        padded = torch.cat([inputs[:1].expand(network.window - 1, -1), inputs])[:, 0]
        windows = padded.unfold(0, network.window, 1).T
        predicted = network.predict(windows, [latents])
    torch.testing.assert_close(predicted, wanted, rtol=1e-6, atol=1e-6)


def test_the_encoder_is_the_reference() -> None:
    tensors, configuration = read_model(FIXTURES / "encoder-recurrent-lstm.safetensors")
    found = load_file(FIXTURES / "encoder-recurrent-lstm.reference.safetensors")
    network, _ = load_network(FIXTURES / "encoder-recurrent-lstm.safetensors")
    tokens = found["tokens"].long().numpy()[None]
    torch.testing.assert_close(encode(network, tokens)[0], found["latent"], rtol=1e-5, atol=1e-5)
    # Another melody is another latent.
    other = melody_latent(tensors, configuration, found["tokens"].flip(0))
    assert not torch.allclose(other.float(), found["latent"], atol=1e-3)


def test_from_songs_to_figures(songs: PreparedSet, tmp_path: Path) -> None:
    configuration = read_configuration(CONFIGURATION, None)
    outcome = fit(configuration, songs, tmp_path / "run")
    assert outcome.unit == "nats"
    # Uniform tokens would be ln 32 = 3.5.
    assert outcome.validation_nats < 3.0
    model = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", model, storage="f32")
    network, described = load_network(model)
    assert is_melody_autoencoder(described)
    assert described["codec"]["steps"] == 16
    assert described["network"]["initial_states"] == "conditions"
    assert described["network"]["first_input"] == "zeros"
    tensors, _ = read_model(model)
    assert "encoder.head.weight" in tensors
    assert not any("log_variance" in name for name in tensors)
    latents = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    together, alone = decode(network, latents), decode(network, latents[1:2])
    assert together.shape == (3, 16)
    assert (together[1] == alone[0]).all()
    evaluation = evaluate_melodies(songs.folder, None, model, tmp_path / "evaluation", None)
    evaluation.write(tmp_path / "evaluation")
    assert 0.0 <= evaluation.value("sounding_accuracy") <= 1.0
    places = evaluation.table("between").rows
    assert [places[0][1], places[-1][2]] == [0.0, 0.0]
    assert evaluation.table("score").rows[0][0] == "this model"
    # Continued, it is the same run.
    longer = {**CONFIGURATION, "training": {**CONFIGURATION["training"], "steps": 42}}
    assert fit(read_configuration(longer, None), songs, tmp_path / "run").step == 42


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"codec": {"pitches": [84, 55]}}, "codec.pitches is"),
        ({"codec": {"kind": "note_tokens"}}, "expected melody_steps"),
        ({"conditions": {"key": 4}}, "no conditions but its latent"),
        ({"augmentation": {"input_noise": 1.0}}, "augmentation.input_noise is 1.0"),
        ({"batches": {"steps": 0}}, "batches.steps is 0"),
        ({"batches": {"steps": 4096}}, "has no melodies of 4096 steps"),
    ],
)
def test_what_is_refused(songs: PreparedSet, tmp_path: Path, change: dict, sentence: str) -> None:
    values = {**CONFIGURATION, **change}
    with pytest.raises(UserError, match=sentence):
        fit(read_configuration(values, None), songs, tmp_path / "run")
