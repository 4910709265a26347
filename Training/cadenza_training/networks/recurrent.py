"""A stack of LSTM or GRU layers over tokens, in the arrangement of `torch.nn`, which the engine
shares: gates i f g o (LSTM) and r z n with the reset after the product (GRU).

Layer 0 reads the token's embedding (or, of several fields, their vectors; or an element's numbers
as they are) followed by the conditions' vector h; the head is one product. With a `window`, every
prediction is made anew from the last elements: only such a network can have layers that run both
ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.code_order import ordered_embedding
from cadenza_training.networks.conditions import Condition, Conditions
from cadenza_training.networks.fields import Field, Fields, read_fields
from cadenza_training.networks.network import Network, State

LAYER_TYPES = {"lstm": nn.LSTM, "gru": nn.GRU}
DEFAULT_BIASES = {"layers", "head"}
LARGEST_WINDOW = 1024
# What the names of a layer's tensors have after its number.
DIRECTIONS = ("", "backward.")


class Recurrent(Network):
    kind = "recurrent"

    def __init__(
        self,
        *,
        vocabulary_size: int = 0,
        input_channels: int = 0,
        layers: Sequence[Mapping],
        fields: Sequence[Field] = (),
        values: int = 0,
        window: int | None = None,
        starts_from_conditions: bool = False,
        starts_from_zeros: bool = False,
        conditions: Sequence[Condition] = (),
        dropout: float = 0.0,
    ) -> None:
        """`layers`: {"kind": "lstm" or "gru", "channels": N, "bidirectional"?: false} each, as in a
        model file. Either one field of tokens, `vocabulary_size` of them in `input_channels`, or
        `fields`, or elements of so many `values`, in and out.

        `starts_from_conditions`: the layers' states begin as products of h, not as zeros.
        `starts_from_zeros`: the first token's vector is zeros, whatever the token.

        `dropout` falls on the output of every layer while training (Srivastava et al. 2014).
        """
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.input_channels = input_channels
        self.values = values
        self.window = window
        self.starts_from_zeros = starts_from_zeros
        self.conditions = tuple(conditions)
        self.layer_configurations = tuple(dict(layer) for layer in layers)
        if fields:
            self.fields = Fields(fields)
            input_channels = self.fields.input_channels
            outputs = sum(self.fields.head_sizes)
        elif values:
            self.fields = None
            input_channels = outputs = values
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
        # For each layer, and each of its directions: the hidden state, and of an LSTM the cell.
        self.initial = (
            nn.ModuleList(
                nn.ModuleList(
                    nn.Linear(self.condition_tables.channels, layer.hidden_size)
                    for _ in range(_directions(layer) * len(_parts(layer)))
                )
                for layer in self.layers
            )
            if starts_from_conditions
            else None
        )
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
    def from_configuration(network: Mapping, conditions: Sequence[Condition]) -> Recurrent:
        """From a model file's entry `network`; `dropout` may be there beside the file's keys."""
        entry = network["input"]
        head = network.get("head", {"kind": "softmax"})
        heads = {"embedding": "softmax", "fields": "fields", "vector": "linear"}
        if entry["kind"] not in heads:
            raise UserError(
                "training knows recurrent networks whose input is an embedding, fields or a vector"
            )
        if head["kind"] != heads[entry["kind"]]:
            raise UserError(
                "training knows recurrent networks whose head is a softmax, fields where the input "
                "is, or linear where the input is a vector"
            )
        states = network.get("initial_states", False)
        if states not in (False, "conditions"):
            raise UserError(
                "training knows recurrent networks that start from zero states, or from states "
                'made of the conditions: initial_states "conditions"'
            )
        if states == "conditions" and not conditions:
            raise UserError('network.initial_states is "conditions", and there are none')
        first = network.get("first_input", "silence")
        if first not in ("silence", "zeros") or (first == "zeros" and entry["kind"] != "embedding"):
            raise UserError(
                f'network.first_input is "{first}", expected "silence", or "zeros" of an embedding'
            )
        if first == "zeros" and network.get("window") is not None:
            raise UserError("training knows first_input zeros where there is no window")
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
        elif entry["kind"] == "vector":
            if head["channels"] != entry["channels"]:
                raise UserError(
                    f"network.head has {head['channels']} channels and the input "
                    f"{entry['channels']}: expected as many"
                )
            described = {"values": entry["channels"]}
        else:
            described = {
                "vocabulary_size": network["vocabulary_size"],
                "input_channels": entry["channels"],
            }
        return Recurrent(
            **described,
            layers=network["layers"],
            window=window,
            starts_from_conditions=states == "conditions",
            starts_from_zeros=first == "zeros",
            conditions=conditions,
            dropout=network.get("dropout", 0.0),
        )

    def empty_state(self, columns: int) -> State:
        if self.initial is not None or self.starts_from_zeros:
            # The first step is unlike the others, and is told from them by having no state.
            return None
        like = self.head.weight
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
        options: dict[str, object] = {} if self.window is None else {"window": self.window}
        if self.initial is not None:
            options["initial_states"] = "conditions"
        if self.starts_from_zeros:
            options["first_input"] = "zeros"
        if self.values:
            return {
                "kind": self.kind,
                "input": {"kind": "vector", "channels": self.values},
                "layers": layers,
                **options,
                "head": {"kind": "linear", "channels": self.values},
            }
        if self.fields is None:
            return {
                "kind": self.kind,
                "input": {"kind": "embedding", "channels": self.input_channels},
                "vocabulary_size": self.vocabulary_size,
                "layers": layers,
                **options,
                "head": {"kind": "softmax"},
            }
        fields = self.fields.fields
        read = [field.input_configuration() for field in fields]
        predicted = [field.head_configuration() for field in fields]
        return {
            "kind": self.kind,
            "input": {"kind": "fields", "fields": read},
            "layers": layers,
            **options,
            "head": {"kind": "fields", "fields": predicted},
        }

    def tensor_names(self) -> dict[str, str]:
        if self.values:
            names = {}
        elif self.fields is None:
            names = {"input.embedding.weight": "embedding.weight"}
        else:
            names = self.fields.tensor_names("fields")
        names |= self.condition_tables.tensor_names("condition_tables")
        names |= recurrent_tensor_names(self.layers)
        for index, layer in enumerate(self.layers if self.initial is not None else ()):
            parts = [
                f"{place}initial.{state}"
                for place in DIRECTIONS[: _directions(layer)]
                for state in _parts(layer)
            ]
            for number, part in enumerate(parts):
                for tensor in ("weight", "bias"):
                    names[f"layers.{index}.{part}.{tensor}"] = f"initial.{index}.{number}.{tensor}"
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
        if self.values:
            signal = inputs
        else:
            signal = self.embedding(inputs) if self.fields is None else self.fields(inputs)
        if self.starts_from_zeros and state is None:
            signal = torch.cat([torch.zeros_like(signal[:1]), signal[1:]])
        if self.conditions:
            vector = self.condition_tables(conditions)
            if self.initial is not None and state is None:
                state = self._initial_states(vector if vector.ndim == 2 else vector[0])
            vector = vector.expand(*signal.shape[:-1], vector.shape[-1])
            signal = torch.cat([signal, vector.to(signal.dtype)], dim=-1)
        states_after = []
        for index, layer in enumerate(self.layers):
            before = None if state is None else state[index]
            if before is not None and isinstance(layer, nn.GRU):
                before = before[0]
            signal, after = layer(signal, before)
            states_after.append(after if isinstance(after, tuple) else (after,))
            signal = self.dropout(signal)
        return signal, states_after

    def _initial_states(self, vector: Tensor) -> State:
        """tanh(W h + b) of each state, from h where the sequences begin, [batch, channels]."""
        states = []
        for layer, products in zip(self.layers, self.initial, strict=True):
            made = [torch.tanh(product(vector)) for product in products]
            parts = len(_parts(layer))
            states.append(tuple(torch.stack(made[part::parts]) for part in range(parts)))
        return states


def recurrent_tensor_names(layers: Sequence[nn.Module]) -> dict[str, str]:
    """Name in a model file → name of the parameter, of a list `layers` of LSTM and GRU modules."""
    return {
        f"layers.{index}.{place}{product}.{part}": (
            f"layers.{index}.{part}_{part_of}{_suffix(direction)}"
        )
        for index, layer in enumerate(layers)
        for direction, place in enumerate(DIRECTIONS[: _directions(layer)])
        for product, part_of in (("input", "ih"), ("recurrent", "hh"))
        for part in ("weight", "bias")
    }


def _directions(layer: nn.Module) -> int:
    return 2 if layer.bidirectional else 1


def _parts(layer: nn.Module) -> tuple[str, ...]:
    """What a layer's state consists of."""
    return ("hidden", "cell") if isinstance(layer, nn.LSTM) else ("hidden",)


def _suffix(direction: int) -> str:
    """What `torch.nn` ends the names of its parameters with."""
    return "_l0_reverse" if direction else "_l0"
