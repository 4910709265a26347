"""A network with the encoder of its latent: together they are one model file."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from cadenza_training.networks.network import Network, State

PREFIX = "encoder."


class Autoencoder(Network):
    """`encoder` has `configuration`, `tensor_names` and `training_only`, of its own names."""

    def __init__(self, decoder: Network, encoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        self.encoder = encoder
        self.conditions = decoder.conditions
        self.vocabulary_size = decoder.vocabulary_size

    def forward(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        """The decoder's."""
        return self.decoder(inputs, conditions, state)

    def empty_state(self, columns: int) -> State:
        return self.decoder.empty_state(columns)

    @property
    def receptive_field(self) -> int | None:
        return self.decoder.receptive_field

    def network_configuration(self) -> dict[str, object]:
        return self.decoder.network_configuration()

    def tensor_names(self) -> dict[str, str]:
        names = {name: f"decoder.{own}" for name, own in self.decoder.tensor_names().items()}
        for name, own in self.encoder.tensor_names().items():
            names[PREFIX + name] = f"encoder.{own}"
        return names

    def training_only(self) -> set[str]:
        theirs = {f"encoder.{name}" for name in self.encoder.training_only()}
        return theirs | {f"decoder.{name}" for name in self.decoder.training_only()}

    def inner_matrices(self) -> set[str]:
        return {f"decoder.{name}" for name in self.decoder.inner_matrices()}

    def to_file(self, name: str, value: Tensor) -> Tensor:
        return value if name.startswith(PREFIX) else self.decoder.to_file(name, value)

    def from_file(self, name: str, value: Tensor) -> Tensor:
        return value if name.startswith(PREFIX) else self.decoder.from_file(name, value)
