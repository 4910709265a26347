"""The WaveNet of van den Oord et al. 2016, with the equations that the engine implements.

Step `t` reads the codes before `t` and predicts the code of `t`. With kernel size 2 and
dilation `d`, one layer computes (their equation 3, conditioned on a global vector `h`):

    a = W_0 x(t - d) + W_1 x(t) + b + V h          rows: filter first, then gate
    z = tanh(a_filter) * sigmoid(a_gate)
    skip += W_s z + b_s
    x'(t) = x(t) + W_r z + b_r                      (absent in the last layer: nothing reads it)

and the head `logits = W_o relu(W_h relu(skip) + b_h) + b_o`. Before time 0 every layer sees
zeros, and the first input is the code of silence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training import mu_law

KERNEL_SIZE = 2


@dataclass(frozen=True)
class ClassCondition:
    """A condition that takes one of `size` values, each with a learnt embedding row."""

    name: str
    size: int
    embedding_channels: int
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class WaveNetConfiguration:
    levels: int
    residual_channels: int
    dilation_channels: int
    skip_channels: int
    head_channels: int
    dilations: tuple[int, ...]
    conditions: tuple[ClassCondition, ...]

    @property
    def receptive_field(self) -> int:
        """How many codes before `t` can reach the prediction of step `t`."""
        return 1 + (KERNEL_SIZE - 1) * sum(self.dilations)

    @property
    def condition_channels(self) -> int:
        return sum(condition.embedding_channels for condition in self.conditions)

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping) -> WaveNetConfiguration:
        conditions = tuple(
            ClassCondition(
                name=condition["name"],
                size=condition["size"],
                embedding_channels=condition["embedding_channels"],
                labels=tuple(condition["labels"]) if condition.get("labels") else None,
            )
            for condition in values["conditions"]
        )
        return WaveNetConfiguration(
            **{**values, "dilations": tuple(values["dilations"]), "conditions": conditions}
        )


class WaveNetLayer(nn.Module):
    def __init__(self, configuration: WaveNetConfiguration, dilation: int, is_last: bool) -> None:
        super().__init__()
        residual = configuration.residual_channels
        gated = configuration.dilation_channels
        self.dilation = dilation
        # The two taps are one product over [x(t - dilation), x(t)]: oldest first.
        self.gate = nn.Linear(KERNEL_SIZE * residual, 2 * gated)
        self.condition = nn.Linear(configuration.condition_channels, 2 * gated, bias=False)
        self.skip = nn.Linear(gated, configuration.skip_channels)
        self.residual = None if is_last else nn.Linear(gated, residual)


class WaveNet(nn.Module):
    """Works on time-major tensors [time, batch, channels], where a delay is a plain row offset."""

    def __init__(self, configuration: WaveNetConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        self.embedding = nn.Embedding(configuration.levels, configuration.residual_channels)
        self.condition_embeddings = nn.ModuleList(
            nn.Embedding(condition.size, condition.embedding_channels)
            for condition in configuration.conditions
        )
        last = len(configuration.dilations) - 1
        self.layers = nn.ModuleList(
            WaveNetLayer(configuration, dilation, index == last)
            for index, dilation in enumerate(configuration.dilations)
        )
        self.head = nn.Linear(configuration.skip_channels, configuration.head_channels)
        self.output = nn.Linear(configuration.head_channels, configuration.levels)
        self._know_order_of_codes()

    @torch.no_grad()
    def _know_order_of_codes(self) -> None:
        """Starts from codes that lie on a line instead of 256 strangers.

        The embedding's rows begin as smooth functions of the code (its companded value, its
        amplitude, sines and cosines), and the output's columns as cosines over the codes, so that
        near codes start alike. Both are trained from there; training needs far fewer steps.
        """
        levels = self.configuration.levels
        companded = torch.linspace(-1.0, 1.0, levels)
        amplitude = torch.from_numpy(mu_law.decode(np.arange(levels), levels)).float()
        features = [math.sqrt(3.0) * companded, 3.0 * amplitude]
        harmonic = 1
        while len(features) < self.configuration.residual_channels:
            angle = math.pi * harmonic * companded
            features += [angle.sin() / harmonic**0.5, angle.cos() / harmonic**0.5]
            harmonic += 1
        features = features[: self.configuration.residual_channels]
        self.embedding.weight.copy_(torch.stack(features, dim=1))
        orders = torch.arange(self.configuration.head_channels)
        cosines = torch.cos(math.pi * orders * (companded[:, None] + 1.0) / 2.0)
        self.output.weight.copy_(cosines / (1.0 + orders / 8.0))
        self.output.bias.zero_()

    def condition_vector(self, conditions: Sequence[Tensor]) -> Tensor:
        """Concatenates the embedding rows, in the order of the conditions: [batch, channels]."""
        rows = [
            embedding(values)
            for embedding, values in zip(self.condition_embeddings, conditions, strict=True)
        ]
        return torch.cat(rows, dim=-1)

    def forward(self, inputs: Tensor, conditions: Sequence[Tensor]) -> Tensor:
        """Logits [time, batch, levels] for `inputs` [time, batch], the codes one step late."""
        condition_vector = self.condition_vector(conditions)
        signal = self.embedding(inputs)
        gated_outputs = []
        for layer in self.layers:
            past = functional.pad(signal[: -layer.dilation], (0, 0, 0, 0, layer.dilation, 0))
            preactivation = layer.gate(torch.cat([past, signal], dim=-1))
            preactivation = preactivation + layer.condition(condition_vector)
            filter_half, gate_half = preactivation.chunk(2, dim=-1)
            gated = torch.tanh(filter_half) * torch.sigmoid(gate_half)
            gated_outputs.append(gated)
            if layer.residual is not None:
                signal = signal + layer.residual(gated)
        # The sum of all skip products is one product over the concatenated layers: fewer passes
        # over memory than twenty narrow ones.
        skip_weight = torch.cat([layer.skip.weight for layer in self.layers], dim=-1)
        skip_bias = torch.stack([layer.skip.bias for layer in self.layers]).sum(dim=0)
        skip = functional.linear(torch.cat(gated_outputs, dim=-1), skip_weight, skip_bias)
        return self.output(functional.relu(self.head(functional.relu(skip))))
