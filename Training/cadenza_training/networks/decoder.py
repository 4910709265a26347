"""A stack of layers from the conditions' vector to the frames of a whole clip, and with it, of
autoencoders, the encoder that turns a recording into the latent.

The encoder's last layer is dense and gives the mean of the posterior. Training has a twin of that
layer beside it, which gives the logarithm of the variance; model files do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.conditions import Condition, Conditions, LatentCondition
from cadenza_training.networks.layers import LayerStack, Shape
from cadenza_training.networks.network import Network
from cadenza_training.spectrogram import LogMagnitudes

# Of the posterior's logarithm of the variance.
LOG_VARIANCE_RANGE = (-12.0, 4.0)


class Encoder(nn.Module):
    """Of kind `layers`, with one vector as its result."""

    def __init__(
        self, configuration: Mapping, latent_size: int, conditions: Sequence[Condition]
    ) -> None:
        """`conditions`: those that are given with a recording."""
        super().__init__()
        self.configuration = dict(configuration)
        self.conditions = tuple(conditions)
        entry = configuration["input"]
        self.frames = configuration.get("frames")
        steps, channels, self.transform = self.frames, 1, None
        if entry["kind"] == "spectrogram":
            self.transform = LogMagnitudes(entry["frame_size"], entry["hop"], entry["magnitude"])
            channels = entry["frame_size"] // 2
            steps = None if self.frames is None else self.frames // entry["hop"] + 1
        given = sum(condition.embedding_channels for condition in conditions)
        self.stack = LayerStack(
            configuration["layers"], Shape(channels, steps, 1, is_vector=False), given
        )
        last = configuration["layers"][-1].get("kind")
        if last not in ("dense", "flatten") or self.stack.shape.channels != latent_size:
            raise UserError(
                f"encoder: the last layer gives {self.stack.shape.text}, expected a dense layer "
                f"or a flatten, with the {latent_size} numbers of the latent"
            )
        self.log_variance = None
        if last == "dense":
            inputs = self.stack.layers[-1].weight.shape[1]
            self.log_variance = nn.Linear(inputs, latent_size)
            with torch.no_grad():
                # Near the mean at first: the decoder hears something of the recording from the
                # start.
                self.log_variance.weight.mul_(0.1)
                self.log_variance.bias.fill_(-2.0)

    def forward(self, samples: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, [batch, size] each, of recordings [batch, samples];
        `condition` is h without the latents."""
        columns = samples[:, None, :] if self.transform is None else self.transform(samples)
        lowest, highest = LOG_VARIANCE_RANGE
        if self.log_variance is None:
            # A plain autoencoder's: there is nothing but the mean.
            mean = self.stack(columns[..., None], condition)[:, :, 0, 0]
            return mean, torch.full_like(mean, lowest)
        hidden = self.stack(columns[..., None], condition, last=1)
        mean = self.stack.layers[-1](hidden, condition)[:, :, 0, 0]
        return mean, self.log_variance(hidden[:, :, 0, 0]).clamp(lowest, highest)


class Decoder(Network):
    kind = "decoder"

    def __init__(
        self,
        layers: Sequence[Mapping],
        conditions: Sequence[Condition] = (),
        encoder: Mapping | None = None,
    ) -> None:
        """`layers` as in a model file, `encoder` the file's entry of that name."""
        super().__init__()
        self.conditions = tuple(conditions)
        self.condition_tables = Conditions(self.conditions)
        channels = self.condition_tables.channels
        if channels == 0:
            raise UserError("a decoder needs conditions: they are what it reads")
        self.stack = LayerStack(layers, Shape(channels), channels)
        if self.stack.shape.is_vector:
            raise UserError("network.layers: no layer is reshape: there are no steps to play")
        self.encoder = None
        if encoder is not None:
            latents = [entry for entry in self.conditions if isinstance(entry, LatentCondition)]
            named = [entry for entry in latents if entry.name == encoder.get("latent")]
            if not named:
                raise UserError(f'encoder.latent: there is no latent "{encoder.get("latent")}"')
            given = [entry for entry in self.conditions if entry not in latents]
            self.encoder = Encoder(encoder, named[0].size, given)

    @staticmethod
    def from_configuration(
        network: Mapping, conditions: Sequence[Condition], encoder: Mapping | None = None
    ) -> Decoder:
        unknown = set(network) - {"kind", "layers", "vocabulary_size"}
        if unknown:
            raise UserError(f"network: unknown keys {', '.join(sorted(unknown))}")
        return Decoder(network["layers"], conditions, encoder)

    @property
    def receptive_field(self) -> None:
        return None

    @property
    def steps(self) -> int:
        """Frames of a clip."""
        return self.stack.shape.steps

    @property
    def frame_channels(self) -> int:
        return self.stack.shape.bins * self.stack.shape.channels

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """The frames of whole clips, [batch, steps, numbers], of one value of each condition:
        classes [batch], latents [batch, size]."""
        h = self.condition_tables(values)
        data = self.stack(h[:, :, None, None], h)
        return data.permute(0, 2, 3, 1).flatten(2)

    def encode(self, samples: Tensor, values: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The posterior of recordings [batch, samples]: mean and logarithm of the variance.
        `values` of all conditions; what stands in a latent's place is not read."""
        rows = [
            table(value)
            for table, condition, value in zip(
                self.condition_tables.tables, self.conditions, values, strict=True
            )
            if not isinstance(condition, LatentCondition)
        ]
        return self.encoder(samples, torch.cat(rows, dim=-1) if rows else None)

    def network_configuration(self) -> dict[str, object]:
        return {"kind": self.kind, "layers": self.stack.configuration}

    def tensor_names(self) -> dict[str, str]:
        names = self.condition_tables.tensor_names("condition_tables")
        for prefix, place in (("", "stack."), ("encoder.", "encoder.stack.")):
            names |= {
                f"{prefix}{name.removeprefix(place)}": name
                for name in self.state_dict()
                if name.startswith(place)
            }
        return names

    def training_only(self) -> set[str]:
        return {name for name in self.state_dict() if name.startswith("encoder.log_variance.")}
