"""The equations of FORMAT.md in float64: what the engine is compared with.

Written apart from the training code and from the engine on purpose, over the tensors of a model
file as stored: a WaveNet out of `conv1d` over whole sequences, a recurrent network out of
`torch.nn.LSTM` and `torch.nn.GRU`, a transformer with the scores of all steps in one square.
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
        if condition["kind"] in ("vector", "latent"):
            parts.append(series.double())
        elif "embedding_channels" in condition:
            table = tensors[f"conditions.{condition['name']}.embedding.weight"].double()
            parts.append(table[series.long()])
        else:
            one_hot = functional.one_hot(series.long(), condition_size(condition))
            parts.append(one_hot.double())
    return torch.cat(parts, dim=-1) if parts else None


def first_token(codec: Mapping) -> int:
    """What step 0 is fed: silence, the end of the piece before, or the codec's start token."""
    kind = codec["kind"]
    if kind == "mu_law":
        return mu_law.silence_code(codec["levels"])
    if kind == "performance_events":
        lowest, highest = codec["pitches"]
        longest_shift = 2 * (highest - lowest + 1) + codec["time_shifts"] - 1
        return longest_shift + codec["velocities"] + 1 if codec.get("end") else longest_shift
    if kind == "note_tokens":
        named = [token for token in ("end", []) if token in codec["tokens"]]
        return codec["tokens"].index(named[0]) if named else 0
    # A grid's symbols are numbered through its voices.
    voices = [codec] if kind == "melody_steps" else codec["voices"]
    if "end" in voices[0]["symbols"]:
        return voices[0]["symbols"].index("end")
    before = sum(len(voice["symbols"]) for voice in voices[:-1])
    return before + voices[-1]["symbols"].index("off")


def network_inputs(tokens: Tensor, first: int) -> Tensor:
    """The tokens one step late, with `first` before them."""
    return torch.cat([torch.tensor([first], dtype=torch.int64), tokens[:-1].long()])


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

    inputs = network_inputs(tokens, first_token(configuration["codec"]))
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


def transformer_logits(
    tensors: Mapping[str, Tensor], configuration: Mapping, tokens: Tensor, conditions: Tensor | None
) -> Tensor:
    """Logits [steps, vocabulary]; row t predicts `tokens[t]` from those before it."""
    network = configuration["network"]
    channels, heads, window = network["channels"], network["heads"], network["window"]
    steps = len(tokens)
    head_channels = channels // heads
    is_pre = network.get("normalization", "pre") == "pre"
    activation = {"relu": functional.relu, "gelu": functional.gelu}[
        network.get("activation", "relu")
    ]

    def linear(signal: Tensor, name: str) -> Tensor:
        bias = tensors[f"{name}.bias"].double() if f"{name}.bias" in tensors else None
        return functional.linear(signal, tensors[f"{name}.weight"].double(), bias)

    def normalized(signal: Tensor, name: str) -> Tensor:
        weight, bias = tensors[f"{name}.weight"].double(), tensors[f"{name}.bias"].double()
        return functional.layer_norm(signal, (channels,), weight, bias, eps=1e-5)

    now = torch.arange(steps)
    distance = now[:, None] - now[None, :]
    is_hidden = (distance < 0) | (distance >= window)

    def attention(signal: Tensor, name: str) -> Tensor:
        mixed = linear(signal, f"{name}.input").view(steps, 3, heads, head_channels)
        query, key, value = mixed.permute(1, 2, 0, 3)
        scores = query @ key.transpose(1, 2)
        if network["positions"] == "relative":
            rows = tensors[f"{name}.relative.weight"].double()
            near = distance.clamp(0, window - 1)
            scores = scores + torch.einsum("htc,htsc->hts", query, rows[:, near])
        scores = scores / head_channels**0.5
        weights = scores.masked_fill(is_hidden, float("-inf")).softmax(dim=-1)
        result = (weights @ value).transpose(0, 1).reshape(steps, channels)
        return linear(result, f"{name}.output")

    def feedforward(signal: Tensor, name: str) -> Tensor:
        return linear(activation(linear(signal, f"{name}.hidden")), f"{name}.output")

    inputs = network_inputs(tokens, first_token(configuration["codec"]))
    x = tensors["input.embedding.weight"].double()[inputs]
    if network["positions"] == "learned":
        x = x + tensors["input.position.weight"].double()[now % network["position_count"]]
    elif network["positions"] == "sinusoidal":
        channel = torch.arange(channels)
        pair = channel - channel % 2
        angle = now.double()[:, None] / 10000 ** (pair.double() / channels)
        x = x + torch.where(channel % 2 == 0, angle.sin(), angle.cos())
    if conditions is not None:
        x = x + conditions @ tensors["input.condition.weight"].double().t()
    for index in range(network["layers"]):
        for part, sublayer in (("attention", attention), ("feedforward", feedforward)):
            name = f"layers.{index}.{part}"
            if is_pre:
                x = x + sublayer(normalized(x, f"{name}.normalization"), name)
            else:
                x = normalized(x + sublayer(x, name), f"{name}.normalization")
    if is_pre:
        x = normalized(x, "head.normalization")
    return linear(x, "head")


