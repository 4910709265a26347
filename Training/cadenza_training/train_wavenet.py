"""Trains a WaveNet over recorded notes, conditioned on instrument and pitch.

    python -m cadenza_training.train_wavenet \\
        --recipe recipes/notes-wavenet.json --data notes16k --output runs/notes --minutes 95

Interrupted runs continue exactly where their last checkpoint stood, with the same command.
On a machine that others use too, one process for each core is quicker than many threads, which
wait for each other in every layer; a batch is then shared among the processes:

    torchrun --nproc-per-node 2 -m cadenza_training.train_wavenet --threads 1 …
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn.functional as functional
from torch import Tensor, nn

from cadenza_training import checkpoint
from cadenza_training.dataset import Batch, ChunkSampler, Note, Recipe, load_notes
from cadenza_training.wavenet import ClassCondition, WaveNet, WaveNetConfiguration

MIDI_PITCHES = 128
LOG_FIELDS = ("step", "seconds", "samples", "learning_rate", "training_nats", "validation_nats")


def masked_nats(network: WaveNet, batch: dict[str, Tensor]) -> Tensor:
    """Mean negative log-likelihood, in nats, over the samples that the mask keeps."""
    logits = network(batch["inputs"], (batch["instruments"], batch["pitches"]))
    losses = functional.cross_entropy(
        logits.flatten(0, 1).float(), batch["targets"].flatten(), reduction="none"
    )
    mask = batch["mask"].flatten()
    return (losses * mask).sum() / mask.sum()


def to_tensors(batch: Batch) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in asdict(batch).items()}


def learning_rate_share(progress: float, step: int, arguments: argparse.Namespace) -> float:
    """The share of the peak learning rate: linear warm-up by steps, then a cosine down to 1 %."""
    warm_up = min(1.0, (step + 1) / arguments.warm_up_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return warm_up * (0.01 + 0.99 * cosine)


def make_optimizers(network: WaveNet, arguments: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the layers' matrices, Adam for everything else.

    Muon makes each update orthogonal, which learns these narrow layers in fewer steps; biases,
    embeddings and the output product, whose rows stand for tokens, are not for it.
    """
    matrices, others = [], []
    for name, parameter in network.named_parameters():
        is_inner = name.startswith(("layers.", "head.")) and parameter.ndim == 2
        (matrices if is_inner else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=arguments.matrix_learning_rate, weight_decay=0.01),
        torch.optim.Adam(others, lr=arguments.learning_rate),
    ]


class Processes:
    """The processes that share each batch; a single one where torchrun is not used."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1:
            distributed.init_process_group("gloo")

    def average_gradients(self, network: nn.Module) -> None:
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in network.parameters()]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        position = 0
        for gradient in gradients:
            gradient.copy_(flat[position : position + gradient.numel()].view_as(gradient))
            position += gradient.numel()

    def from_first(self, value: float) -> float:
        """The first process's value, in every process."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(shared, src=0)
        return float(shared)

    def gather(self, value: object) -> list:
        values: list = [value] * self.count
        if self.count > 1:
            distributed.all_gather_object(values, value)
        return values


def initialise(network: WaveNet, path: Path) -> None:
    """Starts from another run's averaged weights; class labels find their rows by name."""
    source, _ = checkpoint.load_averaged_wavenet(path)
    weights = source.state_dict()
    for index, condition in enumerate(network.configuration.conditions):
        if condition.labels is not None:
            theirs = source.configuration.conditions[index].labels or ()
            name = f"condition_embeddings.{index}.weight"
            rows = [theirs.index(label) for label in condition.labels]
            weights[name] = weights[name][rows]
    network.load_state_dict(weights)


