"""The binding of the engine says what include/cadenza.h says."""

from __future__ import annotations

import ctypes
import gc
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cadenza_training import engine as binding
from cadenza_training import mu_law, reference
from cadenza_training.engine import Engine, Model, Stream
from cadenza_training.errors import UserError
from cadenza_training.model_file import write_model
from cadenza_training.parity_fixtures import tensor_shapes

HEADER = Path(__file__).resolve().parents[2] / "include" / "cadenza.h"
LEVELS = 16
CONFIGURATION = {
    "name": "tiny",
    "description": "für Tests",
    "license": "CC0-1.0",
    "network": {
        "kind": "recurrent",
        "vocabulary_size": LEVELS,
        "input": {"kind": "embedding", "channels": 3},
        "layers": [{"kind": "gru", "channels": 5}],
        "head": {"kind": "softmax"},
    },
    "codec": {"kind": "mu_law", "sample_rate": 8000, "levels": LEVELS},
    "conditions": [
        {"name": "instrument", "kind": "class", "labels": ["oboe", "Geige"]},
        {"name": "level", "kind": "vector", "size": 2, "frames_per_value": 10},
    ],
    "sampling": {"temperature": 0.75, "top_k": 9, "top_p": 0.5},
    "training": {"steps": 12, "validation_nats": 1.5},
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {
        name: torch.randn(shape, generator=generator)
        for name, shape in tensor_shapes(CONFIGURATION).items()
    }


@pytest.fixture
def model(engine: Engine, tensors: dict[str, torch.Tensor], tmp_path: Path) -> Model:
    path = tmp_path / "tiny.safetensors"
    write_model(path, tensors, CONFIGURATION)
    return engine.load(path)


@pytest.fixture
def stream(model: Model) -> Stream:
    return model.stream(seed=3, temperature=1.0, top_k=0, top_p=1.0)


def test_every_function_bound_is_declared_with_as_many_arguments() -> None:
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.S)
    declared = {
        name: 0 if arguments.strip() == "void" else arguments.count(",") + 1
        for name, arguments in re.findall(r"(cadenza_\w+)\(([^()]*)\);", text)
    }
    bound = {name: len(arguments) for name, (_, arguments) in binding._FUNCTIONS.items()}
    assert bound.items() <= declared.items()


@pytest.mark.parametrize(
    ("structure", "name"),
    [
        (binding._Error, "cadenza_error"),
        (binding._ModelInfo, "cadenza_model_info"),
        (binding._ConditionInfo, "cadenza_condition_info"),
        (binding._StreamOptions, "cadenza_stream_options"),
        (binding._StreamStatistics, "cadenza_stream_statistics"),
        (binding._Event, "cadenza_event"),
    ],
)
def test_structures_have_the_header_s_fields(structure: type[ctypes.Structure], name: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.S)
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", text, re.S)[1]
    types = {
        "uint32_t": ctypes.c_uint32,
        "uint64_t": ctypes.c_uint64,
        "double": ctypes.c_double,
        "float": ctypes.c_float,
        "const char *": ctypes.c_char_p,
        "cadenza_status": ctypes.c_int32,
        "cadenza_condition_kind": ctypes.c_int32,
        "cadenza_decoding": ctypes.c_int32,
        "cadenza_encoder": ctypes.c_int32,
        "cadenza_event_kind": ctypes.c_int32,
        "const char *const *": ctypes.POINTER(ctypes.c_char_p),
        "char": ctypes.c_char * binding._ERROR_MESSAGE_SIZE,
    }
    declared = [
        (field, types[kind.strip()])
        for kind, field in re.findall(r"^\s*([\w* ]*?[ *])(\w+)(?:\[\w+\])?;", body, re.M)
    ]
    assert list(structure._fields_) == declared


def test_numbers_are_the_header_s() -> None:
    text = HEADER.read_text(encoding="utf-8")
    numbers = dict(re.findall(r"#define CADENZA_(\w+) \(?(-?\d+)\)?", text))
    assert {name.upper(): str(value) for name, value in binding._PARAMETERS.items()} == {
        name.removeprefix("PARAMETER_"): value
        for name, value in numbers.items()
        if name.startswith("PARAMETER_")
    }
    assert [
        numbers[f"EVENT_{kind.replace(' ', '_').upper()}"] for kind in binding._EVENT_KINDS
    ] == [
        "0",
        "1",
        "2",
    ]
    assert int(numbers["MAX_EVENTS"]) == binding._MOST_EVENTS
    assert int(numbers["EVENTS_LOST"]) == binding._EVENTS_LOST


