"""Stacks of layers in float64, and the codecs of frames that decoders play: what the engine is
compared with.

Written apart from `networks/layers.py` and from the engine on purpose: every layer is the sum that
FORMAT.md states, tap by tap, over arrays [steps, bins, channels]; a vector is one row of one bin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training import reference

Array = NDArray[np.float64]
BATCH_EPSILON = 1e-5
PIXEL_EPSILON = 1e-8


def both(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, 1) if isinstance(value, int) else (value[0], value[1])


def numbers(tensors: Mapping[str, Tensor], name: str) -> Array | None:
    return tensors[name].double().numpy() if name in tensors else None


def run_layers(
    tensors: Mapping[str, Tensor], prefix: str, layers: Sequence[Mapping], data: Array, h: Array
) -> Array:
    for index, layer in enumerate(layers):
        data = run_layer(tensors, f"{prefix}.{index}", layer, data, h)
    return data


def run_layer(
    tensors: Mapping[str, Tensor], name: str, layer: Mapping, data: Array, h: Array
) -> Array:
    weight, bias = numbers(tensors, f"{name}.weight"), numbers(tensors, f"{name}.bias")
    match layer["kind"]:
        case "dense":
            return added(weight @ data[0, 0], bias)[None, None]
        case "reshape":
            return data.reshape(layer["steps"], layer.get("bins", 1), layer["channels"])
        case "flatten":
            return data.reshape(1, 1, -1)
        case "convolution":
            return added(convolution(layer, data, weight), bias)
        case "transposed_convolution":
            return added(transposed_convolution(layer, data, weight), bias)
        case "upsample":
            for axis, factor in enumerate(both(layer["factor"])):
                data = upsampled(data, axis, factor, layer.get("mode", "nearest"))
            return data
        case "pool":
            size = layer["size"] or len(data)
            whole = data[: len(data) // size * size].reshape(-1, size, *data.shape[1:])
            pooled = (
                whole.mean(axis=1) if layer.get("mode", "mean") == "mean" else whole.max(axis=1)
            )
            return pooled if layer["size"] else pooled.reshape(1, 1, -1)
        case "residual":
            kept = data
            if layer.get("shortcut", False):
                shortcut = numbers(tensors, f"{name}.shortcut.weight")
                kept = data @ shortcut.T + numbers(tensors, f"{name}.shortcut.bias")
            return kept + run_layers(tensors, f"{name}.layers", layer["layers"], data, h)
        case "normalization":
            return normalized(tensors, name, layer["over"], data)
        case "activation":
            return activated(layer, data)
    if layer.get("mode", "add") == "concatenate":
        return np.concatenate([data, np.broadcast_to(h, (*data.shape[:2], len(h)))], axis=-1)
    values = weight @ h + bias
    if layer.get("mode", "add") == "add":
        return data + values
    channels = data.shape[-1]
    return data * (1.0 + values[:channels]) + values[channels:]


def added(data: Array, bias: Array | None) -> Array:
    return data if bias is None else data + bias


def padding(
    layer: Mapping, length: int, kernel: int, dilation: int, stride: int
) -> tuple[int, int]:
    """Rows of zeros on the left, and how many rows come out."""
    reach = dilation * (kernel - 1)
    kind = layer.get("padding", "same")
    if kind == "causal":
        return reach, (length - 1) // stride + 1
    if kind != "same":
        left, right = kind
        return left, (length + left + right - reach - 1) // stride + 1
    outputs = -(-length // stride)
    return max(0, (outputs - 1) * stride + reach + 1 - length) // 2, outputs


def convolution(layer: Mapping, data: Array, weight: Array) -> Array:
    weight = weight if weight.ndim == 4 else weight[..., None]
    channels, each, kernel, kernel_bins = weight.shape
    dilation, stride = both(layer.get("dilation", 1)), both(layer.get("stride", 1))
    left, steps = padding(layer, data.shape[0], kernel, dilation[0], stride[0])
    left_bins, bins = padding({}, data.shape[1], kernel_bins, dilation[1], stride[1])
    groups = layer.get("groups", 1)
    result = np.zeros((steps, bins, channels))
    for t in range(steps):
        for b in range(bins):
            for k in range(kernel):
                for j in range(kernel_bins):
                    row = t * stride[0] + k * dilation[0] - left
                    column = b * stride[1] + j * dilation[1] - left_bins
                    if not (0 <= row < data.shape[0] and 0 <= column < data.shape[1]):
                        continue
                    for g in range(groups):
                        rows = slice(g * channels // groups, (g + 1) * channels // groups)
                        heard = data[row, column, g * each : (g + 1) * each]
                        result[t, b, rows] += weight[rows, :, k, j] @ heard
    return result


def transposed_convolution(layer: Mapping, data: Array, weight: Array) -> Array:
    weight = weight if weight.ndim == 4 else weight[..., None]
    channels, _, kernel, kernel_bins = weight.shape
    stride, stride_bins = both(layer["stride"])
    steps, bins, _ = data.shape
    result = np.zeros((steps * stride, bins * stride_bins, channels))
    for t in range(steps):
        for b in range(bins):
            for k in range(kernel):
                for j in range(kernel_bins):
                    row = t * stride + k - (kernel - stride) // 2
                    column = b * stride_bins + j - (kernel_bins - stride_bins) // 2
                    if 0 <= row < len(result) and 0 <= column < result.shape[1]:
                        result[row, column] += weight[:, :, k, j] @ data[t, b]
    return result


def upsampled(data: Array, axis: int, factor: int, mode: str) -> Array:
    if mode == "nearest":
        return np.repeat(data, factor, axis=axis)
    length = data.shape[axis]
    places = (np.arange(length * factor) + 0.5) / factor - 0.5
    places = np.clip(places, 0, length - 1)
    below = np.floor(places).astype(int)
    share = (places - below).reshape([-1 if a == axis else 1 for a in range(3)])
    above = np.minimum(below + 1, length - 1)
    return (1 - share) * data.take(below, axis) + share * data.take(above, axis)


def normalized(tensors: Mapping[str, Tensor], name: str, over: str, data: Array) -> Array:
    if over == "pixel":
        return data / np.sqrt((data**2).mean(axis=-1, keepdims=True) + PIXEL_EPSILON)
    if over == "batch":
        mean, variance = numbers(tensors, f"{name}.mean"), numbers(tensors, f"{name}.variance")
    else:
        axes = -1 if over == "layer" else (0, 1)
        mean, variance = data.mean(axis=axes, keepdims=True), data.var(axis=axes, keepdims=True)
    scaled = (data - mean) / np.sqrt(variance + BATCH_EPSILON)
    return scaled * numbers(tensors, f"{name}.weight") + numbers(tensors, f"{name}.bias")


def activated(layer: Mapping, data: Array) -> Array:
    match layer["function"]:
        case "relu":
            return np.maximum(data, 0.0)
        case "leaky_relu":
            return np.where(data < 0.0, layer.get("slope", 0.2) * data, data)
        case "elu":
            return np.where(data < 0.0, np.expm1(np.minimum(data, 0.0)), data)
        case "tanh":
            return np.tanh(data)
    return 1.0 / (1.0 + np.exp(-data))


def condition_vector(
    tensors: Mapping[str, Tensor],
    configuration: Mapping,
    values: Mapping[str, Tensor],
    *,
    with_latents: bool = True,
) -> Array:
    """h, [channels], of one row of each condition; an encoder's is without the latents."""
    conditions = [
        entry
        for entry in configuration.get("conditions", [])
        if with_latents or entry["kind"] != "latent"
    ]
    h = reference.condition_vectors(tensors, {"conditions": conditions}, values)
    return np.zeros(0) if h is None else h[0].numpy()


