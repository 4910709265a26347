"""Decoders whose encoder gives a latent without a variance, and recordings that they rebuild."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cadenza_training.configuration import read_toml
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.evaluation.continued_sounds import rebuild_folder
from cadenza_training.evaluation.sound_files import find_sounds
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.networks.conditions import LatentCondition
from cadenza_training.networks.decoder import Decoder

CONFIGURATION = {
    "name": "tiny",
    "system": "variational_audio",
    "network": {
        "kind": "decoder",
        "layers": [
            {"kind": "reshape", "steps": 128, "channels": 2},
            {"kind": "upsample", "factor": 8},
            {"kind": "convolution", "channels": 1, "kernel_size": 9},
        ],
    },
    "encoder": {
        "input": {"kind": "waveform"},
        "layers": [
            {"kind": "convolution", "channels": 2, "kernel_size": 8, "stride": 8},
            {"kind": "flatten"},
        ],
    },
    "codec": {"kind": "waveform"},
    "conditions": {"z": 256},
    "batches": {"clip_frames": 1024, "instruments": ["reed"]},
    "losses": {"reconstruction": "absolute", "draws": False, "divergence_weight": 0.0},
    "training": {"steps": 60, "batch_size": 4, "learning_rate": 0.01, "validate_every": 30},
}


def test_the_published_shape() -> None:
    """The bottleneck is the latent, and the clip comes back as long as it was."""
    values = read_toml("wavenet-autoencoder-report")
    encoder = {**values["encoder"], "kind": "layers", "latent": "z", "frames": 16384}
    latent = LatentCondition("z", values["conditions"]["z"])
    network = Decoder(values["network"]["layers"], [latent], encoder).eval()
    samples = torch.randn(1, 16384)
    with torch.no_grad():
        mean, _ = network.encode(samples, [torch.zeros(1, 8192)])
        assert mean.shape == (1, 8192)
        assert network([mean]).shape == (1, 16384, 1)
    assert network.training_only() == set()


def test_a_recording_is_rebuilt(note_set: PreparedSet, tmp_path: Path) -> None:
    outcome = fit(read_configuration(CONFIGURATION, None), note_set, tmp_path / "run")
    silent = {**CONFIGURATION, "training": {"steps": 1, "batch_size": 4, "learning_rate": 1e-9}}
    assert (
        outcome.validation_nats
        < fit(read_configuration(silent, None), note_set, tmp_path / "first").validation_nats
    )
    model = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", model, storage="f32")
    held_out = find_sounds(note_set.folder, "validation").files
    rebuild_folder(model, held_out, tmp_path / "rebuilt")
    rebuilt = find_sounds(tmp_path / "rebuilt").files
    assert [file.answers for file in rebuilt] == [file.name for file in held_out]
    assert len(rebuilt[0].read()[0]) == 1024


def test_a_latent_of_another_size_is_refused(note_set: PreparedSet, tmp_path: Path) -> None:
    layers = [{"kind": "dense", "channels": 256}, *CONFIGURATION["network"]["layers"]]
    network = {"kind": "decoder", "layers": layers}
    values = {**CONFIGURATION, "conditions": {"z": 255}, "network": network}
    with pytest.raises(UserError, match=r"a vector of 256, expected .* the 255 numbers"):
        fit(read_configuration(values, None), note_set, tmp_path / "run")
