"""Melodies to latents and back, with the network of a model file: greedy, and between two."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.networks.autoencoder import Autoencoder

# Melodies at once.
COLUMNS = 512


@torch.no_grad()
def encode(network: Autoencoder, melodies: NDArray[np.int64]) -> Tensor:
    """The means of the posteriors, [melodies, size], of melodies [melodies, steps]."""
    parts = [
        network.encoder(torch.from_numpy(np.ascontiguousarray(part.T)))[0]
        for part in _parts(melodies)
    ]
    return torch.cat(parts)


@torch.no_grad()
def decode(
    network: Autoencoder,
    latents: Tensor,
    *,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> NDArray[np.int64]:
    """[melodies, steps]: the likeliest token at each step, or a drawn one."""
    tokens = torch.zeros(1, len(latents), dtype=torch.int64)
    state = None
    chosen = []
    for _ in range(network.encoder.steps):
        logits, state = network(tokens, [latents], state)
        if temperature > 0.0:
            shares = (logits[0].double() / temperature).softmax(dim=-1)
            tokens = torch.multinomial(shares, 1, generator=generator).T
        else:
            tokens = logits.argmax(dim=-1)
        chosen.append(tokens[0])
    return torch.stack(chosen, dim=1).numpy()


def spherical(first: Tensor, second: Tensor, place: float) -> Tensor:
    """Between rows of latents along the sphere (Shoemake 1985), as points of a normal distribution
    of many dimensions lie on one; its radius moves from one to the other."""
    lengths = first.norm(dim=-1, keepdim=True), second.norm(dim=-1, keepdim=True)
    cosine = (first * second).sum(dim=-1, keepdim=True) / (lengths[0] * lengths[1]).clamp(min=1e-9)
    angle = cosine.clamp(-1.0, 1.0).acos()
    straight = (1.0 - place) * first + place * second
    sine = angle.sin()
    turned = (
        ((1.0 - place) * angle).sin() * first / lengths[0]
        + (place * angle).sin() * second / lengths[1]
    ) / sine
    radius = (1.0 - place) * lengths[0] + place * lengths[1]
    return torch.where(sine.abs() < 1e-4, straight, turned * radius)


def _parts(melodies: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [melodies[first : first + COLUMNS] for first in range(0, len(melodies), COLUMNS)]
