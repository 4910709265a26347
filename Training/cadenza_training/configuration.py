"""Configurations: small TOML files, by path or by name in the package, any key overridable.

A key that nothing reads is refused by its name: a misspelt option must not be lost.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from cadenza_training.errors import UserError

Kind = TypeVar("Kind")


def packaged_names(prefix: str = "") -> list[str]:
    folder = resources.files("cadenza_training") / "configurations"
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names if name.startswith(prefix))


def read_toml(name: str) -> dict[str, Any]:
    """The file at the path `name`, or else the package's configuration of that name."""
    path = Path(name)
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    elif name in packaged_names():
        folder = resources.files("cadenza_training") / "configurations"
        text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise UserError(
            f"{name} is neither a file nor a configuration of the package; "
            f"those are {', '.join(packaged_names())}"
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name} is not valid TOML: {error}") from error


def override(values: dict[str, Any], settings: Sequence[str]) -> None:
    """Applies `table.key=VALUE` settings; VALUE is a TOML value, or else a text."""
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not all(path.split(".")):
            raise UserError(f'"{setting}" is not of the form table.key=VALUE')
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *tables, key = path.split(".")
        table = values
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise UserError(f'"{setting}": {name} is a value, not a table')
        table[key] = value


def build(kind: type[Kind], values: Mapping[str, Any], where: str) -> Kind:
    """A dataclass of plain fields from a table, every key known and every type as declared."""
    if not isinstance(values, Mapping):
        raise UserError(f"{where} is {values!r}, expected a table")
    known = {field.name: field for field in fields(kind)}
    for key in values:
        if key not in known:
            raise UserError(
                f'{where}: unknown key "{key}"; the keys are {", ".join(sorted(known))}'
            )
    checked: dict[str, Any] = {}
    for name, field in known.items():
        if name in values:
            checked[name] = _check(values[name], str(field.type), f"{where}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise UserError(f'{where}: the key "{name}" is missing')
    return kind(**checked)


def _check(value: object, declared: str, where: str) -> object:
    base = declared.split("[")[0].split(" |")[0]
    expected: tuple[type, ...] | None = {
        "int": (int,),
        "float": (int, float),
        "str": (str,),
        "bool": (bool,),
        "dict": (dict,),
        "Mapping": (dict,),
        "tuple": (list,),
    }.get(base)
    if expected is None:
        return value
    if not isinstance(value, expected) or (isinstance(value, bool) and base != "bool"):
        raise UserError(f"{where} is {value!r}, expected {declared}")
    if base == "float":
        return float(value)
    return tuple(value) if base == "tuple" else value
