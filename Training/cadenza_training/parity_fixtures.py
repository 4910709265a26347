"""Regenerates the parity fixtures: small random models with float64 reference predictions.

    python -m cadenza_training.parity_fixtures --output Tests/Fixtures/parity

For the trained models that ship, add their files; those of sound need the data that they were
trained on, too, composers draw a piece themselves:

    … --shipped notes-wavenet.safetensors --set prepared/notes --shipped chorales.safetensors

The layout is described in Tests/Fixtures/parity/README.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from cadenza_training import mu_law, reference
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.engine import COMPOSER_CODECS
from cadenza_training.model_file import read_model, write_model
from cadenza_training.networks.registry import load_network
from cadenza_training.parity_decoders import (
    DECODER_CASES,
    ENCODER_CASES,
    write_decoder_case,
    write_shipped_decoder,
)
from cadenza_training.parity_pieces import drawn_piece
from cadenza_training.systems.raw_audio.recordings import load_recordings
from cadenza_training.systems.wavenet_autoencoder.playing import encode

SAMPLE_RATE = 16000
# What a shipped composer's predictions take at most.
LARGEST_SHIPPED_BYTES = 280_000
# Of a shipped network with a window, whose every prediction costs the whole of it.
MOST_WINDOWED_STEPS = 150
# Of a shipped model with an embedding, whose first row is long.
STEPS_IN_SECOND_ROW = 48
DEFAULT_BIASES = {
    "wavenet": ["gate", "residual", "skip", "head"],
    "recurrent": ["layers", "head"],
    "transformer": ["attention", "feedforward", "head"],
}
STORAGE = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Case:
    """One fixture. `storage` is one type for all tensors, or "mixed"."""

    name: str
    network: Mapping
    steps: int
    conditions: tuple[Mapping, ...] = ()
    storage: str = "f32"
    # Left out: mu-law for a softmax, the waveform for a linear head.
    codec: Mapping | None = None
    # Steps at which a global condition takes a new value while the model plays.
    changes: tuple[int, ...] = field(default=())
    encoder: Mapping | None = None


def wavenet(
    dilations: list[int], residual: int, skip: int, vocabulary: int, **options: object
) -> dict[str, object]:
    return {
        "kind": "wavenet",
        "vocabulary_size": vocabulary,
        "input": {"kind": "embedding"},
        "kernel_size": 2,
        "dilations": dilations,
        "residual_channels": residual,
        "skip_channels": skip,
        **options,
    }


def recurrent(layers: str, **options: object) -> dict[str, object]:
    """`layers` is a text such as "lstm 12, gru 7 both", where both means directions."""
    stack = []
    for text in layers.split(", "):
        kind, channels, *both = text.split(" ")
        stack.append({"kind": kind, "channels": int(channels)})
        if both:
            stack[-1]["bidirectional"] = True
    return {"kind": "recurrent", "layers": stack, "head": {"kind": "softmax"}, **options}


def transformer(
    positions: str, channels: int, heads: int, window: int, vocabulary: int, **options: object
) -> dict[str, object]:
    """Two layers unless `layers` says otherwise."""
    return {
        "kind": "transformer",
        "vocabulary_size": vocabulary,
        "channels": channels,
        "layers": 2,
        "heads": heads,
        "window": window,
        "positions": positions,
        **options,
    }


def tokens_in(vocabulary: int, kind: str, **options: object) -> dict[str, object]:
    return {"vocabulary_size": vocabulary, "input": {"kind": kind, **options}}


def convolution(kernel_size: int) -> dict[str, object]:
    return {"kind": "convolution", "kernel_size": kernel_size}


WAVEFORM = {"input": {"kind": "vector", "channels": 1}, "head": {"kind": "linear", "channels": 1}}
PITCH = {"name": "pitch", "kind": "class", "size": 12, "embedding_channels": 5, "default": 3}
INSTRUMENT = {"name": "instrument", "kind": "class", "labels": ["reed", "brass", "string"]}
TIMBRE = {"name": "timbre", "kind": "vector", "size": 3, "default": [0.5, -0.25, 1.0]}
ENVELOPE = {"name": "envelope", "kind": "vector", "size": 2, "frames_per_value": 16}
CHORD = {
    "name": "chord",
    "kind": "class",
    "size": 7,
    "embedding_channels": 4,
    "frames_per_value": 11,
}

CASES = (
    Case("wavenet-plain", wavenet([1, 2, 4, 8], 16, 16, 32), 96),
    Case(
        "wavenet-kernel3-odd-shapes",
        wavenet([1, 3, 5, 2], 7, 11, 17, kernel_size=3, gate_channels=5, head_channels=9),
        96,
    ),
    Case("wavenet-no-biases", wavenet([1, 2, 3], 12, 20, 24, biases=[]), 80),
    Case(
        "wavenet-some-biases",
        wavenet([2, 1, 6], 10, 14, 25, biases=["residual", "head"]),
        80,
    ),
    Case(
        "wavenet-convolution-input",
        wavenet(
            [1, 2, 4],
            9,
            18,
            20,
            input=convolution(5),
            biases=["input", "gate", "residual", "skip", "head"],
        ),
        80,
    ),
    Case(
        "wavenet-convolution-input-without-bias",
        wavenet([1, 7], 17, 8, 33, input=convolution(2), gate_channels=24),
        64,
    ),
    Case(
        "wavenet-convolution-kernel1-kernel3",
        wavenet([4, 9], 6, 13, 16, input=convolution(1), kernel_size=3, head_channels=40),
        80,
    ),
    Case(
        "wavenet-class-conditions",
        wavenet([1, 2, 4, 1], 20, 24, 48, gate_channels=16),
        64,
        (INSTRUMENT, PITCH),
    ),
    Case(
        "wavenet-class-conditions-change",
        wavenet([1, 2, 4], 8, 12, 21),
        96,
        (PITCH, INSTRUMENT),
        changes=(1, 33, 34, 70),
    ),
    Case(
        "wavenet-vector-condition",
        wavenet([3, 1, 10], 11, 19, 32, gate_channels=7),
        72,
        (TIMBRE,),
        changes=(40,),
    ),
    Case("wavenet-local-vector", wavenet([1, 2, 4, 8], 13, 16, 32), 90, (ENVELOPE,)),
    Case(
        "wavenet-local-and-global",
        wavenet([1, 5, 3], 15, 9, 19, kernel_size=3),
        90,
        (CHORD, INSTRUMENT, ENVELOPE, TIMBRE),
        changes=(50,),
    ),
    Case("wavenet-long-dilations", wavenet([1, 100, 37, 150], 6, 10, 16), 340),
    Case(
        "wavenet-256-levels",
        wavenet([1, 2, 4, 8, 16], 32, 32, 256, gate_channels=16, head_channels=24),
        64,
        (PITCH,),
    ),
    Case("wavenet-300-levels", wavenet([1, 2], 8, 8, 300), 24),
    Case("wavenet-smallest", wavenet([1], 1, 1, 2), 32),
    Case("wavenet-f16", wavenet([1, 2, 4, 8], 24, 32, 64), 64, (INSTRUMENT, PITCH), storage="f16"),
    Case("wavenet-bf16", wavenet([1, 3, 9], 19, 21, 64), 64, (TIMBRE, PITCH), storage="bf16"),
    Case(
        "wavenet-mixed-types",
        wavenet([1, 2, 4], 16, 17, 31, input=convolution(3), kernel_size=3),
        64,
        (PITCH,),
        storage="mixed",
    ),
    Case("lstm-embedding", recurrent("lstm 20", **tokens_in(32, "embedding", channels=12)), 80),
    Case("gru-embedding", recurrent("gru 20", **tokens_in(32, "embedding", channels=9)), 80),
    Case("stack-one-hot", recurrent("lstm 12, gru 7, lstm 9", **tokens_in(23, "one_hot")), 80),
    Case(
        "stack-initial-states",
        recurrent("gru 10, lstm 17, gru 5", **tokens_in(16, "one_hot"), initial_states=True),
        64,
    ),
    Case(
        "lstm-vector-softmax",
        recurrent("lstm 16", **tokens_in(65, "vector", channels=1)),
        64,
    ),
    Case("gru-waveform", recurrent("gru 24", **WAVEFORM), 160),
    Case(
        "stack-waveform-conditions",
        recurrent("lstm 11, lstm 16", **WAVEFORM, initial_states=True),
        120,
        (TIMBRE, INSTRUMENT, ENVELOPE),
        changes=(30, 77),
    ),
    Case(
        "lstm-conditions",
        recurrent("lstm 18, gru 18", **tokens_in(40, "embedding", channels=6)),
        96,
        (CHORD, PITCH),
        changes=(20,),
    ),
    Case("lstm-no-biases", recurrent("lstm 14", **tokens_in(20, "one_hot"), biases=[]), 64),
    Case(
        "gru-layer-biases-only",
        recurrent("gru 13", **tokens_in(20, "embedding", channels=20), biases=["layers"]),
        64,
    ),
    Case(
        "stack-head-bias-only",
        recurrent("gru 8, lstm 8", **tokens_in(20, "one_hot"), biases=["head"]),
        64,
    ),
    Case(
        "lstm-64-256-levels",
        recurrent("lstm 64", **tokens_in(256, "embedding", channels=8)),
        48,
        storage="bf16",
    ),
    Case(
        "gru-f16",
        recurrent("gru 21, gru 10", **tokens_in(64, "embedding", channels=8)),
        64,
        (PITCH,),
        storage="f16",
    ),
    Case("transformer-relative", transformer("relative", 32, 2, 24, 40), 80),
    # Heads of 5 channels; a window of more than one block of slots that is no multiple of a panel.
    Case(
        "transformer-odd-heads",
        transformer("relative", 15, 3, 70, 21, feedforward_channels=19, activation="gelu"),
        150,
    ),
    Case(
        "transformer-learned-post",
        transformer("learned", 24, 4, 9, 33, position_count=37, normalization="post"),
        90,
        (PITCH,),
        changes=(25,),
    ),
    Case(
        "transformer-sinusoidal-no-biases",
        transformer(
            "sinusoidal", 13, 1, 16, 17, normalization="post", activation="gelu", biases=[]
        ),
        64,
    ),
    Case(
        "transformer-attention-biases-only",
        transformer("learned", 18, 2, 64, 20, position_count=64, layers=3, biases=["attention"]),
        140,
    ),
    Case("transformer-f16", transformer("relative", 32, 1, 20, 64), 64, storage="f16"),
    Case("transformer-smallest", transformer("sinusoidal", 1, 1, 1, 2, layers=1), 32),
    Case(
        "transformer-every-option",
        transformer(
            "relative",
            40,
            2,
            130,
            50,
            feedforward_channels=56,
            layers=3,
            normalization="post",
            activation="gelu",
            biases=["head", "feedforward", "attention"],
        ),
        200,
        (TIMBRE, CHORD, INSTRUMENT, PITCH),
        storage="mixed",
        changes=(60, 131),
    ),
)


def fields_in(*pairs: tuple[Mapping, Mapping]) -> dict[str, object]:
    """An input and a head for each field."""
    return {
        "input": {"kind": "fields", "fields": [read for read, _ in pairs]},
        "head": {"kind": "fields", "fields": [predicted for _, predicted in pairs]},
    }


def embedded(size: int, channels: int) -> tuple[Mapping, Mapping]:
    read = {"kind": "embedding", "size": size, "channels": channels}
    return read, {"kind": "softmax", "size": size}


def one_hot(size: int) -> tuple[Mapping, Mapping]:
    return {"kind": "one_hot", "size": size}, {"kind": "softmax", "size": size}


VALUE = ({"kind": "value"}, {"kind": "linear"})
NOTE_VALUES = {
    "kind": "note_matrix",
    "pitch": {"range": [21, 108]},
    "velocity": {"range": [1, 127]},
    "interval": {"maximum_milliseconds": 4000},
}
NOTE_CLASSES = {
    "kind": "note_matrix",
    "pitch": {"range": [48, 71], "classes": True},
    "velocity": {"range": [20, 110], "classes": 8},
    "interval": {"maximum_milliseconds": 3000},
}

# Their random numbers are counted apart from those above, so that neither list moves the other.
WINDOW_AND_FIELD_CASES = (
    Case(
        "fields-mixed",
        recurrent("lstm 20, gru 13", **fields_in(embedded(24, 9), one_hot(8), VALUE)),
        72,
        (INSTRUMENT, TIMBRE),
        codec=NOTE_CLASSES,
        changes=(29,),
    ),
    Case(
        "fields-values-window",
        recurrent("lstm 24", **fields_in(VALUE, VALUE, VALUE), window=20),
        60,
        codec=NOTE_VALUES,
    ),
    Case(
        "fields-mixed-window-both",
        recurrent(
            "lstm 11 both, gru 18",
            **fields_in(embedded(24, 5), one_hot(8), VALUE),
            window=9,
            initial_states=True,
        ),
        40,
        (PITCH,),
        storage="mixed",
        codec=NOTE_CLASSES,
        changes=(14,),
    ),
    Case(
        "window-lstm",
        recurrent("lstm 15, lstm 20", **tokens_in(24, "embedding", channels=7), window=11),
        64,
    ),
    Case(
        "window-longer-than-sequence",
        recurrent("gru 14, lstm 9", **tokens_in(20, "one_hot"), window=100),
        40,
    ),
    Case("window-one", recurrent("gru 12, gru 7", **tokens_in(20, "one_hot"), window=1), 40),
    Case(
        "window-waveform",
        recurrent("lstm 12 both", **WAVEFORM, window=13),
        80,
        (ENVELOPE,),
    ),
    Case(
        "window-lstm-both",
        recurrent("lstm 17 both", **tokens_in(24, "one_hot"), window=8, initial_states=True),
        48,
    ),
    Case(
        "window-gru-both",
        recurrent("gru 13 both", **tokens_in(65, "vector", channels=1), window=7),
        48,
    ),
    Case(
        "window-stack-both",
        recurrent(
            "lstm 13 both, gru 10 both, lstm 9 both",
            **tokens_in(32, "embedding", channels=6),
            window=10,
            initial_states=True,
        ),
        64,
        (TIMBRE, CHORD, INSTRUMENT),
        changes=(30,),
    ),
    Case(
        "window-both-below-forward",
        recurrent(
            "gru 9 both, gru 16 both, lstm 21",
            **tokens_in(40, "embedding", channels=6),
            window=6,
            biases=["head"],
        ),
        40,
        storage="f16",
    ),
)

# Three or four bars of a lead sheet's range, and a latent that begins the layers' states.
MELODY = {
    "kind": "melody_steps",
    "steps_per_beat": 4,
    "symbols": ["hold", "off", *range(55, 77)],
}
LATENT = {"name": "z", "kind": "latent", "size": 10}
FROM_LATENT = {"initial_states": "conditions", "first_input": "zeros"}
EMBEDDING = {"name": "embedding", "kind": "latent", "size": 6, "frames_per_value": 16}
# An embedding comes of an encoder.
EMBEDDER = {
    "kind": "layers",
    "latent": "embedding",
    "input": {"kind": "waveform"},
    "layers": [
        {"kind": "convolution", "channels": 8, "kernel_size": 3},
        {"kind": "activation", "function": "relu"},
        {"kind": "pool", "size": 16},
        {"kind": "convolution", "channels": 6, "kernel_size": 1},
    ],
}


def spectrogram(frame_size: int, hop: int, phase: str, columns: int = 1) -> dict[str, object]:
    codec: dict[str, object] = {
        "kind": "spectrogram",
        "sample_rate": SAMPLE_RATE,
        "frame_size": frame_size,
        "hop": hop,
        "magnitude": [-8.0, math.log(frame_size / 8)],
        "phase": phase,
    }
    return codec if columns == 1 else codec | {"columns": columns}


def frames_in(codec: Mapping, **options: object) -> dict[str, object]:
    """An input and a head of an element's numbers."""
    count = codec["frame_size"] * codec.get("columns", 1)
    read = {"kind": "vector", "channels": count}
    return {"input": read, "head": {"kind": "linear", "channels": count, **options}}


