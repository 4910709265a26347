"""The transformer that is trained says what FORMAT.md's equations say, written out step by step."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from cadenza_training.errors import UserError
from cadenza_training.model_file import write_model
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.network import Network
from cadenza_training.networks.registry import load_network, make_network
from cadenza_training.networks.transformer import skewed

VOCABULARY = 11
BASE = {
    "kind": "transformer",
    "vocabulary_size": VOCABULARY,
    "channels": 8,
    "layers": 2,
    "heads": 2,
    "feedforward_channels": 12,
    "window": 5,
    "positions": "relative",
}
CASES = {
    "relative": BASE,
    "post, gelu": {**BASE, "normalization": "post", "activation": "gelu"},
    "learned": {**BASE, "positions": "learned", "position_count": 7},
    "sinusoidal": {**BASE, "positions": "sinusoidal"},
    "no biases": {**BASE, "biases": []},
    "a window of one": {**BASE, "window": 1},
    "a window of all": {**BASE, "window": 64},
}
CONDITIONS = (ClassCondition("key", 4, 3), ClassCondition("position", 5, 2, follows_position=True))


def made(configuration: dict, conditions: tuple[ClassCondition, ...] = ()) -> Network:
    torch.manual_seed(7)
    network = make_network(configuration, conditions).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # Far from where training starts: every term counts.
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return network


def by_the_equations(
    configuration: dict, tensors: dict[str, Tensor], tokens: list[int], h: list[Tensor] | None
) -> Tensor:
    """Logits of every step of one sequence, from the tensors of a model file."""
    channels, heads = configuration["channels"], configuration["heads"]
    width, window = channels // heads, configuration["window"]

    def product(name: str, vector: Tensor) -> Tensor:
        out = tensors[f"{name}.weight"] @ vector
        return out + tensors[f"{name}.bias"] if f"{name}.bias" in tensors else out

    def norm(name: str, vector: Tensor) -> Tensor:
        centred = vector - vector.mean()
        scaled = centred / (vector.var(unbiased=False) + 1e-5).sqrt()
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def position(step: int) -> Tensor:
        if configuration["positions"] == "learned":
            return tensors["input.position.weight"][step % configuration["position_count"]]
        row = torch.zeros(channels, dtype=torch.float64)
        if configuration["positions"] == "sinusoidal":
            for i in range(channels // 2):
                angle = step / 10000 ** (2 * i / channels)
                row[2 * i], row[2 * i + 1] = math.sin(angle), math.cos(angle)
        return row

    cache: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(configuration["layers"])]

    def attention(layer: int, x: Tensor) -> Tensor:
        place = f"layers.{layer}.attention"
        q, k, v = product(f"{place}.input", x).chunk(3)
        cache[layer].append((k, v))
        parts = []
        for head in range(heads):
            own = slice(head * width, (head + 1) * width)
            scores, values = [], []
            for j in range(min(len(cache[layer]), window)):
                key, value = cache[layer][-1 - j]
                key = key[own]
                if configuration["positions"] == "relative":
                    key = key + tensors[f"{place}.relative.weight"][head, j]
                scores.append(q[own] @ key / math.sqrt(width))
                values.append(value[own])
            parts.append(torch.softmax(torch.stack(scores), 0) @ torch.stack(values))
        return product(f"{place}.output", torch.cat(parts))

    def feedforward(layer: int, x: Tensor) -> Tensor:
        place = f"layers.{layer}.feedforward"
        hidden = product(f"{place}.hidden", x)
        if configuration.get("activation") == "gelu":
            hidden = functional.gelu(hidden)
        else:
            hidden = hidden.relu()
        return product(f"{place}.output", hidden)

    rows = []
    is_pre = configuration.get("normalization", "pre") == "pre"
    for step, token in enumerate(tokens):
        x = tensors["input.embedding.weight"][token] + position(step)
        if h is not None:
            x = x + product("input.condition", h[step])
        for layer in range(configuration["layers"]):
            first = f"layers.{layer}.attention.normalization"
            second = f"layers.{layer}.feedforward.normalization"
            if is_pre:
                x = x + attention(layer, norm(first, x))
                x = x + feedforward(layer, norm(second, x))
            else:
                x = norm(first, x + attention(layer, x))
                x = norm(second, x + feedforward(layer, x))
        if is_pre:
            x = norm("head.normalization", x)
        rows.append(product("head", x))
    return torch.stack(rows)


# Within one block, a whole number of blocks, and a block that is not full.
@pytest.mark.parametrize("steps", [1, 4, 5, 10, 17])
@pytest.mark.parametrize("configuration", CASES.values(), ids=CASES)
def test_all_steps_at_once_are_each_step_alone(configuration: dict, steps: int) -> None:
    network = made(configuration)
    tokens = torch.randint(0, VOCABULARY, (steps, 3), generator=torch.Generator().manual_seed(1))
    logits, _ = network(tokens, [])
    for column in range(3):
        expected = by_the_equations(
            configuration, network.tensors(), tokens[:, column].tolist(), None
        )
        assert torch.allclose(logits[:, column], expected, rtol=1e-9, atol=1e-9)


def test_conditions_are_added_to_what_is_read() -> None:
    network = made(BASE, CONDITIONS)
    tensors = network.tensors()
    tokens = [3, 1, 4, 1, 5, 9, 2]
    key, positions = 2, [step % 5 for step in range(7)]
    h = [
        torch.cat(
            [
                tensors["conditions.key.embedding.weight"][key],
                tensors["conditions.position.embedding.weight"][position],
            ]
        )
        for position in positions
    ]
    logits, _ = network(
        torch.tensor(tokens)[:, None], [torch.tensor([key]), torch.tensor(positions)[:, None]]
    )
    expected = by_the_equations(BASE, tensors, tokens, h)
    assert torch.allclose(logits[:, 0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("configuration", CASES.values(), ids=CASES)
def test_a_model_file_is_read_back(tmp_path: Path, configuration: dict) -> None:
    network = made(configuration, CONDITIONS).float()
    written = {
        "network": network.network_configuration(),
        "codec": {"kind": "mu_law", "sample_rate": 8000, "levels": VOCABULARY},
        "conditions": [condition.to_configuration() for condition in CONDITIONS],
    }
    write_model(tmp_path / "model.safetensors", network.tensors(), written)
    again, _ = load_network(tmp_path / "model.safetensors")
    assert again.network_configuration() == network.network_configuration()
    assert again.conditions == network.conditions
    values = [torch.tensor([1, 0]), torch.tensor([2, 2])]
    tokens = torch.randint(0, VOCABULARY, (9, 2))
    assert torch.equal(again(tokens, values)[0], network(tokens, values)[0])


def test_the_receptive_field_is_what_it_says() -> None:
    network = made(BASE)
    field = network.receptive_field
    assert field == 1 + 2 * 4
    tokens = torch.randint(0, VOCABULARY, (20, 1))
    plain = network(tokens, [])[0][-1]
    for distance in range(1, 15):
        changed = tokens.clone()
        changed[-distance] = (changed[-distance] + 1) % VOCABULARY
        reaches = not torch.allclose(network(changed, [])[0][-1], plain, rtol=1e-12, atol=1e-12)
        assert reaches == (distance <= field)
    assert made(CASES["sinusoidal"]).receptive_field is None


@pytest.mark.parametrize("keys", [4, 8])
def test_skewing_puts_each_distance_at_its_key(keys: int) -> None:
    block = 4
    farthest_first = torch.arange(block * block).reshape(block, block).float()
    moved = skewed(farthest_first, keys)
    for query in range(block):
        for key in range(keys):
            distance = query + keys - block - key
            if 0 <= distance < block:
                assert moved[query, key] == farthest_first[query, block - 1 - distance]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heads": 3}, "does not divide 8 channels"),
        ({"positions": "rotary"}, 'network.positions is "rotary", expected'),
        ({"normalization": "none"}, 'network.normalization is "none", expected'),
        ({"activation": "tanh"}, 'network.activation is "tanh", expected'),
        ({"positions": "learned"}, "goes with learned positions"),
        ({"position_count": 9}, "goes with learned positions"),
        ({"positions": "learned", "position_count": 4}, "expected 5 or more"),
        ({"biases": ["input"]}, "are not"),
    ],
)
def test_bad_configurations_are_refused(change: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make_network({**BASE, **change}, ())
