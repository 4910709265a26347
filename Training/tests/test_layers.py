"""Stacks of layers: the training code agrees with the reference, which is written apart from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file

from cadenza_training import reference_layers
from cadenza_training.errors import UserError
from cadenza_training.model_file import read_model
from cadenza_training.networks.conditions import ClassCondition, LatentCondition, read_condition
from cadenza_training.networks.decoder import Decoder
from cadenza_training.networks.layers import LayerStack, Shape
from cadenza_training.networks.registry import make_network
from cadenza_training.parity_decoders import DECODER_CASES, ENCODER_CASES, write_decoder_case
from cadenza_training.spectrogram import LogMagnitudes

COMMITTED = Path(__file__).parents[2] / "Tests" / "Fixtures" / "parity"
NUMBERED = {case.name: number for number, case in enumerate((*DECODER_CASES, *ENCODER_CASES))}
Z = LatentCondition("z", 3)


def stack_of(case: str, prefix: str, layers: list, shape: Shape, channels: int) -> LayerStack:
    tensors, _ = read_model(COMMITTED / f"{case}.safetensors")
    stack = LayerStack(layers, shape, channels)
    weights = {
        name.removeprefix(prefix): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}layers.")
    }
    stack.load_state_dict(weights)
    return stack.double().eval()


@pytest.mark.parametrize("name", [case.name for case in DECODER_CASES])
def test_a_decoder_agrees_with_the_reference(name: str) -> None:
    tensors, configuration = read_model(COMMITTED / f"{name}.safetensors")
    expected = load_file(COMMITTED / f"{name}.reference.safetensors")
    values = {
        key.removeprefix("conditions."): value
        for key, value in expected.items()
        if key.startswith("conditions.")
    }
    h = torch.from_numpy(reference_layers.condition_vector(tensors, configuration, values))
    layers = configuration["network"]["layers"]
    stack = stack_of(name, "", layers, Shape(len(h)), len(h))
    with torch.no_grad():
        clip = stack(h[None, :, None, None], h[None])[0].permute(1, 2, 0).flatten(1)
    assert tuple(clip.shape) == tuple(expected["frames"].shape)
    assert expected["frames"].std() > 0.01
    torch.testing.assert_close(clip, expected["frames"].double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [case.name for case in ENCODER_CASES])
def test_an_encoder_agrees_with_the_reference(name: str) -> None:
    tensors, configuration = read_model(COMMITTED / f"{name}.safetensors")
    expected = load_file(COMMITTED / f"{name}.reference.safetensors")
    values = {
        key.removeprefix("conditions."): value
        for key, value in expected.items()
        if key.startswith("conditions.")
    }
    encoder = configuration["encoder"]
    samples = expected["samples"].double()
    if "frames" in encoder:
        samples = functional.pad(samples, (0, encoder["frames"] - len(samples)))
    entry = encoder["input"]
    columns = samples[None, None]
    if entry["kind"] == "spectrogram":
        columns = LogMagnitudes(entry["frame_size"], entry["hop"], entry["magnitude"])(
            samples[None]
        )
    h = torch.from_numpy(
        reference_layers.condition_vector(tensors, configuration, values, with_latents=False)
    )
    shape = Shape(columns.shape[1], columns.shape[2], 1, is_vector=False)
    stack = stack_of(name, "encoder.", encoder["layers"], shape, len(h))
    with torch.no_grad():
        latent = stack(columns[..., None], h[None])[0, :, 0, 0]
    torch.testing.assert_close(latent, expected["latent"].double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["decoder-everything", "decoder-harmonic", "encoder-layers-spectrogram"]
)
def test_a_fixture_comes_out_as_committed(tmp_path: Path, name: str) -> None:
    case = (*DECODER_CASES, *ENCODER_CASES)[NUMBERED[name]]
    write_decoder_case(case, NUMBERED[name], tmp_path)
    for file in (f"{name}.safetensors", f"{name}.reference.safetensors"):
        written, committed = load_file(tmp_path / file), load_file(COMMITTED / file)
        assert set(written) == set(committed)
        for key, tensor in committed.items():
            torch.testing.assert_close(written[key], tensor, rtol=1e-5, atol=1e-6)


def test_every_kind_of_layer_and_option_is_in_a_fixture() -> None:
    found: set[tuple[str, str]] = set()

    def look(layers: tuple | list) -> None:
        for layer in layers:
            for key, value in layer.items():
                found.add((layer["kind"], value if isinstance(value, str) else key))
            look(layer["layers"] if layer["kind"] == "residual" else [])

    for case in (*DECODER_CASES, *ENCODER_CASES):
        look(case.layers)
        look(case.encoder["layers"] if case.encoder else [])
    wanted = {
        **{"dense": {"bias"}, "reshape": {"bins"}, "flatten": set()},
        "convolution": {"dilation", "groups", "stride", "padding", "causal", "bias"},
        "transposed_convolution": {"stride", "bias"},
        "upsample": {"nearest", "linear"},
        "pool": {"mean", "max"},
        "residual": {"shortcut"},
        "normalization": {"batch", "layer", "pixel", "instance"},
        "activation": {"relu", "leaky_relu", "elu", "tanh", "sigmoid", "slope"},
        "condition": {"add", "modulate", "concatenate"},
    }
    missing = {
        (kind, option)
        for kind, options in wanted.items()
        for option in {kind, *options}
        if (kind, option) not in found
    }
    assert missing == set()


def test_a_decoder_is_written_and_read_with_its_encoder() -> None:
    conditions = [ClassCondition("instrument", 2, 4, ("reed", "flute")), Z]
    layers = [
        {"kind": "dense", "channels": 12},
        {"kind": "normalization", "over": "batch"},
        {"kind": "reshape", "steps": 4, "channels": 3},
        {"kind": "transposed_convolution", "channels": 1, "kernel_size": 8, "stride": 4},
    ]
    encoder = {
        "kind": "layers",
        "latent": "z",
        "input": {"kind": "waveform"},
        "frames": 16,
        "layers": [
            {"kind": "convolution", "channels": 2, "kernel_size": 4, "stride": 2},
            {"kind": "flatten"},
            {"kind": "condition", "mode": "concatenate"},
            {"kind": "dense", "channels": 3},
        ],
    }
    network = make_network({"kind": "decoder", "layers": layers}, conditions, encoder)
    assert isinstance(network, Decoder)
    names = set(network.tensors())
    assert "encoder.layers.3.weight" in names
    assert "layers.1.variance" in names
    assert "conditions.instrument.embedding.weight" in names
    assert not any("log_variance" in name for name in names)
    other = make_network({"kind": "decoder", "layers": layers}, conditions, encoder)
    other.load_tensors(network.tensors())
    values = [torch.tensor([1, 0]), torch.randn(2, 3)]
    samples = torch.randn(2, 16)
    for one, two in (
        (network.eval()(values), other.eval()(values)),
        (network.encode(samples, values)[0], other.encode(samples, values)[0]),
    ):
        torch.testing.assert_close(one, two)
    assert [read_condition(entry.to_configuration()) for entry in conditions] == conditions


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ([{"kind": "dance"}], 'layer 0: the kind "dance" is not one of'),
        ([{"kind": "dense"}], "layer 0 \\(dense\\): the key 'channels' is missing"),
        ([{"kind": "dense", "channels": 4}], "there are no steps to play"),
        (
            [{"kind": "reshape", "steps": 4, "channels": 2}],
            "a vector of 3 cannot be reshaped to 4 steps",
        ),
        (
            [
                {"kind": "reshape", "steps": 3, "channels": 1},
                {"kind": "residual", "layers": [{"kind": "upsample", "factor": 2}]},
            ],
            "layer 1: a residual layer adds",
        ),
    ],
)
def test_layers_that_do_not_chain_are_refused(layers: list, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Decoder(layers, [Z])
