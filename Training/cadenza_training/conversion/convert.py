"""From a file of another framework to a checked model file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from cadenza_training import mu_law, reference
from cadenza_training.conversion import (
    chain,
    check,
    keras_file,
    keras_layers,
    keras_network,
    mapping,
    musicvae,
    pytorch,
    rtneural,
    state_dict,
    symbols,
)
from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.model_file import write_model

FRAMEWORKS = ("pytorch", "keras", "rtneural", "musicvae")
_SUFFIXES = {
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".bin": "pytorch",
    ".ckpt": "pytorch",
    ".safetensors": "pytorch",
    ".h5": "keras",
    ".hdf5": "keras",
    ".keras": "keras",
}


@dataclass(frozen=True)
class Request:
    """What `cadenza-train convert` was asked for."""

    source: Path
    output: Path
    framework: str = "auto"
    mapping: Path | None = None
    modules: str | None = None
    state_dict: str | None = None
    keras_backend: str | None = None
    input_kind: str = "auto"
    conditions: Path | None = None
    codec: str | None = None
    levels: int | None = None
    sample_rate: int | None = None
    symbols: Path | None = None
    scale: float = 1.0
    start_from_silence: bool = False
    name: str | None = None
    description: str | None = None
    license: str | None = None
    temperature: float | None = None
    check: Path | None = None
    expected: Path | None = None
    tolerance: float | None = None


@dataclass
class Converted:
    """A network in the model file's terms, and the original beside it."""

    tensors: dict[str, Tensor]
    network: dict[str, object]
    prediction: check.Prediction
    origin: str  # a sentence's part: what it was
    checked_against: str
    conditions: list[dict] = field(default_factory=list)
    codec: dict | None = None
    sample_rate: int | None = None


