"""What the training loop asks of a system, and what its configuration holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.fitting.starting_point import start_from
from cadenza_training.networks.network import Network


@dataclass(frozen=True)
class SamplingOptions:
    """The sampler's defaults in the model file; 0 and 1 mean off."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


@dataclass(frozen=True)
class FitConfiguration:
    """One configuration file of `cadenza-train fit`."""

    name: str
    system: str
    network: dict
    description: str = ""
    codec: dict = field(default_factory=dict)
    # Channels of each condition's embedding; a condition that is not named is not there.
    conditions: dict = field(default_factory=dict)
    # What plays where the host asks for nothing: a label, or a number.
    defaults: dict = field(default_factory=dict)
    augmentation: dict = field(default_factory=dict)
    # How batches are drawn; its keys are the system's.
    batches: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    sampling: dict = field(default_factory=dict)
    # Of autoencoders: the entry of that name of the model file, as far as the system leaves it
    # open.
    encoder: dict = field(default_factory=dict)
    # Of adversarial systems: the network that judges, and how.
    adversary: dict = field(default_factory=dict)
    # What is minimised; its keys are the system's.
    losses: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Losses:
    """Summed negative log-likelihood in nats over `count` predictions, or whatever else the system
    says that it measures in."""

    nats: Tensor
    count: Tensor

    @property
    def mean(self) -> Tensor:
        return self.nats / self.count.clamp(min=1)


class System(ABC):
    """A network with what it learns from. Made new for a run; `state` and `restore` resume it."""

    network: Network
    # What `next_losses` and `validate` are in; only nats go into the model file.
    loss_unit: str = "nats"
    # Whether a run that starts from a model takes over its conditions, and its network alone.
    start_brings_conditions: bool = True
    # What the log has beside the loss.
    detail_names: tuple[str, ...] = ()
    # A network that is trained against this one, in turns, and is in no model file.
    adversary: nn.Module | None = None
    # Its steps before each of the network's.
    adversary_steps: int = 1

    @abstractmethod
    def __init__(
        self,
        configuration: FitConfiguration,
        prepared: PreparedSet,
        training: TrainingOptions,
        *,
        processes: int,
        rank: int,
    ) -> None:
        """From a configuration and a prepared set; `rank` of `processes` draws its own batches."""

    def start_from(self, path: Path) -> None:
        """Takes the weights of an exported model."""
        start_from(self.network, path)

    @abstractmethod
    def to(self, device: torch.device) -> None:
        """Moves the network, and the batches from now on."""

    @abstractmethod
    def compile(self) -> None:
        """Uses torch.compile where it helps."""

    @abstractmethod
    def next_losses(self) -> Losses:
        """Draws the next training batch and predicts it."""

    def next_adversary_losses(self) -> Losses:
        """Draws a batch and judges it: what the adversary minimises."""
        raise NotImplementedError

    def details(self) -> dict[str, float]:
        """Of the last step, by `detail_names`."""
        return {}

    @abstractmethod
    def validate(self) -> float:
        """Mean loss of a prediction over the validation split; NaN where it is empty."""

    @abstractmethod
    def state(self) -> dict[str, object]:
        """All that decides which batches come next: plain values and tensors."""

    @abstractmethod
    def restore(self, state: Mapping) -> None:
        """Continues exactly where `state` was taken."""

    @abstractmethod
    def model_configuration(self) -> dict[str, object]:
        """`network`, `codec` and `conditions` of the model file, and `encoder` where it has one."""


def class_default(name: str, wanted: object, labels: tuple[str, ...] | None, size: int) -> int:
    """A condition's default as a class index."""
    if isinstance(wanted, str):
        if labels is None or wanted not in labels:
            expected = f"one of {', '.join(labels)}" if labels else "a number"
            raise UserError(f'defaults.{name} is "{wanted}", expected {expected}')
        return labels.index(wanted)
    if not isinstance(wanted, int) or not 0 <= wanted < size:
        raise UserError(f"defaults.{name} is {wanted!r}, expected 0 … {size - 1}")
    return wanted