def melody_encoder(layers: str, steps: int, **options: object) -> dict[str, object]:
    network = recurrent(layers, **options)
    head = {"kind": "linear", "channels": LATENT["size"]}
    return {**network, "kind": "recurrent", "latent": "z", "steps": steps, "head": head}


PHASES = spectrogram(16, 4, "phase")
FREQUENCIES = spectrogram(16, 4, "instantaneous_frequency")
COLUMNS = spectrogram(16, 8, "phase", columns=3)

# As above, counted apart: latents, frames, encoders.
LATENT_CASES = (
    Case(
        "lstm-latent",
        recurrent("lstm 17", **tokens_in(24, "embedding", channels=7), **FROM_LATENT),
        48,
        (LATENT,),
        codec=MELODY,
    ),
    Case(
        "lstm-latent-stack",
        recurrent("lstm 19, gru 12, lstm 11", **tokens_in(24, "one_hot"), **FROM_LATENT),
        48,
        (PITCH, LATENT),
        codec=MELODY,
        storage="mixed",
    ),
    Case(
        "lstm-latent-moves",
        recurrent(
            "gru 14, gru 9",
            **tokens_in(24, "embedding", channels=5),
            initial_states="conditions",
        ),
        60,
        (LATENT, TIMBRE),
        codec=MELODY,
        changes=(17, 40),
    ),
    Case(
        "lstm-latent-window-both",
        recurrent(
            "lstm 9 both, gru 8",
            **tokens_in(24, "embedding", channels=5),
            window=6,
            **FROM_LATENT,
        ),
        40,
        (LATENT,),
        codec=MELODY,
        changes=(23,),
    ),
    Case(
        "frames-lstm-window-both",
        recurrent(
            "lstm 9 both, lstm 9 both, lstm 9 both, lstm 9 both, lstm 9 both",
            **frames_in(PHASES),
            window=16,
        ),
        40,
        codec=PHASES,
    ),
    Case(
        "frames-causal",
        recurrent("lstm 20, gru 13", **frames_in(FREQUENCIES)),
        64,
        codec=FREQUENCIES,
    ),
    Case(
        "frames-conditions",
        recurrent("gru 18", **frames_in(PHASES, noise=0.05), initial_states="conditions"),
        48,
        (PITCH, LATENT),
        codec=PHASES,
        storage="f16",
        changes=(20,),
    ),
    Case(
        "frames-columns-window-both",
        recurrent("lstm 12 both, lstm 10 both", **frames_in(COLUMNS), window=4),
        20,
        codec=COLUMNS,
    ),
    Case("codec-spectrogram-phase", recurrent("lstm 4", **frames_in(PHASES)), 24, codec=PHASES),
    Case(
        "codec-spectrogram-frequency",
        recurrent("lstm 4", **frames_in(FREQUENCIES)),
        24,
        codec=FREQUENCIES,
    ),
    Case("codec-spectrogram-columns", recurrent("lstm 4", **frames_in(COLUMNS)), 8, codec=COLUMNS),
    Case(
        "encoder-recurrent-lstm",
        recurrent("lstm 12", **tokens_in(24, "embedding", channels=7), **FROM_LATENT),
        32,
        (LATENT,),
        codec=MELODY,
        encoder=melody_encoder("lstm 13 both", 32, **tokens_in(24, "embedding", channels=6)),
    ),
    Case(
        "encoder-recurrent-stack",
        recurrent("gru 9", **tokens_in(24, "one_hot"), **FROM_LATENT),
        16,
        (LATENT,),
        codec=MELODY,
        storage="f16",
        encoder=melody_encoder(
            "gru 11 both, lstm 14 both", 16, **tokens_in(24, "one_hot"), initial_states=True
        ),
    ),
    Case(
        "wavenet-embedding",
        wavenet([1, 2, 4, 8], 13, 16, 32),
        90,
        (EMBEDDING, PITCH),
        encoder=EMBEDDER,
    ),
)