def convert(request: Request) -> list[str]:
    """Writes the model file once it has passed its check; returns lines to show."""
    Engine()  # Without the engine nothing can be checked: say so before the work.
    if not (math.isfinite(request.scale) and request.scale > 0):
        raise UserError(f"--scale is {request.scale}; expected a number above 0")
    if request.expected is not None and request.check is None:
        raise UserError("--expected holds the outputs for the inputs of --check, which is missing")
    if request.mapping is None and _framework(request) == "musicvae":
        return _from_musicvae(request)
    converted = _from_mapping(request) if request.mapping else _from_layers(request)
    configuration, notes = _configuration(request, converted)
    part = request.output.with_name(request.output.name + ".part")
    try:
        write_model(part, converted.tensors, configuration, notes)
        lines = [f"{request.source}: {converted.origin}", *_checks(request, converted, part)]
        os.replace(part, request.output)
    except OSError as error:
        raise UserError(f"{request.output} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    count = sum(tensor.numel() for tensor in converted.tensors.values())
    return [*lines, f"{request.output}: {count:,} numbers"]


# ---- The network ---------------------------------------------------------------------------------


def _framework(request: Request) -> str:
    if request.framework != "auto":
        return request.framework
    if musicvae.is_folder(request.source):
        return "musicvae"
    suffix = request.source.suffix.lower()
    if suffix == ".json":
        document = rtneural.read_json(request.source)
        has_layers = isinstance(document, dict) and "layers" in document
        return "rtneural" if has_layers else "pytorch"
    if suffix not in _SUFFIXES:
        raise UserError(
            f"{request.source}: what framework wrote a file that ends in {suffix or 'nothing'} "
            f"cannot be told; say it with --from, {', '.join(FRAMEWORKS)}"
        )
    return _SUFFIXES[suffix]


def _from_layers(request: Request) -> Converted:
    framework = _framework(request)
    conditions = _conditions(request)
    columns = chain.condition_channels(conditions)
    if any("embedding_channels" in condition for condition in conditions):
        raise UserError(
            f"{request.conditions}: a condition with embedding_channels brings a table of its own; "
            "write a mapping file"
        )
    sample_rate = None
    if framework == "pytorch":
        tensors = state_dict.read(request.source, request.state_dict)
        try:
            modules = pytorch.find_modules(tensors, request.modules, columns)
        except UserError as error:
            raise UserError(f"{request.source}: {error}") from error
        layers = pytorch.chain(modules)

        def original(inputs: NDArray, h: NDArray | None) -> NDArray:
            return pytorch.original(modules, inputs, h)

        origin = "PyTorch state dict"
    else:
        if framework == "keras":
            file = keras_file.read(request.source, request.keras_backend)
            keras = keras_network.network(file)
            origin = f"Keras {file.version}"
        else:
            read = rtneural.read(request.source)
            keras, sample_rate, origin = read.layers, read.sample_rate, "RTNeural"
        try:
            layers = keras_layers.chain(keras)
        except UserError as error:
            raise UserError(f"{request.source}: {error}") from error

        def original(inputs: NDArray, h: NDArray | None) -> NDArray:
            return keras_layers.compute(keras, inputs, h)

    options = chain.NetworkOptions(
        input_kind=request.input_kind,
        scale=request.scale,
        start_from_silence=request.start_from_silence,
        condition_channels=columns,
    )
    try:
        tensors_out, network = chain.engine_network(layers, options)
    except UserError as error:
        raise UserError(f"{request.source}: {error}") from error
    if request.scale != 1.0 and network["input"]["kind"] != "vector":
        raise UserError("--scale is for networks that read samples; this one reads tokens")
    return Converted(
        tensors=tensors_out,
        network=network,
        prediction=_layers_prediction(original, network, conditions, request),
        origin=f"{origin}; {chain.describe(layers)}",
        checked_against="the original's own arithmetic in float64",
        conditions=conditions,
        sample_rate=sample_rate,
    )


def _layers_prediction(
    original: Callable[[NDArray, NDArray | None], NDArray],
    network: Mapping,
    conditions: Sequence[Mapping],
    request: Request,
) -> check.Prediction:
    kind = network["input"]["kind"]
    vocabulary = network.get("vocabulary_size", 0)

    def prediction(sequence: NDArray, values: check.ConditionValues) -> NDArray:
        inputs: NDArray = sequence
        if request.start_from_silence:
            # The silence is the network's first real input, and predicts the first element.
            silence = mu_law.silence_code(vocabulary) if vocabulary else 0.0
            inputs = np.concatenate([[silence], sequence])
        if kind == "one_hot":
            inputs = np.eye(vocabulary)[inputs]
        elif kind == "vector":
            sounds = mu_law.decode(inputs, vocabulary) * request.scale if vocabulary else inputs
            inputs = sounds[:, None]
        h = None
        if conditions:
            parts = [_vectors(condition, values[condition["name"]]) for condition in conditions]
            h = np.concatenate(parts, axis=1)
            # As many rows as inputs: the silence has a row too.
            h = np.concatenate([h[: len(inputs) - len(h)], h])
        return original(inputs, h)[len(inputs) - len(sequence) :]

    return prediction


def _vectors(condition: Mapping, values: NDArray) -> NDArray:
    if condition["kind"] == "vector":
        return values
    return np.eye(reference.condition_size(condition))[values]


def _from_mapping(request: Request) -> Converted:
    given = {
        "--modules": request.modules,
        "--conditions": request.conditions,
        "--input": None if request.input_kind == "auto" else request.input_kind,
        "--scale": None if request.scale == 1.0 else request.scale,
        "--start-from-silence": request.start_from_silence or None,
    }
    for option, value in given.items():
        if value is not None:
            raise UserError(f"{option} does not go with --mapping: the mapping file says it")
    file = mapping.read(request.mapping)
    framework = _framework(request)
    if framework == "pytorch":
        read = state_dict.read(request.source, request.state_dict)
        source = {name: tensor.numpy() for name, tensor in read.items()}
    elif framework == "keras":
        source = keras_file.read(request.source, request.keras_backend).flat_weights()
    else:
        source = rtneural.tensors(request.source)
    arrays = mapping.apply(file, source)
    # Without a codec of its own, tokens are the codes of mu-law, as in the file that is written.
    sound = {"kind": "mu_law", "levels": file.network.get("vocabulary_size")}
    configuration = {
        "network": file.network,
        "codec": {**sound, **(file.codec or {})},
        "conditions": file.conditions,
    }
    exact = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def prediction(sequence: NDArray, values: check.ConditionValues) -> NDArray:
        # One element more: row t + 1 is what the network predicts after element t.
        longer = torch.from_numpy(np.concatenate([sequence, sequence[-1:]]))
        series = {
            name: torch.from_numpy(np.concatenate([value, value[-1:]]))
            for name, value in values.items()
        }
        return reference.logits(exact, configuration, longer, series)[1:].numpy()

    return Converted(
        tensors={name: chain.single_precision(name, array) for name, array in arrays.items()},
        network=file.network,
        prediction=prediction,
        origin=f"mapped by {request.mapping}",
        checked_against="FORMAT.md's equations in float64 over the mapped tensors",
        conditions=file.conditions,
        codec=file.codec,
    )


def _from_musicvae(request: Request) -> list[str]:
    """A composer with a latent: its codec, and so its check, are its own."""
    defaults = Request(request.source, request.output)
    allowed = ("source", "output", "framework", "name", "description", "license", "temperature")
    for name in Request.__dataclass_fields__:
        if name not in allowed and getattr(request, name) != getattr(defaults, name):
            raise UserError(f"--{name.replace('_', '-')} does not go with a MusicVAE")
    model = musicvae.read(request.source)
    configuration: dict[str, object] = {
        "name": request.name or request.source.stem,
        "description": request.description or "",
        "license": request.license or "",
        **musicvae.configuration(model),
        "training": {"recipe": f"converted from {request.source.name}: {musicvae.origin(model)}"},
    }
    if request.temperature is not None:
        configuration["sampling"] = {"temperature": request.temperature}
    tensors = musicvae.tensors(model)
    part = request.output.with_name(request.output.name + ".part")
    lines = [f"{request.source}: {musicvae.origin(model)}"]
    try:
        write_model(part, tensors, configuration)
        for result in musicvae.check_file(model, part):
            line = (
                f"engine beside the original's own arithmetic in float64: {result.compared} "
                f"{result.what} differ by at most {result.largest:.2e}, at {result.worst_step}"
            )
            # Written this way round, a NaN fails too.
            if not result.largest <= musicvae.TOLERANCE:
                raise UserError(
                    f"{request.source}: {line}, more than {musicvae.TOLERANCE:g}; nothing was "
                    "written"
                )
            lines.append(f"{line} (tolerance {musicvae.TOLERANCE:g})")
        os.replace(part, request.output)
    except OSError as error:
        raise UserError(f"{request.output} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    count = sum(tensor.numel() for tensor in tensors.values())
    return [*lines, f"{request.output}: {count:,} numbers"]


# ---- The file ------------------------------------------------------------------------------------


def _conditions(request: Request) -> list[dict]:
    if request.conditions is None:
        return []
    if request.conditions.suffix == ".toml":
        document: object = mapping.read_toml(request.conditions).get("conditions")
    else:
        document = rtneural.read_json(request.conditions)
    if not isinstance(document, list) or not all(
        isinstance(entry, dict) and {"name", "kind"} <= set(entry) for entry in document
    ):
        raise UserError(
            f"{request.conditions} holds no list of conditions, tables with name, kind and size as "
            "in FORMAT.md"
        )
    return document


def _configuration(request: Request, converted: Converted) -> tuple[dict, dict[str, str]]:
    """The file's configuration, and its free metadata."""
    network = converted.network
    vocabulary = 0
    if network.get("head", {}).get("kind") != "linear":
        vocabulary = int(network.get("vocabulary_size", 0))
    codec = dict(converted.codec or {})
    codec.setdefault("kind", "mu_law" if vocabulary else "waveform")
    if request.codec not in (None, codec["kind"]):
        raise UserError(
            f"--codec {request.codec} does not go with this network: it predicts "
            + (f"{vocabulary} classes, which are mu_law" if vocabulary else "a sample, a waveform")
        )
    if request.levels is not None and request.levels != vocabulary:
        raise UserError(
            f"--levels {request.levels}, and the network predicts "
            + (f"{vocabulary} classes" if vocabulary else "a sample")
        )
    if codec["kind"] == "mu_law":
        codec.setdefault("levels", vocabulary)
    notes: dict[str, str] = {}
    description = request.description or ""
    sample_rate = request.sample_rate or codec.get("sample_rate") or converted.sample_rate
    if request.symbols is not None:
        if not vocabulary:
            raise UserError("--symbols is for networks with a softmax; this one predicts a sample")
        listed = symbols.read(request.symbols, vocabulary)
        notes[symbols.METADATA_KEY] = json.dumps(listed, ensure_ascii=False)
        description = f"{description} {symbols.DESCRIPTION}".strip()
        sample_rate = sample_rate or symbols.SAMPLE_RATE
    if not sample_rate:
        raise UserError(
            f"{request.source} does not say its sample rate: give it in Hz with --sample-rate (or, "
            "where the classes are symbols and not sound, name them with --symbols)"
        )
    codec["sample_rate"] = sample_rate
    configuration: dict[str, object] = {
        "name": request.name or request.source.stem,
        "description": description,
        "license": request.license or "",
        "network": network,
        "codec": codec,
        "training": {"recipe": f"converted from {request.source.name}: {converted.origin}"},
    }
    if converted.conditions:
        configuration["conditions"] = converted.conditions
    if request.temperature is not None:
        configuration["sampling"] = {"temperature": request.temperature}
    return configuration, notes


# ---- The check -----------------------------------------------------------------------------------


def _checks(request: Request, converted: Converted, path: Path) -> list[str]:
    vocabulary = int(converted.network.get("vocabulary_size", 0))
    inputs = None if request.check is None else check.read_series(request.check)
    lines = [
        _checked(request, path, vocabulary, inputs, converted.prediction, converted.checked_against)
    ]
    if request.expected is not None:
        given = check.read_series(request.expected, vocabulary or 1)
        if len(given) != len(inputs):
            raise UserError(
                f"{request.expected} has {len(given)} rows, and {request.check} {len(inputs)}"
            )
        given = _log_probabilities(given) if vocabulary else given[:, None]
        lines.append(
            _checked(request, path, vocabulary, inputs, lambda *_: given, f"{request.expected}")
        )
    return lines


def _checked(
    request: Request,
    path: Path,
    vocabulary: int,
    inputs: NDArray | None,
    prediction: check.Prediction,
    against: str,
) -> str:
    if vocabulary:
        result = check.check_softmax(path, prediction, vocabulary, inputs)
        tolerance = check.SOFTMAX_TOLERANCE
    else:
        result = check.check_linear(path, prediction, request.scale, inputs)
        tolerance = check.LINEAR_TOLERANCE
    if request.tolerance is not None:
        tolerance = request.tolerance
    fed = "random" if inputs is None else "given"
    line = (
        f"engine beside {against}: {result.compared} {result.what} from {fed} inputs differ by at "
        f"most {result.largest:.2e}, at step {result.worst_step}"
    )
    if result.clipped:
        line += f"; {result.clipped} predictions lie beyond -1 … 1 and are clipped"
    # Written this way round, a NaN fails too.
    if not result.largest <= tolerance:
        raise UserError(f"{request.source}: {line}, more than {tolerance:g}; nothing was written")
    return f"{line} (tolerance {tolerance:g})"


def _log_probabilities(rows: NDArray) -> NDArray:
    """From probabilities, told by their sums, or from logits."""
    if (rows >= 0).all() and np.allclose(rows.sum(axis=1), 1.0, atol=1e-3):
        with np.errstate(divide="ignore"):
            return np.log(rows)
    return rows - logsumexp(rows, axis=1, keepdims=True)
