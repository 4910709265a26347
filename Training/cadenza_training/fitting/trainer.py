"""The training loop, the same for every system."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from tqdm import tqdm

from cadenza_training.errors import UserError
from cadenza_training.fitting import checkpoint
from cadenza_training.fitting.loss_log import LossLog
from cadenza_training.fitting.optimizers import (
    learning_rate_share,
    make_adversary_optimizer,
    make_optimizers,
)
from cadenza_training.fitting.options import RunPaths, TrainingOptions
from cadenza_training.fitting.processes import Processes
from cadenza_training.fitting.weight_average import WeightAverage
from cadenza_training.systems.system import System

AUTOCAST_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def find_device(name: str) -> torch.device:
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f'training.device is "{name}", which PyTorch cannot use here: '
            f"{str(error).splitlines()[0]}"
        ) from error
    return device


@dataclass
class Outcome:
    """How a run ended."""

    step: int
    samples: int
    seconds: float
    validation_nats: float
    best_step: int
    best_nats: float
    reason: str
    # What the losses are in.
    unit: str = "nats"


class Trainer:
    """Trains a system until its budget is used up, with checkpoints that continue exactly."""

    def __init__(
        self,
        system: System,
        options: TrainingOptions,
        paths: RunPaths,
        processes: Processes,
        device: torch.device,
        identity: dict[str, object],
    ) -> None:
        """`identity` says what is trained: a checkpoint of anything else is refused."""
        self.system = system
        self.options = options
        self.paths = paths
        self.processes = processes
        self.device = device
        self.identity = identity
        system.to(device)
        self.optimizers = make_optimizers(system.network, options)
        self.peak_rates = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        self.adversary_optimizer: torch.optim.Optimizer | None = None
        if system.adversary is not None:
            system.adversary.to(device)
            self.adversary_optimizer = make_adversary_optimizer(system.adversary, options)
        self.average = WeightAverage(system.network, options.average_decay)
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=options.precision == "float16" and device.type == "cuda"
        )
        self.step = 0
        self.samples = 0
        self.seconds_before = 0.0
        self.best_nats = math.inf
        self.best_step = 0
        self.worse_validations = 0
        self.history: list[dict[str, object]] = []
        if paths.checkpoint.exists():
            self._resume()
        self.started = time.monotonic()

    # ---- Checkpoints -------------------------------------------------------------------------

    def _resume(self) -> None:
        saved = checkpoint.load(self.paths.checkpoint)
        for key, value in self.identity.items():
            if saved.get(key) != value:
                raise UserError(
                    f"{self.paths.checkpoint} is of another run: its {key} is {saved.get(key)}, "
                    f"this one's is {value}. Give another --output"
                )
        if len(saved["systems"]) != self.processes.count:
            raise UserError(
                f"{self.paths.checkpoint} is of {len(saved['systems'])} processes: "
                f"continue with as many, not {self.processes.count}"
            )
        self.system.network.load_state_dict(saved["network"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        if self.system.adversary is not None:
            self.system.adversary.load_state_dict(saved["adversary"])
            self.adversary_optimizer.load_state_dict(saved["adversary_optimizer"])
        self.average.weights = {
            name: value.to(self.device) for name, value in saved["averaged"].items()
        }
        self.average.updates = saved["average_updates"]
        self.scaler.load_state_dict(saved["scaler"])
        self.system.restore(saved["systems"][self.processes.rank])
        _set_random_state(saved["random"][self.processes.rank], self.device)
        self.step, self.samples = saved["step"], saved["samples"]
        self.seconds_before = saved["seconds"]
        self.best_nats, self.best_step = saved["best_nats"], saved["best_step"]
        self.worse_validations = saved["worse_validations"]
        self.history = saved["history"]

    def _save(self) -> None:
        systems = self.processes.gather(self.system.state())
        random = self.processes.gather(_random_state(self.device))
        if not self.processes.is_first:
            return
        adversary: dict[str, object] = {}
        if self.system.adversary is not None:
            adversary = {
                "adversary": self.system.adversary.state_dict(),
                "adversary_optimizer": self.adversary_optimizer.state_dict(),
            }
        checkpoint.save(
            self.paths.checkpoint,
            {
                **self.identity,
                **adversary,
                "model": self.system.model_configuration(),
                "network": self.system.network.state_dict(),
                "averaged": self.average.weights,
                "average_updates": self.average.updates,
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "scaler": self.scaler.state_dict(),
                "systems": systems,
                "random": random,
                "step": self.step,
                "samples": self.samples,
                "seconds": self.seconds(),
                "best_nats": self.best_nats,
                "best_step": self.best_step,
                "worse_validations": self.worse_validations,
                "history": self.history,
            },
        )
        self.log.draw()

    def _save_best(self) -> None:
        if self.processes.is_first:
            checkpoint.save(
                self.paths.best,
                {
                    **self.identity,
                    "model": self.system.model_configuration(),
                    "averaged": self.average.weights,
                    "step": self.step,
                    "samples": self.samples,
                    "validation_nats": self.best_nats,
                    "loss_unit": self.system.loss_unit,
                    "history": self.history,
                },
            )

    # ---- The loop ----------------------------------------------------------------------------

    def seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.started

    def progress(self) -> float:
        """The share of the budget that is used up; 0 where there is none."""
        shares = [0.0]
        if self.options.steps is not None:
            shares.append(self.step / self.options.steps)
        if self.options.minutes is not None:
            shares.append(self.seconds() / (60.0 * self.options.minutes))
        return self.processes.from_first(max(shares))

    def _budget_used(self) -> str:
        minutes = f"{self.seconds() / 60:.0f}"
        if self.options.minutes is None:
            return f"{minutes} min"
        return f"{minutes} of {self.options.minutes:.0f} min"

    def run(self) -> Outcome:
        options = self.options
        if options.compile:
            self.system.compile()
        self.system.network.train()
        self.log = (
            LossLog(self.paths.losses, self.step, self.system.loss_unit, self.system.detail_names)
            if self.processes.is_first
            else None
        )
        recent: list[float] = []
        details: list[list[float]] = []
        validation_nats = math.nan
        last_checkpoint = time.monotonic()
        reason = "the budget is used up"
        with tqdm(
            total=options.steps,
            initial=self.step,
            unit="step",
            file=sys.stderr,
            disable=not self.processes.is_first,
            mininterval=1.0,
        ) as bar:
            try:
                while (progress := self.progress()) < 1.0:
                    loss, rate = self._train_step(progress)
                    recent.append(loss)
                    if self.system.detail_names:
                        found = self.system.details()
                        details.append([found[name] for name in self.system.detail_names])
                    bar.update()
                    is_validated = self.step % options.validate_every == 0
                    if is_validated:
                        validation_nats = self._validate()
                    if self.step % options.log_every == 0 or is_validated:
                        mean = sum(recent) / len(recent)
                        recent.clear()
                        means = _means(details)
                        details.clear()
                        self._log(mean, validation_nats if is_validated else math.nan, rate, means)
                        bar.set_description(self._budget_used())
                        bar.set_postfix(training=f"{mean:.4g}", validation=f"{validation_nats:.4g}")
                    if 0 < options.patience <= self.worse_validations:
                        reason = f"no better validation in {options.patience}"
                        break
                    minutes = (time.monotonic() - last_checkpoint) / 60.0
                    if self.processes.from_first(minutes) > options.checkpoint_minutes:
                        self._save()
                        last_checkpoint = time.monotonic()
            except KeyboardInterrupt:
                if self.processes.count == 1:
                    self._save()
                raise
        if self.step % options.validate_every != 0 or math.isnan(validation_nats):
            validation_nats = self._validate()
            if recent:
                self._log(sum(recent) / len(recent), validation_nats, rate, _means(details))
        self._save()
        return Outcome(
            self.step,
            self.samples,
            self.seconds(),
            validation_nats,
            self.best_step,
            self.best_nats,
            reason,
            self.system.loss_unit,
        )

    def _train_step(self, progress: float) -> tuple[float, float]:
        share = learning_rate_share(progress, self.step, self.options)
        for optimizer, peak_rate in zip(self.optimizers, self.peak_rates, strict=True):
            optimizer.param_groups[0]["lr"] = peak_rate * share
            optimizer.zero_grad(set_to_none=True)
        if self.adversary_optimizer is not None:
            self._train_adversary(share)
        with torch.autocast(
            self.device.type,
            AUTOCAST_TYPES.get(self.options.precision),
            enabled=self.options.precision != "float32",
        ):
            losses = self.system.next_losses()
            loss = losses.mean
        self.scaler.scale(loss).backward()
        self.processes.average_gradients(self.system.network)
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(self.system.network.parameters(), self.options.clip_norm)
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()
        value = float(loss.detach())
        if not math.isfinite(value) and not self.scaler.is_enabled():
            raise UserError(
                f"the loss is {value} at step {self.step}: lower training.learning_rate; "
                f"the last checkpoint in {self.paths.folder} is intact"
            )
        self.average.update(self.system.network)
        self.step += 1
        self.samples += int(losses.count) * self.processes.count
        return value, share * self.options.learning_rate

    def _train_adversary(self, share: float) -> None:
        """Its steps before the network's: the network stays as it is."""
        adversary = self.system.adversary
        self.adversary_optimizer.param_groups[0]["lr"] = share * self.options.learning_rate
        for _ in range(self.system.adversary_steps):
            self.adversary_optimizer.zero_grad(set_to_none=True)
            loss = self.system.next_adversary_losses().mean
            loss.backward()
            self.processes.average_gradients(adversary)
            nn.utils.clip_grad_norm_(adversary.parameters(), self.options.clip_norm)
            if not math.isfinite(float(loss.detach())):
                raise UserError(
                    f"the adversary's loss is {float(loss.detach())} at step {self.step}: lower "
                    f"training.learning_rate; the last checkpoint in {self.paths.folder} is intact"
                )
            self.adversary_optimizer.step()
        # What the network's own step leaves there is not the adversary's to learn from.
        self.adversary_optimizer.zero_grad(set_to_none=True)

    def _validate(self) -> float:
        nats = math.nan
        if self.processes.is_first:
            with self.average.in_place(self.system.network):
                nats = self.system.validate()
        nats = self.processes.from_first(nats)
        if nats < self.best_nats:
            self.best_nats, self.best_step = nats, self.step
            self.worse_validations = 0
            self._save_best()
        else:
            self.worse_validations += 1
        return nats

    def _log(
        self,
        training_nats: float,
        validation_nats: float,
        rate: float,
        details: Sequence[float],
    ) -> None:
        if self.log is not None:
            self.log.append(
                {
                    "step": self.step,
                    "seconds": round(self.seconds(), 1),
                    "samples": self.samples,
                    "learning_rate": rate,
                },
                round(training_nats, 6),
                round(validation_nats, 6),
                [round(value, 6) for value in details],
            )


def _means(rows: list[list[float]]) -> list[float]:
    """Of each column; none where there are no rows."""
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_random_state(states: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
