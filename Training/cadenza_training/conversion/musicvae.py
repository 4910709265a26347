"""MusicVAE of melodies (Roberts et al. 2018), as Magenta's JavaScript models store it: a folder of
raw little-endian float32 files, with the shapes in `manifest.json` and the vocabulary in
`converter.json`.

The decoder is flat: tanh of a product with z gives the states of all layers, cell before hidden;
each step's first layer reads the one-hot token before, zeros at first, and z. TensorFlow's LSTM has
its gates in the order i j f o, adds 1 to f, and one kernel [inputs + channels, 4 channels].
The encoder, where the folder holds all of it, is one bidirectional layer, whose last states give
the mean of z.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch import Tensor
from tqdm import tqdm

from cadenza_training.conversion import check
from cadenza_training.engine import Engine, Model, NoteEvent, Stream
from cadenza_training.errors import UserError

Array = NDArray[np.float64]

MANIFEST = "manifest.json"
_CONVERTER = "converter.json"
LATENT = "z"
_DECODER = "decoder/"
_CELL = "decoder/multi_rnn_cell/cell_{}/lstm_cell/"
_PROJECTION = "decoder/output_projection/"
_INITIAL = "decoder/z_to_initial_state/"
_ENCODER_CELL = "encoder/cell_0/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell/"
_DIRECTIONS = ("fw", "bw")
_MEAN = "encoder/mu/"
_FORGET_BIAS = 1.0
# Symbols before the pitches, as MelodyConverter has them.
_SYMBOLS = ("hold", "off")
_STEPS_PER_BEAT = 4
_TEMPO = 120

_MELODIES = 8
# As of other softmaxes: single precision beside float64, over 32 steps whose logits go to 33.
TOLERANCE = check.SOFTMAX_TOLERANCE


@dataclass(frozen=True)
class MusicVAE:
    """The folder's tensors in float64, and what its melodies are."""

    path: Path
    tensors: Mapping[str, Array]
    lowest_pitch: int
    steps: int

    @property
    def cells(self) -> list[tuple[Array, Array]]:
        """Kernel and bias of the decoder's layers, the forget gate's 1 in the bias."""
        found = []
        while _CELL.format(len(found)) + "kernel" in self.tensors:
            found.append(self._cell(_CELL.format(len(found))))
        return found

    @property
    def encoder(self) -> list[tuple[Array, Array]] | None:
        """The same of both directions of the encoder; None where the folder lacks any of it."""
        names = [_ENCODER_CELL.format(direction) + "kernel" for direction in _DIRECTIONS]
        if not all(name in self.tensors for name in (*names, _MEAN + "kernel", _MEAN + "bias")):
            return None
        return [self._cell(_ENCODER_CELL.format(direction)) for direction in _DIRECTIONS]

    @property
    def initial(self) -> tuple[Array, Array]:
        return self.tensors[_INITIAL + "kernel"], self.tensors[_INITIAL + "bias"]

    @property
    def projection(self) -> tuple[Array, Array]:
        return self.tensors[_PROJECTION + "kernel"], self.tensors[_PROJECTION + "bias"]

    @property
    def mean(self) -> tuple[Array, Array]:
        return self.tensors[_MEAN + "kernel"], self.tensors[_MEAN + "bias"]

    @property
    def vocabulary_size(self) -> int:
        return self.projection[0].shape[1]

    @property
    def latent_size(self) -> int:
        return self.initial[0].shape[0]

    def _cell(self, name: str) -> tuple[Array, Array]:
        kernel, bias = self.tensors[name + "kernel"], self.tensors[name + "bias"].copy()
        channels = len(bias) // 4
        bias[2 * channels : 3 * channels] += _FORGET_BIAS
        return kernel, bias


def is_folder(path: Path) -> bool:
    return path.is_dir() and (path / MANIFEST).is_file()


