"""The WaveNet of van den Oord et al. 2016, with the equations that the engine implements.

Step `t` reads the tokens before `t` and predicts the token of `t`. With kernel size 2 and
dilation `d`, one layer computes (their equation 3, conditioned on a global vector `h`):

    a = W_0 x(t - d) + W_1 x(t) + b + V h          rows: filter first, then gate
    z = tanh(a_filter) * sigmoid(a_gate)
    skip += W_s z + b_s
    x'(t) = x(t) + W_r z + b_r                      (absent in the last layer: nothing reads it)

and the head `logits = W_o relu(W_h relu(skip) + b_h) + b_o`. Before time 0 every layer sees
zeros, and the first input is the token of silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.code_order import ordered_embedding, ordered_output
from cadenza_training.networks.conditions import Condition, Conditions
from cadenza_training.networks.network import Network, State

KERNEL_SIZE = 2
DEFAULT_BIASES = {"gate", "residual", "skip", "head"}


class WaveNetLayer(nn.Module):
    def __init__(
        self,
        *,
        dilation: int,
        residual_channels: int,
        gate_channels: int,
        skip_channels: int,
        condition_channels: int,
        is_last: bool,
    ) -> None:
        super().__init__()
        self.dilation = dilation
        # The two taps are one product over [x(t - dilation), x(t)]: oldest first.
        self.gate = nn.Linear(KERNEL_SIZE * residual_channels, 2 * gate_channels)
        self.condition = (
            nn.Linear(condition_channels, 2 * gate_channels, bias=False)
            if condition_channels
            else None
        )
        self.skip = nn.Linear(gate_channels, skip_channels)
        self.residual = None if is_last else nn.Linear(gate_channels, residual_channels)


class WaveNet(Network):
    """Works on time-major tensors [time, batch, channels], where a delay is a row offset."""

    kind = "wavenet"

    def __init__(
        self,
        *,
        vocabulary_size: int,
        dilations: Sequence[int],
        residual_channels: int,
        gate_channels: int,
        skip_channels: int,
        head_channels: int,
        conditions: Sequence[Condition] = (),
        dropout: float = 0.0,
    ) -> None:
        """`dropout` falls on the gated output of every layer while training."""
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.dilations = tuple(dilations)
        self.conditions = tuple(conditions)
        self.residual_channels = residual_channels
        self.gate_channels = gate_channels
        self.skip_channels = skip_channels
        self.head_channels = head_channels
        self.embedding = nn.Embedding(vocabulary_size, residual_channels)
        self.condition_tables = Conditions(self.conditions)
        self.layers = nn.ModuleList(
            WaveNetLayer(
                dilation=dilation,
                residual_channels=residual_channels,
                gate_channels=gate_channels,
                skip_channels=skip_channels,
                condition_channels=self.condition_tables.channels,
                is_last=index == len(self.dilations) - 1,
            )
            for index, dilation in enumerate(self.dilations)
        )
        # Of the local conditions, which all have the same.
        self.frames_per_value = max(
            (getattr(condition, "frames_per_value", None) or 1 for condition in self.conditions),
            default=1,
        )
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(skip_channels, head_channels)
        self.output = nn.Linear(head_channels, vocabulary_size)

    @torch.no_grad()
    def order_codes(self) -> None:
        rows = ordered_embedding(self.vocabulary_size, self.residual_channels)
        self.embedding.weight.copy_(rows)
        self.output.weight.copy_(ordered_output(self.vocabulary_size, self.head_channels))
        self.output.bias.zero_()

    @staticmethod
    def from_configuration(network: Mapping, conditions: Sequence[Condition]) -> WaveNet:
        """From a model file's entry `network`; `dropout` may be there beside the file's keys."""
        if network.get("kernel_size", KERNEL_SIZE) != KERNEL_SIZE:
            raise UserError(
                f"training knows WaveNets of kernel size {KERNEL_SIZE}, "
                f"not {network['kernel_size']}"
            )
        if network.get("input", {"kind": "embedding"})["kind"] != "embedding":
            raise UserError("training knows WaveNets whose input is an embedding")
        if set(network.get("biases", DEFAULT_BIASES)) != DEFAULT_BIASES:
            raise UserError("training knows WaveNets with the default biases")
        return WaveNet(
            vocabulary_size=network["vocabulary_size"],
            dilations=network["dilations"],
            residual_channels=network["residual_channels"],
            gate_channels=network.get("gate_channels") or network["residual_channels"],
            skip_channels=network["skip_channels"],
            head_channels=network.get("head_channels") or network["skip_channels"],
            conditions=conditions,
            dropout=network.get("dropout", 0.0),
        )

    def empty_state(self, columns: int) -> State:
        like = self.embedding.weight
        return [
            (like.new_zeros(dilation, columns, self.residual_channels),)
            for dilation in self.dilations
        ]

    @property
    def receptive_field(self) -> int:
        return 1 + (KERNEL_SIZE - 1) * sum(self.dilations)

    def network_configuration(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "vocabulary_size": self.vocabulary_size,
            "input": {"kind": "embedding"},
            "kernel_size": KERNEL_SIZE,
            "dilations": list(self.dilations),
            "residual_channels": self.residual_channels,
            "gate_channels": self.gate_channels,
            "skip_channels": self.skip_channels,
            "head_channels": self.head_channels,
        }

    def tensor_names(self) -> dict[str, str]:
        names = {"input.embedding.weight": "embedding.weight"}
        names |= self.condition_tables.tensor_names("condition_tables")
        for index, layer in enumerate(self.layers):
            for part in ("gate", "condition", "skip", "residual"):
                product = getattr(layer, part)
                if product is None:
                    continue
                names[f"layers.{index}.{part}.weight"] = f"layers.{index}.{part}.weight"
                if product.bias is not None:
                    names[f"layers.{index}.{part}.bias"] = f"layers.{index}.{part}.bias"
        for product in ("hidden", "output"):
            for part in ("weight", "bias"):
                names[f"head.{product}.{part}"] = f"{product}.{part}"
        return names

    def inner_matrices(self) -> set[str]:
        return {
            name
            for name, parameter in self.named_parameters()
            if name.startswith(("layers.", "hidden.")) and parameter.ndim == 2
        }

    def to_file(self, name: str, value: Tensor) -> Tensor:
        if name.endswith(".gate.weight"):
            # [2D, taps * R], oldest tap first, becomes [2D, R, taps].
            taps = value.reshape(2 * self.gate_channels, KERNEL_SIZE, self.residual_channels)
            return taps.permute(0, 2, 1)
        return value

    def from_file(self, name: str, value: Tensor) -> Tensor:
        if name.endswith(".gate.weight") and value.ndim == 3:
            return value.permute(0, 2, 1).flatten(1)
        return value

    def forward(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        """From a state on, the state after it is returned; without one nothing is carried.

        Local conditions may come in rows of `frames_per_value` steps each, as many as the inputs
        need: their products are then made once a row.
        """
        signal = self.embedding(inputs)
        state_after: State = None if state is None else []
        condition_vector = self.condition_tables(conditions) if self.conditions else None
        gated_outputs = []
        for index, layer in enumerate(self.layers):
            if state is None:
                past = functional.pad(signal[: -layer.dilation], (0, 0, 0, 0, layer.dilation, 0))
            else:
                past = torch.cat([state[index][0], signal])
                state_after.append((past[-layer.dilation :],))
            past = past[: len(signal)]
            preactivation = layer.gate(torch.cat([past, signal], dim=-1))
            if condition_vector is not None:
                product = layer.condition(condition_vector)
                if product.ndim == 3 and len(product) < len(signal):
                    product = product.repeat_interleave(self.frames_per_value, dim=0)
                    product = product[: len(signal)]
                preactivation = preactivation + product
            filter_half, gate_half = preactivation.chunk(2, dim=-1)
            gated = self.dropout(torch.tanh(filter_half) * torch.sigmoid(gate_half))
            gated_outputs.append(gated)
            if layer.residual is not None:
                signal = signal + layer.residual(gated)
        # The sum of all skip products is one product over the concatenated layers: fewer passes
        # over memory than twenty narrow ones.
        skip_weight = torch.cat([layer.skip.weight for layer in self.layers], dim=-1)
        skip_bias = torch.stack([layer.skip.bias for layer in self.layers]).sum(dim=0)
        skip = functional.linear(torch.cat(gated_outputs, dim=-1), skip_weight, skip_bias)
        logits = self.output(functional.relu(self.hidden(functional.relu(skip))))
        return logits, state_after
