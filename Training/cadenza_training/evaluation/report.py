"""What an evaluation found: as JSON, as Markdown, on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

from cadenza_training.errors import UserError
from cadenza_training.evaluation.metric import Metric

EVALUATION_FILE = "evaluation.json"
MARKDOWN_FILE = "evaluation.md"

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def markdown(self) -> str:
        return markdown_table(self.columns, self.rows)


@dataclass
class Evaluation:
    kind: str
    # What was compared with what, and how: so that it can be done again.
    settings: dict[str, object]
    metrics: list[Metric]
    tables: list[Table] = dataclass_field(default_factory=list)
    sentences: list[str] = dataclass_field(default_factory=list)
    # Paths within the folder of the evaluation.
    pictures: list[str] = dataclass_field(default_factory=list)
    # Wall clock of each part.
    seconds: dict[str, float] = dataclass_field(default_factory=dict)

    def value(self, key: str) -> float | None:
        """The figure of the generated set."""
        return next((metric.generated for metric in self.metrics if metric.key == key), None)

    def table(self, key: str) -> Table | None:
        return next((table for table in self.tables if table.key == key), None)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)
        (folder / EVALUATION_FILE).write_text(text + "\n", encoding="utf-8")
        (folder / MARKDOWN_FILE).write_text(self.markdown(), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Evaluation:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values["metrics"] = [Metric(**entry) for entry in values["metrics"]]
            values["tables"] = [
                Table(
                    entry["key"],
                    entry["title"],
                    tuple(entry["columns"]),
                    tuple(tuple(row) for row in entry["rows"]),
                )
                for entry in values["tables"]
            ]
            return Evaluation(**values)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path} is not an evaluation ({error}); expected the {EVALUATION_FILE} that "
                "`cadenza-train evaluate` writes"
            ) from error

    def markdown(self) -> str:
        lines = ["# Evaluation", ""]
        lines += [f"- {name}: {value}" for name, value in self.settings.items()]
        lines += ["", self.metrics_markdown()]
        for table in self.tables:
            lines += ["", f"## {table.title}", "", table.markdown()]
        lines += [part for sentence in self.sentences for part in ("", sentence)]
        lines += [part for name in self.pictures for part in ("", f"![{Path(name).stem}]({name})")]
        return "\n".join(lines) + "\n"

    def metrics_markdown(self) -> str:
        """The table, and why figures are missing."""
        lines = [markdown_table(*self._metric_table())]
        reasons = [(metric.name, metric.reason) for metric in self.metrics if metric.reason]
        if reasons:
            lines += ["", "Not defined:", ""]
            lines += [f"- {name}: {reason}" for name, reason in reasons]
        return "\n".join(lines)

    def terminal(self) -> str:
        parts = [aligned_table(*self._metric_table())]
        for table in self.tables:
            parts += [f"{table.title}\n\n" + aligned_table(table.columns, table.rows)]
        reasons = [
            f"{metric.name}: not defined: {metric.reason}"
            for metric in self.metrics
            if metric.reason
        ]
        parts += ["\n".join(reasons)] if reasons else []
        return "\n\n".join([*parts, *self.sentences])

    def _metric_table(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        controls = [
            (heading, field)
            for heading, field in (("training set", "training"), ("codec alone", "codec"))
            if any(getattr(metric, field) is not None for metric in self.metrics)
        ]
        columns = ["metric", "source", "unit", "generated", "reference"]
        columns += [heading for heading, _ in controls]
        rows = []
        for metric in self.metrics:
            missing = metric.generated is None
            row: list[Cell] = [metric.name, metric.source, metric.unit]
            row += ["not defined" if missing else metric.generated, metric.reference]
            row += [getattr(metric, field) for _, field in controls]
            rows.append((*row, metric.better))
        columns.append("better")
        return tuple(columns), rows


def cell_text(cell: Cell) -> str:
    """Numbers to four significant digits, or one decimal."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.1f}" if abs(cell) >= 1000.0 else f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += [
        "| " + " | ".join(cell_text(cell).replace("|", "\\|") for cell in row) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def aligned_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    texts = [list(columns), *([cell_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(columns))]
    is_number = [
        any(isinstance(row[column], int | float) for row in rows) for column in range(len(columns))
    ]
    return "\n".join(
        "  ".join(
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, is_number, strict=True)
        ).rstrip()
        for row in texts
    )
