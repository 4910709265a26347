"""The equations of FORMAT.md in float64: what the engine is compared with.

Written apart from the training code and from the engine on purpose, over the tensors of a model
file as stored: a WaveNet out of `conv1d` over whole sequences, a recurrent network out of
`torch.nn.LSTM` and `torch.nn.GRU`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training import mu_law


def condition_channels(condition: Mapping) -> int:
    """E of FORMAT.md: how many channels of h this condition fills."""
    return condition.get("embedding_channels") or condition_size(condition)


def condition_size(condition: Mapping) -> int:
    return condition.get("size") or len(condition["labels"])


def condition_vectors(
    tensors: Mapping[str, Tensor], configuration: Mapping, values: Mapping[str, Tensor]
) -> Tensor | None:
    """h at every step, [steps, channels], from each condition's value at every step."""
    parts = []
    for condition in configuration.get("conditions", []):
        series = values[condition["name"]]
        if condition["kind"] == "vector":
            parts.append(series.double())
        elif "embedding_channels" in condition:
            table = tensors[f"conditions.{condition['name']}.embedding.weight"].double()
            parts.append(table[series.long()])
        else:
            one_hot = functional.one_hot(series.long(), condition_size(condition))
            parts.append(one_hot.double())
    return torch.cat(parts, dim=-1) if parts else None


def network_inputs(tokens: Tensor, levels: int) -> Tensor:
    """The tokens one step late, with silence before the first."""
    silence = torch.tensor([mu_law.silence_code(levels)], dtype=torch.int64)
    return torch.cat([silence, tokens[:-1].long()])


def wavenet_logits(
    tensors: Mapping[str, Tensor], configuration: Mapping, tokens: Tensor, conditions: Tensor | None
) -> Tensor:
    """Logits [steps, vocabulary]; row t predicts `tokens[t]` from those before it."""
    network = configuration["network"]
    vocabulary = network["vocabulary_size"]
    kernel_size = network["kernel_size"]

    def tensor(name: str) -> Tensor:
        return tensors[name].double()

    def bias(name: str) -> Tensor | None:
        return tensors[name].double() if name in tensors else None

    def causal(signal: Tensor, weight: Tensor, offset: Tensor | None, dilation: int) -> Tensor:
        padding = (weight.shape[2] - 1) * dilation
        padded = functional.pad(signal, (padding, 0))
        return functional.conv1d(padded, weight, offset, dilation=dilation)

    def product(signal: Tensor, name: str) -> Tensor:
        weight = tensor(f"{name}.weight")[:, :, None]
        return functional.conv1d(signal, weight, bias(f"{name}.bias"))

    inputs = network_inputs(tokens, vocabulary)
    if network["input"]["kind"] == "embedding":
        signal = tensor("input.embedding.weight")[inputs].t()[None]
    else:
        one_hot = functional.one_hot(inputs, vocabulary).double().t()[None]
        signal = causal(
            one_hot, tensor("input.convolution.weight"), bias("input.convolution.bias"), 1
        )
    gate_channels = network.get("gate_channels", network["residual_channels"])
    last = len(network["dilations"]) - 1
    skip = torch.zeros(1, network["skip_channels"], len(tokens), dtype=torch.float64)
    for index, dilation in enumerate(network["dilations"]):
        weight = tensor(f"layers.{index}.gate.weight")
        assert weight.shape[2] == kernel_size
        preactivation = causal(signal, weight, bias(f"layers.{index}.gate.bias"), dilation)
        if conditions is not None:
            product_of_h = conditions @ tensor(f"layers.{index}.condition.weight").t()
            preactivation = preactivation + product_of_h.t()[None]
        filter_half, gate_half = preactivation.split(gate_channels, dim=1)
        gated = torch.tanh(filter_half) * torch.sigmoid(gate_half)
        skip = skip + product(gated, f"layers.{index}.skip")
        if index < last:
            signal = signal + product(gated, f"layers.{index}.residual")
    hidden = functional.relu(product(functional.relu(skip), "head.hidden"))
    return product(hidden, "head.output")[0].t()


def recurrent_inputs(
    tensors: Mapping[str, Tensor], configuration: Mapping, sequence: Tensor
) -> Tensor:
    """What layer 0 reads before the conditions, [steps, channels].

    `sequence` holds tokens where the head is a softmax, and samples where it is linear.
    """
    network = configuration["network"]
    vocabulary = network.get("vocabulary_size", 0)
    kind = network["input"]["kind"]
    if network["head"]["kind"] == "linear":
        silent = torch.zeros(1, dtype=torch.float64)
        return torch.cat([silent, sequence[:-1].double()])[:, None]
    inputs = network_inputs(sequence, vocabulary)
    if kind == "embedding":
        return tensors["input.embedding.weight"].double()[inputs]
    if kind == "one_hot":
        return functional.one_hot(inputs, vocabulary).double()
    sounds = mu_law.decode(np.asarray(inputs), vocabulary)
    return torch.from_numpy(sounds)[:, None]


def recurrent_logits(
    tensors: Mapping[str, Tensor],
    configuration: Mapping,
    sequence: Tensor,
    conditions: Tensor | None,
) -> Tensor:
    """Predictions [steps, outputs]; row t is made from what came before step t."""
    network = configuration["network"]
    signal = recurrent_inputs(tensors, configuration, sequence)
    if conditions is not None:
        signal = torch.cat([signal, conditions], dim=-1)
    for index, layer in enumerate(network["layers"]):
        prefix = f"layers.{index}"
        is_lstm = layer["kind"] == "lstm"
        has_bias = f"{prefix}.input.bias" in tensors
        make = nn.LSTM if is_lstm else nn.GRU
        module = make(signal.shape[-1], layer["channels"], bias=has_bias, dtype=torch.float64)
        weights = {
            "weight_ih_l0": tensors[f"{prefix}.input.weight"].double(),
            "weight_hh_l0": tensors[f"{prefix}.recurrent.weight"].double(),
        }
        if has_bias:
            weights["bias_ih_l0"] = tensors[f"{prefix}.input.bias"].double()
            weights["bias_hh_l0"] = tensors[f"{prefix}.recurrent.bias"].double()
        module.load_state_dict(weights)
        state = None
        if network.get("initial_states", False):
            hidden = tensors[f"{prefix}.initial.hidden"].double()[None]
            state = hidden
            if is_lstm:
                state = (hidden, tensors[f"{prefix}.initial.cell"].double()[None])
        signal = module(signal, state)[0]
    head_bias = tensors["head.bias"].double() if "head.bias" in tensors else None
    return functional.linear(signal, tensors["head.weight"].double(), head_bias)


@torch.inference_mode()
def logits(
    tensors: Mapping[str, Tensor],
    configuration: Mapping,
    sequence: Tensor,
    values: Mapping[str, Tensor],
) -> Tensor:
    """The network's predictions in float64 for a given past."""
    conditions = condition_vectors(tensors, configuration, values)
    if configuration["network"]["kind"] == "wavenet":
        return wavenet_logits(tensors, configuration, sequence, conditions)
    return recurrent_logits(tensors, configuration, sequence, conditions)