def recurrent_inputs(
    tensors: Mapping[str, Tensor], configuration: Mapping, sequence: Tensor
) -> Tensor:
    """What layer 0 reads before the conditions, [steps, channels].

    `sequence` holds tokens where the head is a softmax, samples where it is linear (rows of numbers
    where the codec is one of frames), and a row of both for networks of several fields.
    """
    network = configuration["network"]
    if network["input"]["kind"] == "fields":
        first = first_elements(configuration["codec"])[None]
        rows = torch.cat([first, sequence[:-1].double()])
        return torch.cat(
            [
                field_vectors(tensors, index, field, rows[:, index])
                for index, field in enumerate(network["input"]["fields"])
            ],
            dim=-1,
        )
    if network["head"]["kind"] == "linear":
        values = sequence.double().reshape(len(sequence), -1)
        return torch.cat([silent_element(configuration["codec"])[None], values[:-1]])
    vectors = token_vectors(
        tensors, network, network_inputs(sequence, first_token(configuration["codec"]))
    )
    if network.get("first_input", "silence") == "zeros":
        vectors = torch.cat([torch.zeros_like(vectors[:1]), vectors[1:]])
    return vectors


def token_vectors(tensors: Mapping[str, Tensor], network: Mapping, tokens: Tensor) -> Tensor:
    """What layer 0 reads of each token, [steps, channels]."""
    vocabulary = network["vocabulary_size"]
    if network["input"]["kind"] == "embedding":
        return tensors["input.embedding.weight"].double()[tokens]
    if network["input"]["kind"] == "one_hot":
        return functional.one_hot(tokens, vocabulary).double()
    sounds = mu_law.decode(np.asarray(tokens), vocabulary)
    return torch.from_numpy(sounds)[:, None]


def silent_element(codec: Mapping) -> Tensor:
    """What step 0 of a linear head is fed: the value 0, or frames of the lowest magnitude, -1, and
    of phase 0."""
    if codec["kind"] != "spectrogram":
        return torch.zeros(1, dtype=torch.float64)
    number = [-1.0] if codec["phase"] == "none" else [-1.0, 0.0]
    bins = codec["frame_size"] // 2 * codec.get("columns", 1)
    return torch.tensor(number, dtype=torch.float64).repeat(bins)


def field_vectors(
    tensors: Mapping[str, Tensor], index: int, field: Mapping, series: Tensor
) -> Tensor:
    """One field of every element, [steps, channels]; tokens come as whole numbers."""
    if field["kind"] == "value":
        return series[:, None]
    if field["kind"] == "one_hot":
        return functional.one_hot(series.long(), field["size"]).double()
    return tensors[f"input.fields.{index}.embedding.weight"].double()[series.long()]


