"""One run: from a configuration and a prepared set to checkpoints in a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.options import RunPaths, TrainingOptions
from cadenza_training.fitting.processes import Processes
from cadenza_training.fitting.starting_point import freeze
from cadenza_training.fitting.trainer import Outcome, Trainer, find_device
from cadenza_training.model_file import read_model
from cadenza_training.systems.registry import find_system
from cadenza_training.systems.system import FitConfiguration, SamplingOptions


def read_configuration(values: dict, model: Path | None) -> FitConfiguration:
    """From TOML; where a model is fine-tuned, its network and conditions replace the file's."""
    if model is not None:
        _, theirs = read_model(model)
        network = {k: v for k, v in theirs["network"].items() if k != "vocabulary_size"}
        codec = {k: v for k, v in theirs["codec"].items() if k != "sample_rate"}
        if find_system(values.get("system", "")).start_brings_conditions:
            conditions = {
                entry["name"]: entry["size"]
                if entry["kind"] == "latent"
                else entry.get("embedding_channels", 0)
                for entry in theirs.get("conditions", [])
            }
        else:
            conditions = values.get("conditions", {})
            network = {**values.get("network", {}), **network}
        values = {**values, "network": network, "codec": codec, "conditions": conditions}
        if network["kind"] == "decoder" and "encoder" in theirs:
            values["encoder"] = theirs["encoder"]
        if "defaults" in values:
            values["defaults"] = {k: v for k, v in values["defaults"].items() if k in conditions}
    configuration = build(FitConfiguration, values, "configuration")
    build(SamplingOptions, configuration.sampling, "sampling")
    build(TrainingOptions, configuration.training, "training").check()
    find_system(configuration.system)
    return configuration


def fit(
    configuration: FitConfiguration,
    prepared: PreparedSet,
    output: Path,
    *,
    start: Path | None = None,
    frozen: Sequence[str] = (),
) -> Outcome:
    """Trains, or continues what `output` holds."""
    options = build(TrainingOptions, configuration.training, "training")
    options.check()
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    device = find_device(options.device)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    processes = Processes(device)
    # The same first weights in every process; each draws its own batches.
    torch.manual_seed(options.seed)
    system = find_system(configuration.system)(
        configuration, prepared, options, processes=processes.count, rank=processes.rank
    )
    if start is not None:
        _check_rate(start, prepared)
        system.start_from(start)
    kept = freeze(system.network, frozen)
    torch.manual_seed(options.seed + 1 + processes.rank)
    paths = RunPaths(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output} cannot be made: {error.strerror}") from error
    described = system.model_configuration()
    identity = {
        "system": configuration.system,
        "network_configuration": described["network"],
        "codec": described["codec"],
        "conditions": described["conditions"],
        **({"encoder": described["encoder"]} if "encoder" in described else {}),
        "set": prepared.description.name,
    }
    trainer = Trainer(system, options, paths, processes, device, identity)
    trainer.history.append(
        {
            "from_step": trainer.step,
            "configuration": asdict(configuration),
            "start": start.name if start is not None else "",
            "frozen": kept,
            "processes": processes.count,
            "device": device.type,
        }
    )
    if processes.is_first:
        _describe(system.network.parameter_count(), trainer, prepared, device)
        (output / "configuration.json").write_text(
            json.dumps(asdict(configuration), indent=2) + "\n", encoding="utf-8"
        )
    try:
        return trainer.run()
    finally:
        processes.close()


def _check_rate(model: Path, prepared: PreparedSet) -> None:
    _, theirs = read_model(model)
    # A composer has none, and neither has a set of notes.
    rate = theirs["codec"].get("sample_rate", 0)
    if rate != prepared.description.sample_rate:
        raise UserError(
            f"{model} plays at {rate} Hz, {prepared.folder} is at "
            f"{prepared.description.sample_rate} Hz: prepare it with --sample-rate {rate}"
        )


def _describe(
    parameters: int, trainer: Trainer, prepared: PreparedSet, device: torch.device
) -> None:
    counts = {name: len(prepared.split(name)) for name in ("train", "validation")}
    print(
        f"{parameters:,} parameters on {device}; {counts['train']} files to train on, "
        f"{counts['validation']} to validate on",
        flush=True,
    )
    if trainer.options.compile:
        print(
            "compiling the network takes a minute or two at first; "
            "--override training.compile=false does without",
            flush=True,
        )
    if trainer.step:
        print(f"continuing after step {trainer.step:,}", flush=True)
