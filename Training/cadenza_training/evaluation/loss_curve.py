"""The losses that a training run wrote."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from cadenza_training.errors import UserError

# What a curve may be drawn over, the first that there is.
AXES = ("step", "steps", "epoch")
_LOSS_WORDS = ("loss", "nats", "bits")


@dataclass(frozen=True)
class LossCurve:
    axis: str
    # The last value of each column that is a number: steps, samples seen.
    last: dict[str, float]
    # Of each column of losses, where there is a value: places on the axis, and losses.
    curves: dict[str, tuple[list[float], list[float]]]

    @property
    def steps(self) -> int | None:
        value = self.last.get("step", self.last.get("steps"))
        return None if value is None else int(value)

    @staticmethod
    def read(path: Path) -> LossCurve:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error
        axis = next((name for name in AXES if rows and name in rows[0]), None)
        if axis is None:
            raise UserError(f"{path} has no rows, or no column of {', '.join(AXES)}")
        last: dict[str, float] = {}
        curves: dict[str, tuple[list[float], list[float]]] = {}
        for row in rows:
            place = _number(row[axis])
            for name, text in row.items():
                value = _number(text)
                if value is None or place is None:
                    continue
                last[name] = value
                if any(word in name for word in _LOSS_WORDS):
                    places, values = curves.setdefault(name, ([], []))
                    places.append(place)
                    values.append(value)
        if not curves:
            raise UserError(f"{path} has no column of losses (named …loss, …nats or …bits)")
        return LossCurve(axis, last, curves)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
