"""A Keras model as a list of layers: which of its classes the engine can follow, and how far."""

from __future__ import annotations

from collections.abc import Mapping

from cadenza_training.conversion.keras_file import KerasFile, layer_entries, layer_name
from cadenza_training.conversion.keras_layers import LINEAR, KerasLayer
from cadenza_training.errors import UserError

# They do something while training only.
_PASSED_OVER = (
    "InputLayer",
    "Dropout",
    "SpatialDropout1D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
)
_NEEDED = {
    "Bidirectional": "to know the future: a bidirectional layer reads its input backwards as well, "
    "which a stream does not have",
    "SimpleRNN": "a layer h ← tanh(W x + U h), which it does not have",
    "LayerNormalization": "a normalisation that depends on the signal, which cannot be folded",
    "Masking": "to skip steps",
    "Flatten": "to gather a window of steps, where it streams one at a time",
    "CuDNNLSTM": "the weights in the layout of a plain LSTM: load and save the model as one",
    "CuDNNGRU": "the weights in the layout of a plain GRU: load and save the model as one",
    "Conv1D": "convolutions beside recurrent layers; it has dilated causal ones inside a wavenet: "
    "where the whole network is one, write a mapping file",
}


def network(file: KerasFile) -> list[KerasLayer]:
    """The layers in the order in which they run, a softmax at the end left out."""
    if file.configuration is None:
        raise UserError(
            f"{file.path} holds weights without the architecture: save the whole model, or write "
            "a mapping file (--mapping)"
        )
    try:
        entries = _path(file.configuration)
        layers: list[KerasLayer] = []
        for index, entry in enumerate(entries):
            behind = entries[index + 1 :]
            layer = _layer(file, entry, is_last=all(_is_idle(other) for other in behind))
            if layer is not None:
                layers.append(layer)
    except UserError as error:
        raise UserError(f"{file.path}: {error}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file.path}: its configuration is not Keras's: {error!r}") from error
    if not layers:
        raise UserError(f"{file.path}: the model has no layer with weights")
    if layers[-1].activation == "softmax":
        last = layers.pop()
        if last.kind != "activation":
            layers.append(KerasLayer(last.name, last.kind, last.weights))
    return layers


def _path(configuration: Mapping) -> list[Mapping]:
    """The layers from input to output; a model that branches is refused."""
    entries = layer_entries(configuration)
    config = configuration["config"]
    if not isinstance(config, dict) or "output_layers" not in config:
        return entries
    by_name = {layer_name(entry): entry for entry in entries}
    outputs = config["output_layers"]
    # One output is [name, node, tensor] or a list with one such list.
    if outputs and isinstance(outputs[0], list):
        if len(outputs) != 1:
            raise UserError(f"the model has {len(outputs)} outputs; the engine plays one")
        outputs = outputs[0]
    name = outputs[0]
    path: list[Mapping] = []
    while True:
        entry = by_name.get(name)
        if entry is None or entry in path:
            raise UserError(f"the configuration has no layer {name!r} where one is expected")
        path.insert(0, entry)
        sources = _sources(entry)
        if entry.get("class_name") == "InputLayer" or not sources:
            break
        if len(sources) > 1:
            raise UserError(
                f"layer {name!r} ({entry['class_name']}) reads {len(sources)} layers: "
                f"{', '.join(sources)}; the engine's recurrent network is one chain, and would "
                "need branches"
            )
        name = sources[0]
    unused = [name for name, entry in by_name.items() if entry not in path]
    if unused:
        raise UserError(
            f"the model is not one chain of layers: {', '.join(unused)} is not on the way from "
            f"{layer_name(path[0])} to {layer_name(path[-1])}"
        )
    return path


def _sources(entry: Mapping) -> list[str]:
    nodes = entry.get("inbound_nodes", [])
    if len(nodes) > 1:
        raise UserError(
            f"layer {layer_name(entry)!r} is used {len(nodes)} times; the engine would need to "
            "share its weights"
        )
    if not nodes:
        return []
    if isinstance(nodes[0], dict):  # Keras 3
        return _histories(nodes[0])
    return [str(source[0]) for source in nodes[0]]


def _histories(value: object) -> list[str]:
    """The layers whose tensors Keras 3 names anywhere in a call's arguments."""
    if isinstance(value, dict):
        if "keras_history" in value:
            return [str(value["keras_history"][0])]
        return [name for part in value.values() for name in _histories(part)]
    if isinstance(value, list):
        return [name for part in value for name in _histories(part)]
    return []


def _is_idle(entry: Mapping) -> bool:
    return entry["class_name"] in _PASSED_OVER or (
        entry["class_name"] == "Activation" and entry["config"].get("activation") == "softmax"
    )


