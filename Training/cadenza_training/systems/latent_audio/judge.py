"""The network that judges sounds against an adversary's: a stack of layers, with dropout and a
statistic of the batch where they are asked for. It is for training alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.layers import LayerStack, Shape

TRAINING_LAYERS = ("dropout", "batch_deviation")


class BatchDeviation(nn.Module):
    """One channel more: the standard deviation over the batch, a mean over everything (Karras et
    al. 2018, section 3). It tells a batch of one sound from a batch of many."""

    def forward(self, data: Tensor) -> Tensor:
        deviation = (data.var(dim=0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([data, deviation.expand(len(data), 1, *data.shape[2:])], dim=1)


class Judge(nn.Module):
    """`layers` as in a model file, and beside those {"kind": "dropout", "share": 0.3} and
    {"kind": "batch_deviation"}. They end in a vector, from which one number tells real from made,
    and where there are `classes`, so many more tell which pitch it is."""

    def __init__(self, layers: Sequence[Mapping], shape: Shape, classes: int = 0) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        waiting: list[Mapping] = []
        for layer in [*layers, {"kind": "dropout", "share": 0.0}]:
            if layer.get("kind") not in TRAINING_LAYERS:
                waiting.append(layer)
                continue
            if waiting:
                try:
                    stack = LayerStack(waiting, shape)
                except UserError as error:
                    raise UserError(f"adversary.layers: {error}") from error
                self.parts.append(stack)
                shape, waiting = stack.shape, []
            if layer["kind"] == "dropout":
                self.parts.append(nn.Dropout(layer.get("share", 0.3)))
            else:
                self.parts.append(BatchDeviation())
                shape = Shape(shape.channels + 1, shape.steps, shape.bins, shape.is_vector)
        if not shape.is_vector:
            raise UserError(f"adversary.layers end in {shape.text}: expected a vector, by flatten")
        self.verdict = nn.Linear(shape.channels, 1 + classes)

    def forward(self, data: Tensor) -> tuple[Tensor, Tensor]:
        """Of [batch, channels, steps, bins]: logits of being real [batch], of classes [batch,
        classes]."""
        for part in self.parts:
            data = part(data)
        verdict = self.verdict(data[:, :, 0, 0])
        return verdict[:, 0], verdict[:, 1:]
