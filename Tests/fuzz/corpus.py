#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets into corpus/: small good inputs, one for each thing that a model can be made of.

    python3 Tests/fuzz/corpus.py

Needs nothing beside Python. The seeds are committed, so that fuzzing itself needs no Python.
"""

import json
import pathlib
import shutil
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"

MU_LAW = {"kind": "mu_law", "sample_rate": 16000, "levels": 4}
WAVENET = {
    "kind": "wavenet", "vocabulary_size": 4, "input": {"kind": "embedding"}, "kernel_size": 2, "dilations": [1, 2],
    "residual_channels": 2, "skip_channels": 3,
}
RECURRENT = {
    "kind": "recurrent", "input": {"kind": "one_hot"}, "vocabulary_size": 4, "layers": [{"kind": "lstm", "channels": 2}],
    "head": {"kind": "softmax"},
}
TRANSFORMER = {
    "kind": "transformer", "vocabulary_size": 4, "channels": 6, "layers": 2, "heads": 2, "window": 3, "positions": "relative",
}


def fields(*inputs):
    """A recurrent network that takes elements of these fields and predicts them: a softmax where there are classes."""
    heads = [{"kind": "softmax", "size": field["size"]} if "size" in field else {"kind": "linear", "noise": 0.1}
             for field in inputs]
    return {"kind": "recurrent", "input": {"kind": "fields", "fields": list(inputs)},
            "layers": [{"kind": "gru", "channels": 2}], "head": {"kind": "fields", "fields": heads}}


LABELLED = {"name": "kind", "kind": "class", "labels": ["a", "\u00e9"], "default": 1}
VECTOR = {"name": "v", "kind": "vector", "size": 2, "default": [0.5, -1e-3]}

CONFIGURATIONS = {
    "wavenet": {"network": WAVENET, "codec": MU_LAW},
    "wavenet-full": {
        "name": "n\u00e9\n", "description": "d", "license": "MIT",
        "network": WAVENET | {
            "input": {"kind": "convolution", "kernel_size": 3}, "kernel_size": 3, "gate_channels": 3, "head_channels": 2,
            "biases": ["input", "gate", "residual", "skip", "head"],
        },
        "codec": MU_LAW,
        "conditions": [LABELLED, VECTOR, {"name": "e", "kind": "class", "size": 3, "embedding_channels": 2}],
        "sampling": {"temperature": 0.9, "top_k": 3, "top_p": 0.99},
        "training": {"data": "d", "recipe": "r", "steps": 1e6, "validation_nats": 2.5},
    },
    "wavenet-local": {
        "network": WAVENET | {"dilations": [1, 2, 4, 8, 16, 32, 64], "biases": []}, "codec": MU_LAW,
        "conditions": [LABELLED | {"frames_per_value": 5}, VECTOR | {"frames_per_value": 3},
                       {"name": "e", "kind": "class", "size": 3, "embedding_channels": 2, "frames_per_value": 100}],
    },
    "wavenet-far": {"network": WAVENET | {"dilations": [512, 100, 4096]}, "codec": MU_LAW},
    "lstm": {"network": RECURRENT, "codec": MU_LAW},
    "gru-embedding": {
        "network": RECURRENT | {
            "input": {"kind": "embedding", "channels": 3}, "biases": ["head"], "initial_states": True,
            "layers": [{"kind": "gru", "channels": 3}, {"kind": "lstm", "channels": 2}],
        },
        "codec": MU_LAW, "conditions": [LABELLED],
    },
    "vector-softmax": {"network": RECURRENT | {"input": {"kind": "vector", "channels": 1}}, "codec": MU_LAW},
    "waveform": {
        "network": {
            "kind": "recurrent", "input": {"kind": "vector", "channels": 1}, "layers": [{"kind": "gru", "channels": 17}],
            "head": {"kind": "linear", "channels": 1}, "initial_states": True,
        },
        "codec": {"kind": "waveform", "sample_rate": 48000},
        "conditions": [VECTOR | {"frames_per_value": 7}],
    },
    "window-both": {
        "network": RECURRENT | {
            "layers": [{"kind": "lstm", "channels": 2, "bidirectional": True}, {"kind": "gru", "channels": 3, "bidirectional": True}],
            "window": 5, "initial_states": True,
        },
        "codec": MU_LAW, "conditions": [LABELLED],
    },
    "fields": {
        "network": {
            "kind": "recurrent", "layers": [{"kind": "lstm", "channels": 3}],
            "input": {"kind": "fields", "fields": [
                {"kind": "value"}, {"kind": "one_hot", "size": 3}, {"kind": "embedding", "size": 4, "channels": 2}]},
            "head": {"kind": "fields", "fields": [
                {"kind": "linear", "noise": 0.5}, {"kind": "softmax", "size": 3}, {"kind": "softmax", "size": 4}]},
        },
        "codec": {
            "kind": "note_matrix", "pitch": {"range": [0, 127]}, "velocity": {"range": [1, 127], "classes": 3},
            "interval": {"maximum_milliseconds": 4000, "classes": 4},
        },
    },
    "transformer": {"network": TRANSFORMER, "codec": MU_LAW},
    "transformer-full": {
        "network": TRANSFORMER | {
            "positions": "learned", "position_count": 5, "feedforward_channels": 3, "normalization": "post", "activation": "gelu",
            "biases": ["attention"],
        },
        "codec": MU_LAW, "conditions": [LABELLED, VECTOR],
    },
    "transformer-long": {"network": TRANSFORMER | {"positions": "sinusoidal", "window": 100}, "codec": MU_LAW},
}

CONFIGURATIONS |= {
    "performance-events": {
        "network": RECURRENT | {"vocabulary_size": 14},
        "codec": {"kind": "performance_events", "pitches": [60, 62], "time_shifts": 5, "velocities": 2, "end": True,
                  "tempo": 90, "maximum_note_beats": 2},
        "conditions": [LABELLED],
    },
    "melody-steps": {
        "network": WAVENET | {"vocabulary_size": 5},
        "codec": {"kind": "melody_steps", "steps_per_beat": 4, "symbols": ["hold", "off", 60, 62, "end"], "velocity": 100},
        "conditions": [{"name": "bar", "kind": "class", "size": 16, "follows": "position", "embedding_channels": 2}],
    },
    "chorale-grid": {
        "network": RECURRENT | {"vocabulary_size": 9},
        "codec": {"kind": "chorale_grid", "steps_per_beat": 4, "voices": [
            {"name": "high", "symbols": ["hold", "off", "end", 72]}, {"name": "low", "symbols": [36, 38, 40, "off", "hold"]}]},
        "conditions": [{"name": "beat", "kind": "class", "size": 4, "follows": "position"}],
    },
    "note-tokens": {
        "network": RECURRENT | {"vocabulary_size": 5, "input": {"kind": "embedding", "channels": 2}},
        "codec": {"kind": "note_tokens", "steps_per_beat": 2, "tokens": [[60], [60, 64, 67], [], "end", [0, 127]]},
    },
    "note-matrix": {
        "network": fields({"kind": "value"}, {"kind": "value"}, {"kind": "value"}) | {
            "window": 3, "layers": [{"kind": "lstm", "channels": 2, "bidirectional": True}]},
        "codec": {"kind": "note_matrix", "pitch": {"range": [21, 108]}, "velocity": {"range": [1, 127]},
                  "interval": {"maximum_milliseconds": 4000}},
    },
    "note-matrix-classes": {
        "network": fields({"kind": "one_hot", "size": 3}, {"kind": "embedding", "size": 2, "channels": 3},
                          {"kind": "one_hot", "size": 4}),
        "codec": {"kind": "note_matrix", "pitch": {"range": [60, 62], "classes": True},
                  "velocity": {"range": [1, 127], "classes": 2}, "interval": {"maximum_milliseconds": 1000, "classes": 4}},
    },
}


def tensors(config):
    """Names and shapes of FORMAT.md."""
    network = config["network"]
    conditions = config.get("conditions", [])
    h = 0
    for condition in conditions:
        size = condition.get("size") or len(condition["labels"])
        if "embedding_channels" in condition:
            yield f"conditions.{condition['name']}.embedding.weight", [size, condition["embedding_channels"]]
        h += condition.get("embedding_channels", size)
    if network["kind"] == "wavenet":
        v, r, s, k = (network[key] for key in ("vocabulary_size", "residual_channels", "skip_channels", "kernel_size"))
        d, head = network.get("gate_channels", r), network.get("head_channels", s)
        biases = network.get("biases", ["gate", "residual", "skip", "head"])
        if network["input"]["kind"] == "embedding":
            yield "input.embedding.weight", [v, r]
        else:
            yield "input.convolution.weight", [r, v, network["input"]["kernel_size"]]
        if "input" in biases:
            yield "input.convolution.bias", [r]
        for layer in range(len(network["dilations"])):
            parts = [("gate", [2 * d, r, k]), ("skip", [s, d])]
            if layer + 1 < len(network["dilations"]):
                parts.append(("residual", [r, d]))
            for part, shape in parts:
                yield f"layers.{layer}.{part}.weight", shape
                if part in biases:
                    yield f"layers.{layer}.{part}.bias", shape[:1]
            if h:
                yield f"layers.{layer}.condition.weight", [2 * d, h]
        for part, shape in (("hidden", [head, s]), ("output", [v, head])):
            yield f"head.{part}.weight", shape
            if "head" in biases:
                yield f"head.{part}.bias", shape[:1]
        return
    if network["kind"] == "transformer":
        v, d, n = (network[key] for key in ("vocabulary_size", "channels", "window"))
        f = network.get("feedforward_channels", 4 * d)
        biases = network.get("biases", ["attention", "feedforward", "head"])
        yield "input.embedding.weight", [v, d]
        if network["positions"] == "learned":
            yield "input.position.weight", [network["position_count"], d]
        if h:
            yield "input.condition.weight", [d, h]
        for layer in range(network["layers"]):
            for part, shapes in (("attention", (("input", [3 * d, d]), ("output", [d, d]))),
                                 ("feedforward", (("hidden", [f, d]), ("output", [d, f])))):
                for leaf in ("weight", "bias"):
                    yield f"layers.{layer}.{part}.normalization.{leaf}", [d]
                for product, shape in shapes:
                    yield f"layers.{layer}.{part}.{product}.weight", shape
                    if part in biases:
                        yield f"layers.{layer}.{part}.{product}.bias", shape[:1]
            if network["positions"] == "relative":
                yield f"layers.{layer}.attention.relative.weight", [network["heads"], n, d // network["heads"]]
        if network.get("normalization", "pre") == "pre":
            for leaf in ("weight", "bias"):
                yield f"head.normalization.{leaf}", [d]
        yield "head.weight", [v, d]
        if "head" in biases:
            yield "head.bias", [v]
        return
    biases = network.get("biases", ["layers", "head"])
    columns = {"one_hot": network.get("vocabulary_size")}.get(network["input"]["kind"], network["input"].get("channels"))
    if network["input"]["kind"] == "embedding":
        yield "input.embedding.weight", [network["vocabulary_size"], columns]
    if network["input"]["kind"] == "fields":
        columns = 0
        for index, field in enumerate(network["input"]["fields"]):
            if field["kind"] == "embedding":
                yield f"input.fields.{index}.embedding.weight", [field["size"], field["channels"]]
            columns += {"embedding": field.get("channels"), "one_hot": field.get("size"), "value": 1}[field["kind"]]
    columns += h
    for index, layer in enumerate(network["layers"]):
        n = layer["channels"]
        rows = n * (4 if layer["kind"] == "lstm" else 3)
        places = [f"layers.{index}"] + ([f"layers.{index}.backward"] if layer.get("bidirectional") else [])
        for place in places:
            for part, shape in (("input", [rows, columns]), ("recurrent", [rows, n])):
                yield f"{place}.{part}.weight", shape
                if "layers" in biases:
                    yield f"{place}.{part}.bias", shape[:1]
            if network.get("initial_states"):
                yield f"{place}.initial.hidden", [n]
                if layer["kind"] == "lstm":
                    yield f"{place}.initial.cell", [n]
        columns = n * len(places)
    if network["head"]["kind"] == "fields":
        rows = sum(field.get("size", 1) for field in network["head"]["fields"])
    else:
        rows = network["vocabulary_size"] if network["head"]["kind"] == "softmax" else 1
    yield "head.weight", [rows, columns]
    if "head" in biases:
        yield "head.bias", [rows]


def model(config, dtype):
    header = {"__metadata__": {"format": "cadenza", "cadenza.version": "1", "cadenza.config": json.dumps(config)}}
    data = b""
    for number, (name, shape) in enumerate(tensors(config)):
        count = 1
        for dimension in shape:
            count *= dimension
        values = [((number * 31 + i * 17) % 64 - 32) / 32 for i in range(count)]
        if dtype == "F32":
            piece = struct.pack(f"<{count}f", *values)
        elif dtype == "F16":
            piece = struct.pack(f"<{count}e", *values)
        else:
            piece = b"".join(struct.pack("<f", value)[2:] for value in values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    for folder in ("load_model", "configuration"):
        (CORPUS / folder).mkdir(parents=True)
    for number, (name, config) in enumerate(CONFIGURATIONS.items()):
        dtype = ("F32", "F16", "BF16")[number % 3]
        (CORPUS / "load_model" / f"{name}.safetensors").write_bytes(model(config, dtype))
        (CORPUS / "configuration" / f"{name}.json").write_text(
            json.dumps(config, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