class LossLog:
    """A CSV file of the loss, with its curve beside it."""

    def __init__(self, path: Path, resumed_step: int) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        if path.exists():
            with path.open(newline="") as log:
                self.rows = [
                    {name: float(value) for name, value in row.items()}
                    for row in csv.DictReader(log)
                    if int(float(row["step"])) <= resumed_step
                ]
        self._write()

    def append(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        with self.path.open("a", newline="") as log:
            csv.DictWriter(log, LOG_FIELDS).writerow(row)

    def _write(self) -> None:
        with self.path.open("w", newline="") as log:
            writer = csv.DictWriter(log, LOG_FIELDS)
            writer.writeheader()
            writer.writerows(self.rows)

    def draw(self) -> None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(7, 4))
        minutes = [row["seconds"] / 60 for row in self.rows]
        axes.plot(minutes, [row["training_nats"] for row in self.rows], label="training")
        axes.plot(minutes, [row["validation_nats"] for row in self.rows], label="validation")
        axes.set(xlabel="minutes", ylabel="nats per sample")
        axes.legend()
        figure.savefig(self.path.with_suffix(".png"), dpi=100)
        pyplot.close(figure)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--output", type=Path, required=True)
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--steps", type=int, help="train for this many steps")
    budget.add_argument("--minutes", type=float, help="train for this long")
    parser.add_argument("--initialise-from", type=Path, help="checkpoint of another run")
    parser.add_argument("--residual-channels", type=int, default=32)
    parser.add_argument("--dilation-channels", type=int, default=32)
    parser.add_argument("--skip-channels", type=int, default=96)
    parser.add_argument("--head-channels", type=int, default=96)
    parser.add_argument("--dilation-cycles", type=int, default=2, help="of 1, 2, 4 … 512")
    parser.add_argument("--instrument-embedding", type=int, default=16)
    parser.add_argument("--pitch-embedding", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4, help="of all processes")
    parser.add_argument("--chunk-frames", type=int, default=6144)
    parser.add_argument("--onset-share", type=float, default=0.5)
    parser.add_argument("--input-noise", type=float, default=0.0, help="code steps; 0: none")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="Adam's peak")
    parser.add_argument("--matrix-learning-rate", type=float, default=0.01, help="Muon's peak")
    parser.add_argument("--warm-up-steps", type=int, default=50)
    parser.add_argument("--clip-norm", type=float, default=1.0)
    parser.add_argument("--average-decay", type=float, default=0.999)
    parser.add_argument("--log-every", type=int, default=100, help="steps")
    parser.add_argument("--validate-every", type=int, default=500, help="steps")
    parser.add_argument("--checkpoint-minutes", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2016)
    parser.add_argument("--no-compile", action="store_true", help="run without torch.compile")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    processes = Processes()
    is_first = processes.rank == 0
    torch.manual_seed(arguments.seed)
    arguments.output.mkdir(parents=True, exist_ok=True)
    recipe = Recipe.load(arguments.recipe)
    notes = load_notes(arguments.data, recipe)
    print(f"{len(notes.training)} training notes, {len(notes.validation)} validation notes")

    configuration = WaveNetConfiguration(
        levels=recipe.levels,
        residual_channels=arguments.residual_channels,
        dilation_channels=arguments.dilation_channels,
        skip_channels=arguments.skip_channels,
        head_channels=arguments.head_channels,
        dilations=tuple(2**power for power in range(10)) * arguments.dilation_cycles,
        conditions=(
            ClassCondition(
                "instrument", len(recipe.labels), arguments.instrument_embedding, recipe.labels
            ),
            ClassCondition("pitch", MIDI_PITCHES, arguments.pitch_embedding),
        ),
    )
    network = WaveNet(configuration)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"{parameters:,} parameters, receptive field {configuration.receptive_field} samples")
    if arguments.initialise_from is not None:
        initialise(network, arguments.initialise_from)
    optimizers = make_optimizers(network, arguments)
    peak_rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    average = checkpoint.WeightAverage(network, arguments.average_decay)

    def make_sampler(chosen: list[Note], input_noise: float, seed: int) -> ChunkSampler:
        return ChunkSampler(
            chosen,
            levels=recipe.levels,
            receptive_field=configuration.receptive_field,
            chunk_frames=arguments.chunk_frames,
            batch_size=arguments.batch_size // processes.count,
            onset_share=arguments.onset_share,
            input_noise=input_noise,
            seed=seed,
        )

    sampler = make_sampler(notes.training, arguments.input_noise, arguments.seed + processes.rank)
    validation_sampler = make_sampler(notes.validation, 0.0, seed=0)
    validation_batches = [to_tensors(validation_sampler.next_batch()) for _ in range(12)]

    step, samples_seen, seconds_before = 0, 0, 0.0
    checkpoint_path = arguments.output / "checkpoint.pt"
    if checkpoint_path.exists():
        saved = checkpoint.load(checkpoint_path)
        network.load_state_dict(saved["network"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        average.weights, average.updates = saved["averaged"], saved["average_updates"]
        sampler.generator.bit_generator.state = saved["samplers"][processes.rank]
        step, samples_seen = saved["step"], saved["samples"]
        seconds_before = saved["seconds"]
        del saved
        print(f"continuing after step {step}")

    loss_function = masked_nats if arguments.no_compile else torch.compile(masked_nats)
    log = LossLog(arguments.output / "loss.csv", step) if is_first else None
    started = time.monotonic()
    last_checkpoint = started
    recent_nats: list[float] = []
    validation_nats = math.nan

    def elapsed() -> float:
        return seconds_before + time.monotonic() - started

    def progress() -> float:
        if arguments.steps is not None:
            return step / arguments.steps
        return elapsed() / (60.0 * arguments.minutes)

    @torch.no_grad()
    def validate() -> float:
        # The averaged weights take the network's place for a moment.
        trained = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(average.weights)
        with torch.autocast("cpu", torch.bfloat16):
            losses = [float(loss_function(network, batch)) for batch in validation_batches]
        network.load_state_dict(trained)
        return float(np.mean(losses))

    def save_checkpoint() -> None:
        samplers = processes.gather(sampler.generator.bit_generator.state)
        if log is None:
            return
        checkpoint.save(
            checkpoint_path,
            {
                "configuration": configuration.to_json(),
                "network": network.state_dict(),
                "averaged": average.weights,
                "average_updates": average.updates,
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "samplers": samplers,
                "step": step,
                "samples": samples_seen,
                "seconds": elapsed(),
            },
        )
        log.draw()

    while (now := processes.from_first(progress())) < 1.0:
        share = learning_rate_share(now, step, arguments)
        for optimizer, peak_rate in zip(optimizers, peak_rates, strict=True):
            optimizer.param_groups[0]["lr"] = peak_rate * share
            optimizer.zero_grad(set_to_none=True)
        batch = to_tensors(sampler.next_batch())
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_function(network, batch)
        loss.backward()
        processes.average_gradients(network)
        nn.utils.clip_grad_norm_(network.parameters(), arguments.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
        average.update(network)
        step += 1
        samples_seen += int(batch["mask"].sum()) * processes.count
        recent_nats.append(float(loss.detach()))

        if log is not None and step % arguments.validate_every == 0:
            validation_nats = validate()
        if log is not None and step % arguments.log_every == 0:
            row = {
                "step": step,
                "seconds": round(elapsed(), 1),
                "samples": samples_seen,
                "learning_rate": round(arguments.learning_rate * share, 7),
                "training_nats": round(float(np.mean(recent_nats)), 5),
                "validation_nats": round(validation_nats, 5),
            }
            recent_nats.clear()
            log.append(row)
            print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)
        minutes_since = processes.from_first(time.monotonic() - last_checkpoint) / 60.0
        if minutes_since > arguments.checkpoint_minutes:
            save_checkpoint()
            last_checkpoint = time.monotonic()

    validation_nats = validate()
    save_checkpoint()
    print(f"finished after {step} steps, {samples_seen:,} samples, {validation_nats:.4f} nats")


if __name__ == "__main__":
    main()
