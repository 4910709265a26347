"""A decoder of attention layers (Vaswani et al. 2017), with the relative attention of Huang et al.
2018, Music Transformer, in the equations that the engine implements.

Step `t` reads the token before it and attends to itself and the `window - 1` steps before it:

    x  = E[token(t-1)] + position(t) + W_condition h
    a(j) = q(t) · (k(t-j) + r(j)) / sqrt(d),  j = 0 … min(t, window - 1)

with one learned row r(j) for each head and distance where positions are relative. Training
computes all steps at once: queries in blocks of `window`, each against the keys of its own block
and the block before, so that the cost of a step does not grow with the sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.conditions import ClassCondition, Conditions
from cadenza_training.networks.network import Network, State

POSITIONS = ("relative", "learned", "sinusoidal")
NORMALIZATIONS = ("pre", "post")
ACTIVATIONS = {"relu": functional.relu, "gelu": functional.gelu}
DEFAULT_BIASES = {"attention", "feedforward", "head"}
# Standard deviation of fresh tables and products (Radford et al. 2018).
INITIAL_DEVIATION = 0.02


def sinusoids(steps: Tensor, channels: int) -> Tensor:
    """A row of sines and cosines in turn for each step (Vaswani et al. 2017, section 3.5)."""
    pairs = torch.arange((channels + 1) // 2, dtype=torch.float64, device=steps.device)
    angles = steps[:, None] * 10000.0 ** (-2.0 * pairs / channels)
    rows = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return rows[:, :channels]


def skewed(farthest_first: Tensor, keys: int) -> Tensor:
    """From a column for each distance to a column for each key (Huang et al. 2018, section 3.4.1).

    `farthest_first` is [..., block, block], its last column what a query makes of the distance 0,
    the one before of the distance 1. The result is [..., block, keys], where `keys` is `block`,
    the queries' own steps, or twice that, with the block before them first. Keys that are further
    away than a distance has a column, or later than the query, get values that mean nothing: the
    mask hides them.
    """
    block = farthest_first.shape[-1]
    if keys == block:
        # Row q moves left by block - 1 - q: padded by one and read at the old width, it does.
        padded = functional.pad(farthest_first, (1, 0)).flatten(-2)
        return padded[..., block:].unflatten(-1, (block, block))
    # Row q moves right by q + 1.
    padded = functional.pad(farthest_first, (1, block)).flatten(-2)
    return padded[..., : block * keys].unflatten(-1, (block, keys))


class Attention(nn.Module):
    def __init__(
        self, channels: int, heads: int, window: int, *, is_relative: bool, has_bias: bool
    ) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.input = nn.Linear(channels, 3 * channels, bias=has_bias)
        self.relative = (
            nn.Parameter(torch.zeros(heads, window, channels // heads)) if is_relative else None
        )
        self.output = nn.Linear(channels, channels, bias=has_bias)

    def forward(self, signal: Tensor) -> Tensor:
        """[batch, time, channels] to the same."""
        steps, channels = signal.shape[1:]
        width = channels // self.heads
        block = min(self.window, steps)
        blocks = math.ceil(steps / block)
        padding = blocks * block - steps
        # Each [batch, heads, blocks, block, width].
        queries, keys, values = (
            functional.pad(part, (0, 0, 0, padding))
            .unflatten(-1, (self.heads, width))
            .transpose(1, 2)
            .unflatten(2, (blocks, block))
            for part in self.input(signal).chunk(3, dim=-1)
        )
        queries = queries / math.sqrt(width)
        reach = block if blocks == 1 else 2 * block
        if blocks > 1:
            keys = _with_block_before(keys)
            values = _with_block_before(values)
        scores = queries @ keys.transpose(-1, -2)
        if self.relative is not None:
            rows = self.relative[:, :block].flip(1).transpose(-1, -2)
            scores = scores + skewed(queries @ rows[:, None], reach)
        hidden = self._hidden(blocks, block, reach, signal.device)
        scores = scores.masked_fill_(hidden, -math.inf)
        attended = torch.softmax(scores, dim=-1) @ values
        joined = attended.flatten(2, 3)[:, :, :steps].transpose(1, 2).flatten(-2)
        return self.output(joined)

    def step(self, signal: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same for a few steps after others, whose last keys and values are given, each
        [batch, heads, time, width]; and those that the steps after it will need."""
        steps = signal.shape[1]
        width = signal.shape[-1] // self.heads
        queries, new_keys, new_values = (
            part.unflatten(-1, (self.heads, width)).transpose(1, 2)
            for part in self.input(signal).chunk(3, dim=-1)
        )
        keys = torch.cat([keys, new_keys], dim=2)
        values = torch.cat([values, new_values], dim=2)
        known = keys.shape[2]
        query = torch.arange(known - steps, known, device=signal.device)[:, None]
        distance = query - torch.arange(known, device=signal.device)
        queries = queries / math.sqrt(width)
        scores = queries @ keys.transpose(-1, -2)
        if self.relative is not None:
            products = queries @ self.relative.transpose(-1, -2)
            columns = distance.clamp(0, self.window - 1).expand(*products.shape[:3], -1)
            scores = scores + products.gather(-1, columns)
        hidden = (distance < 0) | (distance >= self.window)
        attended = torch.softmax(scores.masked_fill(hidden, -math.inf), dim=-1) @ values
        kept = min(known, self.window - 1)
        output = self.output(attended.transpose(1, 2).flatten(-2))
        return output, keys[:, :, known - kept :], values[:, :, known - kept :]

    def _hidden(self, blocks: int, block: int, reach: int, device: torch.device) -> Tensor:
        """Which keys a query must not see, [blocks, block, reach]."""
        query = torch.arange(block, device=device)[:, None] + (reach - block)
        key = torch.arange(reach, device=device)
        distance = query - key
        hidden = ((distance < 0) | (distance >= self.window)).expand(blocks, block, reach)
        if blocks > 1:
            # Nothing is before the first block.
            hidden = hidden.clone()
            hidden[0, :, :block] = True
        return hidden


