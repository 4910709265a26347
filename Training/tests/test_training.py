"""The training network, the exported file and the reference say the same thing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cadenza_training import mu_law, reference
from cadenza_training.dataset import ChunkSampler, Note
from cadenza_training.export import wavenet_network_configuration, wavenet_tensors
from cadenza_training.generate import generate
from cadenza_training.model_file import read_model, write_model
from cadenza_training.parity_fixtures import CASES, tensor_shapes
from cadenza_training.wavenet import ClassCondition, WaveNet, WaveNetConfiguration

CONFIGURATION = WaveNetConfiguration(
    levels=32,
    residual_channels=6,
    dilation_channels=5,
    skip_channels=9,
    head_channels=7,
    dilations=(1, 2, 4, 1, 3),
    conditions=(
        ClassCondition("instrument", 3, 2, ("a", "b", "c")),
        ClassCondition("pitch", 12, 4),
    ),
)


def exported_configuration(network: WaveNet) -> dict:
    return {
        "network": wavenet_network_configuration(network),
        "conditions": [
            {
                "name": condition.name,
                "kind": "class",
                "size": condition.size,
                "embedding_channels": condition.embedding_channels,
            }
            for condition in CONFIGURATION.conditions
        ],
    }


@pytest.mark.parametrize("levels", [2, 17, 256, 300])
def test_mu_law_codes_survive_a_round_trip(levels: int) -> None:
    codes = np.arange(levels)
    assert (mu_law.encode(mu_law.decode(codes, levels), levels) == codes).all()
    assert mu_law.silence_code(levels) == levels // 2


def test_export_agrees_with_the_reference(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = WaveNet(CONFIGURATION).double()
    configuration = exported_configuration(network)
    shapes = {name: tuple(value.shape) for name, value in wavenet_tensors(network).items()}
    assert shapes == tensor_shapes(configuration)

    path = tmp_path / "model.safetensors"
    write_model(path, wavenet_tensors(network), configuration)
    tensors, read_configuration = read_model(path)
    tokens = torch.randint(32, (40,))
    values = {"instrument": torch.full((40,), 2), "pitch": torch.full((40,), 7)}
    expected = reference.logits(tensors, read_configuration, tokens, values)
    inputs = reference.network_inputs(tokens, 32)[:, None]
    actual = network(inputs, (torch.tensor([2]), torch.tensor([7]))).squeeze(1)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def test_generation_follows_the_network() -> None:
    torch.manual_seed(4)
    network = WaveNet(CONFIGURATION)
    conditions = (torch.tensor([0, 1]), torch.tensor([3, 9]))
    sound = generate(network, conditions, 50, temperature=0.0)
    tokens = torch.from_numpy(mu_law.encode(sound, 32)).t()
    silence = torch.full((1, 2), mu_law.silence_code(32))
    logits = network(torch.cat([silence, tokens[:-1]]), conditions)
    assert (logits.argmax(dim=-1) == tokens).all()


def test_masked_steps_have_their_whole_past() -> None:
    codes = (np.arange(200) % 32).astype(np.uint8)
    sampler = ChunkSampler(
        [Note("note", 0, 5, 0, codes)],
        levels=32,
        receptive_field=CONFIGURATION.receptive_field,
        chunk_frames=40,
        batch_size=64,
        onset_share=0.5,
        input_noise=0.0,
        seed=1,
    )
    batch = sampler.next_batch()
    starts_at_onset = batch.inputs[0] == mu_law.silence_code(32)
    onset = batch.mask[0] == 1.0
    assert onset.any() and not onset.all()
    assert (starts_at_onset | ~onset).all()
    assert (batch.mask[:, onset] == 1.0).all()
    assert (batch.mask[: CONFIGURATION.receptive_field, ~onset] == 0.0).all()
    assert (batch.mask[CONFIGURATION.receptive_field :, ~onset] == 1.0).all()
    assert (batch.inputs[1:] == batch.targets[:-1]).all()


def test_fixture_cases_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
