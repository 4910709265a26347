"""What turns a melody into a latent: layers that run both ways over all of its tokens, and one
product of what the two directions end with.

It gives the mean of the posterior and, for training alone, the logarithm of its variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.recurrent import LAYER_TYPES, recurrent_tensor_names


class MelodyEncoder(nn.Module):
    kind = "recurrent"

    def __init__(
        self,
        *,
        vocabulary_size: int,
        input_channels: int,
        layers: Sequence[Mapping],
        steps: int,
        latent: str,
        size: int,
    ) -> None:
        """`layers` as in a model file; `steps`: tokens of a melody; `size`: numbers of the latent
        condition named `latent`."""
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.input_channels = input_channels
        self.layer_configurations = tuple(dict(layer) for layer in layers)
        self.steps = steps
        self.latent = latent
        self.size = size
        self.embedding = nn.Embedding(vocabulary_size, input_channels)
        self.layers = nn.ModuleList()
        channels = input_channels
        for layer in self.layer_configurations:
            both_ways = layer.get("bidirectional", False)
            self.layers.append(
                LAYER_TYPES[layer["kind"]](channels, layer["channels"], bidirectional=both_ways)
            )
            channels = layer["channels"] * (2 if both_ways else 1)
        self.mean = nn.Linear(channels, size)
        self.log_variance = nn.Linear(channels, size)
        with torch.no_grad():
            # The posterior begins at a fixed, small width.
            self.log_variance.weight.mul_(0.1)
            self.log_variance.bias.fill_(-2.0)

    @staticmethod
    def from_configuration(encoder: Mapping) -> MelodyEncoder:
        """From a model file's entry `encoder`."""
        if encoder["input"]["kind"] != "embedding" or encoder.get("initial_states"):
            raise UserError(
                "training knows encoders of melodies whose input is an embedding and whose states "
                "begin at zero"
            )
        return MelodyEncoder(
            vocabulary_size=encoder["vocabulary_size"],
            input_channels=encoder["input"]["channels"],
            layers=encoder["layers"],
            steps=encoder["steps"],
            latent=encoder["latent"],
            size=encoder["head"]["channels"],
        )

    def configuration(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "latent": self.latent,
            "steps": self.steps,
            "input": {"kind": "embedding", "channels": self.input_channels},
            "vocabulary_size": self.vocabulary_size,
            "layers": [dict(layer) for layer in self.layer_configurations],
            "head": {"kind": "linear", "channels": self.size},
        }

    def tensor_names(self) -> dict[str, str]:
        """Name in a model file, without `encoder.`, → name of the parameter. The variance is in no
        file."""
        return {
            "input.embedding.weight": "embedding.weight",
            **recurrent_tensor_names(self.layers),
            "head.weight": "mean.weight",
            "head.bias": "mean.bias",
        }

    def training_only(self) -> set[str]:
        return {"log_variance.weight", "log_variance.bias"}

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, [batch, size], of melodies [steps, batch]."""
        signal = self.embedding(tokens)
        for layer in self.layers:
            signal, _ = layer(signal)
        channels = self.layer_configurations[-1]["channels"]
        read = torch.cat([signal[-1, :, :channels], signal[0, :, channels:]], dim=-1)
        return self.mean(read).float(), self.log_variance(read).float()
