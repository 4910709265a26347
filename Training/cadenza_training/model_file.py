"""Writes and reads Cadenza model files. Keys and tensor names: Sources/Cadenza/Model/FORMAT.md."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cadenza_training.errors import UserError

FORMAT_NAME = "cadenza"
FORMAT_VERSION = "1"
CONFIGURATION_KEY = "cadenza.config"
METADATA = "__metadata__"
LARGEST_HEADER = 8 * 2**20


def write_model(
    path: Path,
    tensors: Mapping[str, Tensor],
    configuration: Mapping,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Writes one model file, whole or not at all. Each tensor keeps its own type: F32, F16, BF16.

    `notes` are free metadata, whose keys do not begin with `cadenza.`.
    """
    metadata = {
        **(notes or {}),
        "format": FORMAT_NAME,
        "cadenza.version": FORMAT_VERSION,
        CONFIGURATION_KEY: json.dumps(configuration, ensure_ascii=False),
    }
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    file = save(contiguous, metadata=metadata)
    length = int.from_bytes(file[:8], "little")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent} cannot be made: {error.strerror}") from error
    write_parts(path, json.loads(file[8 : 8 + length]), file[8 + length :])


def write_parts(path: Path, header: Mapping, tensors: bytes) -> None:
    """Writes a header, keys in order, and the tensors; a full disc leaves the old file."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("utf-8")
    # The tensors stay aligned to eight bytes.
    text += b" " * (-len(text) % 8)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(len(text).to_bytes(8, "little") + text + tensors)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def read_parts(path: Path) -> tuple[dict, bytes]:
    """The header and the tensors' bytes of a model file."""
    try:
        file = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    length = int.from_bytes(file[:8], "little")
    problem = UserError(f"{path} is not a Cadenza model file")
    if len(file) < 8 or length > min(LARGEST_HEADER, len(file) - 8):
        raise problem
    try:
        header = json.loads(file[8 : 8 + length])
        metadata = header[METADATA]
        is_model = metadata["format"] == FORMAT_NAME
        json.loads(metadata[CONFIGURATION_KEY])
    except (ValueError, KeyError, TypeError) as error:
        raise problem from error
    if not is_model:
        raise problem
    return header, file[8 + length :]


def read_model(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors as stored, and the configuration."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT_NAME:
                raise UserError(
                    f"{path} is not a Cadenza model file: its metadata says format "
                    f'"{metadata.get("format", "")}", expected "{FORMAT_NAME}"'
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(metadata[CONFIGURATION_KEY])
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a Cadenza model file: {error}") from error
