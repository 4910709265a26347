"""Parity fixtures of decoders and of encoders made of layers, with float64 references.

`parity_fixtures` writes them beside the others. A decoder's reference holds one row of each
condition, `frames` [steps, numbers], the whole clip, and `samples` where its codec makes no noise;
an encoder's holds `samples`, the `latent` that they give, and the conditions that go with the
recording.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from cadenza_training import reference, reference_layers
from cadenza_training.model_file import read_model, write_model

SAMPLE_RATE = 16000
# Of a trained decoder: its latent, and the first frames of its clip.
SHIPPED_SEED = 1
SHIPPED_FRAMES = 150
STORAGE = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
Z = {"name": "z", "kind": "latent", "size": 6}
FAMILY = {"name": "instrument", "kind": "class", "labels": ["reed", "brass", "string"]}
PITCH = {
    "name": "pitch",
    "kind": "class",
    "labels": [str(pitch) for pitch in range(45, 70)],
    "embedding_channels": 4,
    "default": 12,
}
BRIGHTNESS = {"name": "brightness", "kind": "vector", "size": 2, "default": [0.25, -1.0]}
WAVEFORM = {"kind": "waveform", "sample_rate": SAMPLE_RATE}


@dataclass(frozen=True)
class DecoderCase:
    """One fixture. `storage` is one type for all tensors, or "mixed"."""

    name: str
    layers: tuple[Mapping, ...]
    codec: Mapping
    conditions: tuple[Mapping, ...] = (Z,)
    storage: str = "f32"
    # With one, the fixture is of the encoder.
    encoder: Mapping | None = None
    # Of the recording that is encoded.
    samples: int = 0


def dense(channels: int, **options: object) -> dict:
    return {"kind": "dense", "channels": channels, **options}


def reshape(steps: int, channels: int, **options: object) -> dict:
    return {"kind": "reshape", "steps": steps, "channels": channels, **options}


def convolution(channels: int, size: int | list[int], **options: object) -> dict:
    return {"kind": "convolution", "channels": channels, "kernel_size": size, **options}


def transposed(
    channels: int, size: int | list[int], stride: int | list[int], **options: object
) -> dict:
    return {
        "kind": "transposed_convolution",
        "channels": channels,
        "kernel_size": size,
        "stride": stride,
        **options,
    }


def upsample(factor: int | list[int], mode: str = "nearest") -> dict:
    return {"kind": "upsample", "factor": factor, "mode": mode}


def residual(*layers: Mapping, **options: object) -> dict:
    return {"kind": "residual", "layers": list(layers), **options}


def normalization(over: str) -> dict:
    return {"kind": "normalization", "over": over}


def activation(function: str, **options: object) -> dict:
    return {"kind": "activation", "function": function, **options}


def condition(mode: str) -> dict:
    return {"kind": "condition", "mode": mode}


FLATTEN = {"kind": "flatten"}


def pool(size: int, mode: str = "mean") -> dict:
    return {"kind": "pool", "size": size, "mode": mode}


def harmonic(hop: int, harmonics: int, noise_bands: int) -> dict:
    return {
        "kind": "harmonic",
        "sample_rate": SAMPLE_RATE,
        "hop": hop,
        "harmonics": harmonics,
        "noise_bands": noise_bands,
    }


def spectrogram(frame_size: int, hop: int, phase: str) -> dict:
    return {
        "kind": "spectrogram",
        "sample_rate": SAMPLE_RATE,
        "frame_size": frame_size,
        "hop": hop,
        "magnitude": [-8.0, math.log(frame_size / 8)],
        "phase": phase,
    }


SMALL_DECODER = (dense(12), reshape(6, 2), activation("tanh"), transposed(1, 4, 4))

DECODER_CASES = (
    DecoderCase(
        "decoder-plain",
        (dense(24), activation("relu"), reshape(8, 3), transposed(5, 8, 4), activation("relu"),
         transposed(1, 8, 4), activation("sigmoid")),
        WAVEFORM | {"range": [0, 1]},
        (Z, FAMILY),
    ),
    # Every kind of layer and every option that one dimension has.
    DecoderCase(
        "decoder-everything",
        (
            condition("modulate"),
            dense(20),
            normalization("layer"),
            activation("elu"),
            residual(dense(20), activation("leaky_relu"), dense(20, bias=False)),
            residual(dense(24), normalization("pixel"), shortcut=True),
            condition("add"),
            dense(32),
            normalization("batch"),
            condition("concatenate"),
            activation("leaky_relu", slope=0.3),
            dense(54),
            reshape(9, 6),
            convolution(8, 3),
            normalization("batch"),
            activation("leaky_relu"),
            upsample(2),
            convolution(8, 4, dilation=2, groups=2),
            normalization("layer"),
            activation("relu"),
            condition("add"),
            upsample(3, "linear"),
            residual(
                convolution(8, 3, dilation=3, padding="causal"),
                activation("elu"),
                condition("modulate"),
                convolution(8, 1, bias=False),
            ),
            residual(convolution(6, 5), normalization("pixel"), activation("tanh"), shortcut=True),
            condition("concatenate"),
            convolution(7, 4, padding=[4, 1]),
            transposed(6, 7, 2),
            activation("tanh"),
            transposed(4, 3, 3, bias=False),
            activation("sigmoid"),
            convolution(5, 6, padding=[0, 2], groups=1),
            condition("modulate"),
            convolution(1, 2, padding=[1, 0]),
            activation("tanh"),
        ),
        WAVEFORM,
        (Z, FAMILY, PITCH, BRIGHTNESS),
    ),
    DecoderCase(
        "decoder-two-dimensions",
        (
            dense(4 * 4 * 6),
            normalization("pixel"),
            reshape(4, 6, bins=4),
            convolution(7, [3, 3]),
            activation("leaky_relu"),
            normalization("pixel"),
            upsample([2, 2]),
            convolution(6, [3, 5], dilation=[1, 2]),
            activation("leaky_relu"),
            normalization("pixel"),
            upsample([2, 1]),
            residual(
                convolution(6, [3, 3], groups=2),
                normalization("layer"),
                activation("elu"),
                convolution(6, [1, 3]),
            ),
            condition("modulate"),
            upsample([1, 2], "linear"),
            convolution(4, [2, 4]),
            normalization("batch"),
            activation("relu"),
            upsample([2, 2], "linear"),
            convolution(2, [1, 1]),
            activation("tanh"),
        ),
        spectrogram(64, 16, "instantaneous_frequency"),
        (Z, PITCH),
    ),
    DecoderCase(
        "decoder-two-dimensions-transposed",
        (
            dense(3 * 4 * 5),
            reshape(3, 5, bins=4),
            transposed(6, [4, 4], [2, 2]),
            normalization("batch"),
            activation("leaky_relu"),
            transposed(5, [3, 5], [1, 2], bias=False),
            activation("elu"),
            transposed(2, [5, 3], [3, 1]),
            activation("tanh"),
        ),
        spectrogram(32, 8, "phase"),
    ),
    DecoderCase(
        "decoder-instance",
        (
            dense(30),
            reshape(10, 3),
            convolution(6, 3),
            normalization("instance"),
            activation("leaky_relu"),
            upsample(4),
            residual(convolution(6, 3), normalization("instance"), activation("relu")),
            convolution(1, 5),
            activation("tanh"),
        ),
        WAVEFORM,
    ),
    DecoderCase(
        "decoder-instance-two-dimensions",
        (
            dense(24),
            reshape(3, 2, bins=4),
            convolution(4, [3, 3]),
            normalization("instance"),
            activation("relu"),
            upsample([4, 2]),
            convolution(1, [3, 3]),
            activation("tanh"),
        ),
        spectrogram(16, 4, "none") | {"iterations": 4},
    ),
    DecoderCase(
        "decoder-harmonic",
        (
            dense(32),
            activation("leaky_relu"),
            reshape(8, 4),
            upsample(3, "linear"),
            convolution(10, 3),
            activation("leaky_relu"),
            condition("modulate"),
            convolution(1 + 20, 3),
        ),
        harmonic(32, 20, 0),
        (FAMILY, PITCH, Z),
    ),
    # Its noise is drawn: the reference is of the frames.
    DecoderCase(
        "decoder-harmonic-noise",
        (dense(40), activation("elu"), reshape(10, 4), transposed(8, 4, 2), activation("elu"),
         convolution(1 + 12 + 9, 3)),
        harmonic(64, 12, 9),
        (Z, PITCH),
    ),
    DecoderCase(
        "decoder-f16",
        (dense(40, bias=False), normalization("batch"), activation("leaky_relu"), reshape(5, 8),
         transposed(8, 25, 4, bias=False), normalization("batch"), activation("leaky_relu"),
         transposed(4, 25, 4, bias=False), normalization("batch"), activation("leaky_relu"),
         transposed(1, 25, 4), activation("tanh")),
        WAVEFORM,
        (Z, FAMILY),
        storage="f16",
    ),
    DecoderCase(
        "decoder-mixed",
        (dense(33), activation("elu"), reshape(11, 3), condition("concatenate"),
         residual(convolution(9, 3), normalization("layer"), shortcut=True),
         upsample(5, "linear"), convolution(13, 7, padding="causal"), activation("relu"),
         convolution(1, 1)),
        WAVEFORM | {"range": [-2, 1.5]},
        (PITCH, Z, BRIGHTNESS),
        storage="mixed",
    ),
    # A vector condition alone: no latent at all.
    DecoderCase(
        "decoder-without-a-latent",
        (dense(18), activation("tanh"), reshape(18, 1), upsample(7, "linear"), convolution(1, 3)),
        WAVEFORM,
        (BRIGHTNESS,),
    ),
)  # fmt: skip

ENCODER_CASES = (
    DecoderCase(
        "encoder-layers-waveform",
        SMALL_DECODER,
        WAVEFORM,
        (FAMILY, Z),
        encoder={
            "kind": "layers",
            "latent": "z",
            "input": {"kind": "waveform"},
            "frames": 1000,
            "layers": [
                convolution(6, 9, stride=4),
                activation("relu"),
                convolution(8, 5, stride=3),
                normalization("batch"),
                activation("leaky_relu"),
                condition("modulate"),
                residual(convolution(8, 3, dilation=2), activation("relu"), convolution(8, 1)),
                pool(2, "max"),
                convolution(5, 4, stride=5, padding=[2, 3]),
                FLATTEN,
                condition("concatenate"),
                dense(14),
                activation("relu"),
                dense(6),
            ],
        },
        samples=1000,
    ),
    # Any number of samples; here fewer than a whole number of pools.
    DecoderCase(
        "encoder-layers-any-length",
        SMALL_DECODER,
        WAVEFORM,
        encoder={
            "kind": "layers",
            "latent": "z",
            "input": {"kind": "waveform"},
            "minimum_frames": 64,
            "layers": [
                convolution(7, 4, stride=2),
                activation("elu"),
                convolution(7, 3, dilation=4),
                activation("tanh"),
                pool(16),
                pool(0, "max"),
                dense(6),
            ],
        },
        samples=717,
        storage="f16",
    ),
    DecoderCase(
        "encoder-layers-spectrogram",
        SMALL_DECODER,
        WAVEFORM,
        (PITCH, Z, BRIGHTNESS),
        encoder={
            "kind": "layers",
            "latent": "z",
            "input": {"kind": "spectrogram", "frame_size": 64, "hop": 16, "magnitude": [-9.0, 2.5]},
            "frames": 800,
            "layers": [
                convolution(10, 3, stride=2),
                normalization("layer"),
                activation("leaky_relu"),
                condition("add"),
                convolution(8, 3, stride=2),
                activation("relu"),
                pool(3),
                FLATTEN,
                dense(6),
            ],
        },
        # Fewer than `frames`: silence fills them up.
        samples=650,
    ),
    DecoderCase(
        "encoder-layers-spectrogram-mean",
        SMALL_DECODER,
        WAVEFORM,
        encoder={
            "kind": "layers",
            "latent": "z",
            "input": {"kind": "spectrogram", "frame_size": 32, "hop": 16, "magnitude": [-9.0, 2.0]},
            "layers": [convolution(12, 3), activation("relu"), pool(0), dense(6)],
        },
        samples=301,
    ),
)


def layer_shapes(
    layers: tuple[Mapping, ...] | list[Mapping], prefix: str, channels: int, h: int, size: list
) -> tuple[dict[str, tuple[int, ...]], int]:
    """Every tensor of the layers, and the channels that come out. `size` is [steps, bins], and
    follows the data; a vector has one of each."""
    shapes: dict[str, tuple[int, ...]] = {}
    for index, layer in enumerate(layers):
        name, kind = f"{prefix}.{index}", layer["kind"]
        if kind in ("dense", "convolution", "transposed_convolution"):
            taps = layer.get("kernel_size", [])
            taps = [taps] if isinstance(taps, int) else taps
            each = channels // layer.get("groups", 1)
            shapes[f"{name}.weight"] = (layer["channels"], each, *taps)
            if layer.get("bias", True):
                shapes[f"{name}.bias"] = (layer["channels"],)
            channels = layer["channels"]
        if kind in ("convolution", "transposed_convolution", "upsample"):
            _follow(layer, size)
        elif kind == "reshape":
            size[:] = [layer["steps"], layer.get("bins", 1)]
            channels = layer["channels"]
        elif kind == "flatten":
            channels *= math.prod(size)
            size[:] = [1, 1]
        elif kind == "pool":
            channels *= size[1] if layer["size"] == 0 else 1
            size[:] = [size[0] // layer["size"], size[1]] if layer["size"] else [1, 1]
        elif kind == "residual":
            inner, outputs = layer_shapes(layer["layers"], f"{name}.layers", channels, h, size)
            shapes |= inner
            if layer.get("shortcut", False):
                shapes[f"{name}.shortcut.weight"] = (outputs, channels)
                shapes[f"{name}.shortcut.bias"] = (outputs,)
            channels = outputs
        elif kind == "normalization" and layer["over"] != "pixel":
            parts = ("weight", "bias", "mean", "variance")
            for part in parts if layer["over"] == "batch" else parts[:2]:
                shapes[f"{name}.{part}"] = (channels,)
        elif kind == "condition":
            if layer["mode"] == "concatenate":
                channels += h
            else:
                rows = channels * (2 if layer["mode"] == "modulate" else 1)
                shapes[f"{name}.weight"] = (rows, h)
                shapes[f"{name}.bias"] = (rows,)
    return shapes, channels


def _follow(layer: Mapping, size: list) -> None:
    both = reference_layers.both
    if layer["kind"] == "upsample":
        factors = both(layer["factor"])
        size[:] = [length * factor for length, factor in zip(size, factors, strict=True)]
    elif layer["kind"] == "transposed_convolution":
        size[:] = [length * s for length, s in zip(size, both(layer["stride"]), strict=True)]
    else:
        kernel, dilation, stride = (
            both(layer.get(key, 1)) for key in ("kernel_size", "dilation", "stride")
        )
        size[:] = [
            reference_layers.padding(of, length, k, d, s)[1]
            for of, length, k, d, s in zip((layer, {}), size, kernel, dilation, stride, strict=True)
        ]


def tensor_shapes(configuration: Mapping, samples: int) -> dict[str, tuple[int, ...]]:
    """Every tensor that FORMAT.md asks for."""
    conditions = configuration["conditions"]
    shapes: dict[str, tuple[int, ...]] = {
        f"conditions.{entry['name']}.embedding.weight": (
            reference.condition_size(entry),
            entry["embedding_channels"],
        )
        for entry in conditions
        if "embedding_channels" in entry
    }
    h = sum(reference.condition_channels(entry) for entry in conditions)
    shapes |= layer_shapes(configuration["network"]["layers"], "layers", h, h, [1, 1])[0]
    encoder = configuration.get("encoder")
    if encoder is not None:
        given = sum(
            reference.condition_channels(entry) for entry in conditions if entry["kind"] != "latent"
        )
        entry = encoder["input"]
        steps, channels = encoder.get("frames", samples), 1
        if entry["kind"] == "spectrogram":
            steps, channels = steps // entry["hop"] + 1, entry["frame_size"] // 2
        size = [steps, 1]
        shapes |= layer_shapes(encoder["layers"], "encoder.layers", channels, given, size)[0]
    return shapes


def random_tensors(
    shapes: Mapping[str, tuple[int, ...]], storage: str, generator: torch.Generator
) -> dict[str, Tensor]:
    """Weights that keep every layer's signal near one."""
    tensors = {}
    for number, (name, shape) in enumerate(shapes.items()):
        values = torch.randn(shape, generator=generator)
        if name.endswith(".variance"):
            values = 0.5 + values.abs()
        elif name.endswith((".bias", ".mean")):
            values = 0.3 * values
        elif name.endswith(".weight") and len(shape) == 1:
            values = 1.0 + 0.3 * values
        elif "embedding" not in name:
            values = 1.3 * values / math.sqrt(math.prod(shape[1:]))
        kind = ("f32", "f16", "bf16")[number % 3] if storage == "mixed" else storage
        tensors[name] = values.to(STORAGE[kind])
    return tensors