def tensor_shapes(configuration: Mapping) -> dict[str, tuple[int, ...]]:
    """Every tensor that FORMAT.md asks for."""
    shapes = network_shapes(configuration)
    if "encoder" in configuration:
        found = encoder_shapes(configuration["encoder"])
        shapes |= {f"encoder.{name}": shape for name, shape in found.items()}
    return shapes


def encoder_shapes(encoder: Mapping) -> dict[str, tuple[int, ...]]:
    """Without their prefix. Of layers, those that the cases here have: convolutions of a waveform,
    and what has no tensors."""
    if encoder["kind"] == "recurrent":
        network = {key: encoder[key] for key in encoder if key not in ("latent", "steps")}
        return network_shapes({"network": network})
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 1
    for index, layer in enumerate(encoder["layers"]):
        if layer["kind"] == "convolution":
            shapes[f"layers.{index}.weight"] = (layer["channels"], channels, layer["kernel_size"])
            shapes[f"layers.{index}.bias"] = (layer["channels"],)
            channels = layer["channels"]
    return shapes


def network_shapes(configuration: Mapping) -> dict[str, tuple[int, ...]]:
    network = configuration["network"]
    conditions = configuration.get("conditions", [])
    biases = network.get("biases", DEFAULT_BIASES[network["kind"]])
    channels_of_h = sum(reference.condition_channels(condition) for condition in conditions)
    shapes: dict[str, tuple[int, ...]] = {}

    def add(name: str, shape: tuple[int, ...], *, biased: bool) -> None:
        shapes[f"{name}.weight"] = shape
        if biased:
            shapes[f"{name}.bias"] = shape[:1]

    for condition in conditions:
        if "embedding_channels" in condition:
            shapes[f"conditions.{condition['name']}.embedding.weight"] = (
                reference.condition_size(condition),
                condition["embedding_channels"],
            )
    vocabulary = network.get("vocabulary_size", 1)
    if network["kind"] == "recurrent":
        if network["input"]["kind"] == "fields":
            input_channels = 0
            for index, entry in enumerate(network["input"]["fields"]):
                channels = {"embedding": entry.get("channels"), "one_hot": entry.get("size")}
                if entry["kind"] == "embedding":
                    name = f"input.fields.{index}.embedding.weight"
                    shapes[name] = (entry["size"], entry["channels"])
                input_channels += channels.get(entry["kind"], 1)
        else:
            input_channels = {
                "embedding": network["input"].get("channels", 0),
                "one_hot": vocabulary,
                "vector": network["input"].get("channels", 1),
            }[network["input"]["kind"]]
        if network["input"]["kind"] == "embedding":
            shapes["input.embedding.weight"] = (vocabulary, input_channels)
        width = input_channels + channels_of_h
        for index, layer in enumerate(network["layers"]):
            channels = layer["channels"]
            gates = 4 if layer["kind"] == "lstm" else 3
            has_bias = "layers" in biases
            names = reference.direction_names(index, layer.get("bidirectional", False))
            for prefix, _ in names:
                add(f"{prefix}.input", (gates * channels, width), biased=has_bias)
                add(f"{prefix}.recurrent", (gates * channels, channels), biased=has_bias)
                parts = ("hidden", "cell") if layer["kind"] == "lstm" else ("hidden",)
                for part in parts if network.get("initial_states", False) else ():
                    name = f"{prefix}.initial.{part}"
                    if network["initial_states"] == "conditions":
                        add(name, (channels, channels_of_h), biased=True)
                    else:
                        shapes[name] = (channels,)
            width = channels * len(names)
        if network["head"]["kind"] == "fields":
            outputs = sum(entry.get("size", 1) for entry in network["head"]["fields"])
        else:
            outputs = network["head"].get("channels", vocabulary)
        add("head", (outputs, width), biased="head" in biases)
        return shapes

    if network["kind"] == "transformer":
        channels = network["channels"]
        hidden = network.get("feedforward_channels", 4 * channels)
        shapes["input.embedding.weight"] = (vocabulary, channels)
        if network["positions"] == "learned":
            shapes["input.position.weight"] = (network["position_count"], channels)
        if channels_of_h > 0:
            shapes["input.condition.weight"] = (channels, channels_of_h)
        for index in range(network["layers"]):
            name = f"layers.{index}.attention"
            has_bias = "attention" in biases
            add(f"{name}.normalization", (channels,), biased=True)
            add(f"{name}.input", (3 * channels, channels), biased=has_bias)
            if network["positions"] == "relative":
                heads = network["heads"]
                shapes[f"{name}.relative.weight"] = (heads, network["window"], channels // heads)
            add(f"{name}.output", (channels, channels), biased=has_bias)
            name = f"layers.{index}.feedforward"
            has_bias = "feedforward" in biases
            add(f"{name}.normalization", (channels,), biased=True)
            add(f"{name}.hidden", (hidden, channels), biased=has_bias)
            add(f"{name}.output", (channels, hidden), biased=has_bias)
        if network.get("normalization", "pre") == "pre":
            add("head.normalization", (channels,), biased=True)
        add("head", (vocabulary, channels), biased="head" in biases)
        return shapes

    residual = network["residual_channels"]
    gate = network.get("gate_channels", residual)
    skip = network["skip_channels"]
    head = network.get("head_channels", skip)
    if network["input"]["kind"] == "embedding":
        shapes["input.embedding.weight"] = (vocabulary, residual)
    else:
        shape = (residual, vocabulary, network["input"]["kernel_size"])
        add("input.convolution", shape, biased="input" in biases)
    last = len(network["dilations"]) - 1
    for index in range(last + 1):
        shape = (2 * gate, residual, network["kernel_size"])
        add(f"layers.{index}.gate", shape, biased="gate" in biases)
        if channels_of_h > 0:
            shapes[f"layers.{index}.condition.weight"] = (2 * gate, channels_of_h)
        add(f"layers.{index}.skip", (skip, gate), biased="skip" in biases)
        if index < last:
            add(f"layers.{index}.residual", (residual, gate), biased="residual" in biases)
    add("head.hidden", (head, skip), biased="head" in biases)
    add("head.output", (vocabulary, head), biased="head" in biases)
    return shapes


def random_tensors(
    shapes: Mapping[str, tuple[int, ...]], storage: str, generator: torch.Generator
) -> dict[str, Tensor]:
    """Weights that keep every layer's signal near one and its gates away from saturation."""
    tensors = {}
    for number, (name, shape) in enumerate(shapes.items()):
        values = torch.randn(shape, generator=generator)
        if name.endswith("bias") or name.endswith((".initial.hidden", ".initial.cell")):
            values = 0.5 * values
        elif "normalization" in name:
            values = 1.0 + 0.3 * values
        elif "relative" in name or "position" in name:
            values = 0.7 * values
        elif "embedding" not in name and "input.convolution" not in name:
            values = 1.3 * values / math.sqrt(math.prod(shape[1:]))
        if name.startswith("head.output") or name == "head.weight":
            values = 2.0 * values
        kind = ("f32", "f16", "bf16")[number % 3] if storage == "mixed" else storage
        tensors[name] = values.to(STORAGE[kind])
    return tensors


def condition_series(case: Case, generator: torch.Generator) -> dict[str, Tensor]:
    """What each condition is at every step."""
    series = {}
    for condition in case.conditions:
        size = reference.condition_size(condition)
        span = condition.get("frames_per_value")
        starts = [0, *case.changes] if span is None else list(range(0, case.steps, span))
        if condition["kind"] == "class":
            values = torch.randint(size, (len(starts),), generator=generator, dtype=torch.int32)
            # A change must change something.
            for index in range(1, len(values)):
                if values[index] == values[index - 1]:
                    values[index] = (values[index] + 1) % size
        else:
            values = torch.randn((len(starts), size), generator=generator)
        lengths = torch.tensor([*starts[1:], case.steps]) - torch.tensor(starts)
        series[condition["name"]] = values.repeat_interleave(lengths, dim=0)
    return series


def random_sequence(case: Case, generator: torch.Generator) -> Tensor:
    """Tokens (I32) that wander as sound does, or samples (F32) for a linear head; a row of both
    (F32, tokens as whole numbers) for each element of several fields."""
    if case.network.get("input", {}).get("kind") == "fields":
        columns = []
        for entry in case.network["input"]["fields"]:
            column = torch.rand(case.steps, generator=generator)
            if entry["kind"] != "value":
                column = (column * entry["size"]).floor()
            columns.append(column)
        return torch.stack(columns, dim=-1)
    if case.codec is not None and case.codec["kind"] == "spectrogram":
        shape = (case.steps, case.network["head"]["channels"])
        drift = torch.randn(shape, generator=generator).cumsum(dim=0)
        return torch.sin(0.6 * drift)
    if case.network.get("head", {}).get("kind") == "linear":
        phase = torch.arange(case.steps) * 0.37
        noise = 0.2 * torch.randn(case.steps, generator=generator)
        return (0.6 * torch.sin(phase) + noise).clamp(-1.0, 1.0)
    vocabulary = case.network["vocabulary_size"]
    return torch.randint(vocabulary, (case.steps,), generator=generator, dtype=torch.int32)


def write_reference(
    path: Path, sequence: Tensor, values: Mapping[str, Tensor], predictions: Tensor
) -> None:
    name = "samples" if sequence.is_floating_point() else "tokens"
    if sequence.dim() == 2:
        name = "elements"
    tensors = {name: sequence, "logits": predictions.float()}
    for condition, series in values.items():
        tensors[f"conditions.{condition}"] = series
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)


