"""A trained network, its model file, the float64 reference and the engine say the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from cadenza_training import mu_law, reference
from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.model_file import read_model, write_model
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.network import Network
from cadenza_training.networks.registry import load_network, make_network
from cadenza_training.parity_fixtures import CASES, tensor_shapes

LEVELS = 32
CONDITIONS = (
    ClassCondition("instrument", 3, 2, ("a", "b", "c")),
    ClassCondition("pitch", 12, 4, default=5),
)
WAVENET = {
    "kind": "wavenet",
    "vocabulary_size": LEVELS,
    "dilations": [1, 2, 4, 1, 3],
    "residual_channels": 6,
    "gate_channels": 5,
    "skip_channels": 9,
    "head_channels": 7,
}
LSTM = {
    "kind": "recurrent",
    "vocabulary_size": LEVELS,
    "input": {"kind": "embedding", "channels": 4},
    "layers": [{"kind": "lstm", "channels": 7}, {"kind": "gru", "channels": 5}],
}
GRU = {**LSTM, "layers": [{"kind": "gru", "channels": 9}]}
NETWORKS = {"wavenet": WAVENET, "lstm-gru": LSTM, "gru": GRU}


def described(network: Network) -> dict:
    return {
        "network": network.network_configuration(),
        "codec": {"kind": "mu_law", "sample_rate": 8000, "levels": LEVELS},
        "conditions": [condition.to_configuration() for condition in network.conditions],
    }


def made(configuration: Mapping, conditions: tuple[ClassCondition, ...]) -> Network:
    torch.manual_seed(3)
    return make_network(configuration, conditions).eval()


@pytest.mark.parametrize("levels", [2, 17, 256, 300])
def test_mu_law_codes_survive_a_round_trip(levels: int) -> None:
    codes = np.arange(levels)
    assert (mu_law.encode(mu_law.decode(codes, levels), levels) == codes).all()
    assert mu_law.silence_code(levels) == levels // 2


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("conditions", [CONDITIONS, ()], ids=["conditions", "unconditional"])
def test_a_model_file_agrees_with_the_reference(
    tmp_path: Path, kind: str, conditions: tuple[ClassCondition, ...]
) -> None:
    network = made(NETWORKS[kind], conditions).double()
    configuration = described(network)
    shapes = {name: tuple(value.shape) for name, value in network.tensors().items()}
    assert shapes == tensor_shapes(configuration)

    path = tmp_path / "model.safetensors"
    write_model(path, network.tensors(), configuration)
    tensors, read_configuration = read_model(path)
    tokens = torch.randint(LEVELS, (40,))
    values = {"instrument": torch.full((40,), 2), "pitch": torch.full((40,), 7)}
    expected = reference.logits(tensors, read_configuration, tokens, values)
    inputs = reference.network_inputs(tokens, mu_law.silence_code(LEVELS))[:, None]
    chosen = [torch.tensor([2]), torch.tensor([7])] if conditions else []
    actual, _ = network(inputs, chosen)
    torch.testing.assert_close(actual.squeeze(1), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_model_file_gives_the_network_back(tmp_path: Path, kind: str) -> None:
    network = made(NETWORKS[kind], CONDITIONS)
    path = tmp_path / "model.safetensors"
    write_model(path, network.tensors(), described(network))
    again, _ = load_network(path)
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert again.conditions == network.conditions


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_engine_has_the_logits_of_pytorch(tmp_path: Path, kind: str) -> None:
    """Every token's log-probability at several steps, through the C interface."""
    network = made(NETWORKS[kind], CONDITIONS)
    path = tmp_path / "model.safetensors"
    write_model(path, network.tensors(), described(network))
    tokens = torch.randint(LEVELS, (24,))
    inputs = reference.network_inputs(tokens, mu_law.silence_code(LEVELS))[:, None]
    with torch.no_grad():
        logits, _ = network(inputs, [torch.tensor([1]), torch.tensor([9])])
    expected = torch.log_softmax(logits.squeeze(1).double(), dim=-1).numpy()
    sounds = mu_law.decode(np.arange(LEVELS), LEVELS).astype(np.float32)
    with Engine().load(path) as model, model.stream(seed=1) as stream:
        stream.set_condition("instrument", "b")
        stream.set_condition("pitch", 9)
        for step, token in enumerate(tokens.tolist()):
            before = stream.save_state()
            actual = []
            for sound in sounds:
                actual.append(-stream.score(np.array([sound])))
                stream.load_state(before)
            np.testing.assert_allclose(actual, expected[step], rtol=1e-5, atol=1e-5)
            stream.prime(sounds[token : token + 1])


def test_state_carries_a_recurrent_network_over_a_cut() -> None:
    network = made(LSTM, CONDITIONS)
    inputs = torch.randint(LEVELS, (30, 2))
    values = [torch.tensor([0, 1]), torch.tensor([3, 4])]
    whole, _ = network(inputs, values)
    first, state = network(inputs[:11], values)
    second, _ = network(inputs[11:], values, state)
    torch.testing.assert_close(torch.cat([first, second]), whole)


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ({**WAVENET, "kernel_size": 3}, "kernel size 2, not 3"),
        ({**WAVENET, "input": {"kind": "convolution", "kernel_size": 2}}, "input is an embedding"),
        ({**GRU, "layers": [{"kind": "rnn", "channels": 2}]}, '"rnn", expected lstm or gru'),
        ({**GRU, "initial_states": True}, "zero states"),
        ({"kind": "mixer"}, "not one of decoder, recurrent, transformer, wavenet"),
    ],
)
def test_what_training_does_not_know_is_refused(configuration: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make_network(configuration, ())


def test_files_that_are_no_models_are_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    with pytest.raises(UserError, match=r"broken\.safetensors does not exist"):
        read_model(path)
    path.write_bytes(b"not a model at all")
    with pytest.raises(UserError, match=r"broken\.safetensors is not a Cadenza model file"):
        read_model(path)


def test_fixture_cases_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