def random_values(case: DecoderCase, generator: torch.Generator) -> dict[str, Tensor]:
    """One row of each condition."""
    values = {}
    for entry in case.conditions:
        size = reference.condition_size(entry)
        if entry["kind"] == "class":
            values[entry["name"]] = torch.randint(
                size, (1,), generator=generator, dtype=torch.int32
            )
        else:
            values[entry["name"]] = torch.randn((1, size), generator=generator)
    return values


def write_decoder_case(case: DecoderCase, number: int, output: Path) -> None:
    generator = torch.Generator().manual_seed(5000 + number)
    configuration: dict[str, object] = {
        "name": case.name,
        "network": {"kind": "decoder", "layers": [dict(layer) for layer in case.layers]},
        "codec": dict(case.codec),
        "conditions": [dict(entry) for entry in case.conditions],
    }
    if case.encoder is not None:
        configuration["encoder"] = dict(case.encoder)
    tensors = random_tensors(tensor_shapes(configuration, case.samples), case.storage, generator)
    values = random_values(case, generator)
    write_model(output / f"{case.name}.safetensors", tensors, configuration)
    found: dict[str, Tensor] = {}
    if case.encoder is None:
        found = _decoded(case, tensors, configuration, values)
    else:
        samples = _recording(case.samples, generator)
        given = {
            entry["name"]: values[entry["name"]]
            for entry in case.conditions
            if entry["kind"] != "latent"
        }
        latent = reference_layers.layers_latent(
            tensors, configuration, samples.double().numpy(), given
        )
        found = {"samples": samples, "latent": torch.from_numpy(latent).float()}
        values = given
    found |= {f"conditions.{name}": value for name, value in values.items()}
    contiguous = {name: tensor.contiguous() for name, tensor in found.items()}
    save_file(contiguous, output / f"{case.name}.reference.safetensors")