def write_case(case: Case, number: int, output: Path) -> None:
    generator = torch.Generator().manual_seed(1000 + number)
    is_waveform = case.network.get("head", {}).get("kind") == "linear"
    codec: dict[str, object] = {"kind": "waveform", "sample_rate": SAMPLE_RATE}
    if case.codec is not None:
        codec = dict(case.codec)
    elif not is_waveform:
        levels = case.network["vocabulary_size"]
        codec = {"kind": "mu_law", "sample_rate": SAMPLE_RATE, "levels": levels}
    configuration: dict[str, object] = {"name": case.name, "network": dict(case.network)}
    configuration["codec"] = codec
    if case.conditions:
        configuration["conditions"] = [dict(condition) for condition in case.conditions]
    if case.encoder is not None:
        configuration["encoder"] = dict(case.encoder)
    tensors = random_tensors(tensor_shapes(configuration), case.storage, generator)
    values = condition_series(case, generator)
    sequence = random_sequence(case, generator)
    write_model(output / f"{case.name}.safetensors", tensors, configuration)
    path = output / f"{case.name}.reference.safetensors"
    if case.name.startswith("codec-"):
        frames = sequence.reshape(case.steps * codec.get("columns", 1), -1)
        sound = reference.spectrogram_samples(codec, frames.numpy())
        save_file({"frames": frames.contiguous(), "samples": torch.from_numpy(sound).float()}, path)
    elif case.name.startswith("encoder-"):
        latent = reference.melody_latent(tensors, configuration, sequence)
        save_file({"tokens": sequence, "latent": latent.float()}, path)
    else:
        predictions = reference.logits(tensors, configuration, sequence, values)
        write_reference(path, sequence, values, predictions)


