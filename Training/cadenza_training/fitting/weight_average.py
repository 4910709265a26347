"""The average of the weights over the last steps: what is validated and exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average of a network's weights (Polyak and Juditsky 1992)."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {
            name: value.detach().clone() for name, value in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.updates += 1
        # A short memory at first, so that the random start is forgotten quickly.
        decay = min(self.decay, (1.0 + self.updates) / (10.0 + self.updates))
        for name, value in network.state_dict().items():
            self.weights[name].lerp_(value, 1.0 - decay)

    @contextmanager
    def in_place(self, network: nn.Module) -> Iterator[None]:
        """The network has the averaged weights, and is in evaluation mode, inside the block."""
        trained = {name: value.clone() for name, value in network.state_dict().items()}
        was_training = network.training
        network.load_state_dict(self.weights)
        network.eval()
        try:
            yield
        finally:
            network.load_state_dict(trained)
            network.train(was_training)
