"""A PyTorch state dict of LSTM or GRU layers, with an embedding before and a product behind, found
by the names that `torch.nn` gives and by shapes.

A state dict says neither the order in which modules run nor what stands between them without
weights. The order is taken where the shapes leave one only; else it is asked for (`--modules`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cadenza_training.conversion.chain import Activation, Affine, Embedding, Layer, Recurrent
from cadenza_training.errors import UserError

_RECURRENT_NAME = re.compile(
    r"^(?P<module>.*?)\.?(?P<part>weight|bias)_(?P<side>ih|hh|hr)(?:_l(?P<layer>\d+))?"
    r"(?P<reverse>_reverse)?$"
)
_ACTIVATIONS = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}
_MOST_ORDERS = 7  # recurrent modules whose orders are tried: 7! = 5,040


@dataclass
class Module:
    """One module of the original; `parameters` by the names within it."""

    name: str
    kind: str  # lstm, gru, embedding or linear
    parameters: dict[str, Tensor] = field(default_factory=dict)
    activation: str = ""

    @property
    def inputs(self) -> int:
        return self._main().shape[1]

    @property
    def outputs(self) -> int:
        if self.kind in ("lstm", "gru"):
            return self.parameters["weight_hh_l0"].shape[1]
        return self.parameters["weight"].shape[0]

    def _main(self) -> Tensor:
        return self.parameters["weight_ih_l0" if self.kind in ("lstm", "gru") else "weight"]


def find_modules(
    tensors: Mapping[str, Tensor], asked: str | None, condition_channels: int
) -> list[Module]:
    """The modules in the order in which they run. `asked` is "name,name:activation,…"."""
    modules = _modules(tensors)
    if asked is not None:
        return _in_asked_order(modules, asked)
    recurrent = [module for module in modules.values() if module.kind in ("lstm", "gru")]
    others = [module for module in modules.values() if module.kind == "linear"]
    if not recurrent:
        raise UserError(
            "the state dict holds no weights of torch.nn.LSTM or torch.nn.GRU (names such as "
            "lstm.weight_ih_l0); for another network write a mapping file (--mapping)"
        )
    if len(recurrent) > _MOST_ORDERS:
        raise UserError(
            f"the state dict holds {len(recurrent)} recurrent modules; give their order with "
            "--modules"
        )
    first, last = _ends(others, recurrent, condition_channels)
    orders = [
        order
        for order in itertools.permutations(recurrent)
        if _fits(order, first, last, condition_channels)
    ]
    names = ", ".join(module.name for module in [*first, *recurrent, *last])
    if len(orders) != 1:
        shapes = "; ".join(
            f"{module.name} {module.kind} {module.inputs} → {module.outputs}"
            for module in [*first, *recurrent, *last]
        )
        reason = "more than one order fits" if orders else "no order fits"
        raise UserError(
            f"the order in which {names} run cannot be told, {reason} their shapes ({shapes}); "
            "give it with --modules, for example --modules lstm,linear"
        )
    return [*first, *orders[0], *last]


def original(modules: Sequence[Module], inputs: NDArray, conditions: NDArray | None) -> NDArray:
    """The original network on one sequence in float64, out of torch's own modules."""
    signal = torch.from_numpy(inputs)
    with torch.inference_mode():
        for index, module in enumerate(modules):
            parameters = module.parameters
            if module.kind == "embedding":
                signal = nn.functional.embedding(signal, parameters["weight"])
            if index == 0 and conditions is not None:
                signal = torch.cat([signal, torch.from_numpy(conditions)], dim=1)
            if module.kind == "linear":
                signal = nn.functional.linear(signal, parameters["weight"], parameters.get("bias"))
            elif module.kind in ("lstm", "gru"):
                signal = _torch_module(module)(signal)[0]
            if module.activation:
                signal = _ACTIVATIONS[module.activation](signal)
    return signal.numpy()


