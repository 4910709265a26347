"""Networks of other frameworks, built here, come out of the engine with their own numbers."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from scipy.special import expit, log_softmax
from torch import Tensor, nn

from cadenza_training import mu_law
from cadenza_training.cli import main
from cadenza_training.conversion import keras_file, mapping
from cadenza_training.conversion.convert import Request, convert
from cadenza_training.engine import Engine
from cadenza_training.errors import UserError

V = 6
Array = NDArray[np.float64]


def random_arrays(seed: int, shapes: Mapping[str, Sequence[int]], size: float = 0.7) -> dict:
    random = np.random.default_rng(seed)
    return {name: size * random.standard_normal(shape) for name, shape in shapes.items()}


def converted(source: Path, **options: object) -> Path:
    output = source.with_name("converted.safetensors")
    if "symbols" not in options:
        options = {"sample_rate": 16000, **options}
    convert(Request(source=source, output=output, **options))
    return output


def engine_log_probabilities(path: Path, tokens: Sequence[int]) -> Array:
    """Row t: the whole distribution after tokens 0 … t."""
    samples = mu_law.decode(np.arange(V), V)
    rows = []
    with Engine().load(path) as model, model.stream() as stream:
        for token in tokens:
            stream.prime(samples[token : token + 1])
            state = stream.save_state()
            row = []
            for other in range(V):
                row.append(-stream.score(samples[other : other + 1]))
                stream.load_state(state)
            rows.append(row)
    return np.array(rows)


def engine_values(path: Path, samples: Sequence[float]) -> Array:
    values = []
    with Engine().load(path) as model, model.stream() as stream:
        for sample in samples:
            stream.prime([sample])
            state = stream.save_state()
            values.append(stream.generate(1)[0])
            stream.load_state(state)
    return np.array(values)


def assert_symbols(path: Path, tokens: Sequence[int], logits: Array) -> None:
    expected = log_softmax(np.asarray(logits), axis=1)
    np.testing.assert_allclose(engine_log_probabilities(path, tokens), expected, atol=2e-6)


TOKENS = np.random.default_rng(2).integers(V, size=9)
ONE_HOT = np.eye(V)[TOKENS]
SAMPLES = np.random.default_rng(3).uniform(-0.9, 0.9, 12)


# ---- PyTorch -------------------------------------------------------------------------------------


class Chain(nn.Module):
    """An embedding (or one-hot tokens, or samples), recurrent modules, a product."""

    def __init__(self, front: nn.Module | None, recurrent: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.front = front
        self.recurrent = nn.ModuleList(recurrent)
        self.out = nn.Linear(recurrent[-1].hidden_size, width)

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        signal = inputs if self.front is None else self.front(inputs)
        for module in self.recurrent:
            signal = module(signal)[0]
        return self.out(signal)


def sharpened(network: nn.Module, seed: int = 1) -> nn.Module:
    """Weights large enough that a wrong order of gates or layers shows."""
    torch.manual_seed(seed)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return network.double()


@pytest.mark.parametrize(
    ("front", "recurrent"),
    [
        (nn.Embedding(V, 4), [nn.LSTM(4, 5, num_layers=2)]),
        (nn.Embedding(V, 4), [nn.GRU(4, 5, num_layers=3)]),
        (None, [nn.GRU(V, 7, bias=False)]),
        (None, [nn.LSTM(V, 4), nn.GRU(4, 3), nn.LSTM(3, 5)]),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".json"])
def test_torch_stacks_over_tokens(
    tmp_path: Path, front: nn.Module | None, recurrent: list[nn.Module], suffix: str
) -> None:
    network = sharpened(Chain(front, recurrent, V))
    source = tmp_path / f"network{suffix}"
    state = network.state_dict()
    if suffix == ".pt":
        torch.save({"epoch": 3, "model_state_dict": state, "optimizer": {"state": {}}}, source)
    elif suffix == ".safetensors":
        save_file(state, source)
    else:
        source.write_text(json.dumps({name: value.tolist() for name, value in state.items()}))
    inputs = torch.from_numpy(ONE_HOT if front is None else TOKENS)
    assert_symbols(converted(source), TOKENS, network(inputs).numpy())


@pytest.mark.parametrize("recurrent", [nn.LSTM(1, 5, 2), nn.GRU(1, 5)])
def test_torch_stacks_over_samples(tmp_path: Path, recurrent: nn.Module) -> None:
    network = sharpened(Chain(None, [recurrent], 1))
    with torch.no_grad():
        network.out.weight *= 0.2
    source = tmp_path / "network.pth"
    torch.save(network.state_dict(), source)
    expected = network(torch.from_numpy(SAMPLES)[:, None])[:, 0].numpy()
    assert np.abs(expected).max() < 1.0
    np.testing.assert_allclose(engine_values(converted(source), SAMPLES), expected, atol=1e-6)
    # The same network where its 4.0 is the engine's 1.0.
    scaled = engine_values(converted(source, scale=4.0), SAMPLES / 4)
    np.testing.assert_allclose(4 * scaled, expected, atol=1e-6)


def test_a_cell_and_functions_behind_modules(tmp_path: Path) -> None:
    cell, middle, out = sharpened(
        nn.ModuleList([nn.GRUCell(1, 5), nn.Linear(5, 4), nn.Linear(4, 1)])
    )
    source = tmp_path / "network.pt"
    names = {"cell": cell, "middle": middle, "out": out}
    torch.save(
        {f"{n}.{k}": v for n, module in names.items() for k, v in module.state_dict().items()},
        source,
    )
    with torch.no_grad():
        hidden, expected = torch.zeros(5).double(), []
        for sample in torch.from_numpy(SAMPLES):
            hidden = cell(sample[None], hidden)
            expected.append(torch.tanh(out(torch.sigmoid(middle(hidden)))).item())
    path = converted(source, modules="cell,middle:sigmoid,out:tanh")
    np.testing.assert_allclose(engine_values(path, SAMPLES), expected, atol=1e-6)


def test_a_softmax_over_samples(tmp_path: Path) -> None:
    network = sharpened(Chain(None, [nn.LSTM(1, 5)], V))
    source = tmp_path / "network.pt"
    torch.save(network.state_dict(), source)
    with pytest.raises(UserError, match=r"reads one number and predicts 6 classes.*--input sample"):
        converted(source)
    sounds = torch.from_numpy(mu_law.decode(TOKENS, V))[:, None]
    assert_symbols(converted(source, input_kind="sample"), TOKENS, network(sounds).numpy())


@pytest.mark.parametrize("recurrent", [nn.LSTM(V + 5, 4, 2), nn.GRU(V + 5, 4)])
def test_conditions_are_the_last_columns(tmp_path: Path, recurrent: nn.Module) -> None:
    network = sharpened(Chain(None, [recurrent], V))
    source, conditions = tmp_path / "network.pt", tmp_path / "conditions.toml"
    torch.save(network.state_dict(), source)
    conditions.write_text(
        '[[conditions]]\nname = "instrument"\nkind = "class"\nsize = 3\n'
        '[[conditions]]\nname = "place"\nkind = "vector"\nsize = 2\ndefault = [0.5, -2.0]\n'
    )
    path = converted(source, conditions=conditions)
    # Without being set, a condition has its default: class 0, and 0.5, -2.0. The state after the
    # silent step is zero whatever they are.
    columns = np.tile([1.0, 0.0, 0.0, 0.5, -2.0], (len(TOKENS), 1))
    inputs = torch.from_numpy(np.concatenate([ONE_HOT, columns], axis=1))
    assert_symbols(path, TOKENS, network(inputs).numpy())


def test_conditions_of_a_network_over_samples(tmp_path: Path) -> None:
    network = sharpened(Chain(None, [nn.GRU(1 + 2, 4), nn.LSTM(4, 3)], 1))
    with torch.no_grad():
        network.out.weight *= 0.2
        network.out.bias *= 0.2
    source, conditions = tmp_path / "network.pt", tmp_path / "conditions.json"
    torch.save(network.state_dict(), source)
    local = {"name": "place", "kind": "vector", "size": 2, "frames_per_value": 5}
    conditions.write_text(json.dumps([local]))
    path = converted(source, conditions=conditions)
    inputs = np.concatenate([SAMPLES[:, None], np.zeros((len(SAMPLES), 2))], axis=1)
    expected = network(torch.from_numpy(inputs))[:, 0].numpy()
    np.testing.assert_allclose(engine_values(path, SAMPLES), expected, atol=1e-6)
    local["embedding_channels"] = 2
    conditions.write_text(json.dumps([local]))
    with pytest.raises(UserError, match="brings a table of its own; write a mapping file"):
        converted(source, conditions=conditions)
    conditions.write_text("{}")
    with pytest.raises(UserError, match=r"conditions.json holds no list of conditions"):
        converted(source, conditions=conditions)


@pytest.mark.parametrize("recurrent", [nn.LSTM(V, 4), nn.GRU(V, 4)])
def test_the_silent_step_is_undone_unless_asked_for(tmp_path: Path, recurrent: nn.Module) -> None:
    network = sharpened(Chain(None, [recurrent], V))
    source = tmp_path / "network.pt"
    torch.save(network.state_dict(), source)
    samples = mu_law.decode(np.arange(V), V)

    def first_distribution(path: Path) -> Array:
        with Engine().load(path) as model:
            return np.array([-model.stream().score(samples[t : t + 1]) for t in range(V)])

    # From a zero state the head's bias alone is left: nothing remains of the silent step.
    bias = network.out.bias.detach().numpy()
    np.testing.assert_allclose(first_distribution(converted(source)), log_softmax(bias), atol=1e-6)
    silence = torch.eye(V).double()[[mu_law.silence_code(V)]]
    heard = log_softmax(network(silence).numpy()[0])
    assert np.abs(heard - log_softmax(bias)).max() > 0.01
    path = converted(source, start_from_silence=True)
    np.testing.assert_allclose(first_distribution(path), heard, atol=1e-6)


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.target),)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    source, target = tmp_path / "bomb.pt", tmp_path / "exploded"
    torch.save({"lstm.weight_ih_l0": Bomb(target)}, source)
    with pytest.raises(UserError, match=r"bomb.pt holds more than tensors.*not executed"):
        converted(source)
    assert not target.exists()
    # The bomb is live: plain unpickling sets it off.
    pickle.loads(pickle.dumps(Bomb(target)))
    assert target.exists()


def lstm_state(inputs: int, units: int, outputs: int) -> dict[str, Tensor]:
    network = Chain(None, [nn.LSTM(inputs, units)], outputs)
    return dict(network.state_dict())


@pytest.mark.parametrize(
    ("state", "options", "sentence"),
    [
        (
            {f"lstm.{k}": v for k, v in nn.LSTM(V, 4, bidirectional=True).state_dict().items()},
            {},
            "bidirectional.*need to know the future",
        ),
        (dict(nn.LSTM(V, 4, proj_size=2).state_dict()), {}, "proj_size"),
        ({**nn.RNN(V, 4).state_dict()}, {}, "plain RNN"),
        ({"fc.weight": torch.zeros(3, 3)}, {}, "no weights of torch.nn.LSTM or torch.nn.GRU"),
        (
            {**lstm_state(V, 4, V), "norm.weight": torch.ones(4)},
            {},
            r"'norm' \(weight \[4\]\) is neither an LSTM",
        ),
        (
            {
                **{f"a.{k}": v for k, v in nn.LSTM(V, V).state_dict().items()},
                **{f"b.{k}": v for k, v in nn.LSTM(V, V).state_dict().items()},
                **{f"c.{k}": v for k, v in nn.Linear(V, V).state_dict().items()},
            },
            {},
            "order in which a, b, c run cannot be told, more than one order fits.*--modules",
        ),
        (
            {**lstm_state(V, 4, V), "other.weight": torch.ones(4, 9), "other.bias": torch.ones(4)},
            {},
            "which of out, other is an embedding and which the head cannot be told",
        ),
        (lstm_state(V, 4, V + 1), {}, "no order fits their shapes"),
        (lstm_state(3, 4, V), {"modules": "recurrent.0,out"}, "reads 3 channels and predicts 6"),
        (dict(nn.LSTM(V, 4).state_dict()), {}, "no product behind"),
        (
            {**lstm_state(V, 4, V), "recurrent.0.weight_hh_l0": torch.zeros(15, 4)},
            {},
            r"weight_hh_l0 is \[15, 4\]; expected \[4 N, N\]",
        ),
        (
            {**lstm_state(V, 4, V), "recurrent.0.bias_hh_l0": torch.zeros(3)},
            {},
            r"bias_hh_l0 is \[3\]; expected \[16\]",
        ),
        (
            {**lstm_state(V, 4, V), "out.bias": torch.full((V,), torch.nan)},
            {},
            "head.bias holds values that are not finite",
        ),
        (lstm_state(V, 4, V), {"modules": "lstm,out"}, "names 'lstm'.*recurrent.0, out"),
        (lstm_state(V, 4, V), {"modules": "recurrent.0"}, "leaves out out"),
        (lstm_state(V, 4, V), {"modules": "recurrent.0,out:relu"}, "ends in 'relu'"),
        (lstm_state(V, 4, V), {"sample_rate": None}, "does not say its sample rate"),
        (lstm_state(V, 4, V), {"codec": "waveform"}, "predicts 6 classes, which are mu_law"),
        (lstm_state(V, 4, V), {"levels": 256}, "--levels 256, and the network predicts 6"),
        (lstm_state(V, 4, V), {"scale": 4.0}, "--scale is for networks that read samples"),
        (lstm_state(V, 4, V), {"scale": 0.0}, "--scale is 0.0"),
        (lstm_state(V, 4, V), {"state_dict": "ema"}, "no state dict 'ema'"),
    ],
)
def test_what_is_refused_of_pytorch(
    tmp_path: Path, state: dict[str, Tensor], options: dict, sentence: str
) -> None:
    source = tmp_path / "network.pt"
    torch.save(state, source)
    with pytest.raises(UserError, match=sentence):
        converted(source, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["network.pt"]


def test_which_state_dict_of_a_checkpoint(tmp_path: Path) -> None:
    source = tmp_path / "network.pt"
    one, other = (sharpened(Chain(None, [nn.GRU(V, 4)], V), seed) for seed in (1, 2))
    torch.save({"ema": one.state_dict(), "raw": other.state_dict()}, source)
    with pytest.raises(UserError, match="several state dicts: ema, raw; choose one"):
        converted(source)
    path = converted(source, state_dict="raw")
    assert_symbols(path, TOKENS, other(torch.from_numpy(ONE_HOT)).numpy())


# ---- Keras ---------------------------------------------------------------------------------------


def keras_lstm(x: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
    hidden = cell = np.zeros(len(recurrent))
    outputs = []
    for row in x:
        i, f, c, o = np.split(row @ kernel + hidden @ recurrent + bias, 4)
        cell = expit(f) * cell + expit(i) * np.tanh(c)
        hidden = expit(o) * np.tanh(cell)
        outputs.append(hidden)
    return np.array(outputs)


def keras_gru(x: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
    hidden = np.zeros(len(recurrent))
    outputs = []
    for row in x:
        z, r, candidate = np.split(row @ kernel + bias[0], 3)
        inner_z, inner_r, inner = np.split(hidden @ recurrent + bias[1], 3)
        z, r = expit(z + inner_z), expit(r + inner_r)
        hidden = z * hidden + (1 - z) * np.tanh(candidate + r * inner)
        outputs.append(hidden)
    return np.array(outputs)


def write_hdf5(
    path: Path,
    layers: Sequence[tuple[str, str, dict, dict[str, Array]]],
    version: str | None,
    backend: str | None = "tensorflow",
    *,
    listed: bool = False,
) -> Path:
    """`layers`: class, name, configuration, weights by the full names in the file."""
    entries = [
        {"class_name": class_name, "config": {"name": name, **config}}
        for class_name, name, config, _ in layers
    ]
    model = {"class_name": "Sequential", "config": entries if listed else {"layers": entries}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model).encode()
        root = file.create_group("model_weights")
        for holder in (file, root):
            if version is not None:
                holder.attrs["keras_version"] = version.encode()
            if backend is not None:
                holder.attrs["backend"] = backend.encode()
        root.attrs["layer_names"] = [name.encode() for _, name, _, _ in layers]
        for _, name, _, weights in layers:
            group = root.create_group(name)
            group.attrs["weight_names"] = [full.encode() for full in weights]
            for full, array in weights.items():
                group.create_dataset(full, data=np.asarray(array, np.float32))
    return path


def single(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: array.astype(np.float32).astype(np.float64) for name, array in arrays.items()}


LSTM_2 = {"units": 4, "activation": "tanh", "recurrent_activation": "sigmoid"}
GRU_2 = {"units": 5, "activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True}
SOFTMAX = {"units": V, "activation": "softmax"}


def test_keras_2(tmp_path: Path) -> None:
    w = single(
        random_arrays(
            4,
            {
                "table": (V, 3),
                "k1": (3, 16),
                "r1": (4, 16),
                "b1": (16,),
                "gamma": (4,),
                "beta": (4,),
                "mean": (4,),
                "variance": (4,),
                "k2": (4, 15),
                "r2": (5, 15),
                "b2": (2, 15),
                "k3": (5, 4),
                "b3": (4,),
                "k4": (4, V),
                "b4": (V,),
            },
        )
    )
    w["variance"] = np.abs(w["variance"]) + 0.25
    source = write_hdf5(
        tmp_path / "model.h5",
        [
            ("Embedding", "embedding_1", {}, {"embedding_1/embeddings:0": w["table"]}),
            (
                "LSTM",
                "lstm_1",
                {**LSTM_2, "return_sequences": True},
                {
                    "lstm_1/kernel:0": w["k1"],
                    "lstm_1/recurrent_kernel:0": w["r1"],
                    "lstm_1/bias:0": w["b1"],
                },
            ),
            ("Dropout", "dropout_1", {"rate": 0.3}, {}),
            (
                "BatchNormalization",
                "norm",
                {"axis": -1, "epsilon": 0.01},
                {
                    "norm/gamma:0": w["gamma"],
                    "norm/beta:0": w["beta"],
                    "norm/moving_mean:0": w["mean"],
                    "norm/moving_variance:0": w["variance"],
                },
            ),
            (
                "GRU",
                "gru_1",
                GRU_2,
                {
                    "gru_1/gru_cell_4/kernel:0": w["k2"],
                    "gru_1/gru_cell_4/recurrent_kernel:0": w["r2"],
                    "gru_1/gru_cell_4/bias:0": w["b2"],
                },
            ),
            (
                "TimeDistributed",
                "each",
                {"layer": {"class_name": "Dense", "config": {"units": 4, "activation": "tanh"}}},
                {"each/kernel:0": w["k3"], "each/bias:0": w["b3"]},
            ),
            ("Dense", "dense", {"units": V}, {"dense/kernel:0": w["k4"], "dense/bias:0": w["b4"]}),
            ("Activation", "softmax", {"activation": "softmax"}, {}),
        ],
        "2.2.4-tf",
    )
    signal = keras_lstm(w["table"][TOKENS], w["k1"], w["r1"], w["b1"])
    signal = (signal - w["mean"]) / np.sqrt(w["variance"] + 0.01) * w["gamma"] + w["beta"]
    signal = np.tanh(keras_gru(signal, w["k2"], w["r2"], w["b2"]) @ w["k3"] + w["b3"])
    assert_symbols(converted(source), TOKENS, signal @ w["k4"] + w["b4"])


def test_keras_1_with_a_tensor_for_each_gate(tmp_path: Path) -> None:
    gates = "icfo"  # the order in which Keras 1 wrote them
    shapes = {f"W_{g}": (V, 4) for g in gates} | {f"U_{g}": (4, 4) for g in gates}
    w = single(
        random_arrays(5, shapes | {f"b_{g}": (4,) for g in gates} | {"W": (4, V), "b": (V,)})
    )
    names = [f"{letter}_{gate}" for gate in gates for letter in "WUb"]
    source = write_hdf5(
        tmp_path / "model.h5",
        [
            (
                "LSTM",
                "lstm_1",
                {"output_dim": 4, "activation": "tanh", "inner_activation": "sigmoid"},
                {f"lstm_1_{name}": w[name] for name in names},
            ),
            (
                "Dense",
                "dense_1",
                {"output_dim": V, "activation": "linear"},
                {"dense_1_W": w["W"], "dense_1_b": w["b"]},
            ),
            ("Activation", "activation_1", {"activation": "softmax"}, {}),
        ],
        None,
        None,
        listed=True,
    )
    joined = [np.concatenate([w[f"{k}_{g}"] for g in "ifco"], axis=-1) for k in "WUb"]
    expected = keras_lstm(ONE_HOT, *joined) @ w["W"] + w["b"]
    assert_symbols(converted(source), TOKENS, expected)


def keras_3_file(path: Path, w: dict[str, Array], inbound: list | None = None) -> Path:
    def node(name: str) -> list:
        return [{"args": [{"config": {"keras_history": [name, 0, 0]}}], "kwargs": {}}]

    layers = [
        ("InputLayer", "tokens", {}, []),
        ("LSTM", "first", {**LSTM_2, "return_sequences": True}, node("tokens")),
        ("LSTM", "second", LSTM_2, node("first")),
        ("Dense", "out", SOFTMAX, inbound or node("second")),
    ]
    configuration = {
        "class_name": "Functional",
        "config": {
            "layers": [
                {
                    "class_name": kind,
                    "name": name,
                    "config": {"name": name, **config},
                    "inbound_nodes": nodes,
                }
                for kind, name, config, nodes in layers
            ],
            "output_layers": ["out", 0, 0],
        },
    }
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for folder, letter in (("lstm/cell", "1"), ("lstm_1/cell", "2"), ("dense", "3")):
            for number, name in enumerate(name for name in w if name.endswith(letter)):
                file[f"layers/{folder}/vars/{number}"] = w[name]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.4.1"}))
        archive.writestr("config.json", json.dumps(configuration))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


KERAS_3 = {
    "k1": (V, 16),
    "r1": (4, 16),
    "b1": (16,),
    "k2": (4, 16),
    "r2": (4, 16),
    "b2": (16,),
    "k3": (4, V),
    "b3": (V,),
}


def test_keras_3_zip(tmp_path: Path) -> None:
    w = random_arrays(6, KERAS_3)
    source = keras_3_file(tmp_path / "model.keras", w)
    signal = keras_lstm(ONE_HOT, w["k1"], w["r1"], w["b1"])
    signal = keras_lstm(signal, w["k2"], w["r2"], w["b2"])
    assert_symbols(converted(source), TOKENS, signal @ w["k3"] + w["b3"])


def test_a_branch_is_refused(tmp_path: Path) -> None:
    sources = [{"config": {"keras_history": [name, 0, 0]}} for name in ("first", "second")]
    inbound = [{"args": [sources], "kwargs": {}}]
    source = keras_3_file(tmp_path / "model.keras", random_arrays(6, KERAS_3), inbound)
    with pytest.raises(UserError, match=r"'out' \(Dense\) reads 2 layers: first, second"):
        converted(source)


def test_damaged_keras_files(tmp_path: Path) -> None:
    whole = keras_3_file(tmp_path / "whole.keras", random_arrays(6, KERAS_3))
    empty = tmp_path / "empty.keras"
    with zipfile.ZipFile(whole) as read, zipfile.ZipFile(empty, "w") as write:
        write.writestr("config.json", read.read("config.json"))
    with pytest.raises(UserError, match=r"empty.keras is a zip without model.weights.h5"):
        converted(empty)
    hdf5 = write_hdf5(tmp_path / "model.h5", [dense_layer(3, V, "linear")], "2.4.0")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(hdf5.read_bytes()[:-700])
    with pytest.raises(UserError, match=r"cut.h5 cannot be read as a Keras model.*cut short"):
        converted(cut)
    with h5py.File(hdf5, "a") as file:
        del file.attrs["model_config"]
    with pytest.raises(UserError, match=r"holds weights without the architecture.*--mapping"):
        converted(hdf5)
    strange = write_hdf5(tmp_path / "strange.h5", [("TimeDistributed", "t", {"layer": 3}, {})], "2")
    with pytest.raises(UserError, match=r"strange.h5: its configuration is not Keras's"):
        converted(strange)
    with pytest.raises(UserError, match=r"none.h5: there is no such file"):
        converted(tmp_path / "none.h5")


def test_an_array_outside_the_file_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4 * V * V))
    for way in ("external storage", "link"):
        path = write_hdf5(tmp_path / "model.h5", [dense_layer(V, V, "linear")], "2.4.0")
        with h5py.File(path, "a") as file:
            group = file["model_weights/dense/dense"]
            del group["kernel:0"]
            if way == "link":
                group["kernel:0"] = h5py.ExternalLink(str(secret), "/kernel")
            else:
                place = [(str(secret), 0, 4 * V * V)]
                group.create_dataset("kernel:0", (V, V), "f4", external=place)
        with pytest.raises(UserError, match=r"lies outside|not an array stored in the file"):
            converted(path)


def dense_layer(inputs: int, outputs: int, activation: str) -> tuple:
    w = random_arrays(7, {"kernel": (inputs, outputs), "bias": (outputs,)})
    named = {"dense/kernel:0": w["kernel"], "dense/bias:0": w["bias"]}
    return "Dense", "dense", {"activation": activation}, named


def recurrent_layer(class_name: str, **config: object) -> tuple:
    gates = 4 if class_name == "LSTM" else 3
    bias = (4 * 4,) if class_name == "LSTM" else (2, 3 * 4)
    shapes = {"kernel": (V, gates * 4), "recurrent_kernel": (4, gates * 4), "bias": bias}
    w = random_arrays(8, shapes)
    settings = {**(LSTM_2 if class_name == "LSTM" else GRU_2), **config}
    return class_name, "layer", settings, {f"layer/{k}:0": v for k, v in w.items()}


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            [recurrent_layer("LSTM", recurrent_activation="hard_sigmoid")],
            r"layer \(LSTM\) has the recurrent activation 'hard_sigmoid'; the engine's gates",
        ),
        ([recurrent_layer("LSTM", activation="relu")], "activation 'relu'; the engine's LSTM"),
        ([recurrent_layer("GRU", reset_after=False)], "reset gate before the recurrent product"),
        ([recurrent_layer("LSTM", go_backwards=True)], "reads backwards"),
        ([("Bidirectional", "both", {}, {})], r"both \(Bidirectional\).*need to know the future"),
        ([("SimpleRNN", "rnn", {}, {})], r"rnn \(SimpleRNN\).*would need a layer h"),
        ([("Attention", "look", {}, {})], r"look \(Attention\).*would need a layer of this kind"),
        (
            [("Embedding", "table", {"mask_zero": True}, {})],
            r"table \(Embedding\) has mask_zero",
        ),
        (
            [("Conv1D", "taps", {}, {"taps/kernel:0": np.ones((3, V, 4))})],
            r"taps \(Conv1D\).*inside a wavenet.*mapping file",
        ),
        (
            [recurrent_layer("LSTM"), dense_layer(4, V, "relu")],
            r"dense \(Dense\) has the activation 'relu'",
        ),
        (
            [recurrent_layer("LSTM"), dense_layer(5, V, "softmax")],
            r"'dense \(Dense\)' reads 5 channels, and the layer before it gives 4",
        ),
        ([recurrent_layer("LSTM")], "ends in layer 'layer .LSTM.' with 4 channels and no product"),
        ([dense_layer(V, V, "softmax")], "no LSTM or GRU layer"),
        (
            [
                (
                    "LSTM",
                    "layer",
                    LSTM_2,
                    {
                        "layer/kernel:0": np.ones((V, 15)),
                        "layer/recurrent_kernel:0": np.ones((4, 16)),
                    },
                )
            ],
            r"layer \(LSTM\)': kernel is \[6, 15\]; expected \[6, 16\]",
        ),
        (
            [("LSTM", "layer", LSTM_2, {"layer/kernel:0": np.ones((V, 16))})],
            r"has no recurrent_kernel; its weights: kernel",
        ),
    ],
)
def test_what_is_refused_of_keras(tmp_path: Path, layers: list, sentence: str) -> None:
    source = write_hdf5(tmp_path / "model.h5", layers, "2.4.0")
    with pytest.raises(UserError, match=sentence):
        converted(source)


def test_theano_s_taps_are_turned_round(tmp_path: Path) -> None:
    kernel = random_arrays(9, {"k": (3, 2, 5)})["k"].astype(np.float32)
    config = {"nb_filter": 5, "filter_length": 3}

    def read(array: Array, version: str, backend: str | None, said: str | None = None) -> Array:
        layers = [("Convolution1D", "c", config, {"c_W": array})]
        if version.startswith("2"):
            layers = [("Conv1D", "c", config, {"c/kernel:0": array})]
        path = write_hdf5(tmp_path / "model.h5", layers, version, backend)
        return keras_file.read(path, said).flat_weights()["c/kernel"]

    assert (read(kernel, "2.1.0", "tensorflow") == kernel).all()
    assert (read(kernel, "2.1.0", "theano") == kernel[::-1]).all()
    # Keras 1.1 on stored [tap, 1, in, out]; before, [out, in, tap, 1].
    assert (read(kernel[:, None], "1.2.2", None, "theano") == kernel[::-1]).all()
    oldest = kernel.transpose(2, 1, 0)[..., None]
    assert (read(oldest, "1.0.8", None, "tensorflow") == kernel).all()
    with pytest.raises(UserError, match=r"convolution of 3 taps.*--keras-backend theano"):
        read(kernel[:, None], "1.2.2", None)


# ---- RTNeural ------------------------------------------------------------------------------------


def rtneural_file(path: Path, layers: list[dict], **other: object) -> Path:
    path.write_text(json.dumps({"in_shape": [None, None, 1], "layers": layers, **other}))
    return path


def layer(kind: str, weights: Sequence[Array], activation: str = "", **other: object) -> dict:
    listed = [array.tolist() for array in weights]
    return {"type": kind, "activation": activation, "weights": listed, **other}


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_rtneural(tmp_path: Path, kind: str) -> None:
    gates, bias = (16, (16,)) if kind == "lstm" else (12, (2, 12))
    shapes = {"k0": (1, 3), "b0": (3,), "k1": (3, gates), "r1": (4, gates), "b1": bias}
    w = random_arrays(10, shapes | {"k2": (1, 4, 2), "b2": (2,), "k3": (2, 1), "b3": (1,)})
    mean, variance = np.array([0.5, -0.25]), np.array([2.0, 0.5])
    source = rtneural_file(
        tmp_path / "model.json",
        [
            layer("time-distributed-dense", [w["k0"], w["b0"]], "tanh", shape=[None, None, 3]),
            layer(kind, [w["k1"], w["r1"], w["b1"]], "tanh", shape=[None, None, 4]),
            layer("conv1d", [w["k2"], w["b2"]], "sigmoid", kernel_size=[1], dilation=[1]),
            layer("batchnorm", [mean, variance], epsilon=0.1),
            layer("dense", [w["k3"], w["b3"]]),
            layer("activation", [], "tanh"),
        ],
        samplerate="44100",
    )
    recurrent = keras_lstm if kind == "lstm" else keras_gru
    signal = np.tanh(SAMPLES[:, None] @ w["k0"] + w["b0"])
    signal = expit(recurrent(signal, w["k1"], w["r1"], w["b1"]) @ w["k2"][0] + w["b2"])
    signal = (signal - mean) / np.sqrt(variance + 0.1)
    expected = np.tanh(signal @ w["k3"] + w["b3"])[:, 0]
    path = converted(source, sample_rate=None)
    np.testing.assert_allclose(engine_values(path, SAMPLES), expected, atol=1e-6)
    with Engine().load(path) as model:
        assert model.sample_rate == 44100


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ([layer("conv1d", [np.ones((2, 1, 3)), np.ones(3)], kernel_size=[2])], "conv1d.*wavenet"),
        ([layer("prelu", [np.ones((1, 3))])], "layers.0 .prelu. is not something the engine"),
        ([layer("dense", [np.ones((1, 1))], "relu")], "the activation 'relu'"),
        (
            [layer("dense", [np.ones((1, 2))], "softmax"), layer("dense", [np.ones((2, 1))])],
            "'softmax' in the middle",
        ),
        (
            [
                layer(
                    "lstm",
                    [np.ones((1, 80)), np.ones((20, 80)), np.ones(80)],
                    shape=[None, None, 16],
                )
            ],
            r"states 16 channels, and its recurrent_kernel has 20: \[20, 80\]",
        ),
        ([layer("gru", [np.ones((1, 12)), np.ones((4, 12))])], "2 weight arrays; expected 3"),
        (
            [layer("gru", [np.ones((1, 12)), np.ones((4, 12)), np.ones(12)])],
            r"bias is \[12\]; expected \[2, 12\]",
        ),
        (
            [{"type": "dense", "weights": [[[1, 2], [3]]]}],
            "weights 0 is not an array of numbers",
        ),
        ([{"type": "dense", "weights": 3}], "layers.0 is not RTNeural's"),
        ([{}], 'layer 0 has no "type"'),
        ([], 'it has no list "layers"'),
    ],
)
def test_what_is_refused_of_rtneural(tmp_path: Path, layers: list, sentence: str) -> None:
    source = rtneural_file(tmp_path / "model.json", layers)
    with pytest.raises(UserError, match=sentence):
        converted(source)


# ---- Mapping files -------------------------------------------------------------------------------


class HandWritten(nn.Module):
    """A WaveNet as people write them: filter and gate apart, products as convolutions of one tap,
    one of them with weight normalisation, one with a batch normalisation behind."""

    def __init__(self, dilations: Sequence[int]) -> None:
        super().__init__()
        self.dilations = dilations
        self.embed = nn.Embedding(V, 4)
        self.blocks = nn.ModuleList()
        for dilation in dilations:
            block = nn.Module()
            block.filter = nn.Conv1d(4, 3, 2, dilation=dilation)
            block.gate = nn.Conv1d(4, 3, 2, dilation=dilation)
            block.res = nn.Conv1d(3, 4, 1, bias=False)
            block.skip = nn.utils.weight_norm(nn.Conv1d(3, 5, 1))
            block.norm = nn.BatchNorm1d(5)
            self.blocks.append(block)
        self.hidden = nn.Conv1d(5, 6, 1)
        self.output = nn.Linear(6, V)

    @torch.no_grad()
    def forward(self, tokens: Tensor) -> Tensor:
        signal, total = self.embed(tokens).t()[None], 0.0
        for dilation, block in zip(self.dilations, self.blocks, strict=True):
            padded = nn.functional.pad(signal, (dilation, 0))
            gated = torch.tanh(block.filter(padded)) * torch.sigmoid(block.gate(padded))
            total = total + block.norm(block.skip(gated))
            signal = signal + block.res(gated)
        hidden = torch.relu(self.hidden(torch.relu(total)))
        return self.output(hidden[0].t())


WAVENET_MAPPING = """
ignore = ["blocks.*.norm.num_batches_tracked", "blocks.2.res.weight"]