def first_elements(codec: Mapping) -> Tensor:
    """What step 0 is fed by the codec `note_matrix`: the middle of the ranges of pitch and
    velocity, as classes those nearest from below, and no interval."""
    lowest, highest = codec["pitch"]["range"]
    pitch = (lowest + highest) // 2 - lowest if codec["pitch"].get("classes") else 0.5
    velocity = 0.5
    if "classes" in codec["velocity"]:
        lowest, highest = codec["velocity"]["range"]
        middle = (lowest + highest) // 2
        velocity = (middle - lowest) * codec["velocity"]["classes"] // (highest - lowest + 1)
    return torch.tensor([pitch, velocity, 0], dtype=torch.float64)


def recurrent_module(
    tensors: Mapping[str, Tensor], index: int, layer: Mapping, input_channels: int
) -> nn.LSTM | nn.GRU:
    """Layer `index`, with its weights: of both directions, where it has two."""
    has_bias = f"layers.{index}.input.bias" in tensors
    both_ways = layer.get("bidirectional", False)
    make = nn.LSTM if layer["kind"] == "lstm" else nn.GRU
    module = make(
        input_channels,
        layer["channels"],
        bias=has_bias,
        bidirectional=both_ways,
        batch_first=True,
        dtype=torch.float64,
    )
    weights = {}
    for prefix, suffix in direction_names(index, both_ways):
        weights[f"weight_ih_l0{suffix}"] = tensors[f"{prefix}.input.weight"].double()
        weights[f"weight_hh_l0{suffix}"] = tensors[f"{prefix}.recurrent.weight"].double()
        if has_bias:
            weights[f"bias_ih_l0{suffix}"] = tensors[f"{prefix}.input.bias"].double()
            weights[f"bias_hh_l0{suffix}"] = tensors[f"{prefix}.recurrent.bias"].double()
    module.load_state_dict(weights)
    return module


def direction_names(index: int, both_ways: bool) -> list[tuple[str, str]]:
    """Where the tensors of a layer's directions are, and what PyTorch ends their names with."""
    forward = (f"layers.{index}", "")
    backward = (f"layers.{index}.backward", "_reverse")
    return [forward, backward] if both_ways else [forward]


def initial_states(
    tensors: Mapping[str, Tensor],
    index: int,
    layer: Mapping,
    sequences: int,
    conditions: Tensor | None,
) -> Tensor | tuple[Tensor, Tensor]:
    """[directions, sequences, channels]: the same in every sequence, or, with `conditions`, what h
    is where each begins, [sequences, channels], made of these."""

    def state(name: str) -> Tensor:
        if conditions is None:
            return tensors[name].double().expand(sequences, -1)
        product = conditions @ tensors[f"{name}.weight"].double().t()
        return torch.tanh(product + tensors[f"{name}.bias"].double())

    def stacked(name: str) -> Tensor:
        names = direction_names(index, layer.get("bidirectional", False))
        return torch.stack([state(f"{prefix}.initial.{name}") for prefix, _ in names])

    if layer["kind"] == "lstm":
        return stacked("hidden"), stacked("cell")
    return stacked("hidden")


def windows_of(signal: Tensor, window: int) -> Tensor:
    """The last `window` rows at every step, [steps, window, channels]; before the first row, the
    first row."""
    padded = torch.cat([signal[:1].expand(window - 1, -1), signal])
    return padded.unfold(0, window, 1).transpose(1, 2)


