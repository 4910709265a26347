"""What a file says about itself, as settings of a model's conditions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cadenza_training.engine import Condition
from cadenza_training.errors import UserError
from cadenza_training.evaluation.sound_files import SoundFile

Settings = tuple[tuple[str, int | str], ...]


def settings_for(file: SoundFile, conditions: Sequence[Condition], model: Path) -> Settings:
    """For each of the conditions `instrument`, `pitch` and `velocity` that the model has, what the
    file's manifest says; conditions of other names keep the model's defaults."""
    settings: list[tuple[str, int | str]] = []
    for condition in conditions:
        if condition.name == "instrument":
            if file.instrument not in condition.labels:
                known = ", ".join(condition.labels) or "none"
                raise UserError(
                    f'{file.path} is of instrument "{file.instrument}", which {model} does not '
                    f"know; its instruments: {known}"
                )
            settings.append((condition.name, file.instrument))
        elif condition.name == "pitch":
            settings.append((condition.name, _pitch(file, condition, model)))
        elif condition.name == "velocity" and file.velocity is not None:
            value = str(file.velocity) if condition.labels else file.velocity
            if not _is_class(condition, value):
                raise UserError(
                    f"{file.path} is of velocity {file.velocity}, which {model} does not know"
                )
            settings.append((condition.name, value))
    return tuple(settings)


def _pitch(file: SoundFile, condition: Condition, model: Path) -> int | str:
    if file.midi_pitch is None:
        raise UserError(
            f"{file.path}: {model} wants to know the pitch, and nothing says it; expected a "
            "prepared set, or a manifest.csv with the columns file and midi_pitch"
        )
    value = str(file.midi_pitch) if condition.labels else file.midi_pitch
    if not _is_class(condition, value):
        raise UserError(
            f"{file.path} is of pitch {file.midi_pitch}, which {model} does not know; expected "
            + (", ".join(condition.labels) or f"0 … {condition.size - 1}")
        )
    return value


def _is_class(condition: Condition, value: int | str) -> bool:
    if isinstance(value, str):
        return value in condition.labels
    return condition.kind == "vector" or 0 <= value < condition.size


def setting_of(text: str) -> tuple[str, str | float]:
    """NAME=VALUE of a command line: a number, or else a label."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise UserError(f"--condition {text}: expected NAME=VALUE")
    try:
        return name, float(value)
    except ValueError:
        return name, value
