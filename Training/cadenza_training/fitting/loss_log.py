"""The losses of a run: a CSV file, with its curve beside it as a picture."""

from __future__ import annotations

import csv
import math
from pathlib import Path

FIELDS = ("step", "seconds", "samples", "learning_rate", "training_nats", "validation_nats")


class LossLog:
    def __init__(self, path: Path, resumed_step: int) -> None:
        """Rows after `resumed_step` are of a run that was lost: they go."""
        self.path = path
        self.rows: list[dict[str, float]] = []
        if resumed_step > 0 and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    values = {name: float(row[name] or "nan") for name in FIELDS}
                    if values["step"] <= resumed_step:
                        self.rows.append(values)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(FIELDS)
            writer.writerows([_text(row[name]) for name in FIELDS] for row in self.rows)

    def append(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([_text(row[name]) for name in FIELDS])

    def draw(self) -> None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
        for name in ("training_nats", "validation_nats"):
            points = [(r["step"], r[name]) for r in self.rows if not math.isnan(r[name])]
            if points:
                axes.plot(*zip(*points, strict=True), label=name.removesuffix("_nats"))
        axes.set(xlabel="step", ylabel="nats per sample")
        if axes.lines:
            axes.legend()
        figure.savefig(self.path.with_suffix(".png"), dpi=100)
        pyplot.close(figure)


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.10g}"