def chain(modules: Sequence[Module]) -> list[Layer]:
    links: list[Layer] = []
    for module in modules:
        arrays = {name: tensor.numpy() for name, tensor in module.parameters.items()}
        if module.kind == "embedding":
            links.append(Embedding(module.name, arrays["weight"]))
        elif module.kind == "linear":
            weight = arrays["weight"]
            zeros = torch.zeros(len(weight), dtype=torch.float64).numpy()
            links.append(Affine(module.name, weight, arrays.get("bias", zeros)))
        else:
            for layer in range(_layer_count(module)):
                weight = arrays[f"weight_ih_l{layer}"]
                zeros = torch.zeros(len(weight), dtype=torch.float64).numpy()
                links.append(
                    Recurrent(
                        f"{module.name}, layer {layer}",
                        module.kind,
                        weight,
                        arrays.get(f"bias_ih_l{layer}", zeros),
                        arrays[f"weight_hh_l{layer}"],
                        arrays.get(f"bias_hh_l{layer}", zeros),
                    )
                )
        if module.activation:
            links.append(Activation(module.name, module.activation))
    return links


def _modules(tensors: Mapping[str, Tensor]) -> dict[str, Module]:
    grouped: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _RECURRENT_NAME.match(name)
        if match:
            _refuse_variants(name, match)
            # LSTMCell and GRUCell have no layer number.
            part = f"{match['part']}_{match['side']}_l{match['layer'] or 0}"
            grouped.setdefault(match["module"], {})[part] = tensor
        else:
            module, _, part = name.rpartition(".")
            grouped.setdefault(module, {})[part] = tensor
    return {name or "(top)": _module(name or "(top)", held) for name, held in grouped.items()}


def _refuse_variants(name: str, match: re.Match) -> None:
    if match["reverse"]:
        raise UserError(
            f"{name}: the module is bidirectional, it reads its input backwards as well; the "
            "engine streams, and would need to know the future"
        )
    if match["side"] == "hr":
        raise UserError(
            f"{name}: the LSTM projects its output (proj_size); the engine would need a product "
            "inside the recurrence"
        )


def _module(name: str, parameters: dict[str, Tensor]) -> Module:
    if any(part.startswith("weight_ih") for part in parameters):
        return _recurrent_module(name, parameters)
    weight = parameters.get("weight")
    shapes = ", ".join(f"{part} {list(tensor.shape)}" for part, tensor in parameters.items())
    if weight is None or weight.ndim != 2 or not set(parameters) <= {"weight", "bias"}:
        raise UserError(
            f"module {name!r} ({shapes}) is neither an LSTM, a GRU, an Embedding nor a Linear; the "
            "engine would need to know what it computes: fold it into a neighbour in PyTorch, or "
            "write a mapping file (--mapping)"
        )
    bias = parameters.get("bias")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise UserError(
            f"module {name!r}: bias is {list(bias.shape)}; expected {list(weight.shape[:1])}"
        )
    return Module(name, "linear", parameters)


def _recurrent_module(name: str, parameters: dict[str, Tensor]) -> Module:
    first = parameters.get("weight_hh_l0")
    if first is None or first.ndim != 2 or first.shape[1] == 0:
        raise UserError(f"module {name!r} has no weight_hh_l0 of two dimensions")
    units = first.shape[1]
    gates = first.shape[0] // units
    if gates == 1:
        raise UserError(
            f"module {name!r} is a plain RNN; the engine has LSTM and GRU, and would need a layer "
            "h ← tanh(W x + U h)"
        )
    kind = {4: "lstm", 3: "gru"}.get(gates)
    if kind is None or first.shape[0] != gates * units:
        raise UserError(
            f"module {name!r}: weight_hh_l0 is {list(first.shape)}; expected [4 N, N] (LSTM) or "
            "[3 N, N] (GRU)"
        )
    module = Module(name, kind, parameters)
    width = None
    expected_names: set[str] = set()
    for layer in range(_layer_count(module)):
        has_bias = f"bias_ih_l{layer}" in parameters
        expected = {f"weight_ih_l{layer}": (gates * units, width)}
        expected[f"weight_hh_l{layer}"] = (gates * units, units)
        if has_bias:
            expected |= dict.fromkeys((f"bias_ih_l{layer}", f"bias_hh_l{layer}"), (gates * units,))
        for part, shape in expected.items():
            tensor = parameters.get(part)
            if tensor is None:
                raise UserError(f"module {name!r} has no {part}")
            found = tuple(tensor.shape)
            if part == "weight_ih_l0" and len(found) == 2:
                shape = (shape[0], found[1])
            if found != shape:
                raise UserError(f"module {name!r}: {part} is {list(found)}; expected {list(shape)}")
        expected_names |= set(expected)
        width = units
    unknown = sorted(set(parameters) - expected_names)
    if unknown:
        raise UserError(f"module {name!r} has {', '.join(unknown)}, which a {kind.upper()} lacks")
    return module


