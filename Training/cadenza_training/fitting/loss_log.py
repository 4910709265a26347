"""The losses of a run: a CSV file, with its curve beside it as a picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

FIELDS = ("step", "seconds", "samples", "learning_rate")
SIDES = ("training", "validation")


class LossLog:
    def __init__(
        self, path: Path, resumed_step: int, unit: str = "nats", details: tuple[str, ...] = ()
    ) -> None:
        """Rows after `resumed_step` are of a run that was lost: they go. `unit`: of the losses,
        whose columns are called …_nats, or else …_loss; `details` are more columns, called
        training_…."""
        self.path = path
        self.unit = unit
        kind = "nats" if unit == "nats" else "loss"
        self.losses = tuple(f"{side}_{kind}" for side in SIDES)
        self.details = tuple(f"training_{name}" for name in details)
        self.fields = (*FIELDS, *self.losses, *self.details)
        self.rows: list[dict[str, float]] = []
        if resumed_step > 0 and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    values = {name: float(row[name] or "nan") for name in self.fields}
                    if values["step"] <= resumed_step:
                        self.rows.append(values)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.fields)
            writer.writerows([_text(row[name]) for name in self.fields] for row in self.rows)

    def append(
        self,
        row: dict[str, float],
        training: float,
        validation: float,
        details: Sequence[float] = (),
    ) -> None:
        """`row`: all but the losses."""
        row = row | dict(zip(self.losses, (training, validation), strict=True))
        row |= dict(zip(self.details, details, strict=True))
        self.rows.append(row)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([_text(row[name]) for name in self.fields])

    def draw(self) -> None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
        for side, name in zip(SIDES, self.losses, strict=True):
            points = [(r["step"], r[name]) for r in self.rows if not math.isnan(r[name])]
            if points:
                axes.plot(*zip(*points, strict=True), label=side)
        axes.set(xlabel="step", ylabel=f"{self.unit} per prediction")
        if axes.lines:
            axes.legend()
        figure.savefig(self.path.with_suffix(".png"), dpi=100)
        pyplot.close(figure)


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.10g}"