def write_shipped_decoder(model: Path, output: Path) -> None:
    """A trained decoder's first frames under its default conditions, of a latent that is drawn, and
    their sound: of the codec `harmonic` without noise, at temperature 0."""
    tensors, configuration = read_model(model)
    generator = torch.Generator().manual_seed(SHIPPED_SEED)
    values: dict[str, Tensor] = {}
    for entry in configuration["conditions"]:
        if entry["kind"] == "class":
            values[entry["name"]] = torch.tensor([entry.get("default", 0)], dtype=torch.int32)
        else:
            values[entry["name"]] = torch.randn((1, entry["size"]), generator=generator)
    frames = reference_layers.decoder_frames(tensors, configuration, values)
    codec = configuration["codec"]
    count = min(len(frames), SHIPPED_FRAMES)
    found = {"frames": torch.from_numpy(frames[:count]).float()}
    if codec["kind"] == "harmonic":
        labels = next(c["labels"] for c in configuration["conditions"] if c["name"] == "pitch")
        pitch = int(labels[int(values["pitch"][0])])
        sound = reference_layers.harmonic_samples(codec, frames, pitch)
        found["samples"] = torch.from_numpy(sound[: count * codec["hop"]]).float()
    found |= {f"conditions.{name}": value for name, value in values.items()}
    contiguous = {name: tensor.contiguous() for name, tensor in found.items()}
    save_file(contiguous, output / f"shipped-{model.stem}.reference.safetensors")


def _decoded(
    case: DecoderCase, tensors: Mapping[str, Tensor], configuration: Mapping, values: Mapping
) -> dict[str, Tensor]:
    frames = reference_layers.decoder_frames(tensors, configuration, values)
    found = {"frames": torch.from_numpy(frames).float()}
    samples: np.ndarray | None = None
    if case.codec["kind"] == "waveform":
        samples = reference_layers.waveform_samples(case.codec, frames)
    elif case.codec["kind"] == "harmonic" and case.codec["noise_bands"] == 0:
        pitch = int(PITCH["labels"][int(values["pitch"][0])])
        samples = reference_layers.harmonic_samples(case.codec, frames, pitch)
    elif case.codec["kind"] == "spectrogram" and case.codec["phase"] != "none":
        samples = reference.spectrogram_samples(case.codec, frames)
    if samples is not None:
        found["samples"] = torch.from_numpy(samples).float()
    return found


def _recording(count: int, generator: torch.Generator) -> Tensor:
    """A tone that fades, in noise."""
    time = torch.arange(count) / count
    noise = 0.1 * torch.randn(count, generator=generator)
    return ((torch.sin(120.0 * time) + noise) * torch.exp(-2.0 * time) * 0.7).clamp(-1.0, 1.0)
