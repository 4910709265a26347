"""The fixtures that the engine is tested with come out as they are committed, and composers draw
what theirs are fed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cadenza_training.model_file import write_model
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.registry import make_network
from cadenza_training.parity_fixtures import (
    CASES,
    LATENT_CASES,
    WINDOW_AND_FIELD_CASES,
    write_case,
    write_shipped,
)
from cadenza_training.parity_pieces import drawn_piece
from cadenza_training.systems.note_matrix.codec import NoteMatrixCodec

COMMITTED = Path(__file__).parents[2] / "Tests" / "Fixtures" / "parity"
NUMBERED = {
    case.name: (number, case)
    for cases, first in ((CASES, 0), (WINDOW_AND_FIELD_CASES, 1000), (LATENT_CASES, 2000))
    for number, case in enumerate(cases, start=first)
}
VOICES = [
    {"name": "upper", "symbols": ["hold", "off", 60, 62, 64]},
    {"name": "lower", "symbols": [48, "off", "hold", 50]},
]


@pytest.mark.parametrize(
    "name",
    [
        "wavenet-plain",
        "gru-waveform",
        "transformer-relative",
        "fields-mixed",
        "lstm-latent-stack",
        "frames-conditions",
        "codec-spectrogram-frequency",
        "encoder-recurrent-stack",
        "wavenet-embedding",
    ],
)
def test_a_fixture_comes_out_as_committed(tmp_path: Path, name: str) -> None:
    number, case = NUMBERED[name]
    write_case(case, number, tmp_path)
    for file in (f"{name}.safetensors", f"{name}.reference.safetensors"):
        made, committed = load_file(tmp_path / file), load_file(COMMITTED / file)
        assert made.keys() == committed.keys()
        for tensor, values in committed.items():
            # Another version of PyTorch may add in another order.
            torch.testing.assert_close(made[tensor], values, rtol=1e-6, atol=1e-6)


def model(path: Path, network: dict, codec: dict, conditions: list[ClassCondition]) -> Path:
    torch.manual_seed(4)
    made = make_network(network, conditions)
    write_model(
        path,
        made.tensors(),
        {
            "network": made.network_configuration(),
            "codec": codec,
            "conditions": [condition.to_configuration() for condition in conditions],
        },
    )
    return path


def test_a_grid_composer_draws_its_piece(tmp_path: Path) -> None:
    network = {
        "kind": "transformer",
        "vocabulary_size": 9,
        "channels": 8,
        "layers": 1,
        "heads": 2,
        "window": 16,
        "positions": "sinusoidal",
    }
    conditions = [
        ClassCondition("key", 24, 3, default=5),
        ClassCondition("position", 3, 2, follows_position=True),
    ]
    codec = {"kind": "chorale_grid", "steps_per_beat": 4, "voices": VOICES}
    path = model(tmp_path / "grid.safetensors", network, codec, conditions)
    tokens, values = drawn_piece(path, 40)
    assert tokens.shape == (40,)
    # The voices' tokens take turns.
    assert ((tokens[::2] >= 0) & (tokens[::2] < 5)).all()
    assert ((tokens[1::2] >= 5) & (tokens[1::2] < 9)).all()
    assert len(set(tokens.tolist())) > 5
    assert values["key"].tolist() == [5] * 40
    assert values["position"][:8].tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    again, _ = drawn_piece(path, 40)
    assert torch.equal(tokens, again)
    write_shipped(path, None, tmp_path, 40)
    written = load_file(tmp_path / "shipped-grid.reference.safetensors")
    assert torch.equal(written["tokens"], tokens)
    assert torch.equal(written["conditions.position"], values["position"])
    assert written["logits"].shape == (40, 9)


def test_a_composer_of_fields_draws_rows(tmp_path: Path) -> None:
    codec = NoteMatrixCodec(
        {
            "kind": "note_matrix",
            "pitch": {"range": [50, 69], "classes": True},
            "velocity": {"range": [1, 127], "classes": 6},
            "interval": {"maximum_milliseconds": 900},
        }
    )
    network = {
        "kind": "recurrent",
        "window": 7,
        "input": {
            "kind": "fields",
            "fields": [
                {"kind": "embedding", "size": 20, "channels": 4},
                {"kind": "one_hot", "size": 6},
                {"kind": "value"},
            ],
        },
        "layers": [{"kind": "lstm", "channels": 9}],
        "head": {
            "kind": "fields",
            "fields": [
                {"kind": "softmax", "size": 20},
                {"kind": "softmax", "size": 6},
                {"kind": "linear", "noise": 0.4},
            ],
        },
    }
    path = model(tmp_path / "rows.safetensors", network, codec.configuration(), [])
    rows, values = drawn_piece(path, 60)
    assert rows.shape == (60, 3)
    assert values == {}
    assert set(rows[:, 0].tolist()) <= set(map(float, range(20)))
    assert set(rows[:, 1].tolist()) == set(map(float, range(6)))
    assert rows[:, 2].min() == 0.0
    assert 0.0 < rows[:, 2].max() <= 1.0
    write_shipped(path, None, tmp_path, 60)
    written = load_file(tmp_path / "shipped-rows.reference.safetensors")
    assert torch.equal(written["elements"], rows)
    assert written["logits"].shape == (60, 27)
