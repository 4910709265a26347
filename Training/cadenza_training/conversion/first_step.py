"""The engine's step 0 reads silence; a network from elsewhere starts from a zero state at its first
real input. Initial states are chosen such that the silent step leads exactly there.

- LSTM, known input: h = 0 and c = -sigmoid(i) tanh(g) / sigmoid(f), so that the step's
  c ← sigmoid(f) c + sigmoid(i) tanh(g) is 0 (to rounding, below 1e-6), and h with it.
- GRU, or an input that depends on conditions: one more unit, the start unit, is 1 before the
  silent step and 0 ever after. At that step it holds the update gate open (GRU: h ← 1 · h = 0) or
  shuts the input gate (LSTM: c ← f · 0 + 0) of every other unit: the state after it is below 1e-30.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]

# Far beyond what any other term adds to a gate's logit.
SATURATION = 1e4


@dataclass
class EngineLayer:
    """A layer as the model file has it."""

    name: str
    kind: str  # "lstm" or "gru"
    input_weight: Array
    input_bias: Array
    recurrent_weight: Array
    recurrent_bias: Array
    memoryless: bool  # its output depends on the present input alone
    initial_hidden: Array | None = None
    initial_cell: Array | None = None

    @property
    def channels(self) -> int:
        return self.recurrent_weight.shape[1]

    def arrays(self, prefix: str, *, with_initial: bool) -> dict[str, Array]:
        """By their names in a model file."""
        named = {
            f"{prefix}.input.weight": self.input_weight,
            f"{prefix}.input.bias": self.input_bias,
            f"{prefix}.recurrent.weight": self.recurrent_weight,
            f"{prefix}.recurrent.bias": self.recurrent_bias,
        }
        if with_initial:
            zeros = np.zeros(self.channels)
            hidden, cell = self.initial_hidden, self.initial_cell
            named[f"{prefix}.initial.hidden"] = zeros if hidden is None else hidden
            if self.kind == "lstm":
                named[f"{prefix}.initial.cell"] = zeros if cell is None else cell
        return named


def start_from_zero(stack: list[EngineLayer], head: Array, first: Array | None) -> Array:
    """Sets every layer's initial state; returns the head's weight, wider if units were added.

    `first` is what layer 0 reads at step 0, None where conditions decide it too.
    """
    signal = first
    for index, layer in enumerate(stack):
        if layer.memoryless:
            if signal is not None:
                logits = layer.input_weight @ signal + layer.input_bias
                signal = np.tanh(logits[2 * layer.channels :])
            continue
        cell = _cancelling_cell(layer, signal) if layer.kind == "lstm" else None
        if cell is not None:
            layer.initial_cell = cell
        else:
            _add_start_unit(layer)
            following = stack[index + 1] if index + 1 < len(stack) else None
            if following is None:
                head = np.pad(head, ((0, 0), (0, 1)))
            else:
                following.input_weight = np.pad(following.input_weight, ((0, 0), (0, 1)))
        signal = np.zeros(layer.channels)
    return head


def _cancelling_cell(layer: EngineLayer, signal: Array | None) -> Array | None:
    """None where there is none that single precision holds well."""
    if signal is None:
        return None
    logits = layer.input_weight @ signal + layer.input_bias + layer.recurrent_bias
    i, f, g, _ = np.split(logits, 4)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        cell = -expit(i) * np.tanh(g) / expit(f)
    if not np.isfinite(cell).all() or np.abs(cell).max() > 1e30:
        return None
    return cell


def _add_start_unit(layer: EngineLayer) -> None:
    gates = 4 if layer.kind == "lstm" else 3
    units = layer.channels

    def grown(array: Array, columns: int) -> Array:
        """One row more in each gate's block, of zeros, and as many columns more."""
        blocks = array.reshape(gates, units, -1)
        wider = np.pad(blocks, ((0, 0), (0, 1), (0, columns)))
        return wider.reshape(gates * (units + 1), -1)

    layer.input_weight = grown(layer.input_weight, 0)
    layer.recurrent_weight = grown(layer.recurrent_weight, 1)
    layer.input_bias = grown(layer.input_bias, 0)[:, 0]
    layer.recurrent_bias = grown(layer.recurrent_bias, 0)[:, 0]
    if layer.kind == "lstm":
        gate, logit = 0, -SATURATION  # i, shut
        layer.initial_cell = np.zeros(units + 1)
    else:
        gate, logit = 1, SATURATION  # z, open: keep what was
    first = gate * (units + 1)
    layer.recurrent_weight[first : first + units, units] = logit
    # The unit's own gate lets go of the 1 at once and lets nothing in; its own logits are else 0.
    layer.input_bias[first + units] = -SATURATION
    layer.initial_hidden = np.concatenate([np.zeros(units), np.ones(1)])
