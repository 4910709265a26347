"""Recordings played again by a WaveNet autoencoder, in PyTorch, many side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training import mu_law
from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.systems.wavenet_autoencoder.wavenet_autoencoder import EMBEDDING


@torch.no_grad()
def encode(network: Autoencoder, samples: NDArray[np.floating]) -> Tensor:
    """The embedding of a recording, [rows, size]."""
    heard = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    return network.encoder(heard[None])[:, 0]


@torch.no_grad()
def play(
    network: Autoencoder,
    levels: int,
    embeddings: Sequence[Tensor],
    pitches: Sequence[int],
    frames: int,
    *,
    temperature: float,
    seed: int,
) -> NDArray[np.float32]:
    """[sounds, frames], a sound for each embedding [rows, size], whose last row holds."""
    span = network.encoder.frames_per_value
    rows = -(-frames // span)
    held = torch.stack(
        [torch.cat([e, e[-1:].expand(max(0, rows - len(e)), -1)])[:rows] for e in embeddings], dim=1
    )
    asked = torch.tensor(list(pitches))
    generator = torch.Generator().manual_seed(seed)
    state = network.empty_state(len(embeddings))
    tokens = torch.full((1, len(embeddings)), mu_law.silence_code(levels))
    codes = np.empty((frames, len(embeddings)), dtype=np.int64)
    for frame in range(frames):
        values = [
            held[frame // span] if condition.name == EMBEDDING else asked
            for condition in network.conditions
        ]
        logits, state = network(tokens, values, state)
        if temperature > 0.0:
            shares = (logits[0].float() / temperature).softmax(dim=-1)
            tokens = torch.multinomial(shares, 1, generator=generator).T
        else:
            tokens = logits.argmax(dim=-1)
        codes[frame] = tokens[0].numpy()
    return mu_law.decode(codes.T, levels).astype(np.float32)