def test_version(engine: Engine) -> None:
    text = HEADER.read_text(encoding="utf-8")
    numbers = re.findall(r"#define CADENZA_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text)
    assert engine.version == ".".join(numbers)


def test_a_model_says_what_it_is(model: Model) -> None:
    information = model.information
    assert model.sample_rate == 8000
    assert (information.name, information.description) == ("tiny", "für Tests")
    assert (information.network, information.codec) == ("recurrent", "mu_law")
    assert information.vocabulary_size == LEVELS
    assert (information.temperature, information.top_k, information.top_p) == (0.75, 9, 0.5)
    assert (information.training_steps, information.validation_nats) == (12.0, 1.5)
    shapes = tensor_shapes(CONFIGURATION).values()
    assert information.parameter_count == sum(int(np.prod(shape)) for shape in shapes)
    instrument, level = model.conditions
    assert (instrument.name, instrument.kind, instrument.size) == ("instrument", "class", 2)
    assert instrument.labels == ("oboe", "Geige")
    assert (instrument.frames_per_value, instrument.queue_capacity) == (0, 1)
    assert (level.kind, level.size, level.frames_per_value) == ("vector", 2, 10)
    assert level.labels == () and level.queue_capacity > 1


def test_scores_are_the_reference_s(stream: Stream, tensors: dict[str, torch.Tensor]) -> None:
    tokens = np.random.default_rng(1).integers(LEVELS, size=30)
    stream.set_condition("instrument", "Geige")
    stream.set_condition("level", [0.5, -1.0, 0.25, 2.0])
    nats = stream.score(mu_law.decode(tokens, LEVELS))
    level = np.array([[0.5, -1.0]] * 10 + [[0.25, 2.0]] * 20)
    values = {"instrument": torch.ones(30), "level": torch.from_numpy(level)}
    logits = reference.logits(tensors, CONFIGURATION, torch.from_numpy(tokens), values)
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(tokens), reduction="sum")
    assert nats == pytest.approx(float(expected), rel=1e-5)


def test_seeds_blocks_states_and_resets(stream: Stream) -> None:
    sound = stream.generate(60)
    assert sound.dtype == np.float32 and len(np.unique(sound)) > 3
    stream.reset(3)
    parts = [stream.generate(25)]
    state = stream.save_state()
    parts.append(stream.generate(35))
    assert (np.concatenate(parts) == sound).all()
    stream.reset(4)
    assert (stream.generate(60) != sound).any()
    stream.load_state(state)
    assert (stream.generate(35) == sound[25:]).all()
    assert stream.statistics().frames == 60 + 35
    assert stream.statistics().blocks == 2


def test_parameters(model: Model) -> None:
    stream = model.stream(gain=0.0)
    assert stream.parameter("temperature") == 0.75 and stream.parameter("top_k") == 9
    assert (stream.generate(20) == 0.0).all()
    stream.set_parameter("gain", 2.0)
    assert np.abs(stream.generate(20)).max() > 0.0


def test_objects_may_be_closed_in_any_order(model: Model) -> None:
    with model.stream() as stream:
        model.close()
        model.close()
        assert len(stream.generate(5)) == 5
    with pytest.raises(ValueError, match="this stream is closed"):
        stream.generate(1)
    with pytest.raises(ValueError, match="this model is closed"):
        model.stream()
    del stream
    gc.collect()


def test_what_users_get_wrong_is_said(engine: Engine, model: Model, tmp_path: Path) -> None:
    stream = model.stream()
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(model.path.read_bytes()[:-8])
    cases = [
        (lambda: engine.load(tmp_path / "none"), "none.*cannot be opened"),
        (lambda: engine.load(damaged), "damaged.safetensors"),
        (lambda: model.stream(temperature=-1.0), "temperature is out of range"),
        (lambda: model.stream(top_k=-1), "top_k is -1; expected a whole number"),
        (lambda: model.stream(seed=-1), "the seed is -1; expected"),
        (lambda: stream.set_condition("pitch", 1), "no condition 'pitch'.*instrument, level"),
        (lambda: stream.set_condition("instrument", "cello"), "no label 'cello'.*oboe, Geige"),
        (lambda: stream.set_condition("instrument", 2), "expected class indices 0 … 1"),
        (lambda: stream.set_condition("level", [1.0]), "expected 2 finite numbers"),
        (lambda: stream.set_condition("level", [0.0] * 2**20), "queue of .* has no room"),
        (lambda: stream.prime([0.0, np.nan]), "priming with 2 samples: invalid argument"),
        (lambda: stream.prime([[0.0, 1.0]]), "expected one channel"),
        (lambda: stream.load_state(b"nonsense"), "loading a state of 8 bytes"),
    ]
    for call, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            call()


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_library = tmp_path / "library.so"
    monkeypatch.setenv(binding.LIBRARY_VARIABLE, str(no_library))
    with pytest.raises(UserError, match=r"CADENZA_LIBRARY names .*library.so"):
        Engine()
    no_library.write_text("not a library")
    with pytest.raises(UserError, match="is not a library of Cadenza"):
        Engine()
    monkeypatch.delenv(binding.LIBRARY_VARIABLE)
    monkeypatch.setattr(binding, "__file__", str(tmp_path / "a" / "b" / "engine.py"))
    monkeypatch.setattr(binding.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(UserError, match="run `make library`"):
        Engine()
