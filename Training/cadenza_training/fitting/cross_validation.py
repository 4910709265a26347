"""k-fold cross-validation: each file is validated on once, by a run that never saw it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.fitting.fit import fit
from cadenza_training.systems.system import FitConfiguration


@dataclass(frozen=True)
class FoldResult:
    fold: int
    files: int
    steps: int
    validation_nats: float
    best_nats: float
    # What both are in.
    unit: str = "nats"


def fold_of(prepared: PreparedSet, fold: int, folds: int, seed: int) -> PreparedSet:
    """The set with one part of its training and validation files to validate on.

    Files of the same source are in the same part. The test split stays out of it.
    """
    pooled = [entry for entry in prepared.entries if entry.split != "test"]
    sources = sorted({entry.source or entry.file for entry in pooled})
    if len(sources) < folds:
        raise UserError(f"{prepared.folder} has {len(sources)} sources, fewer than {folds} folds")
    order = np.random.default_rng(seed).permutation(len(sources))
    chosen = {sources[index] for index in order[fold::folds]}
    entries = tuple(
        entry
        if entry.split == "test"
        else replace(
            entry,
            split="validation" if (entry.source or entry.file) in chosen else "train",
        )
        for entry in prepared.entries
    )
    return replace(prepared, entries=entries)


def cross_validate(
    configuration: FitConfiguration,
    prepared: PreparedSet,
    output: Path,
    folds: int,
    *,
    start: Path | None = None,
    frozen: Sequence[str] = (),
) -> list[FoldResult]:
    """Runs every fold into its own folder, and writes folds.csv and folds.json."""
    if folds < 2:
        raise UserError(f"--folds is {folds}, expected 2 or more")
    seed = int(configuration.training.get("seed", 2016))
    results = []
    for fold in range(folds):
        part = fold_of(prepared, fold, folds, seed)
        print(f"fold {fold + 1} of {folds}", flush=True)
        outcome = fit(configuration, part, output / f"fold-{fold}", start=start, frozen=frozen)
        results.append(
            FoldResult(
                fold,
                len(part.split("validation")),
                outcome.step,
                outcome.validation_nats,
                outcome.best_nats,
                outcome.unit,
            )
        )
    _write(results, output)
    return results


def _write(results: list[FoldResult], output: Path) -> None:
    with (output / "folds.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("fold", "files", "steps", "validation_nats", "best_nats"))
        for result in results:
            writer.writerow(
                (result.fold, result.files, result.steps, result.validation_nats, result.best_nats)
            )
    values = [result.validation_nats for result in results]
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    summary = {"folds": len(values), "mean_nats": mean, "standard_deviation_nats": deviation}
    (output / "folds.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    unit = results[0].unit
    print(f"{len(values)} folds: {mean:.4f} ± {deviation:.4f} {unit} a prediction")