def write_shipped(model: Path, prepared: PreparedSet | None, output: Path, steps: int) -> None:
    """A trained model's predictions: over a piece of its own, or over the first steps of the
    longest held-out recording."""
    tensors, configuration = read_model(model)
    if configuration["network"]["kind"] == "decoder":
        write_shipped_decoder(model, output)
        return
    if is_composer(model):
        head = "head.output.weight" if "head.output.weight" in tensors else "head.weight"
        steps = min(steps, LARGEST_SHIPPED_BYTES // (4 * len(tensors[head])))
        network = configuration["network"]
        if network["kind"] == "recurrent" and "window" in network:
            steps = min(steps, MOST_WINDOWED_STEPS)
        sequence, values = drawn_piece(model, steps)
    else:
        sequence, values = first_of_a_recording(model, configuration, prepared, steps)
    predictions = reference.logits(tensors, configuration, sequence, values)
    path = output / f"shipped-{model.stem}.reference.safetensors"
    write_reference(path, sequence, values, predictions)


def is_composer(model: Path) -> bool:
    return read_model(model)[1]["codec"]["kind"] in COMPOSER_CODECS


def needs_recordings(model: Path) -> bool:
    """A model of sound, but for decoders, which are fed a latent alone."""
    kind = read_model(model)[1]["network"]["kind"]
    return not is_composer(model) and kind != "decoder"


def first_of_a_recording(
    model: Path, configuration: Mapping, prepared: PreparedSet, steps: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """Of a model with an embedding, a little beyond its first row."""
    embeddings = [c for c in configuration["conditions"] if c["kind"] == "latent"]
    if embeddings:
        steps = STEPS_IN_SECOND_ROW + sum(entry["frames_per_value"] for entry in embeddings)
    entry = max(prepared.split("validation"), key=lambda entry: (entry.seconds, entry.file))
    recording = load_recordings(prepared, [entry])[0]
    codes = mu_law.encode(recording.samples[:steps] / 32768.0, configuration["codec"]["levels"])
    values = {
        "instrument": torch.full((steps,), recording.instrument, dtype=torch.int32),
        "pitch": torch.full((steps,), recording.pitch, dtype=torch.int32),
    }
    for condition in embeddings:
        network, _ = load_network(model)
        rows = encode(network, recording.samples / 32768.0)
        span = condition["frames_per_value"]
        values[condition["name"]] = rows.repeat_interleave(span, dim=0)[:steps]
        # An embedding is there in the place of an instrument.
        values.pop("instrument")
    return torch.from_numpy(codes.astype("int32")), values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--shipped", type=Path, action="append", default=[], help="a trained model that ships"
    )
    parser.add_argument("--set", type=Path, help="with --shipped: the prepared set of its notes")
    parser.add_argument("--shipped-steps", type=int, default=400)
    arguments = parser.parse_args()
    for model in arguments.shipped:
        if arguments.set is None and needs_recordings(model):
            parser.error(f"--shipped {model} needs --set, for it is a model of sound")
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(CASES):
        write_case(case, number, arguments.output)
    for number, case in enumerate(WINDOW_AND_FIELD_CASES, start=1000):
        write_case(case, number, arguments.output)
    for number, case in enumerate(LATENT_CASES, start=2000):
        write_case(case, number, arguments.output)
    for number, case in enumerate((*DECODER_CASES, *ENCODER_CASES)):
        write_decoder_case(case, number, arguments.output)
    for model in arguments.shipped:
        prepared = None if arguments.set is None else PreparedSet.read(arguments.set)
        write_shipped(model, prepared, arguments.output, arguments.shipped_steps)
    total = sum(path.stat().st_size for path in arguments.output.glob("*.safetensors"))
    count = len(CASES) + len(WINDOW_AND_FIELD_CASES) + len(LATENT_CASES)
    count += len(DECODER_CASES) + len(ENCODER_CASES)
    print(f"{count} cases, {total:,} bytes in {arguments.output}")


if __name__ == "__main__":
    main()
