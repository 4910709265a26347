"""Small model files for the tests of the command, written with nothing but Python's own library."""

import json
import random
import struct


def write(path, configuration, tensors):
    """Writes a model: `tensors` maps names to (shape, values)."""
    header = {
        "__metadata__": {
            "format": "cadenza",
            "cadenza.version": "1",
            "cadenza.config": json.dumps(configuration, ensure_ascii=False),
        }
    }
    data = b""
    for name, (shape, values) in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def wavenet(path, scale=1.0, name="test", rate=8000, conditions=True, extra=()):
    """A WaveNet with one condition of every kind; scale 0 makes it guess evenly. `extra`: classes, one-hot, instead of these."""
    levels, channels, layers, kernel = 256, 16, 6, 2
    generator = random.Random(1)
    tensors = {}

    def add(tensor, shape, spread):
        count = 1
        for size in shape:
            count *= size
        tensors[tensor] = (shape, [scale * spread * generator.uniform(-1, 1) for _ in range(count)])

    configuration = {
        "name": name,
        "description": 'A test with "quotes", a tab\tand a line\nbreak, and an é',
        "license": "MIT",
        "network": {
            "kind": "wavenet",
            "vocabulary_size": levels,
            "input": {"kind": "embedding"},
            "kernel_size": kernel,
            "dilations": [1, 2, 4, 1, 2, 4],
            "residual_channels": channels,
            "skip_channels": 32,
        },
        "codec": {"kind": "mu_law", "sample_rate": rate, "levels": levels},
        "sampling": {"temperature": 0.9},
        "training": {"data": "none", "steps": 12, "validation_nats": 2.5},
    }
    width = 0
    if conditions:
        configuration["conditions"] = [
            {"name": "instrument", "kind": "class", "labels": ["piano", "flute", "bass clarinet"], "embedding_channels": 4},
            {"name": "pitch", "kind": "class", "size": 128, "default": 60},
            {"name": "colour", "kind": "vector", "size": 2, "default": [0.5, -1]},
            {"name": "melody", "kind": "class", "size": 12, "frames_per_value": 10},
        ]
        width = 4 + 128 + 2 + 12
        add("conditions.instrument.embedding.weight", [3, 4], 2)
    if extra:
        configuration["conditions"] = list(extra)
        width = sum(condition.get("size", len(condition.get("labels", ()))) for condition in extra)
    add("input.embedding.weight", [levels, channels], 1)
    for layer in range(layers):
        place = f"layers.{layer}."
        add(place + "gate.weight", [2 * channels, channels, kernel], 0.3)
        add(place + "gate.bias", [2 * channels], 0.1)
        if width:
            add(place + "condition.weight", [2 * channels, width], 0.5)
        add(place + "skip.weight", [32, channels], 0.4)
        add(place + "skip.bias", [32], 0.1)
        if layer + 1 < layers:
            add(place + "residual.weight", [channels, channels], 0.2)
            add(place + "residual.bias", [channels], 0.1)
    add("head.hidden.weight", [32, 32], 0.4)
    add("head.hidden.bias", [32], 0.1)
    add("head.output.weight", [levels, 32], 0.4)
    add("head.output.bias", [levels], 0.1)
    write(path, configuration, tensors)


def lstm(path):
    """An LSTM that predicts samples: no softmax, no conditions, no name."""
    channels = 8
    generator = random.Random(2)

    def numbers(count):
        return [generator.uniform(-0.4, 0.4) for _ in range(count)]

    configuration = {
        "network": {
            "kind": "recurrent",
            "input": {"kind": "vector", "channels": 1},
            "layers": [{"kind": "lstm", "channels": channels}],
            "head": {"kind": "linear", "channels": 1},
        },
        "codec": {"kind": "waveform", "sample_rate": 48000},
    }
    write(path, configuration, {
        "layers.0.input.weight": ([4 * channels, 1], numbers(4 * channels)),
        "layers.0.input.bias": ([4 * channels], numbers(4 * channels)),
        "layers.0.recurrent.weight": ([4 * channels, channels], numbers(4 * channels * channels)),
        "layers.0.recurrent.bias": ([4 * channels], numbers(4 * channels)),
        "head.weight": ([1, channels], numbers(channels)),
        "head.bias": ([1], [0.1]),
    })