def _with_block_before(parts: Tensor) -> Tensor:
    before = functional.pad(parts[:, :, :-1], (0, 0, 0, 0, 1, 0))
    return torch.cat([before, parts], dim=-2)


class TransformerLayer(nn.Module):
    def __init__(
        self,
        *,
        channels: int,
        heads: int,
        feedforward_channels: int,
        window: int,
        is_relative: bool,
        is_pre: bool,
        activation: str,
        biases: set[str],
        dropout: float,
    ) -> None:
        super().__init__()
        self.is_pre = is_pre
        self.activation = ACTIVATIONS[activation]
        self.attention_normalization = nn.LayerNorm(channels)
        self.attention = Attention(
            channels, heads, window, is_relative=is_relative, has_bias="attention" in biases
        )
        self.feedforward_normalization = nn.LayerNorm(channels)
        has_bias = "feedforward" in biases
        self.hidden = nn.Linear(channels, feedforward_channels, bias=has_bias)
        self.output = nn.Linear(feedforward_channels, channels, bias=has_bias)
        self.dropout = nn.Dropout(dropout)

    def feedforward(self, signal: Tensor) -> Tensor:
        return self.output(self.dropout(self.activation(self.hidden(signal))))

    def forward(self, signal: Tensor) -> Tensor:
        return self.around(self.attention, signal)

    def around(self, attention: Callable[[Tensor], Tensor], signal: Tensor) -> Tensor:
        """The layer, with its attention as it is asked for."""
        if self.is_pre:
            attended = attention(self.attention_normalization(signal))
            signal = signal + self.dropout(attended)
            return signal + self.dropout(self.feedforward(self.feedforward_normalization(signal)))
        signal = self.attention_normalization(signal + self.dropout(attention(signal)))
        return self.feedforward_normalization(signal + self.dropout(self.feedforward(signal)))


