"""A stack of LSTM or GRU layers over tokens, in the arrangement of `torch.nn`, which the engine
shares: gates i f g o (LSTM) and r z n with the reset after the product (GRU).

Layer 0 reads the token's embedding (or, of several fields, their vectors) followed by the
conditions' vector h; the head is one product. With a `window`, every prediction is made anew from
the last elements: only such a network can have layers that run both ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.code_order import ordered_embedding
from cadenza_training.networks.conditions import ClassCondition, Conditions
from cadenza_training.networks.fields import Field, Fields, read_fields
from cadenza_training.networks.network import Network, State

LAYER_TYPES = {"lstm": nn.LSTM, "gru": nn.GRU}
DEFAULT_BIASES = {"layers", "head"}
LARGEST_WINDOW = 1024


class Recurrent(Network):
    kind = "recurrent"

    def __init__(
        self,
        *,
        vocabulary_size: int = 0,
        input_channels: int = 0,
        layers: Sequence[Mapping],
        fields: Sequence[Field] = (),
        window: int | None = None,
        conditions: Sequence[ClassCondition] = (),
        dropout: float = 0.0,
    ) -> None:
        """`layers`: {"kind": "lstm" or "gru", "channels": N, "bidirectional"?: false} each, as in a
        model file. Either one field of tokens, `vocabulary_size` of them in `input_channels`, or
        `fields`.

        `dropout` falls on the output of every layer while training (Srivastava et al. 2014).
        """
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.input_channels = input_channels
        self.window = window
        self.conditions = tuple(conditions)
        self.layer_configurations = tuple(dict(layer) for layer in layers)
        if fields:
            self.fields = Fields(fields)
            input_channels = self.fields.input_channels
            outputs = sum(self.fields.head_sizes)
        else:
            self.fields = None
            self.embedding = nn.Embedding(vocabulary_size, input_channels)
            outputs = vocabulary_size
        self.condition_tables = Conditions(self.conditions)
        self.layers = nn.ModuleList()
        channels = input_channels + self.condition_tables.channels
        for layer in self.layer_configurations:
            both_ways = layer.get("bidirectional", False)
            self.layers.append(
                LAYER_TYPES[layer["kind"]](channels, layer["channels"], bidirectional=both_ways)
            )
            channels = layer["channels"] * (2 if both_ways else 1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, outputs)
        with torch.no_grad():
            for module in self.layers:
                # Orthogonal recurrence keeps what it holds over many steps (Saxe et al. 2014).
                for direction in range(2 if module.bidirectional else 1):
                    recurrent = getattr(module, f"weight_hh{_suffix(direction)}")
                    for block in recurrent.chunk(4 if isinstance(module, nn.LSTM) else 3):
                        nn.init.orthogonal_(block)

    @torch.no_grad()
    def order_codes(self) -> None:
        self.embedding.weight.copy_(ordered_embedding(self.vocabulary_size, self.input_channels))

    @staticmethod
    def from_configuration(network: Mapping, conditions: Sequence[ClassCondition]) -> Recurrent:
        """From a model file's entry `network`; `dropout` may be there beside the file's keys."""
        entry = network["input"]
        head = network.get("head", {"kind": "softmax"})
        if entry["kind"] not in ("embedding", "fields"):
            raise UserError(
                "training knows recurrent networks whose input is an embedding, or fields"
            )
        if head["kind"] != ("fields" if entry["kind"] == "fields" else "softmax"):
            raise UserError(
                "training knows recurrent networks whose head is a softmax, or fields where the "
                "input is"
            )
        if network.get("initial_states"):
            raise UserError("training knows recurrent networks that start from zero states")
        if set(network.get("biases", DEFAULT_BIASES)) != DEFAULT_BIASES:
            raise UserError("training knows recurrent networks with the default biases")
        window = network.get("window")
        if window is not None and not 1 <= window <= LARGEST_WINDOW:
            raise UserError(f"network.window is {window}, expected 1 … {LARGEST_WINDOW}")
        for layer in network["layers"]:
            if layer.get("kind") not in LAYER_TYPES:
                raise UserError(f'a layer is of kind "{layer.get("kind")}", expected lstm or gru')
            if layer.get("bidirectional") and window is None:
                raise UserError("a layer is bidirectional: the network needs a window")
        described: dict[str, object]
        if entry["kind"] == "fields":
            described = {"fields": read_fields(entry["fields"], head["fields"])}
        else:
            described = {
                "vocabulary_size": network["vocabulary_size"],
                "input_channels": entry["channels"],
            }
        return Recurrent(
            **described,
            layers=network["layers"],
            window=window,
            conditions=conditions,
            dropout=network.get("dropout", 0.0),
        )

    def empty_state(self, columns: int) -> State:
        like = self.embedding.weight
        return [
            tuple(
                like.new_zeros(1, columns, layer.hidden_size)
                for _ in range(2 if isinstance(layer, nn.LSTM) else 1)
            )
            for layer in self.layers
        ]

    @property
    def receptive_field(self) -> int | None:
        return self.window

    @property
    def is_bidirectional(self) -> bool:
        return any(layer.bidirectional for layer in self.layers)

    def network_configuration(self) -> dict[str, object]:
        layers = [dict(layer) for layer in self.layer_configurations]
        window = {} if self.window is None else {"window": self.window}
        if self.fields is None:
            return {
                "kind": self.kind,
                "input": {"kind": "embedding", "channels": self.input_channels},
                "vocabulary_size": self.vocabulary_size,
                "layers": layers,
                **window,
                "head": {"kind": "softmax"},
            }
        fields = self.fields.fields
        read = [field.input_configuration() for field in fields]
        predicted = [field.head_configuration() for field in fields]
        return {
            "kind": self.kind,
            "input": {"kind": "fields", "fields": read},
            "layers": layers,
            **window,
            "head": {"kind": "fields", "fields": predicted},
        }

    def tensor_names(self) -> dict[str, str]:
        if self.fields is None:
            names = {"input.embedding.weight": "embedding.weight"}
        else:
            names = self.fields.tensor_names("fields")
        names |= self.condition_tables.tensor_names("condition_tables")
        for index, layer in enumerate(self.layers):
            for direction, place in enumerate(("", "backward.")[: 1 + layer.bidirectional]):
                for product, part_of in (("input", "ih"), ("recurrent", "hh")):
                    for part in ("weight", "bias"):
                        parameter = f"layers.{index}.{part}_{part_of}{_suffix(direction)}"
                        names[f"layers.{index}.{place}{product}.{part}"] = parameter
        return names | {"head.weight": "head.weight", "head.bias": "head.bias"}

    def inner_matrices(self) -> set[str]:
        return {
            name
            for name, parameter in self.named_parameters()
            if name.startswith("layers.") and parameter.ndim == 2
        }

    def forward(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        """As the engine runs it: with a window, the state is the elements that it still holds."""
        if self.window is None:
            return self.remember(inputs, conditions, state)
        before = self.window - 1
        # Before the first element lies what step 0 is fed, which that element is.
        past = inputs[:1].expand(before, *inputs.shape[1:]) if state is None else state[0][0]
        known = torch.cat([past.to(inputs.dtype), inputs])
        steps, columns = inputs.shape[:2]
        # [steps, columns, …, window], and then [window, steps * columns, …].
        windows = known.unfold(0, self.window, 1).movedim(-1, 0).flatten(1, 2)
        # All elements of a window are heard under the conditions of its prediction.
        repeated = [
            values.repeat(steps) if values.ndim == 1 else values.flatten() for values in conditions
        ]
        outputs = self.predict(windows, repeated).unflatten(0, (steps, columns))
        return outputs, [(known[len(known) - before :],)]

    def predict(self, windows: Tensor, conditions: Sequence[Tensor]) -> Tensor:
        """One prediction of each column, [columns, outputs], from the initial states over the
        elements of `windows`, [window, columns]: the head reads what the forward direction has
        after the newest and the backward direction after the oldest."""
        signal, _ = self._through_layers(windows, conditions, None)
        if not self.layers[-1].bidirectional:
            return self.head(signal[-1])
        channels = self.layer_configurations[-1]["channels"]
        ends = [signal[-1, :, :channels], signal[0, :, channels:]]
        return self.head(torch.cat(ends, dim=-1))

    def remember(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        """A prediction after every element, the layers' states carried on: what a network without
        a window does, and what one with a window learns from at a fraction of the cost."""
        if self.is_bidirectional:
            raise ValueError("layers that run both ways carry no state")
        signal, states_after = self._through_layers(inputs, conditions, state)
        return self.head(signal), states_after

    def _through_layers(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State
    ) -> tuple[Tensor, State]:
        signal = self.embedding(inputs) if self.fields is None else self.fields(inputs)
        if self.conditions:
            vector = self.condition_tables(conditions)
            vector = vector.expand(*signal.shape[:-1], vector.shape[-1])
            signal = torch.cat([signal, vector], dim=-1)
        states_after = []
        for index, layer in enumerate(self.layers):
            before = None if state is None else state[index]
            if before is not None and isinstance(layer, nn.GRU):
                before = before[0]
            signal, after = layer(signal, before)
            states_after.append(after if isinstance(after, tuple) else (after,))
            signal = self.dropout(signal)
        return signal, states_after


def _suffix(direction: int) -> str:
    """What `torch.nn` ends the names of its parameters with."""
    return "_l0_reverse" if direction else "_l0"
