"""A stack of LSTM or GRU layers over tokens, in the arrangement of `torch.nn`, which the engine
shares: gates i f g o (LSTM) and r z n with the reset after the product (GRU).

Layer 0 reads the token's embedding followed by the conditions' vector h; the head is one product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.code_order import ordered_embedding
from cadenza_training.networks.conditions import ClassCondition, Conditions
from cadenza_training.networks.network import Network, State

LAYER_TYPES = {"lstm": nn.LSTM, "gru": nn.GRU}
DEFAULT_BIASES = {"layers", "head"}


class Recurrent(Network):
    kind = "recurrent"

    def __init__(
        self,
        *,
        vocabulary_size: int,
        input_channels: int,
        layers: Sequence[Mapping],
        conditions: Sequence[ClassCondition] = (),
        dropout: float = 0.0,
    ) -> None:
        """`layers`: {"kind": "lstm" or "gru", "channels": N} each, as in a model file.

        `dropout` falls on the output of every layer while training (Srivastava et al. 2014).
        """
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.input_channels = input_channels
        self.conditions = tuple(conditions)
        self.layer_configurations = tuple(dict(layer) for layer in layers)
        self.embedding = nn.Embedding(vocabulary_size, input_channels)
        self.condition_tables = Conditions(self.conditions)
        self.layers = nn.ModuleList()
        channels = input_channels + self.condition_tables.channels
        for layer in self.layer_configurations:
            self.layers.append(LAYER_TYPES[layer["kind"]](channels, layer["channels"]))
            channels = layer["channels"]
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, vocabulary_size)
        with torch.no_grad():
            self.embedding.weight.copy_(ordered_embedding(vocabulary_size, input_channels))
            for module in self.layers:
                # Orthogonal recurrence keeps what it holds over many steps (Saxe et al. 2014).
                for block in module.weight_hh_l0.chunk(4 if isinstance(module, nn.LSTM) else 3):
                    nn.init.orthogonal_(block)

    @staticmethod
    def from_configuration(network: Mapping, conditions: Sequence[ClassCondition]) -> Recurrent:
        """From a model file's entry `network`; `dropout` may be there beside the file's keys."""
        if network["input"]["kind"] != "embedding":
            raise UserError("training knows recurrent networks whose input is an embedding")
        if network.get("head", {"kind": "softmax"})["kind"] != "softmax":
            raise UserError("training knows recurrent networks whose head is a softmax")
        if network.get("initial_states"):
            raise UserError("training knows recurrent networks that start from zero states")
        if set(network.get("biases", DEFAULT_BIASES)) != DEFAULT_BIASES:
            raise UserError("training knows recurrent networks with the default biases")
        for layer in network["layers"]:
            if layer.get("kind") not in LAYER_TYPES:
                raise UserError(f'a layer is of kind "{layer.get("kind")}", expected lstm or gru')
        return Recurrent(
            vocabulary_size=network["vocabulary_size"],
            input_channels=network["input"]["channels"],
            layers=network["layers"],
            conditions=conditions,
            dropout=network.get("dropout", 0.0),
        )

    @property
    def receptive_field(self) -> None:
        return None

    def network_configuration(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "input": {"kind": "embedding", "channels": self.input_channels},
            "vocabulary_size": self.vocabulary_size,
            "layers": [dict(layer) for layer in self.layer_configurations],
            "head": {"kind": "softmax"},
        }

    def tensor_names(self) -> dict[str, str]:
        names = {"input.embedding.weight": "embedding.weight"}
        names |= self.condition_tables.tensor_names("condition_tables")
        for index in range(len(self.layers)):
            for product, suffix in (("input", "ih"), ("recurrent", "hh")):
                for part in ("weight", "bias"):
                    parameter = f"layers.{index}.{part}_{suffix}_l0"
                    names[f"layers.{index}.{product}.{part}"] = parameter
        return names | {"head.weight": "head.weight", "head.bias": "head.bias"}

    def forward(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        signal = self.embedding(inputs)
        if self.conditions:
            vector = self.condition_tables(conditions)
            signal = torch.cat([signal, vector.expand(len(inputs), *vector.shape)], dim=-1)
        states_after = []
        for index, layer in enumerate(self.layers):
            before = None if state is None else state[index]
            if before is not None and isinstance(layer, nn.GRU):
                before = before[0]
            signal, after = layer(signal, before)
            states_after.append(after if isinstance(after, tuple) else (after,))
            signal = self.dropout(signal)
        return self.head(signal), states_after