# ---- Composers -------------------------------------------------------------------------------------------------------------


def composer(path, name, codec, size, bias, scale=1.0, conditions=(), width=0, tempo=None):
    """A GRU over tokens, whose biases at the head make the music: `bias` maps tokens to numbers. Scale 0 makes it guess evenly."""
    channels = 12
    generator = random.Random(3)

    def numbers(count, spread):
        return [scale * spread * generator.uniform(-1, 1) for _ in range(count)]

    head = numbers(size, 0.1)
    for token, value in bias.items():
        head[token] += scale * value
    configuration = {
        "name": name,
        "license": "MIT",
        "network": {
            "kind": "recurrent",
            "vocabulary_size": size,
            "input": {"kind": "embedding", "channels": channels},
            "layers": [{"kind": "gru", "channels": channels}],
            "head": {"kind": "softmax"},
        },
        "codec": codec if tempo is None else {**codec, "tempo": tempo},
        "conditions": list(conditions),
    }
    columns = channels + width
    write(path, configuration, {
        "input.embedding.weight": ([size, channels], numbers(size * channels, 1)),
        "layers.0.input.weight": ([3 * channels, columns], numbers(3 * channels * columns, 1)),
        "layers.0.input.bias": ([3 * channels], numbers(3 * channels, 0.1)),
        "layers.0.recurrent.weight": ([3 * channels, channels], numbers(3 * channels * channels, 0.5)),
        "layers.0.recurrent.bias": ([3 * channels], numbers(3 * channels, 0.1)),
        "head.weight": ([size, channels], numbers(size * channels, 1)),
        "head.bias": ([size], head),
    })


VOICES = [("soprano", range(65, 77)), ("alto", range(58, 70)), ("tenor", range(53, 65)), ("bass", range(43, 55))]


def chorale(path, scale=1.0, end=None, tempo=90):
    """Four voices on a grid of sixteenths, with a condition that follows the position and one that the host sets. `end`: how
    likely the piece ends at a step, as the logit beside those of a dozen pitches; None: it never does."""
    voices, bias, size = [], {}, 0
    for name, pitches in VOICES:
        symbols = ["hold", "off"] + list(pitches)
        bias[size] = 4.0  # notes last a few steps
        if end is not None and name == "soprano":
            bias[size + len(symbols)] = end
            symbols.append("end")
        voices.append({"name": name, "symbols": symbols})
        size += len(symbols)
    codec = {"kind": "chorale_grid", "steps_per_beat": 4, "voices": voices}
    conditions = [
        {"name": "position", "kind": "class", "size": 16, "follows": "position"},
        {"name": "mode", "kind": "class", "labels": ["major", "minor"]},
    ]
    composer(path, "four voices", codec, size, bias, scale, conditions, width=16 + 2, tempo=tempo)


def melody(path):
    """One voice, whose grid is not a power of two."""
    symbols = ["off", "hold"] + list(range(60, 73))
    composer(path, "", {"kind": "melody_steps", "steps_per_beat": 3, "symbols": symbols}, len(symbols), {1: 3.0})


def performance(path):
    """Events of a piano: notes on and off, time, velocities."""
    codec = {"kind": "performance_events", "pitches": [48, 83], "time_shifts": 40, "velocities": 8, "end": False}
    bias = {token: 1.0 for token in range(72, 112)}  # time passes
    composer(path, "piano", codec, 36 + 36 + 40 + 8, bias)


def instrument(path):
    """A WaveNet that plays notes: conditions that last for a whole note, one of them the pitch."""
    wavenet(path, conditions=False, name="player", extra=[
        {"name": "pitch", "kind": "class", "size": 128}, {"name": "instrument", "kind": "class", "labels": ["piano", "flute"]},
    ])
