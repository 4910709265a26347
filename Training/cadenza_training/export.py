"""Exports a trained WaveNet checkpoint as one model file.

    python -m cadenza_training.export --checkpoint runs/notes/checkpoint.pt \\
        --recipe recipes/notes-wavenet.json --validation-nats 2.1 --output notes-wavenet.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from cadenza_training import checkpoint
from cadenza_training.dataset import Recipe
from cadenza_training.model_file import write_model
from cadenza_training.wavenet import KERNEL_SIZE, WaveNet

STORAGE_TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def wavenet_tensors(network: WaveNet) -> dict[str, Tensor]:
    """The network's weights under their names in the model file."""
    configuration = network.configuration
    residual = configuration.residual_channels
    tensors: dict[str, Tensor] = {"input.embedding.weight": network.embedding.weight}
    for condition, embedding in zip(
        configuration.conditions, network.condition_embeddings, strict=True
    ):
        tensors[f"conditions.{condition.name}.embedding.weight"] = embedding.weight
    for index, layer in enumerate(network.layers):
        prefix = f"layers.{index}"
        # [2D, taps * R], oldest tap first, becomes [2D, R, taps].
        gate = layer.gate.weight.reshape(-1, KERNEL_SIZE, residual).permute(0, 2, 1)
        tensors[f"{prefix}.gate.weight"] = gate
        tensors[f"{prefix}.gate.bias"] = layer.gate.bias
        tensors[f"{prefix}.condition.weight"] = layer.condition.weight
        tensors[f"{prefix}.skip.weight"] = layer.skip.weight
        tensors[f"{prefix}.skip.bias"] = layer.skip.bias
        if layer.residual is not None:
            tensors[f"{prefix}.residual.weight"] = layer.residual.weight
            tensors[f"{prefix}.residual.bias"] = layer.residual.bias
    tensors["head.hidden.weight"] = network.head.weight
    tensors["head.hidden.bias"] = network.head.bias
    tensors["head.output.weight"] = network.output.weight
    tensors["head.output.bias"] = network.output.bias
    return tensors


def wavenet_network_configuration(network: WaveNet) -> dict[str, object]:
    configuration = network.configuration
    return {
        "kind": "wavenet",
        "vocabulary_size": configuration.levels,
        "input": {"kind": "embedding"},
        "kernel_size": KERNEL_SIZE,
        "dilations": list(configuration.dilations),
        "residual_channels": configuration.residual_channels,
        "gate_channels": configuration.dilation_channels,
        "skip_channels": configuration.skip_channels,
        "head_channels": configuration.head_channels,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--weights", choices=sorted(STORAGE_TYPES), default="f16")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-k", type=int, default=0, help="0: off")
    parser.add_argument("--top-p", type=float, default=1.0, help="1: off")
    parser.add_argument("--default-instrument", help="label; the first one when left out")
    parser.add_argument("--default-pitch", type=int, default=60, help="MIDI number")
    parser.add_argument("--validation-nats", type=float, help="as evaluate_likelihood prints it")
    arguments = parser.parse_args()

    recipe = Recipe.load(arguments.recipe)
    network, saved = checkpoint.load_averaged_wavenet(arguments.checkpoint)
    labels = list(recipe.labels)
    default_label = arguments.default_instrument or labels[0]
    conditions = []
    for condition in network.configuration.conditions:
        entry: dict[str, object] = {
            "name": condition.name,
            "kind": "class",
            "size": condition.size,
            "embedding_channels": condition.embedding_channels,
        }
        if condition.labels is not None:
            entry["labels"] = list(condition.labels)
            entry["default"] = labels.index(default_label)
        else:
            entry["default"] = arguments.default_pitch
        conditions.append(entry)
    training: dict[str, object] = {
        "data": recipe.data,
        "recipe": f"Training/recipes/{arguments.recipe.name}",
        "steps": saved["step"],
    }
    if arguments.validation_nats is not None:
        training["validation_nats"] = arguments.validation_nats
    storage = STORAGE_TYPES[arguments.weights]
    tensors = {name: tensor.to(storage) for name, tensor in wavenet_tensors(network).items()}
    write_model(
        arguments.output,
        tensors,
        {
            "name": recipe.name,
            "description": recipe.description,
            "license": recipe.license,
            "network": wavenet_network_configuration(network),
            "codec": {
                "kind": "mu_law",
                "sample_rate": recipe.sample_rate,
                "levels": recipe.levels,
            },
            "conditions": conditions,
            "sampling": {
                "temperature": arguments.temperature,
                "top_k": arguments.top_k,
                "top_p": arguments.top_p,
            },
            "training": training,
        },
    )
    parameters = sum(tensor.numel() for tensor in tensors.values())
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {parameters:,} parameters, {size:,} bytes")


if __name__ == "__main__":
    main()
