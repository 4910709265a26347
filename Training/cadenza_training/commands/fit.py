"""Trains a system on a prepared set, or goes on where a run was interrupted.

    cadenza-train fit notes-wavenet --set prepared/notes --output runs/notes
    cadenza-train fit raw-audio-gru --set prepared/mine --output runs/mine --minutes 60 \\
        --override network.layers='[{kind="gru", channels=192}]'
    cadenza-train fit notes-wavenet --from notes-wavenet.safetensors --freeze 'layers.[0-9].*' \\
        --set prepared/mine --output runs/tuned

CONFIGURATION is a TOML file, or the name of one in the package. The run's folder gets
checkpoint.pt every few minutes, best.pt at each new best validation, loss.csv and loss.png. The
same command again continues exactly where the last checkpoint stood. Under torchrun, one process
each: torchrun --nproc-per-node 2 -m cadenza_training.cli fit …
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

SUMMARY = "train a system on a prepared set, or continue a run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("configuration", metavar="CONFIGURATION", help="TOML file, or a name")
    parser.add_argument("--set", type=Path, required=True, metavar="SET", help="prepared set")
    parser.add_argument("--output", type=Path, required=True, metavar="RUN", help="its folder")
    parser.add_argument("--from", dest="start", type=Path, metavar="MODEL", help="fine-tune MODEL")
    parser.add_argument(
        "--freeze",
        action="append",
        default=[],
        metavar="PATTERN",
        help="keep tensors as they are, by their names in the model file; may be repeated",
    )
    parser.add_argument("--folds", type=int, metavar="K", help="k-fold cross-validation")
    parser.add_argument("--minutes", type=float, help="training.minutes")
    parser.add_argument("--steps", type=int, help="training.steps")
    parser.add_argument("--device", help="training.device: cpu, cuda, mps, xpu …")
    parser.add_argument("--seed", type=int, help="training.seed")
    parser.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="any key of the configuration; may be repeated",
    )


def run(arguments: argparse.Namespace) -> None:
    # Asked to end by a machine that shuts down, it ends as by Ctrl-C: with a checkpoint.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from cadenza_training.configuration import override, read_toml
    from cadenza_training.data.prepared_set import PreparedSet
    from cadenza_training.fitting.cross_validation import cross_validate
    from cadenza_training.fitting.fit import fit, read_configuration

    values = read_toml(arguments.configuration)
    override(values, arguments.override)
    training = values.setdefault("training", {})
    # A budget on the command line takes the place of the file's.
    if arguments.minutes is not None or arguments.steps is not None:
        training.pop("minutes", None)
        training.pop("steps", None)
    for key in ("minutes", "steps", "device", "seed"):
        if getattr(arguments, key) is not None:
            training[key] = getattr(arguments, key)
    configuration = read_configuration(values, arguments.start)
    prepared = PreparedSet.read(arguments.set)
    options = {"start": arguments.start, "frozen": arguments.freeze}
    if arguments.folds is not None:
        cross_validate(configuration, prepared, arguments.output, arguments.folds, **options)
        return
    outcome = fit(configuration, prepared, arguments.output, **options)
    print(
        f"{outcome.step:,} steps, {outcome.samples:,} predictions, {outcome.seconds / 60:.1f} min: "
        f"{outcome.validation_nats:.4f} {outcome.unit} on the validation split "
        f"(best {outcome.best_nats:.4f} at step {outcome.best_step:,}); {outcome.reason}"
    )