def decoder_frames(
    tensors: Mapping[str, Tensor], configuration: Mapping, values: Mapping[str, Tensor]
) -> Array:
    """A decoder's whole clip, [frames, numbers], of one row of each condition."""
    h = condition_vector(tensors, configuration, values)
    layers = configuration["network"]["layers"]
    clip = run_layers(tensors, "layers", layers, h[None, None], h)
    return clip.reshape(len(clip), -1)


def waveform_samples(codec: Mapping, frames: Array) -> Array:
    lowest, highest = codec.get("range", [-1.0, 1.0])
    return np.clip(2.0 * (frames[:, 0] - lowest) / (highest - lowest) - 1.0, -1.0, 1.0)


def harmonic_samples(codec: Mapping, frames: Array, pitch: int) -> Array:
    """The sound of frames of the codec `harmonic` without its noise, frames * hop samples."""
    count, hop, rate = codec["harmonics"], codec["hop"], codec["sample_rate"]
    frequency = 440.0 * 2.0 ** ((pitch - 69) / 12.0)

    def positive(x: Array) -> Array:
        return 2.0 * (1.0 / (1.0 + np.exp(-x))) ** math.log(10.0) + 1e-7

    heard = np.arange(1, count + 1) * frequency < rate / 2
    shares = positive(frames[:, 1 : count + 1]) * heard
    amplitudes = positive(frames[:, :1]) * shares / shares.sum(axis=1, keepdims=True)
    n = np.arange(len(frames) * hop)
    below, share = n // hop, (n % hop / hop)[:, None]
    above = np.minimum(below + 1, len(frames) - 1)
    moving = (1.0 - share) * amplitudes[below] + share * amplitudes[above]
    angles = 2.0 * np.pi * np.arange(1, count + 1) * (n[:, None] * frequency / rate)
    return np.clip((moving * np.sin(angles)).sum(axis=1), -1.0, 1.0)


def spectrogram_columns(entry: Mapping, samples: Array) -> Array:
    """What an encoder of kind `layers` reads of a recording, [frames, bins]."""
    size, hop = entry["frame_size"], entry["hop"]
    lowest, highest = entry["magnitude"]
    padded = np.concatenate([np.zeros(size // 2), samples, np.zeros(size)])
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
    columns = []
    for t in range(len(samples) // hop + 1):
        spectrum = np.fft.rfft(window * padded[t * hop : t * hop + size])[: size // 2]
        # A magnitude of 0 has no logarithm: it is below the lowest one.
        logarithms = np.log(np.maximum(np.abs(spectrum), math.exp(lowest)))
        columns.append(np.clip(2.0 * (logarithms - lowest) / (highest - lowest) - 1.0, -1.0, 1.0))
    return np.stack(columns)


def layers_latent(
    tensors: Mapping[str, Tensor],
    configuration: Mapping,
    samples: Array,
    values: Mapping[str, Tensor],
) -> Array:
    """What an encoder of kind `layers` makes of a recording: [size], or [vectors, size]."""
    encoder = configuration["encoder"]
    frames = encoder.get("frames")
    if frames is not None:
        samples = np.pad(samples[:frames], (0, max(0, frames - len(samples))))
    entry = encoder["input"]
    columns = (
        samples[:, None] if entry["kind"] == "waveform" else spectrogram_columns(entry, samples)
    )
    h = condition_vector(tensors, configuration, values, with_latents=False)
    result = run_layers(tensors, "encoder.layers", encoder["layers"], columns[:, None, :], h)
    rows = result.reshape(len(result), -1)
    return rows[0] if len(rows) == 1 else rows
