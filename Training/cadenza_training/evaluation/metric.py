"""One row of an evaluation's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "as the reference"]


class NotDefinedError(Exception):
    """A metric has no value for this material; the text says why."""


@dataclass(frozen=True)
class Metric:
    key: str
    name: str
    # The paper or library whose definition it is.
    source: str
    unit: str
    better: Better
    # Nothing where it is not defined; `reason` then says why.
    generated: float | None = None
    # The same figure of the reference, for metrics of one set.
    reference: float | None = None
    # A control: real training material in the place of the generated.
    training: float | None = None
    # Another: the reference itself, through the model's codec.
    codec: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class MetricKind:
    """What a metric is called, before it has a value."""

    key: str
    name: str
    source: str
    unit: str
    better: Better

    def measure(
        self,
        generated: Callable[[], float],
        reference: Callable[[], float] | None = None,
        training: Callable[[], float] | None = None,
        codec: Callable[[], float] | None = None,
    ) -> Metric:
        """Each figure that is defined, and the first reason of those that are not."""
        values: list[float | None] = []
        reason = ""
        for function in (generated, reference, training, codec):
            try:
                values.append(None if function is None else float(function()))
            except NotDefinedError as error:
                values.append(None)
                reason = reason or str(error)
        return Metric(
            self.key, self.name, self.source, self.unit, self.better, *values, reason=reason
        )