def read(path: Path) -> MusicVAE:
    """Refuses what is not such a folder, or a decoder of another kind."""
    shapes = _json(path / MANIFEST)
    tensors: dict[str, Array] = {}
    for name, entry in shapes.items():
        try:
            file, shape = path / Path(entry["filename"]).name, tuple(map(int, entry["shape"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path / MANIFEST}: {name} has no filename and shape") from error
        if not file.is_file():
            continue  # An encoder may be absent: see `encoder`.
        numbers = np.fromfile(file, "<f4")
        if len(numbers) != int(np.prod(shape)) or not np.isfinite(numbers).all():
            raise UserError(
                f"{file} holds {len(numbers)} numbers, expected {list(shape)}, all of them finite"
            )
        tensors[name] = numbers.reshape(shape).astype(np.float64)
    arguments = _json(path / _CONVERTER).get("args", {})
    try:
        lowest, highest = int(arguments["minPitch"]), int(arguments["maxPitch"])
        model = MusicVAE(path, tensors, lowest, int(arguments["numSteps"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path / _CONVERTER} does not say minPitch, maxPitch and numSteps of a melody"
        ) from error
    _check_shapes(model, highest - lowest + 1 + len(_SYMBOLS))
    return model


def _check_shapes(model: MusicVAE, vocabulary: int) -> None:
    for name in (_INITIAL, _PROJECTION, _CELL.format(0)):
        for part in ("kernel", "bias"):
            if name + part not in model.tensors:
                raise UserError(f"{model.path} lacks {name}{part}: expected a flat decoder's")
    below, states = vocabulary + model.latent_size, 0
    for index, (kernel, bias) in enumerate(model.cells):
        channels = len(bias) // 4
        expected = (below + channels, 4 * channels)
        if kernel.shape != expected:
            raise UserError(
                f"{model.path}: layer {index} has a kernel of {list(kernel.shape)}, expected "
                f"{list(expected)}"
            )
        below, states = channels, states + 2 * channels
    if model.projection[0].shape != (below, vocabulary) or model.initial[0].shape[1] != states:
        raise UserError(
            f"{model.path}: {list(model.projection[0].shape)} logits and "
            f"{list(model.initial[0].shape)} initial states do not fit {vocabulary} symbols and "
            f"{states} states"
        )


def _json(path: Path) -> dict:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} is not a JSON object")
    return document


# ---- In the model file's terms -------------------------------------------------------------------


def tensors(model: MusicVAE) -> dict[str, Tensor]:
    found: dict[str, Array] = {}
    kernel, bias = model.initial
    place = 0
    for index, cell in enumerate(model.cells):
        found |= _layer(f"layers.{index}", *cell)
        channels = len(cell[1]) // 4
        for state in ("cell", "hidden"):
            name = f"layers.{index}.initial.{state}"
            found[f"{name}.weight"] = kernel[:, place : place + channels].T
            found[f"{name}.bias"] = bias[place : place + channels]
            place += channels
    found["head.weight"], found["head.bias"] = model.projection[0].T, model.projection[1]
    if model.encoder is not None:
        for name, cell in zip(("layers.0", "layers.0.backward"), model.encoder, strict=True):
            found |= {f"encoder.{key}": value for key, value in _layer(name, *cell).items()}
        found["encoder.head.weight"], found["encoder.head.bias"] = model.mean[0].T, model.mean[1]
    return {
        name: torch.from_numpy(np.ascontiguousarray(array, np.float32))
        for name, array in found.items()
    }


def _layer(name: str, kernel: Array, bias: Array) -> dict[str, Array]:
    inputs = len(kernel) - len(bias) // 4
    return {
        f"{name}.input.weight": _gates(kernel[:inputs]).T,
        f"{name}.input.bias": _gates(bias),
        f"{name}.recurrent.weight": _gates(kernel[inputs:]).T,
        f"{name}.recurrent.bias": np.zeros_like(bias),
    }


def _gates(columns: Array) -> Array:
    """From i j f o to i f g o, j being g."""
    i, j, f, o = np.split(columns, 4, axis=-1)
    return np.concatenate([i, f, j, o], axis=-1)


def configuration(model: MusicVAE) -> dict[str, object]:
    symbols = [
        *_SYMBOLS,
        *range(model.lowest_pitch, model.lowest_pitch + model.vocabulary_size - 2),
    ]
    vocabulary = {"input": {"kind": "one_hot"}, "vocabulary_size": model.vocabulary_size}
    found: dict[str, object] = {
        "network": {
            "kind": "recurrent",
            **vocabulary,
            "layers": [{"kind": "lstm", "channels": len(bias) // 4} for _, bias in model.cells],
            "head": {"kind": "softmax"},
            "initial_states": "conditions",
            "first_input": "zeros",
        },
        "codec": {
            "kind": "melody_steps",
            "steps_per_beat": _STEPS_PER_BEAT,
            "symbols": symbols,
            "steps": model.steps,
            "tempo": _TEMPO,
        },
        "conditions": [{"name": LATENT, "kind": "latent", "size": model.latent_size}],
    }
    if model.encoder is not None:
        channels = len(model.encoder[0][1]) // 4
        found["encoder"] = {
            "kind": "recurrent",
            "latent": LATENT,
            "steps": model.steps,
            **vocabulary,
            "layers": [{"kind": "lstm", "channels": channels, "bidirectional": True}],
            "head": {"kind": "linear", "channels": model.latent_size},
        }
    return found


def origin(model: MusicVAE) -> str:
    layers = " and ".join(f"LSTM({len(bias) // 4})" for _, bias in model.cells)
    encoder = "with its encoder" if model.encoder is not None else "without an encoder"
    return f"MusicVAE, {model.steps} steps, z of {model.latent_size}, {layers}, {encoder}"


# ---- The original's own arithmetic, in float64 ---------------------------------------------------


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _step(kernel: Array, bias: Array, x: Array, c: Array, h: Array) -> tuple[Array, Array]:
    i, j, f, o = np.split(np.concatenate([x, h]) @ kernel + bias, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(j)
    return c, _sigmoid(o) * np.tanh(c)


def decode(model: MusicVAE, z: Array, tokens: NDArray[np.int64]) -> Array:
    """The logits of each step, given z and the tokens of the steps before: [steps, symbols]."""
    initial = np.tanh(z @ model.initial[0] + model.initial[1])
    states = []
    for _, bias in model.cells:
        c, h, initial = np.split(initial, [len(bias) // 4, len(bias) // 2])
        states.append((c, h))
    rows = []
    for step in range(len(tokens)):
        token = np.zeros(model.vocabulary_size)
        if step > 0:
            token[tokens[step - 1]] = 1
        x = np.concatenate([token, z])
        for index, (kernel, bias) in enumerate(model.cells):
            states[index] = _step(kernel, bias, x, *states[index])
            x = states[index][1]
        rows.append(x @ model.projection[0] + model.projection[1])
    return np.array(rows)


def encode(model: MusicVAE, tokens: NDArray[np.int64]) -> Array:
    """The mean of z. The folder has an encoder."""
    ends = []
    for (kernel, bias), order in zip(model.encoder or [], (tokens, tokens[::-1]), strict=True):
        c = h = np.zeros(len(bias) // 4)
        for token in order:
            c, h = _step(kernel, bias, np.eye(model.vocabulary_size)[token], c, h)
        ends.append(h)
    return np.concatenate(ends) @ model.mean[0] + model.mean[1]


# ---- The check -----------------------------------------------------------------------------------


def check_file(model: MusicVAE, path: Path, seed: int = 0) -> list[check.CheckResult]:
    """The engine's log-probabilities of every step's every symbol, and what it encodes."""
    random = np.random.default_rng(seed)
    decoded, encoded = check.Comparison(), check.Comparison()
    with Engine().load(path) as engine_model, engine_model.stream() as stream:
        for _ in tqdm(range(_MELODIES), desc="checking", unit="melody", leave=False):
            z = random.standard_normal(model.latent_size).astype(np.float32)
            tokens = _melody(model, random)
            expected = log_softmax(decode(model, z.astype(np.float64), tokens), axis=1)
            stream.reset()
            stream.set_condition(LATENT, z.tolist())
            for step, token in enumerate(tokens):
                _compare_step(model, engine_model, stream, tokens[:step], decoded, step, expected)
                stream.prime_events(*_piece(model, engine_model, tokens[:step], token))
            if model.encoder is not None:
                events, frames = _whole(model, engine_model, tokens)
                latent = engine_model.encode_events(events, frames)
                for place, (got, wanted) in enumerate(
                    zip(latent, encode(model, tokens), strict=True)
                ):
                    encoded.add(place, float(got), float(wanted))
    results = [decoded.result("log-probabilities in nats")]
    if model.encoder is not None:
        results.append(encoded.result("numbers of z"))
    return results


def _melody(model: MusicVAE, random: np.random.Generator) -> NDArray[np.int64]:
    """Tokens as a melody has them: an "off" only where a note sounds."""
    tokens: list[int] = []
    sounds = False
    for step in range(model.steps):
        choice = random.random()
        if choice < 0.45 or step == 0:
            token, sounds = int(random.integers(2, model.vocabulary_size)), True
        elif choice < 0.6 and sounds:
            token, sounds = 1, False
        else:
            token = 0
        tokens.append(token)
    return np.array(tokens)


def _compare_step(
    model: MusicVAE,
    engine_model: Model,
    stream: Stream,
    past: NDArray[np.int64],
    comparison: check.Comparison,
    step: int,
    expected: Array,
) -> None:
    state = stream.save_state()
    for token in range(model.vocabulary_size):
        if token == 1 and _sounding(model, past) is None:
            continue  # No piece says it: a rest goes on with "hold".
        nats, _ = stream.score_events(*_piece(model, engine_model, past, token))
        comparison.add(step, -nats, float(expected[step, token]))
        stream.load_state(state)


def _sounding(model: MusicVAE, tokens: NDArray[np.int64]) -> int | None:
    """The pitch that sounds after these tokens."""
    for token in tokens[::-1]:
        if token != 0:
            return None if token == 1 else model.lowest_pitch + int(token) - 2
    return None


def _piece(
    model: MusicVAE, engine_model: Model, past: NDArray[np.int64], token: int
) -> tuple[list[NoteEvent], int]:
    """One step as a piece to continue with."""
    return _events(model, past, [int(token)]), _frames(engine_model, 1)


def _whole(
    model: MusicVAE, engine_model: Model, tokens: NDArray[np.int64]
) -> tuple[list[NoteEvent], int]:
    step = _frames(engine_model, 1)
    events: list[NoteEvent] = []
    for place, token in enumerate(tokens):
        for event in _events(model, tokens[:place], [int(token)]):
            events.append(NoteEvent(place * step, event.kind, 0, event.pitch, event.velocity))
    return events, step * len(tokens)


def _events(model: MusicVAE, past: NDArray[np.int64], tokens: list[int]) -> list[NoteEvent]:
    events: list[NoteEvent] = []
    sounding = _sounding(model, past)
    for token in tokens:
        if token >= 1 and sounding is not None:
            events.append(NoteEvent(0, "note off", 0, sounding))
        if token >= 2:
            events.append(NoteEvent(0, "note on", 0, model.lowest_pitch + token - 2, 80 / 127))
    return events


def _frames(engine_model: Model, steps: int) -> int:
    return steps * engine_model.sample_rate * 60 // (_TEMPO * _STEPS_PER_BEAT)
