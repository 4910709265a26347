"""Writes and reads Cadenza model files. Keys and tensor names: Sources/Cadenza/Model/FORMAT.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cadenza_training.errors import UserError

FORMAT_NAME = "cadenza"
FORMAT_VERSION = "1"


def write_model(path: Path, tensors: Mapping[str, Tensor], configuration: Mapping) -> None:
    """Writes one model file. Each tensor keeps its own type: F32, F16 or BF16."""
    metadata = {
        "format": FORMAT_NAME,
        "cadenza.version": FORMAT_VERSION,
        "cadenza.config": json.dumps(configuration, ensure_ascii=False),
    }
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(with_sorted_header(save(contiguous, metadata=metadata)))


def with_sorted_header(file: bytes) -> bytes:
    """The same file with its header's keys in order: the library leaves them to chance."""
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("utf-8")
    # The tensors stay aligned to eight bytes.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file[8 + length :]


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
            return tensors, json.loads(metadata["cadenza.config"])
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a Cadenza model file: {error}") from error
