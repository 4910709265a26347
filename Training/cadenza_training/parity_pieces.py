"""Pieces that trained composers draw themselves: what their parity fixtures are fed.

They are drawn in float64, so that the same draws come out on every machine but for the rarest, from
the networks of this package; what is predicted over them is for the reference to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.melody_vae.latents import decode
from cadenza_training.systems.note_matrix.codec import NoteMatrixCodec
from cadenza_training.systems.notes.codecs import read_codec
from cadenza_training.systems.notes.reference_sampler import compose
from cadenza_training.systems.system import SamplingOptions

# A piece that ends early is drawn again, with another seed, so often at most.
SEEDS = range(1, 9)


def drawn_piece(model: Path, steps: int) -> tuple[Tensor, dict[str, Tensor]]:
    """At most `steps` choices: tokens (I32), or rows of fields (F32); and each condition's value at
    every choice, the model's default, or the position as the codec sets it."""
    network, configuration = load_network(model)
    network.double()
    if isinstance(network, Autoencoder):
        return drawn_melody(network)
    if configuration["codec"]["kind"] == NoteMatrixCodec.kind:
        sequence = drawn_notes(network, NoteMatrixCodec(configuration["codec"]), steps)
    else:
        codec = read_codec(configuration["codec"])
        longest: Tensor = torch.empty(0)
        for seed in SEEDS:
            (tokens,) = compose(network, codec, SamplingOptions(), seeds=[seed], most_tokens=steps)
            if len(tokens) > len(longest):
                longest = torch.from_numpy(tokens)
            if len(longest) == steps:
                break
        sequence = longest.to(torch.int32)
    return sequence, condition_values(configuration, len(sequence))


def drawn_melody(network: Autoencoder) -> tuple[Tensor, dict[str, Tensor]]:
    """Of a latent that is drawn, and holds for all of the melody's steps."""
    generator = torch.Generator().manual_seed(SEEDS[0])
    latent = torch.randn(1, network.encoder.size, generator=generator)
    tokens = decode(network, latent.double(), temperature=1.0, generator=generator)[0]
    (condition,) = network.conditions
    values = {condition.name: latent.expand(len(tokens), -1)}
    return torch.from_numpy(tokens).to(torch.int32), values


def condition_values(configuration: Mapping, choices: int) -> dict[str, Tensor]:
    """The class of each condition at every choice. A position is that of the step which is being
    chosen: a chorale's step is a choice of each voice."""
    codec = configuration["codec"]
    voices = len(codec["voices"]) if codec["kind"] == "chorale_grid" else 1
    places = torch.arange(choices) // voices
    return {
        condition["name"]: (
            places % (condition.get("size") or len(condition["labels"]))
            if condition.get("follows") == "position"
            else torch.full((choices,), condition.get("default", 0))
        ).to(torch.int32)
        for condition in configuration.get("conditions", [])
    }


@torch.no_grad()
def drawn_notes(network: Recurrent, codec: NoteMatrixCodec, notes: int) -> Tensor:
    """Rows of fields: classes as the softmax has them, values with their noise within 0 … 1."""
    generator = np.random.default_rng(SEEDS[0])
    defaults = [torch.tensor([condition.default]) for condition in network.conditions]
    row = codec.first()
    rows, state = [], None
    for _ in range(notes):
        read = torch.from_numpy(row).double()[None, None]
        outputs, state = network(read, defaults, state)
        row = np.empty(len(row), dtype=np.float32)
        predicted = network.fields.split(outputs[0, 0])
        for index, (field, values) in enumerate(zip(network.fields.fields, predicted, strict=True)):
            if field.is_value:
                drawn = float(values[0]) + field.noise * generator.standard_normal()
                row[index] = min(1.0, max(0.0, drawn))
            else:
                shares = values.softmax(dim=0).numpy()
                row[index] = generator.choice(len(shares), p=shares / shares.sum())
        rows.append(torch.from_numpy(row))
    return torch.stack(rows)
