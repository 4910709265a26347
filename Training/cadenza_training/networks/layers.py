"""Stacks of layers: what decoders and encoders are made of (FORMAT.md, "Layers").

Data is [batch, channels, steps, bins]; in one dimension there is one bin, and a vector is one step
of one bin. Parameters have the names and the shapes of the model file, below the stack's prefix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training.errors import UserError

# Inside square roots: normalisation over a batch, a layer, an instance; over a pixel.
EPSILON = 1e-5
PIXEL_EPSILON = 1e-8
# Of the running statistics of batches, as PyTorch has it.
MOMENTUM = 0.1
DEFAULT_SLOPE = 0.2


@dataclass(frozen=True)
class Shape:
    """Of the data between two layers; `steps` None: any number, of an encoder."""

    channels: int
    steps: int | None = 1
    bins: int = 1
    is_vector: bool = True

    @property
    def text(self) -> str:
        if self.is_vector:
            return f"a vector of {self.channels}"
        return f"{self.steps or 'any'} steps of {self.bins} bins of {self.channels} channels"


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """One number is for steps, and 1 for bins."""
    return (value, 1) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _filled(*shape: int, fan_in: int) -> nn.Parameter:
    """He's deviation for rectifiers (He et al. 2015), uniform."""
    bound = math.sqrt(3.0 * 2.0 / (1.0 + DEFAULT_SLOPE**2) / fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _zeros(count: int, *, wanted: bool = True) -> nn.Parameter | None:
    return nn.Parameter(torch.zeros(count)) if wanted else None


class Layer(nn.Module):
    """`shape` is what comes out of it."""

    shape: Shape

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        """`condition` is h, [batch, channels]."""
        raise NotImplementedError


class Dense(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        if not shape.is_vector:
            raise UserError(f"a dense layer reads a vector, not {shape.text}")
        self.weight = _filled(layer["channels"], shape.channels, fan_in=shape.channels)
        self.bias = _zeros(layer["channels"], wanted=layer.get("bias", True))
        self.shape = Shape(layer["channels"])

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        return functional.linear(data[:, :, 0, 0], self.weight, self.bias)[:, :, None, None]


class Reshape(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        self.shape = Shape(layer["channels"], layer["steps"], layer.get("bins", 1), False)
        numbers = layer["channels"] * layer["steps"] * layer.get("bins", 1)
        if not shape.is_vector or shape.channels != numbers:
            raise UserError(f"{shape.text} cannot be reshaped to {self.shape.text}")

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        shape = self.shape
        rows = data.reshape(len(data), shape.steps, shape.bins, shape.channels)
        return rows.permute(0, 3, 1, 2)


class Flatten(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        if shape.steps is None:
            raise UserError("a layer is flatten: the encoder needs frames")
        self.shape = Shape(shape.channels * shape.steps * shape.bins)

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        return data.permute(0, 2, 3, 1).reshape(len(data), -1, 1, 1)


class Convolution(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        if shape.is_vector:
            raise UserError(f"a convolution reads steps, not {shape.text}")
        self.kernel_size, self.dilation, self.stride = (
            pair(layer.get(key, 1)) for key in ("kernel_size", "dilation", "stride")
        )
        self.groups = layer.get("groups", 1)
        self.padding = layer.get("padding", "same")
        channels = layer["channels"]
        if shape.channels % self.groups or channels % self.groups:
            raise UserError(
                f"a convolution of {self.groups} groups has {shape.channels} channels in and "
                f"{channels} out: both must be multiples"
            )
        each = shape.channels // self.groups
        taps = self.kernel_size[:1] if isinstance(layer["kernel_size"], int) else self.kernel_size
        self.weight = _filled(channels, each, *taps, fan_in=each * math.prod(taps))
        self.bias = _zeros(channels, wanted=layer.get("bias", True))
        bins = -(-shape.bins // self.stride[1])
        steps = None if shape.steps is None else self._steps(shape.steps)
        if steps is not None and steps < 1:
            raise UserError(f"{shape.text} are too few for a convolution of {self.kernel_size[0]}")
        self.shape = Shape(channels, steps, bins, False)

    def _pads(self, steps: int) -> tuple[int, int]:
        reach = self.dilation[0] * (self.kernel_size[0] - 1)
        if self.padding == "same":
            return _same(steps, reach, self.stride[0])
        if self.padding == "causal":
            return reach, 0
        return int(self.padding[0]), int(self.padding[1])

    def _steps(self, steps: int) -> int:
        left, right = self._pads(steps)
        reach = self.dilation[0] * (self.kernel_size[0] - 1)
        return (steps + left + right - reach - 1) // self.stride[0] + 1

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        steps, bins = data.shape[2:]
        reach = self.dilation[1] * (self.kernel_size[1] - 1)
        pads = (*_same(bins, reach, self.stride[1]), *self._pads(steps))
        if self.weight.dim() == 3 and bins == 1:
            # Twice as quick as in two dimensions.
            line = functional.pad(data[..., 0], pads[2:])
            return functional.conv1d(
                line, self.weight, self.bias, self.stride[0], 0, self.dilation[0], self.groups
            )[..., None]
        if any(pads):
            data = functional.pad(data, pads)
        weight = self.weight if self.weight.dim() == 4 else self.weight[..., None]
        return functional.conv2d(
            data, weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def _same(length: int, reach: int, stride: int) -> tuple[int, int]:
    """Padding for ⌈length / stride⌉ out, the larger half on the right."""
    total = max(0, (-(-length // stride) - 1) * stride + reach + 1 - length)
    return total // 2, total - total // 2


class TransposedConvolution(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        if shape.is_vector:
            raise UserError(f"a transposed convolution reads steps, not {shape.text}")
        self.kernel_size, self.stride = pair(layer["kernel_size"]), pair(layer["stride"])
        if any(k < s for k, s in zip(self.kernel_size, self.stride, strict=True)):
            raise UserError("a transposed convolution's kernel_size is smaller than its stride")
        channels = layer["channels"]
        taps = self.kernel_size[:1] if isinstance(layer["kernel_size"], int) else self.kernel_size
        # Each output hears so many taps of each channel.
        heard = shape.channels * math.prod(self.kernel_size) / math.prod(self.stride)
        self.weight = _filled(channels, shape.channels, *taps, fan_in=max(1, round(heard)))
        self.bias = _zeros(channels, wanted=layer.get("bias", True))
        steps = None if shape.steps is None else shape.steps * self.stride[0]
        self.shape = Shape(channels, steps, shape.bins * self.stride[1], False)

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        first = [(k - s) // 2 for k, s in zip(self.kernel_size, self.stride, strict=True)]
        if self.weight.dim() == 3 and data.shape[3] == 1:
            steps = data.shape[2] * self.stride[0]
            weight = self.weight.transpose(0, 1)
            line = functional.conv_transpose1d(data[..., 0], weight, self.bias, self.stride[0])
            return line[:, :, first[0] : first[0] + steps, None]
        weight = self.weight if self.weight.dim() == 4 else self.weight[..., None]
        full = functional.conv_transpose2d(data, weight.transpose(0, 1), self.bias, self.stride)
        steps, bins = data.shape[2] * self.stride[0], data.shape[3] * self.stride[1]
        return full[:, :, first[0] : first[0] + steps, first[1] : first[1] + bins]


class Upsample(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        self.factor = pair(layer["factor"])
        self.mode = layer.get("mode", "nearest")
        steps = None if shape.steps is None else shape.steps * self.factor[0]
        self.shape = Shape(shape.channels, steps, shape.bins * self.factor[1], False)

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        if self.mode == "nearest":
            for axis, factor in zip((2, 3), self.factor, strict=True):
                if factor > 1:
                    data = data.repeat_interleave(factor, dim=axis)
            return data
        size = (data.shape[2] * self.factor[0], data.shape[3] * self.factor[1])
        return functional.interpolate(data, size, mode="bilinear", align_corners=False)


class Pool(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        self.size = layer["size"]
        self.mode = layer.get("mode", "mean")
        if self.size == 0:
            self.shape = Shape(shape.channels * shape.bins)
        else:
            steps = None if shape.steps is None else shape.steps // self.size
            self.shape = Shape(shape.channels, steps, shape.bins, False)

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        size = self.size or data.shape[2]
        whole = data[:, :, : data.shape[2] // size * size].unflatten(2, (-1, size))
        pooled = whole.mean(dim=3) if self.mode == "mean" else whole.amax(dim=3)
        if self.size:
            return pooled
        return pooled.permute(0, 2, 3, 1).reshape(len(data), -1, 1, 1)


class Residual(Layer):
    def __init__(self, layer: Mapping, shape: Shape, condition_channels: int) -> None:
        super().__init__()
        self.layers = _modules(layer["layers"], shape, condition_channels)
        inner = self.layers[-1].shape
        self.shortcut = None
        if layer.get("shortcut", False):
            self.shortcut = nn.Module()
            self.shortcut.weight = _filled(
                inner.channels, shape.channels, fan_in=2 * shape.channels
            )
            self.shortcut.bias = _zeros(inner.channels)
        elif inner.channels != shape.channels:
            raise UserError(
                f"a residual layer adds {inner.text} to {shape.text}: it needs a shortcut"
            )
        if (inner.steps, inner.bins) != (shape.steps, shape.bins):
            raise UserError(f"a residual layer adds {inner.text} to {shape.text}")
        self.shape = inner

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        kept = data
        if self.shortcut is not None:
            kept = functional.conv2d(
                data, self.shortcut.weight[:, :, None, None], self.shortcut.bias
            )
        for layer in self.layers:
            data = layer(data, condition)
        return kept + data


class Normalization(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        self.over = layer["over"]
        if self.over not in ("batch", "layer", "pixel", "instance"):
            raise UserError(
                f'normalization over "{self.over}", expected batch, layer, pixel, instance'
            )
        self.shape = shape
        if self.over != "pixel":
            self.weight = nn.Parameter(torch.ones(shape.channels))
            self.bias = _zeros(shape.channels)
        if self.over == "batch":
            self.register_buffer("mean", torch.zeros(shape.channels))
            self.register_buffer("variance", torch.ones(shape.channels))

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        if self.over == "pixel":
            return data * torch.rsqrt(data.square().mean(dim=1, keepdim=True) + PIXEL_EPSILON)
        if self.over == "batch":
            return functional.batch_norm(
                data, self.mean, self.variance, self.weight, self.bias,
                self.training, MOMENTUM, EPSILON,
            )  # fmt: skip
        axes = (1,) if self.over == "layer" else (2, 3)
        variance, mean = torch.var_mean(data, dim=axes, correction=0, keepdim=True)
        scaled = (data - mean) * torch.rsqrt(variance + EPSILON)
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]


class Activation(Layer):
    def __init__(self, layer: Mapping, shape: Shape) -> None:
        super().__init__()
        slope = layer.get("slope", DEFAULT_SLOPE)
        functions = {
            "relu": functional.relu,
            "leaky_relu": lambda data: functional.leaky_relu(data, slope),
            "elu": functional.elu,
            "tanh": torch.tanh,
            "sigmoid": torch.sigmoid,
        }
        if layer["function"] not in functions:
            raise UserError(
                f'activation "{layer["function"]}" is not one of {", ".join(functions)}'
            )
        self.function = functions[layer["function"]]
        self.shape = shape

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        return self.function(data)


class Condition(Layer):
    def __init__(self, layer: Mapping, shape: Shape, condition_channels: int) -> None:
        super().__init__()
        if condition_channels == 0:
            raise UserError("a layer is condition, and there are no conditions that it could see")
        self.mode = layer.get("mode", "add")
        channels = shape.channels
        self.shape = shape
        if self.mode == "concatenate":
            joined = channels + condition_channels
            self.shape = Shape(joined, shape.steps, shape.bins, shape.is_vector)
        elif self.mode in ("add", "modulate"):
            rows = 2 * channels if self.mode == "modulate" else channels
            bound = 0.5 / math.sqrt(condition_channels)
            self.weight = nn.Parameter(torch.empty(rows, condition_channels).normal_(0.0, bound))
            self.bias = _zeros(rows)
        else:
            raise UserError(f'condition mode "{self.mode}", expected add, modulate, concatenate')

    def forward(self, data: Tensor, condition: Tensor | None) -> Tensor:
        if self.mode == "concatenate":
            joined = condition[:, :, None, None].expand(-1, -1, *data.shape[2:])
            return torch.cat([data, joined], dim=1)
        values = functional.linear(condition, self.weight, self.bias)[:, :, None, None]
        if self.mode == "add":
            return data + values
        scale, offset = values.chunk(2, dim=1)
        return data * (1.0 + scale) + offset


PLAIN_LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "reshape": Reshape,
    "flatten": Flatten,
    "convolution": Convolution,
    "transposed_convolution": TransposedConvolution,
    "upsample": Upsample,
    "pool": Pool,
    "normalization": Normalization,
    "activation": Activation,
}
CONDITIONED_LAYERS = {"residual": Residual, "condition": Condition}


def _modules(layers: Sequence[Mapping], shape: Shape, condition_channels: int) -> nn.ModuleList:
    modules = nn.ModuleList()
    for index, layer in enumerate(layers):
        kind = layer.get("kind")
        try:
            if kind in CONDITIONED_LAYERS:
                module = CONDITIONED_LAYERS[kind](layer, shape, condition_channels)
            elif kind in PLAIN_LAYERS:
                module = PLAIN_LAYERS[kind](layer, shape)
            else:
                known = ", ".join([*PLAIN_LAYERS, *CONDITIONED_LAYERS])
                raise UserError(f'the kind "{kind}" is not one of {known}')
        except UserError as error:
            raise UserError(f"layer {index}: {error}") from error
        except KeyError as error:
            raise UserError(f"layer {index} ({kind}): the key {error} is missing") from error
        modules.append(module)
        shape = module.shape
    return modules


class LayerStack(nn.Module):
    """Layers one after another; its parameters are called as in the model file."""

    def __init__(
        self, layers: Sequence[Mapping], shape: Shape, condition_channels: int = 0
    ) -> None:
        super().__init__()
        self.configuration = [dict(layer) for layer in layers]
        self.layers = _modules(layers, shape, condition_channels)
        self.shape = self.layers[-1].shape if len(self.layers) else shape

    def forward(self, data: Tensor, condition: Tensor | None = None, last: int = 0) -> Tensor:
        """`data` [batch, channels, steps, bins]; all layers but the last so many."""
        for layer in self.layers[: len(self.layers) - last]:
            data = layer(data, condition)
        return data
