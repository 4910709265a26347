"""Checkpoints: written whole or not at all, and enough to continue exactly."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from cadenza_training.wavenet import WaveNet, WaveNetConfiguration


def save(path: Path, contents: dict[str, object]) -> None:
    """Replaces `path` in one step, so that an interrupted write leaves the former file."""
    temporary = path.with_suffix(path.suffix + ".part")
    torch.save(contents, temporary)
    os.replace(temporary, path)


def load(path: Path) -> dict[str, object]:
    return torch.load(path, map_location="cpu", weights_only=False)


def load_averaged_wavenet(path: Path) -> tuple[WaveNet, dict[str, object]]:
    """The network with its averaged weights, ready to evaluate, and the checkpoint itself."""
    contents = load(path)
    network = WaveNet(WaveNetConfiguration.from_json(contents["configuration"]))
    network.load_state_dict(contents["averaged"])
    return network.eval(), contents


class WeightAverage:
    """An exponential moving average of a network's weights: what is evaluated and exported."""

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
