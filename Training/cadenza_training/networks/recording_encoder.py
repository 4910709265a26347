"""What turns a recording into an embedding, a vector for every so many samples: a stack of layers
over its samples (NSynth's encoder, Engel et al. 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.conditions import Condition
from cadenza_training.networks.layers import LayerStack, Residual, Shape


class RecordingEncoder(nn.Module):
    kind = "layers"

    def __init__(self, configuration: Mapping, size: int, frames_per_value: int) -> None:
        """`size`: numbers of the embedding, of which there is one every `frames_per_value`."""
        super().__init__()
        self.settings = dict(configuration)
        self.frames_per_value = frames_per_value
        self.stack = LayerStack(configuration["layers"], Shape(1, None, 1, is_vector=False))
        if self.stack.shape.is_vector or self.stack.shape.channels != size:
            raise UserError(
                f"encoder: the last layer gives {self.stack.shape.text}, expected steps with the "
                f"{size} numbers of the embedding"
            )
        with torch.no_grad():
            # Residual layers begin as next to nothing, or many of them would add up to a roar.
            for layer in self.stack.layers:
                if isinstance(layer, Residual) and hasattr(layer.layers[-1], "weight"):
                    layer.layers[-1].weight.mul_(0.1)

    @staticmethod
    def from_configuration(encoder: Mapping, conditions: Sequence[Condition]) -> RecordingEncoder:
        """From a model file's entry `encoder`."""
        if encoder.get("kind") != RecordingEncoder.kind or (
            encoder.get("input") != {"kind": "waveform"} or encoder.get("frames") is not None
        ):
            raise UserError(
                "training knows encoders of embeddings that are layers over a waveform of any "
                "length"
            )
        for condition in conditions:
            if condition.name == encoder.get("latent"):
                span = getattr(condition, "frames_per_value", None)
                if span is None:
                    raise UserError(
                        f'encoder.latent: "{condition.name}" has no frames_per_value: it is no '
                        "embedding"
                    )
                return RecordingEncoder(encoder, condition.size, span)
        raise UserError(f'encoder.latent: there is no latent "{encoder.get("latent")}"')

    def configuration(self) -> dict[str, object]:
        return {**self.settings, "layers": self.stack.configuration}

    def tensor_names(self) -> dict[str, str]:
        """Name in a model file, without `encoder.`, → name of the parameter."""
        return {name: f"stack.{name}" for name in self.stack.state_dict()}

    def training_only(self) -> set[str]:
        return set()

    def forward(self, samples: Tensor) -> Tensor:
        """[rows, batch, size] of recordings [batch, samples], which are filled up with silence to
        whole rows."""
        missing = -samples.shape[-1] % self.frames_per_value
        if missing:
            samples = functional.pad(samples, (0, missing))
        rows = self.stack(samples[:, None, :, None])
        return rows[:, :, :, 0].permute(2, 0, 1)
