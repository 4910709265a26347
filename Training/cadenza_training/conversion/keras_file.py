"""Keras's model files: HDF5 of Keras 1 and 2 (and of Keras 3's `.h5`), and `.keras`, a zip of
`config.json` and `model.weights.h5`. Read with h5py and zipfile; nothing in them is executed.

Weights come out by layer, under Keras 2's names: kernel, recurrent_kernel, bias, embeddings, gamma,
beta, moving_mean, moving_variance. Kernels of convolutions that Theano wrote have their taps
reversed here: Theano convolves, TensorFlow correlates.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from cadenza_training.errors import UserError

Array = NDArray[np.float64]

# More is taken for a mistake or an attack: HDF5 can promise bytes that the file does not hold.
LARGEST_ARRAY_BYTES = 2**32

_CONVOLUTIONS = ("Conv1D", "Convolution1D", "AtrousConvolution1D")

# Keras 1 gave each gate tensors of its own, W_i, U_i, b_i, W_c …; other layers W and b.
_KERAS_1_NAME = re.compile(r"(?:^|_)([WUb](?:_[ifcozrh])?|gamma|beta|running_mean|running_std)$")
_KERAS_1_NAMES = {
    "W": "kernel",
    "U": "recurrent_kernel",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # the name lies: Keras 1 normalised with it as a variance
}
_GATES = {"LSTM": "ifco", "GRU": "zrh"}


@dataclass(frozen=True)
class KerasFile:
    path: Path
    version: str  # "2.2.4-tf"; "1" where the file does not say
    backend: str  # "" where the file does not say
    configuration: Mapping | None  # None: weights alone
    weights: Mapping[str, Mapping[str, Array]]  # by layer, then by name

    def flat_weights(self) -> dict[str, Array]:
        """Every weight as LAYER/NAME, for a mapping file."""
        return {
            f"{layer}/{name}": array
            for layer, named in self.weights.items()
            for name, array in named.items()
        }


def read(path: Path, backend: str | None = None) -> KerasFile:
    """`backend` is the one that wrote the file, where the file itself does not say."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        with h5py.File(path, "r") as file:
            return _read_hdf5(path, file, backend)
    except UserError as error:
        raise UserError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except (
        AttributeError,
        KeyError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise UserError(
            f"{path} cannot be read as a Keras model, neither as HDF5 nor as a .keras zip; it may "
            f"be damaged or cut short: {error}"
        ) from error


def layer_entries(configuration: Mapping) -> list[Mapping]:
    """The layers that a model's configuration lists, in every Keras's form."""
    config = configuration.get("config")
    entries = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict)
        and isinstance(entry.get("config"), dict)
        and isinstance(entry.get("class_name"), str)
        for entry in entries
    ):
        raise UserError("the configuration lists no layers with class_name and config")
    return entries


def layer_name(entry: Mapping) -> str:
    return str(entry["config"].get("name") or entry.get("name") or entry.get("class_name"))


# ---- HDF5 of Keras 1 and 2 -----------------------------------------------------------------------


def _read_hdf5(path: Path, file: h5py.File, backend: str | None) -> KerasFile:
    text = file.attrs.get("model_config")
    configuration = None if text is None else _json(path, text)
    root = _child(path, file, "model_weights") if "model_weights" in file else file
    if "layer_names" not in root.attrs:
        raise UserError(f"{path} is HDF5, but no Keras model: it has no attribute layer_names")
    version = _text(root.attrs.get("keras_version", file.attrs.get("keras_version", "1")))
    written_by = _text(root.attrs.get("backend", file.attrs.get("backend", backend or "")))
    classes = _classes(configuration)
    weights = {}
    for layer in map(_text, root.attrs["layer_names"]):
        group = _child(path, root, layer)
        arrays: dict[str, Array] = {}
        for full in map(_text, group.attrs.get("weight_names", [])):
            array = _array(path, group, full)
            name = full.split("/")[-1].removesuffix(":0")
            legacy = _KERAS_1_NAME.search(name)
            if legacy and version.startswith(("0", "1")):
                name = legacy[1]
            arrays[name] = array
        if version.startswith(("0", "1")):
            arrays = _keras_1_weights(path, layer, classes.get(layer, ""), arrays)
        if classes.get(layer) in _CONVOLUTIONS and "kernel" in arrays:
            arrays["kernel"] = _convolution_kernel(path, layer, arrays["kernel"], written_by)
        weights[layer] = arrays
    return KerasFile(path, version, written_by, configuration, weights)


def _classes(configuration: Mapping | None) -> dict[str, str]:
    if configuration is None:
        return {}
    return {layer_name(entry): entry["class_name"] for entry in layer_entries(configuration)}


def _keras_1_weights(
    path: Path, layer: str, class_name: str, arrays: Mapping[str, Array]
) -> dict[str, Array]:
    """Keras 1's names as Keras 2's, the gates' tensors side by side."""
    if class_name == "Embedding" and set(arrays) == {"W"}:
        return {"embeddings": arrays["W"]}
    gates = _GATES.get(class_name)
    if gates and any("_" in name for name in arrays):
        joined = {}
        for letter in "WUb":
            names = [f"{letter}_{gate}" for gate in gates]
            missing = [name for name in names if name not in arrays]
            if missing:
                raise UserError(
                    f"{path}: layer {layer!r} has no {', '.join(missing)}; a Keras 1 {class_name} "
                    f"holds {', '.join(names)}; found: {', '.join(arrays)}"
                )
            joined[_KERAS_1_NAMES[letter]] = np.concatenate(
                [arrays[name] for name in names], axis=-1
            )
        return joined
    return {_KERAS_1_NAMES.get(name, name): array for name, array in arrays.items()}