def recurrent_logits(
    tensors: Mapping[str, Tensor],
    configuration: Mapping,
    sequence: Tensor,
    conditions: Tensor | None,
) -> Tensor:
    """Predictions [steps, outputs]; row t is made from what came before step t.

    Without a window one sequence runs through the layers; with one, each step is a sequence of its
    own, all of it under the conditions of that step.
    """
    network = configuration["network"]
    window = network.get("window")
    signal = recurrent_inputs(tensors, configuration, sequence)
    signal = signal[None] if window is None else windows_of(signal, window)
    if conditions is not None:
        heard = conditions[None]
        if window is not None:
            heard = conditions[:, None].expand(-1, window, -1)
        signal = torch.cat([signal, heard], dim=-1)
    kind_of_states = network.get("initial_states", False)
    begins = None
    if kind_of_states == "conditions":
        begins = conditions[:1] if window is None else conditions
    for index, layer in enumerate(network["layers"]):
        module = recurrent_module(tensors, index, layer, signal.shape[-1])
        state = None
        if kind_of_states:
            state = initial_states(tensors, index, layer, len(signal), begins)
        signal = module(signal, state)[0]
    read = signal[0] if window is None else read_of_windows(network, signal)
    return head_outputs(tensors, read)


def read_of_windows(network: Mapping, signal: Tensor) -> Tensor:
    """What the head reads of each window, [windows, channels]: the forward direction after the
    newest element, the backward one, where there is one, after the oldest."""
    channels = network["layers"][-1]["channels"]
    return torch.cat([signal[:, -1, :channels], signal[:, 0, channels:]], dim=-1)


def head_outputs(tensors: Mapping[str, Tensor], read: Tensor) -> Tensor:
    head_bias = tensors["head.bias"].double() if "head.bias" in tensors else None
    return functional.linear(read, tensors["head.weight"].double(), head_bias)


@torch.inference_mode()
def melody_latent(tensors: Mapping[str, Tensor], configuration: Mapping, tokens: Tensor) -> Tensor:
    """What an encoder of kind `recurrent` makes of as many tokens as it has steps, [size]."""
    encoder = configuration["encoder"]
    prefix = "encoder."
    its = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    signal = token_vectors(its, encoder, tokens.long())[None]
    for index, layer in enumerate(encoder["layers"]):
        module = recurrent_module(its, index, layer, signal.shape[-1])
        state = None
        if encoder.get("initial_states", False):
            state = initial_states(its, index, layer, 1, None)
        signal = module(signal, state)[0]
    return head_outputs(its, read_of_windows(encoder, signal))[0]


def spectrogram_samples(codec: Mapping, frames: np.ndarray) -> np.ndarray:
    """The sound of frames [T, numbers] of the codec `spectrogram`, T * hop samples: each frame
    transformed back on its own, all added up in one long row of samples."""
    size, hop = codec["frame_size"], codec["hop"]
    values = np.clip(frames.astype(np.float64).reshape(len(frames), size // 2, 2), -1.0, 1.0)
    lowest, highest = codec["magnitude"]
    magnitudes = np.exp(lowest + (values[:, :, 0] + 1) / 2 * (highest - lowest))
    angles = np.pi * values[:, :, 1]
    if codec["phase"] == "instantaneous_frequency":
        angles = angles.cumsum(axis=0)
    # The Nyquist bin is nothing; of bin 0 only the real part is heard.
    spectrum = np.pad(magnitudes * np.exp(1j * angles), ((0, 0), (0, 1)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    summed = np.zeros((len(frames) - 1) * hop + size)
    weights = np.zeros_like(summed)
    for index, frame in enumerate(np.fft.irfft(spectrum, size, axis=1)):
        summed[index * hop : index * hop + size] += window * frame
        weights[index * hop : index * hop + size] += window**2
    # Frame 0 begins half a frame before sample 0.
    heard = slice(size // 2, size // 2 + len(frames) * hop)
    return np.clip(summed[heard] / weights[heard], -1.0, 1.0)


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
    if configuration["network"]["kind"] == "transformer":
        return transformer_logits(tensors, configuration, sequence, conditions)
    return recurrent_logits(tensors, configuration, sequence, conditions)
