"""How to train, whatever is trained: the table [training] of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cadenza_training.errors import UserError

PRECISIONS = ("float32", "bfloat16", "float16")
OPTIMIZERS = ("adam", "muon")
SCHEDULES = ("cosine", "constant", "exponential")


@dataclass(frozen=True)
class TrainingOptions:
    """The first budget that is used up ends the run; without any it runs until it is stopped."""

    steps: int | None = None
    minutes: float | None = None
    # Validations without a new best after which training stops; 0: never.
    patience: int = 0
    # Of all processes together.
    batch_size: int = 4
    # "muon": Muon (Jordan et al. 2024) for the matrices inside the network, Adam for the rest.
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    matrix_learning_rate: float = 0.01
    weight_decay: float = 0.0
    warm_up_steps: int = 50
    # Of Adam: the decay of its means of the gradient and of its square.
    betas: tuple[float, ...] = (0.9, 0.999)
    # "cosine" falls to `final_share` of the peak over the budget, "constant" stays there,
    # "exponential" falls by the factor `decay` every `decay_steps` steps.
    schedule: str = "cosine"
    final_share: float = 0.01
    decay: float = 0.9
    decay_steps: int = 10000
    # Gradients are scaled down to this norm.
    clip_norm: float = 1.0
    # Of the averaged weights, which are what is validated and exported.
    average_decay: float = 0.999
    precision: str = "float32"
    # torch.compile, where the network profits from it.
    compile: bool = False
    # "auto" takes an accelerator where PyTorch finds one.
    device: str = "auto"
    threads: int = 0
    seed: int = 2016
    log_every: int = 50
    validate_every: int = 500
    # Of validation recordings, at most; spread over all of them.
    validation_seconds: float = 60.0
    checkpoint_minutes: float = 3.0

    def check(self) -> None:
        for name, value, allowed in (
            ("precision", self.precision, PRECISIONS),
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("schedule", self.schedule, SCHEDULES),
        ):
            if value not in allowed:
                raise UserError(f'training.{name} is "{value}", expected {", ".join(allowed)}')
        for name in ("batch_size", "warm_up_steps", "log_every", "validate_every"):
            if getattr(self, name) < 1:
                raise UserError(f"training.{name} is {getattr(self, name)}, expected 1 or more")
        for name in ("learning_rate", "matrix_learning_rate", "clip_norm", "checkpoint_minutes"):
            if not getattr(self, name) > 0.0:
                raise UserError(f"training.{name} is {getattr(self, name)}, expected more than 0")
        if len(self.betas) != 2 or not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise UserError(f"training.betas is {list(self.betas)}, expected two of 0 … <1")
        if not 0.0 < self.decay <= 1.0 or self.decay_steps < 1:
            raise UserError("training.decay is expected in 0 … 1, decay_steps 1 or more")
        if not 0.0 <= self.average_decay < 1.0:
            raise UserError(f"training.average_decay is {self.average_decay}, expected 0 … <1")
        for name in ("steps", "minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"training.{name} is {value}, expected more than 0")

    @property
    def has_budget(self) -> bool:
        return self.steps is not None or self.minutes is not None


@dataclass(frozen=True)
class RunPaths:
    """The files of one run's folder."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def best(self) -> Path:
        return self.folder / "best.pt"

    @property
    def losses(self) -> Path:
        return self.folder / "loss.csv"