def _convolution_kernel(path: Path, layer: str, kernel: Array, backend: str) -> Array:
    """[tap, in, out], oldest tap first, whoever wrote it."""
    if kernel.ndim == 4:
        # Keras 1.1 on: [tap, 1, in, out]; before: [out, in, tap, 1].
        kernel = kernel[:, 0] if kernel.shape[1] == 1 else kernel[..., 0].transpose(2, 1, 0)
    if kernel.shape[0] == 1:
        return kernel
    if not backend:
        raise UserError(
            f"{path}: layer {layer!r} is a convolution of {kernel.shape[0]} taps, and the file "
            "does not say whether Theano wrote it, which stores them reversed; say it with "
            "--keras-backend theano or --keras-backend tensorflow"
        )
    return kernel[::-1].copy() if backend == "theano" else kernel


# ---- .keras --------------------------------------------------------------------------------------

# Weights have numbers there, in the order in which the layer makes them.
_ORDERS = {
    "Dense": ("kernel", "bias"),
    "Conv1D": ("kernel", "bias"),
    "Embedding": ("embeddings",),
    "LSTM": ("kernel", "recurrent_kernel", "bias"),
    "GRU": ("kernel", "recurrent_kernel", "bias"),
}


def _read_zip(path: Path) -> KerasFile:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for needed in ("config.json", "model.weights.h5"):
            if needed not in names:
                raise UserError(f"{path} is a zip without {needed}, which a .keras file holds")
            if archive.getinfo(needed).file_size > LARGEST_ARRAY_BYTES:
                raise UserError(f"{path}: {needed} is larger than 4 GiB")
        configuration = _json(path, archive.read("config.json"))
        version = "3"
        if "metadata.json" in names:
            version = str(_json(path, archive.read("metadata.json")).get("keras_version", "3"))
        weights = {}
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            # Keras 3, and the `.keras` of Keras 2.12.
            roots = [name for name in ("layers", "_layer_checkpoint_dependencies") if name in file]
            if not roots:
                raise UserError(f"{path}: model.weights.h5 has no group layers")
            root = _child(path, file, roots[0])
            used: dict[str, int] = {}
            for entry in layer_entries(configuration):
                folder = _numbered(_snake_case(entry["class_name"]), used)
                weights[layer_name(entry)] = _numbered_weights(path, root, folder, entry)
    return KerasFile(path, version, "", configuration, weights)


def _numbered(name: str, used: dict[str, int]) -> str:
    """Groups are called by their layers' classes: lstm, lstm_1, … in the order of the layers."""
    count = used.get(name, 0)
    used[name] = count + 1
    return name if count == 0 else f"{name}_{count}"


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _numbered_weights(
    path: Path, root: h5py.Group, folder: str, entry: Mapping
) -> dict[str, Array]:
    class_name, config = entry["class_name"], entry["config"]
    inner = ""
    if class_name in ("LSTM", "GRU"):
        inner = "/cell"
    elif class_name == "TimeDistributed":
        inner, class_name = "/layer", config.get("layer", {}).get("class_name", "")
    place = f"{folder}{inner}/vars"
    if place not in root:
        return {}
    if class_name == "BatchNormalization":
        scaled, centred = config.get("scale", True), config.get("center", True)
        order: Sequence[str] = (
            *(["gamma"] if scaled else []),
            *(["beta"] if centred else []),
            "moving_mean",
            "moving_variance",
        )
    else:
        order = _ORDERS.get(class_name, ())
    arrays = {}
    for number in sorted(_child(path, root, place), key=int):
        name = order[int(number)] if int(number) < len(order) else number
        arrays[name] = _array(path, root, f"{place}/{number}")
    return arrays


# ---- Safely --------------------------------------------------------------------------------------


def _child(path: Path, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What `group` holds as `name`. HDF5's links may point into other files of this machine."""
    node = group
    for part in name.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            raise UserError(f"{path} has no {group.name.rstrip('/')}/{name}")
        if not isinstance(link, h5py.HardLink):
            raise UserError(f"{path}: {group.name.rstrip('/')}/{name} lies outside: it is a link")
        node = node[part]
    return node


def _array(path: Path, group: h5py.Group, name: str) -> Array:
    node = _child(path, group, name)
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise UserError(f"{path}: {group.name}/{name} is not an array stored in the file itself")
    if node.dtype.kind != "f":
        raise UserError(f"{path}: {group.name}/{name} holds {node.dtype}; expected floating point")
    if node.size * 8 > LARGEST_ARRAY_BYTES:
        raise UserError(f"{path}: {group.name}/{name} is {list(node.shape)}, larger than 4 GiB")
    return np.asarray(node[()], dtype=np.float64)


def _json(path: Path, text: str | bytes) -> dict:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: its configuration is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: its configuration is not a JSON object")
    return value


def _text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