def _layer_count(module: Module) -> int:
    numbers = [
        int(part.rpartition("_l")[2]) for part in module.parameters if part.startswith("weight_hh")
    ]
    return max(numbers) + 1


def _ends(
    others: list[Module], recurrent: list[Module], condition_channels: int
) -> tuple[list[Module], list[Module]]:
    """The embedding before and the product behind the recurrent modules, among `others`."""
    if not others:
        widest = ", ".join(f"{module.name} gives {module.outputs}" for module in recurrent)
        if any(module.outputs == 1 for module in recurrent):
            return [], []
        raise UserError(f"the state dict holds no product behind the recurrent modules ({widest})")
    if len(others) == 1:
        return [], others
    names = ", ".join(module.name for module in others)
    if len(others) > 2:
        raise UserError(
            f"the state dict holds {len(others)} products ({names}), and does not say what stands "
            "between them; give the chain with --modules NAME,NAME:tanh,…"
        )
    # An embedding is [tokens, channels] without a bias, and the head gives as many outputs.
    pairs = [
        (one, other)
        for one, other in (others, others[::-1])
        if "bias" not in one.parameters
        and one.outputs == other.outputs
        and any(one.inputs + condition_channels == module.inputs for module in recurrent)
        and any(other.inputs == module.outputs for module in recurrent)
    ]
    if len(pairs) != 1:
        raise UserError(
            f"which of {names} is an embedding and which the head cannot be told from names and "
            "shapes; give the chain with --modules, for example --modules NAME:embedding,lstm,NAME"
        )
    embedding, head = pairs[0]
    return [Module(embedding.name, "embedding", embedding.parameters)], [head]


def _fits(
    order: Sequence[Module],
    first: list[Module],
    last: list[Module],
    condition_channels: int,
) -> bool:
    chain_of = [*order, *last]
    for before, behind in itertools.pairwise(chain_of):
        if before.outputs != behind.inputs:
            return False
    if first:
        return order[0].inputs == first[0].inputs + condition_channels
    # Without an embedding the network reads a sample or a one-hot token.
    return order[0].inputs - condition_channels in (1, chain_of[-1].outputs)


def _in_asked_order(modules: Mapping[str, Module], asked: str) -> list[Module]:
    chosen = []
    for place, word in enumerate(asked.split(",")):
        name, _, option = word.strip().partition(":")
        module = modules.get(name)
        if module is None:
            raise UserError(
                f"--modules names {name!r}, which the state dict does not hold; it holds: "
                f"{', '.join(modules)}"
            )
        is_embedding = option == "embedding" and module.kind == "linear" and place == 0
        if option and not is_embedding and option not in _ACTIVATIONS:
            raise UserError(
                f"--modules: {word.strip()!r} ends in {option!r}; the engine's recurrent network "
                "can follow tanh and sigmoid behind a module, and :embedding marks the first one"
            )
        kind = "embedding" if is_embedding else module.kind
        activation = "" if is_embedding else option
        chosen.append(Module(module.name, kind, module.parameters, activation))
    left = sorted(set(modules) - {module.name for module in chosen})
    if left:
        raise UserError(f"--modules leaves out {', '.join(left)}, which the state dict holds")
    return chosen


def _torch_module(module: Module) -> nn.LSTM | nn.GRU:
    make = nn.LSTM if module.kind == "lstm" else nn.GRU
    made = make(
        module.inputs,
        module.outputs,
        num_layers=_layer_count(module),
        bias="bias_ih_l0" in module.parameters,
        dtype=torch.float64,
    )
    made.load_state_dict(module.parameters)
    return made
