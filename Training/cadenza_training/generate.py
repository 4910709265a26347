"""Generates a batch of notes in PyTorch, one sample at a time: for checks during training.

The engine is what generates for listeners; this sampler follows the same rules (temperature,
then top-k, then top-p) but draws different random numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training import checkpoint, mu_law
from cadenza_training.wavenet import WaveNet


def choose_tokens(
    logits: Tensor, temperature: float, top_k: int, top_p: float, generator: torch.Generator
) -> Tensor:
    """One token for each row of `logits` [batch, levels]."""
    if temperature <= 0.0:
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if 0 < top_k < logits.shape[-1]:
        smallest_kept = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest_kept, -torch.inf)
    probabilities = logits.softmax(dim=-1)
    if top_p < 1.0:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        # A token is dropped when the ones before it already reach the share.
        dropped = ordered.cumsum(dim=-1) - ordered >= top_p
        probabilities = probabilities.masked_fill(dropped.scatter(-1, order, dropped), 0.0)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)


@torch.inference_mode()
def generate(
    network: WaveNet,
    conditions: Sequence[Tensor],
    frames: int,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Sound [batch, frames] from the note's start, for class conditions [batch] each."""
    configuration = network.configuration
    generator = torch.Generator().manual_seed(seed)
    condition_vector = network.condition_vector(conditions)
    batch = condition_vector.shape[0]
    # What does not change from step to step is multiplied once.
    constants = [
        layer.gate.bias + functional.linear(condition_vector, layer.condition.weight)
        for layer in network.layers
    ]
    gate_weights = [layer.gate.weight.t().contiguous() for layer in network.layers]
    skip_weight = torch.cat([layer.skip.weight for layer in network.layers], dim=-1)
    skip_bias = torch.stack([layer.skip.bias for layer in network.layers]).sum(dim=0)
    # Each layer's input over its last `dilation` steps: zeros before time 0.
    histories = [
        torch.zeros(layer.dilation, batch, configuration.residual_channels)
        for layer in network.layers
    ]
    gated_channels = configuration.dilation_channels
    tokens = torch.full((batch,), mu_law.silence_code(configuration.levels))
    codes = torch.empty(frames, batch, dtype=torch.int64)
    gated_outputs: list[Tensor] = [torch.empty(0)] * len(network.layers)
    for step in range(frames):
        signal = network.embedding.weight[tokens]
        for index, layer in enumerate(network.layers):
            slot = histories[index][step % layer.dilation]
            taps = torch.cat([slot, signal], dim=-1)
            slot.copy_(signal)
            preactivation = torch.addmm(constants[index], taps, gate_weights[index])
            gated = torch.tanh(preactivation[:, :gated_channels])
            gated = gated * torch.sigmoid(preactivation[:, gated_channels:])
            gated_outputs[index] = gated
            if layer.residual is not None:
                signal = signal + layer.residual(gated)
        skip = functional.linear(torch.cat(gated_outputs, dim=-1), skip_weight, skip_bias)
        logits = network.output(functional.relu(network.head(functional.relu(skip))))
        tokens = choose_tokens(logits, temperature, top_k, top_p, generator)
        codes[step] = tokens
    return mu_law.decode(codes.t().numpy(), configuration.levels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder for WAV files")
    parser.add_argument("--instrument", required=True, help="label")
    parser.add_argument("--pitch", type=int, nargs="+", required=True, help="MIDI numbers")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--sample-rate", type=int, default=16000)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    network, _ = checkpoint.load_averaged_wavenet(arguments.checkpoint)
    labels = network.configuration.conditions[0].labels or ()
    instruments = torch.full((len(arguments.pitch),), labels.index(arguments.instrument))
    sounds = generate(
        network,
        (instruments, torch.tensor(arguments.pitch)),
        int(arguments.seconds * arguments.sample_rate),
        temperature=arguments.temperature,
        seed=arguments.seed,
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    for pitch, sound in zip(arguments.pitch, sounds, strict=True):
        name = f"{arguments.instrument}-{pitch}.wav"
        soundfile.write(arguments.output / name, sound, arguments.sample_rate)


if __name__ == "__main__":
    main()