def _layer(file: KerasFile, entry: Mapping, *, is_last: bool) -> KerasLayer | None:
    class_name, config, name = entry["class_name"], entry["config"], layer_name(entry)
    label = f"{name} ({class_name})"
    weights = file.weights.get(name, {})
    if class_name in _PASSED_OVER:
        return None
    if class_name == "TimeDistributed":
        inner = config.get("layer", {})
        if inner.get("class_name") != "Dense":
            raise UserError(
                f"layer {label} wraps a {inner.get('class_name')}; the engine can follow "
                "TimeDistributed(Dense) alone"
            )
        class_name, config = "Dense", inner["config"]
    if class_name == "TimeDistributedDense":
        class_name = "Dense"
    if class_name == "Dense":
        return KerasLayer(label, "dense", weights, _activation(label, config, is_last=is_last))
    if class_name == "Activation":
        return KerasLayer(label, "activation", {}, _activation(label, config, is_last=is_last))
    if class_name == "Softmax":
        config = {"activation": "softmax"}
        return KerasLayer(label, "activation", {}, _activation(label, config, is_last=is_last))
    if class_name == "Embedding":
        if config.get("mask_zero"):
            raise UserError(
                f"layer {label} has mask_zero: token 0 skips a step, and the engine would need to "
                "skip steps"
            )
        return KerasLayer(label, "embedding", weights)
    if class_name == "BatchNormalization":
        return _batch_normalization(label, config, weights)
    if class_name in ("LSTM", "GRU"):
        return _recurrent(label, class_name, config, weights)
    if class_name in ("Conv1D", "Convolution1D") and _is_product(config, weights):
        product = {**weights, "kernel": weights["kernel"][0]}
        return KerasLayer(label, "dense", product, _activation(label, config, is_last=is_last))
    needed = _NEEDED.get(class_name.replace("Convolution1D", "Conv1D"), "a layer of this kind")
    raise UserError(f"layer {label} is not something the engine can run: it would need {needed}")


def _is_product(config: Mapping, weights: Mapping) -> bool:
    """A convolution of one tap is a product at every step."""
    strides = config.get("strides", config.get("subsample_length", 1))
    return (
        "kernel" in weights
        and weights["kernel"].ndim == 3
        and weights["kernel"].shape[0] == 1
        and strides in (1, [1])
        and config.get("groups", 1) == 1
        and config.get("data_format") in (None, "channels_last")
    )


def _activation(label: str, config: Mapping, *, is_last: bool) -> str:
    activation = config.get("activation") or LINEAR
    if isinstance(activation, dict):
        activation = activation.get("config") or activation.get("class_name")
    if activation == "softmax" and is_last:
        return "softmax"
    if activation not in (LINEAR, "tanh", "sigmoid"):
        where = " in the middle of the network" if activation == "softmax" else ""
        raise UserError(
            f"layer {label} has the activation {activation!r}{where}, which the engine cannot "
            "reproduce: its recurrent network has tanh and sigmoid between layers, and softmax at "
            "the end"
        )
    return activation


def _recurrent(label: str, class_name: str, config: Mapping, weights: Mapping) -> KerasLayer:
    # Keras 1 said inner_activation, and meant hard_sigmoid where a file says nothing.
    gates = config.get("recurrent_activation", config.get("inner_activation", "hard_sigmoid"))
    if isinstance(gates, dict):
        gates = gates.get("config")
    if gates != "sigmoid":
        raise UserError(
            f"layer {label} has the recurrent activation {gates!r}; the engine's gates are "
            "sigmoid, and it would need this function to reproduce the layer: train it again, or "
            "finish its training, with recurrent_activation='sigmoid'"
        )
    activation = config.get("activation", "tanh")
    if isinstance(activation, dict):
        activation = activation.get("config")
    if activation != "tanh":
        raise UserError(
            f"layer {label} has the activation {activation!r}; the engine's {class_name} has tanh"
        )
    if class_name == "GRU" and not config.get("reset_after", False):
        raise UserError(
            f"layer {label} applies the reset gate before the recurrent product (reset_after is "
            "false, as in Keras 1 and early Keras 2); the engine's GRU applies it after, and would "
            "need the other kind: train again with reset_after=True"
        )
    if config.get("go_backwards"):
        raise UserError(f"layer {label} reads backwards; a stream would need to know its future")
    return KerasLayer(label, class_name.lower(), weights)


def _batch_normalization(label: str, config: Mapping, weights: Mapping) -> KerasLayer:
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and axis else axis
    if axis not in (-1, 1, 2) or config.get("mode", 0) not in (0, 2):
        raise UserError(
            f"layer {label} normalises along axis {axis} in mode {config.get('mode', 0)}; it can "
            "be folded where it normalises channels"
        )
    return KerasLayer(
        label, "batch_normalization", weights, epsilon=float(config.get("epsilon", 1e-3))
    )
