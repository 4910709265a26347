"""Optimizers and the learning rate over a run."""

from __future__ import annotations

import math

import torch
from torch import nn

from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.networks.network import Network


def make_optimizers(network: Network, options: TrainingOptions) -> list[torch.optim.Optimizer]:
    """Adam alone, or Muon for the inner matrices beside it; frozen parameters in neither.

    Muon makes each update orthogonal, which learns narrow layers in fewer steps; biases,
    embeddings and the output product, whose rows stand for tokens, are not for it.
    """
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    if not trained:
        raise UserError("every layer is frozen: there is nothing to train")
    inner = network.inner_matrices() if options.optimizer == "muon" else set()
    matrices = [parameter for name, parameter in trained.items() if name in inner]
    others = [parameter for name, parameter in trained.items() if name not in inner]
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:
        optimizers.append(
            torch.optim.Muon(
                matrices, lr=options.matrix_learning_rate, weight_decay=options.weight_decay
            )
        )
    if others:
        optimizers.append(
            torch.optim.AdamW(
                others,
                lr=options.learning_rate,
                betas=tuple(options.betas),
                weight_decay=options.weight_decay,
            )
        )
    return optimizers


def make_adversary_optimizer(adversary: nn.Module, options: TrainingOptions) -> torch.optim.Adam:
    return torch.optim.Adam(
        adversary.parameters(), lr=options.learning_rate, betas=tuple(options.betas)
    )


def learning_rate_share(progress: float, step: int, options: TrainingOptions) -> float:
    """The share of the peak: linear warm-up by steps, then the schedule over `progress`, 0 … 1."""
    warm_up = min(1.0, (step + 1) / options.warm_up_steps)
    if options.schedule == "constant":
        return warm_up
    if options.schedule == "exponential":
        return warm_up * options.decay ** (step / options.decay_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return warm_up * (options.final_share + (1.0 - options.final_share) * cosine)
