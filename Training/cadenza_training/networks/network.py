"""What every trainable network offers: the one place that pairs it with its model file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.conditions import Condition

# What a recurrent network carries from one chunk to the next; None for one that carries nothing.
State = list[tuple[Tensor, ...]] | None


class Network(nn.Module, ABC):
    """Tokens in, logits out, in time-major tensors: [time, batch], [time, batch, vocabulary]."""

    conditions: tuple[Condition, ...]
    vocabulary_size: int

    @abstractmethod
    def forward(
        self, inputs: Tensor, conditions: Sequence[Tensor], state: State = None
    ) -> tuple[Tensor, State]:
        """Logits for `inputs`, the tokens one step late, and the state after them.

        `conditions` has one tensor for each condition, as `Conditions` takes them: classes are
        [batch], or [time, batch] where they change from step to step.
        """

    def empty_state(self, columns: int) -> State:
        """Before the first step of `columns` sequences, for networks that can go on step by step
        from a state; None for those that read their receptive field anew."""
        return None

    @property
    @abstractmethod
    def receptive_field(self) -> int | None:
        """How many tokens before `t` can reach the prediction of step `t`; None: all of them."""

    @abstractmethod
    def network_configuration(self) -> dict[str, object]:
        """The entry `network` of a model file's configuration."""

    @abstractmethod
    def tensor_names(self) -> dict[str, str]:
        """Name in a model file → name of the parameter here."""

    def order_codes(self) -> None:
        """Starts from tables that know that tokens are levels of a sound; nothing to others."""

    def relate_tokens(self, traits: Tensor) -> None:
        """Starts from tables in which tokens are the more alike the more traits they share;
        `traits` is [vocabulary, traits], ones and zeros. Nothing to networks that do not."""

    def inner_matrices(self) -> set[str]:
        """The parameters between the network's ends: those that Muon is made for."""
        return set()

    def to_file(self, name: str, value: Tensor) -> Tensor:
        """A parameter's value in the layout that the file has for `name`."""
        return value

    def from_file(self, name: str, value: Tensor) -> Tensor:
        """The opposite of `to_file`."""
        return value

    def training_only(self) -> set[str]:
        """The parameters that training alone needs: no model file has them."""
        return set()

    def tensors(self) -> dict[str, Tensor]:
        """Every weight under its name, and in its layout, of a model file."""
        parameters = self.state_dict()
        names = self.tensor_names()
        if set(names.values()) != set(parameters) - self.training_only():
            raise AssertionError(f"{type(self).__name__} names other tensors than it has")
        return {
            name: self.to_file(name, parameters[parameter]) for name, parameter in names.items()
        }

    @torch.no_grad()
    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes every weight from a model file's tensors, whatever their storage type."""
        parameters = self.state_dict()
        names = self.tensor_names()
        missing = sorted(set(names) - set(tensors))
        unknown = sorted(set(tensors) - set(names))
        if missing or unknown:
            raise UserError(
                f"the tensors are not those of this network: missing {missing or 'none'}, "
                f"unexpected {unknown or 'none'}"
            )
        for name, parameter in names.items():
            value = self.from_file(name, tensors[name].float())
            if value.shape != parameters[parameter].shape:
                raise UserError(
                    f"tensor {name} is {list(tensors[name].shape)}, which does not fit "
                    f"{parameter} {list(parameters[parameter].shape)}"
                )
            parameters[parameter].copy_(value)

    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())
