"""Reads the tensors of a PyTorch file, without running anything that the file brings.

`.pt` and `.pth` through `torch.load(weights_only=True)` alone, `.safetensors`, and `.json` with
nested lists of numbers.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cadenza_training.conversion.rtneural import number_array, read_json
from cadenza_training.errors import UserError

# Where training scripts usually put it among other things.
_USUAL_KEYS = ("state_dict", "model_state_dict", "model")


def read(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """Every tensor in float64, in the order of the file. `key` names the state dict in a
    checkpoint that holds several."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if path.suffix == ".json":
        document = read_json(path)
        if not isinstance(document, dict):
            raise UserError(f"{path} is not a JSON object that maps names to arrays")
        found = {
            name: torch.from_numpy(number_array(f"{path}: {name}", values))
            for name, values in document.items()
        }
    elif path.suffix == ".safetensors":
        found = _safetensors(path)
    else:
        found = _pickled(path, key)
    if not found:
        raise UserError(f"{path} holds no tensors")
    return {name: tensor.double() for name, tensor in found.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("format") == "cadenza":
                raise UserError(f"{path} is a Cadenza model already")
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read as safetensors: {error}") from error


def _pickled(path: Path, key: str | None) -> dict[str, Tensor]:
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than tensors, and what it brings is not executed; save the state "
            "dict alone, torch.save(model.state_dict(), …), or as safetensors. PyTorch says: "
            f"{_first_sentence(error)}"
        ) from error
    except Exception as error:
        # A damaged archive surfaces as RuntimeError, EOFError, KeyError and more.
        raise UserError(
            f"{path} cannot be read as a PyTorch file; it may be damaged or cut short: "
            f"{_first_sentence(error)}"
        ) from error
    if not isinstance(document, Mapping):
        raise UserError(f"{path} holds a {type(document).__name__}; expected a state dict")
    chosen = _choose(path, document, key)
    return {str(name): value for name, value in chosen.items() if isinstance(value, Tensor)}


def _choose(path: Path, document: Mapping, key: str | None) -> Mapping:
    def is_state_dict(value: object) -> bool:
        return isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values())

    held = [str(name) for name, value in document.items() if is_state_dict(value)]
    if key is not None:
        if key not in held:
            raise UserError(
                f"{path} has no state dict {key!r}; it has: {', '.join(held) or 'none by name'}"
            )
        return document[key]
    if not held:
        return document
    usual = [name for name in _USUAL_KEYS if name in held]
    if len(held) > 1 and len(usual) != 1:
        raise UserError(
            f"{path} holds several state dicts: {', '.join(held)}; choose one with --state-dict"
        )
    return document[usual[0] if usual else held[0]]


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:200]