[network]
kind = "wavenet"
vocabulary_size = 6
input = { kind = "embedding" }
kernel_size = 2
dilations = [1, 2, 4]
residual_channels = 4
gate_channels = 3
skip_channels = 5
head_channels = 6

[codec]
kind = "mu_law"
sample_rate = 8000
levels = 6

[tensors]
"input.embedding.weight" = "embed.weight"
"layers.{L}.gate.weight" = { join = ["blocks.{L}.filter.weight", "blocks.{L}.gate.weight"] }
"layers.{L}.gate.bias" = { join = ["blocks.{L}.filter.bias", "blocks.{L}.gate.bias"] }
"layers.{L}.residual.weight" = { from = "blocks.{L}.res.weight", squeeze = true }
"layers.{L}.residual.bias" = { zeros = true }
"head.hidden.weight" = { from = "hidden.weight", squeeze = true }
"head.hidden.bias" = "hidden.bias"
"head.output.weight" = "output.weight"
"head.output.bias" = "output.bias"

[tensors."layers.{L}.skip.weight"]
weight_normalization = ["blocks.{L}.skip.weight_g", "blocks.{L}.skip.weight_v"]
squeeze = true
batch_normalization = "blocks.{L}.norm"
epsilon = 1e-5

[tensors."layers.{L}.skip.bias"]
from = "blocks.{L}.skip.bias"
batch_normalization = "blocks.{L}.norm"
epsilon = 1e-5
"""


@pytest.fixture(scope="module")
def hand_written() -> HandWritten:
    with pytest.warns(FutureWarning, match="weight_norm"):
        network = sharpened(HandWritten([1, 2, 4]))
    for block in network.blocks:
        block.norm.running_mean.normal_()
        block.norm.running_var.uniform_(0.5, 2.0)
    return network.eval()


def mapped(
    folder: Path, network: HandWritten, change: Callable[[str], str] = str, **options: object
) -> Path:
    source, description = folder / "wavenet.pt", folder / "wavenet.toml"
    torch.save(network.state_dict(), source)
    description.write_text(change(WAVENET_MAPPING))
    return converted(source, mapping=description, **{"sample_rate": None, **options})


def test_a_hand_written_wavenet(tmp_path: Path, hand_written: HandWritten) -> None:
    path = mapped(tmp_path, hand_written)
    # The engine's network has read silence before; the original is given the same start.
    silence = mu_law.silence_code(V)
    logits = hand_written(torch.from_numpy(np.concatenate([[silence], TOKENS])))[1:]
    assert_symbols(path, TOKENS, logits.numpy())
    with Engine().load(path) as model:
        assert model.sample_rate == 8000


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"head.hidden.bias" = "hidden.bias"\n', "", r"no entry for head.hidden.bias, \[6\]"),
        (", squeeze = true }", " }", r"layers.0.residual.weight comes out as \[4, 3, 1\], from "),
        ('"hidden.bias"', '"hiden.bias"', "no tensor hiden.bias; it has, among others"),
        ('"blocks.2.res.weight"]', "]", r"left over of the original: blocks.2.res.weight \[4, 3"),
        ('"output.bias"\n', '"output.bias"\n"head.x" = "output.bias"\n', "names head.x, which"),
        ("squeeze = true\n", "sqeeze = true\n", "unknown step 'sqeeze'; known: "),
        ("epsilon = 1e-5\n", "", "batch_normalization needs its epsilon"),
        ('kind = "wavenet"', 'kind = "wavenet"\nchanels = 3', "chanels"),
        ("residual_channels = 4\n", "", "not described as FORMAT.md asks; see key 'residual_"),
        ("[network]", "[network", "wavenet.toml is not TOML"),
        ("[codec]", "[codecs]", "unknown key 'codecs'"),
        ("{ zeros = true }", '{ zeros = true, from = "hidden.bias" }', "expected one of .*found 2"),
    ],
)
def test_what_is_wrong_with_a_mapping(
    tmp_path: Path, hand_written: HandWritten, old: str, new: str, sentence: str
) -> None:
    assert old in WAVENET_MAPPING
    with pytest.raises(UserError, match=sentence):
        mapped(tmp_path, hand_written, lambda text: text.replace(old, new))


@pytest.mark.parametrize("framework", ["keras", "rtneural"])
def test_mappings_of_other_frameworks(tmp_path: Path, framework: str) -> None:
    shapes = {"kernel": (1, 9), "recurrent_kernel": (3, 9), "bias": (2, 9)}
    # Small enough that nothing is clipped.
    w = single(random_arrays(12, shapes | {"out": (3, 1), "offset": (1,)}, 0.25))
    if framework == "keras":
        layers = [
            ("GRU", "g", GRU_2, {f"g/{name}:0": w[name] for name in shapes}),
            ("Dense", "d", {}, {"d/kernel:0": w["out"], "d/bias:0": w["offset"]}),
        ]
        source = write_hdf5(tmp_path / "model.h5", layers, "2.4.0")
        names = ["g/kernel", "g/recurrent_kernel", "g/bias", "d/kernel", "d/bias"]
    else:
        layers = [layer("gru", [w[name] for name in shapes])]
        layers.append(layer("dense", [w["out"], w["offset"]]))
        source = rtneural_file(tmp_path / "model.json", layers)
        names = [f"layers.0.weights.{i}" for i in range(3)]
        names += ["layers.1.weights.0", "layers.1.weights.1"]
    turned = 'transpose = true, gates = "z r h"'
    row = 'permute = [1, 0], squeeze = true, gates = "z r h"'
    description = tmp_path / "mapping.toml"
    description.write_text(f"""
        [network]
        kind = "recurrent"
        input = {{ kind = "vector", channels = 1 }}
        layers = [{{ kind = "gru", channels = 3 }}]
        head = {{ kind = "linear", channels = 1 }}
        [tensors]
        "layers.0.input.weight" = {{ from = "{names[0]}", {turned} }}
        "layers.0.recurrent.weight" = {{ from = "{names[1]}", {turned} }}
        "layers.0.input.bias" = {{ from = "{names[2]}", slice = [0, 1], {row} }}
        "layers.0.recurrent.bias" = {{ from = "{names[2]}", slice = [1, 2], {row} }}
        "head.weight" = {{ from = "{names[3]}", transpose = true }}
        "head.bias" = "{names[4]}"
    """)
    path = converted(source, mapping=description)
    inputs = np.concatenate([[0.0], SAMPLES])[:, None]
    gru = keras_gru(inputs, w["kernel"], w["recurrent_kernel"], w["bias"])
    expected = (gru @ w["out"] + w["offset"])[1:, 0]
    np.testing.assert_allclose(engine_values(path, SAMPLES), expected, atol=1e-6)


def test_options_that_a_mapping_replaces(tmp_path: Path, hand_written: HandWritten) -> None:
    with pytest.raises(UserError, match="--scale does not go with --mapping"):
        mapped(tmp_path, hand_written, scale=2.0)


def test_steps_of_a_mapping() -> None:
    network = {
        "kind": "recurrent",
        "vocabulary_size": V,
        "input": {"kind": "one_hot"},
        "layers": [{"kind": "lstm", "channels": 2}, {"kind": "gru", "channels": 2}],
        "head": {"kind": "softmax"},
    }
    blocks = {gate: np.full((2, V), float(place)) for place, gate in enumerate("ifcoXY")}
    w = random_arrays(11, {"r": (8, 2), "k": (2, 6), "b1": (6,), "b2": (6,), "head": (9, 2)})
    w["gates"] = np.concatenate([blocks[gate] for gate in "ifco"]).T
    w["order"] = np.repeat([[1.0], [2.0], [3.0]], 2, axis=0) * np.ones((6, 2))
    tensors = {
        "layers.0.input.weight": {"from": "gates", "transpose": True, "gates": "i f o c"},
        "layers.0.input.bias": {"zeros": True},
        "layers.0.recurrent.weight": "r",
        "layers.0.recurrent.bias": {"zeros": True},
        "layers.1.input.weight": {"from": "k", "permute": [1, 0], "scale": 0.5},
        "layers.1.input.bias": {"sum": ["b1", {"from": "b2", "scale": 2.0}]},
        "layers.1.recurrent.weight": {"from": "order", "gates": "z r h", "reverse_taps": True},
        "layers.1.recurrent.bias": {"zeros": True},
        "head.weight": {"from": "head", "slice": [3, 9]},
        "head.bias": {"zeros": True},
    }
    file = mapping.MappingFile(Path("m.toml"), network, None, [], tensors)
    found = mapping.apply(file, w)
    # The third block is called o and the fourth c: they change places.
    expected = np.concatenate([blocks[gate] for gate in "ifoc"])
    assert (found["layers.0.input.weight"] == expected).all()
    assert (found["layers.1.input.weight"] == w["k"].T / 2).all()
    assert (found["layers.1.input.bias"] == w["b1"] + 2 * w["b2"]).all()
    assert found["layers.1.recurrent.weight"][:, 0].tolist() == [2.0, 2.0, 1.0, 1.0, 3.0, 3.0]
    assert (found["head.weight"] == w["head"][3:]).all()
    taps = mapping.MappingFile(Path("m.toml"), network, None, [], dict(tensors))
    taps.tensors["layers.0.recurrent.weight"] = {"from": "r", "reverse_taps": True}
    assert (mapping.apply(taps, w)["layers.0.recurrent.weight"] == w["r"][:, ::-1]).all()
    for step, sentence in [
        ({"gates": "z r x"}, 'gates = "z r x"; expected an order'),
        ({"slice": [3, 99]}, "slice 3 … 99 of 8 rows"),
        ({"permute": [0, 1, 2]}, "a step does not fit"),
    ]:
        taps.tensors["layers.0.recurrent.weight"] = {"from": "r", **step}
        with pytest.raises(UserError, match=sentence):
            mapping.apply(taps, w)


# ---- The file and the check ----------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "network.pt"
    torch.save(sharpened(Chain(None, [nn.LSTM(V, 4)], V)).state_dict(), path)
    return path


def test_symbols_go_into_the_file(source: Path) -> None:
    names = source.with_name("names.json")
    names.write_text(json.dumps({"r": 1, "_": 0, "60": 2, "62": 3, "64": 5, "ä": 4}))
    path = converted(source, symbols=names, name="melody", license="MIT", temperature=0.5)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["symbols"]) == ["_", "r", "60", "62", "ä", "64"]
    with Engine().load(path) as model:
        information = model.information
        assert (information.name, information.license) == ("melody", "MIT")
        assert information.temperature == 0.5
        assert information.description.startswith("Symbols and not sound")
        sound = model.stream(seed=1).generate(40)
    # What is generated is exactly the samples that stand for symbols.
    assert set(sound) <= set(mu_law.decode(np.arange(V), V).astype(np.float32))
    names.write_text('["a", "b"]')
    with pytest.raises(UserError, match=r"names 2 symbols; expected one for each .* 6 classes"):
        converted(source, symbols=names)


def test_given_inputs_and_outputs(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = source.parent
    network = sharpened(Chain(None, [nn.LSTM(V, 4)], V))
    expected = torch.softmax(network(torch.from_numpy(ONE_HOT)), dim=1).numpy()
    np.savetxt(folder / "x.csv", TOKENS, fmt="%d")
    np.save(folder / "y.npy", expected)
    output = folder / "out.safetensors"
    words = ["convert", str(source), "--sample-rate", "16000", "--output", str(output)]
    words += ["--check", str(folder / "x.csv"), "--expected", str(folder / "y.npy")]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "recurrent.0, layer 0: LSTM 6 → 4, out: product 4 → 6" in shown
    assert "engine beside the original's own arithmetic in float64" in shown
    assert "y.npy" in shown
    np.save(folder / "y.npy", expected[:, :-1])
    assert main(words) == 1
    assert (
        "shape [9, 5]; expected finite numbers, one row a step, 6 a row" in capsys.readouterr().err
    )
    # Other outputs than the network's are noticed, and the file of before stays.
    before = output.read_bytes()
    np.save(folder / "y.npy", np.roll(expected, 1, axis=1))
    assert main([*words, "--name", "other"]) == 1
    message = capsys.readouterr().err
    assert "more than 0.0001; nothing was written" in message
    assert output.read_bytes() == before
    assert sorted(path.suffix for path in folder.iterdir()) == [
        ".csv",
        ".npy",
        ".pt",
        ".safetensors",
    ]


def test_the_check_notices_a_wrong_weight(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cadenza_training.conversion import convert as module

    def tampered(path: Path, tensors: dict[str, Tensor], *others: dict) -> None:
        tensors["layers.0.input.weight"][0, 0] += 0.05
        write(path, tensors, *others)

    write = module.write_model
    monkeypatch.setattr(module, "write_model", tampered)
    with pytest.raises(UserError, match=r"differ by at most .*, more than 0.0001"):
        converted(source)
    assert [path.name for path in source.parent.iterdir()] == ["network.pt"]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("0\n7\n", {}, "not whole tokens 0 … 5"),
        ("0\n1.5\n", {}, "not whole tokens"),
        ("0\n", {}, "hold one token; expected two"),
        ("zero\n", {}, "cannot be read as numbers"),
        ("0,1\n2,3\n", {}, r"shape \[2, 2\]; expected finite numbers, one row a step"),
    ],
)
def test_unusable_inputs(source: Path, text: str, options: dict, sentence: str) -> None:
    inputs = source.with_name("inputs.csv")
    inputs.write_text(text)
    with pytest.raises(UserError, match=sentence):
        converted(source, check=inputs, **options)


def test_inputs_beyond_the_engine_s_range_name_a_scale(tmp_path: Path) -> None:
    source, inputs = tmp_path / "network.pt", tmp_path / "inputs.npy"
    torch.save(sharpened(Chain(None, [nn.LSTM(1, 4)], 1)).state_dict(), source)
    np.save(inputs, np.array([0.5, -9.5]))
    with pytest.raises(UserError, match=r"inputs reach 9.5.*--scale 16"):
        converted(source, check=inputs)
    converted(source, check=inputs, scale=16.0)


def test_files_that_are_not_models(tmp_path: Path, source: Path) -> None:
    other = tmp_path / "model.xyz"
    other.write_text("?")
    with pytest.raises(UserError, match=r"ends in .xyz cannot be told; say it with --from"):
        converted(other)
    for framework, name, sentence in [
        ("pytorch", "bad.pt", "bad.pt cannot be read as a PyTorch file|holds more than tensors"),
        ("pytorch", "bad.safetensors", "cannot be read as safetensors"),
        ("keras", "bad.h5", "cannot be read as a Keras model"),
        ("rtneural", "bad.json", "bad.json is not JSON"),
    ]:
        bad = tmp_path / name
        bad.write_bytes(b"neither this nor that")
        with pytest.raises(UserError, match=sentence):
            converted(bad, framework=framework)
    finished = converted(source)
    with pytest.raises(UserError, match="is a Cadenza model already"):
        convert(Request(source=finished, output=tmp_path / "again.safetensors"))