class Transformer(Network):
    kind = "transformer"

    def __init__(
        self,
        *,
        vocabulary_size: int,
        channels: int,
        layers: int,
        heads: int,
        feedforward_channels: int,
        window: int,
        positions: str = "relative",
        position_count: int | None = None,
        normalization: str = "pre",
        activation: str = "relu",
        biases: set[str] = frozenset(DEFAULT_BIASES),
        conditions: Sequence[ClassCondition] = (),
        dropout: float = 0.0,
    ) -> None:
        """`dropout` falls on the embedded input, inside each feedforward part, and on what each
        part adds to the signal (Vaswani et al. 2017, section 5.4)."""
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.channels = channels
        self.heads = heads
        self.feedforward_channels = feedforward_channels
        self.window = window
        self.positions = positions
        self.position_count = position_count
        self.normalization = normalization
        self.activation = activation
        self.biases = set(biases)
        self.conditions = tuple(conditions)
        self.embedding = nn.Embedding(vocabulary_size, channels)
        self.position = nn.Embedding(position_count, channels) if position_count else None
        self.condition_tables = Conditions(self.conditions)
        self.condition = (
            nn.Linear(self.condition_tables.channels, channels, bias=False) if conditions else None
        )
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(
                channels=channels,
                heads=heads,
                feedforward_channels=feedforward_channels,
                window=window,
                is_relative=positions == "relative",
                is_pre=normalization == "pre",
                activation=activation,
                biases=self.biases,
                dropout=dropout,
            )
            for _ in range(layers)
        )
        self.head_normalization = nn.LayerNorm(channels) if normalization == "pre" else None
        self.head = nn.Linear(channels, vocabulary_size, bias="head" in self.biases)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
            elif isinstance(module, Attention) and module.relative is not None:
                nn.init.normal_(module.relative, std=INITIAL_DEVIATION)
        # What is added to the signal is smaller the more layers add to it (Radford et al. 2019).
        for layer in self.layers:
            for product in (layer.attention.output, layer.output):
                product.weight /= math.sqrt(2.0 * len(self.layers))

    @torch.no_grad()
    def relate_tokens(self, traits: Tensor) -> None:
        """Each row is the sum of a random vector for each of its traits and one of its own."""
        counts = traits.sum(dim=1, keepdim=True) + 1.0
        for table in (self.embedding.weight, self.head.weight):
            shared = traits @ torch.randn(traits.shape[1], self.channels)
            rows = (shared + torch.randn(self.vocabulary_size, self.channels)) / counts.sqrt()
            table.copy_(INITIAL_DEVIATION * rows)

    @staticmethod
    def from_configuration(network: Mapping, conditions: Sequence[ClassCondition]) -> Transformer:
        """From a model file's entry `network`; `dropout` may be there beside the file's keys."""
        channels, heads = network["channels"], network["heads"]
        if heads < 1 or channels % heads:
            raise UserError(f"network.heads is {heads}, which does not divide {channels} channels")
        for name, allowed, default in (
            ("positions", POSITIONS, None),
            ("normalization", NORMALIZATIONS, "pre"),
            ("activation", tuple(ACTIVATIONS), "relu"),
        ):
            value = network.get(name, default)
            if value not in allowed:
                raise UserError(f'network.{name} is "{value}", expected {", ".join(allowed)}')
        window, count = network["window"], network.get("position_count")
        if (network["positions"] == "learned") != (count is not None):
            raise UserError("network.position_count goes with learned positions, and only those")
        if count is not None and count < window:
            raise UserError(f"network.position_count is {count}, expected {window} or more")
        unknown = set(network.get("biases", ())) - DEFAULT_BIASES
        if unknown:
            raise UserError(f"network.biases: {sorted(unknown)} are not {sorted(DEFAULT_BIASES)}")
        return Transformer(
            vocabulary_size=network["vocabulary_size"],
            channels=channels,
            layers=network["layers"],
            heads=heads,
            feedforward_channels=network.get("feedforward_channels") or 4 * channels,
            window=window,
            positions=network["positions"],
            position_count=count,
            normalization=network.get("normalization", "pre"),
            activation=network.get("activation", "relu"),
            biases=set(network.get("biases", DEFAULT_BIASES)),
            conditions=conditions,
            dropout=network.get("dropout", 0.0),
        )

    @property
    def receptive_field(self) -> int | None:
        # Positions that are not relative tell how long it has run.
        if self.positions != "relative":
            return None
        return 1 + len(self.layers) * (self.window - 1)

    def network_configuration(self) -> dict[str, object]:
        configuration: dict[str, object] = {
            "kind": self.kind,
            "vocabulary_size": self.vocabulary_size,
            "channels": self.channels,
            "layers": len(self.layers),
            "heads": self.heads,
            "feedforward_channels": self.feedforward_channels,
            "window": self.window,
            "positions": self.positions,
            "normalization": self.normalization,
            "activation": self.activation,
            "biases": sorted(self.biases),
        }
        if self.position_count is not None:
            configuration["position_count"] = self.position_count
        return configuration

    def tensor_names(self) -> dict[str, str]:
        places = {"input.embedding": "embedding", "head": "head"}
        if self.position is not None:
            places["input.position"] = "position"
        if self.condition is not None:
            places["input.condition"] = "condition"
        if self.head_normalization is not None:
            places["head.normalization"] = "head_normalization"
        for index in range(len(self.layers)):
            layer = f"layers.{index}"
            places |= {
                f"{layer}.attention.normalization": f"{layer}.attention_normalization",
                f"{layer}.attention.input": f"{layer}.attention.input",
                f"{layer}.attention.output": f"{layer}.attention.output",
                f"{layer}.feedforward.normalization": f"{layer}.feedforward_normalization",
                f"{layer}.feedforward.hidden": f"{layer}.hidden",
                f"{layer}.feedforward.output": f"{layer}.output",
            }
        parameters = {name for name, _ in self.named_parameters()}
        names = {
            f"{place}.{part}": f"{module}.{part}"
            for place, module in places.items()
            for part in ("weight", "bias")
            if f"{module}.{part}" in parameters
        }
        if self.positions == "relative":
            for index in range(len(self.layers)):
                layer = f"layers.{index}.attention"
                names[f"{layer}.relative.weight"] = f"{layer}.relative"
        return names | self.condition_tables.tensor_names("condition_tables")

    def inner_matrices(self) -> set[str]:
        return {
            name
            for name, parameter in self.named_parameters()
            if name.startswith("layers.") and parameter.ndim == 2
        }

    def empty_state(self, columns: int) -> State:
        """How many steps there have been, then each layer's keys and values."""
        like = self.embedding.weight
        nothing = like.new_zeros(columns, self.heads, 0, self.channels // self.heads)
        layers = [(nothing, nothing) for _ in self.layers]
        return [(torch.zeros((), dtype=torch.int64, device=like.device),), *layers]

    def forward(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        """From a state on, the state after it is returned; without one `inputs` begin where the
        sequence begins, and nothing is carried."""
        first = 0 if state is None else int(state[0][0])
        rows = torch.arange(first, first + len(inputs), device=inputs.device)
        signal = self.embedding(inputs)
        if self.position is not None:
            signal = signal + self.position(rows % self.position_count)[:, None]
        elif self.positions == "sinusoidal":
            signal = signal + sinusoids(rows, self.channels)[:, None].to(signal.dtype)
        if self.condition is not None:
            signal = signal + self.condition(self.condition_tables(conditions))
        signal = self.dropout(signal).transpose(0, 1)
        state_after: State = None
        if state is None:
            for layer in self.layers:
                signal = layer(signal)
        else:
            state_after = [(rows[-1] + 1,)]
            for layer, (keys, values) in zip(self.layers, state[1:], strict=True):

                def attention(
                    normalized: Tensor,
                    layer: TransformerLayer = layer,
                    keys: Tensor = keys,
                    values: Tensor = values,
                ) -> Tensor:
                    attended, *after = layer.attention.step(normalized, keys, values)
                    state_after.append(tuple(after))
                    return attended

                signal = layer.around(attention, signal)
        if self.head_normalization is not None:
            signal = self.head_normalization(signal)
        return self.head(signal).transpose(0, 1), state_after
