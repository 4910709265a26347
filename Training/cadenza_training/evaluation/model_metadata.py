"""The configuration in a model file, read and written again without a touch on the tensors.

The layout of the file: Sources/Cadenza/Model/FORMAT.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cadenza_training.errors import UserError
from cadenza_training.model_file import FORMAT_NAME

_CONFIGURATION_KEY = "cadenza.config"
_LARGEST_HEADER = 8 * 2**20
_METADATA = "__metadata__"


@dataclass(frozen=True)
class TensorFacts:
    dtype: str
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


def read_configuration(path: Path) -> dict:
    return json.loads(_read(path)[0][_METADATA][_CONFIGURATION_KEY])


def read_tensor_facts(path: Path) -> dict[str, TensorFacts]:
    return {
        name: TensorFacts(entry["dtype"], tuple(entry["shape"]))
        for name, entry in _read(path)[0].items()
        if name != _METADATA
    }


def tensors_checksum(path: Path) -> str:
    """SHA-256 of the tensors' bytes: the same for a model whose notes were rewritten."""
    return hashlib.sha256(_read(path)[1]).hexdigest()


def update_training(path: Path, values: Mapping[str, str | int | float]) -> None:
    """Sets keys of the configuration's `training`; the others stay. The file is replaced whole."""
    header, tensors = _read(path)
    configuration = json.loads(header[_METADATA][_CONFIGURATION_KEY])
    configuration["training"] = {**configuration.get("training", {}), **values}
    header[_METADATA][_CONFIGURATION_KEY] = json.dumps(configuration, ensure_ascii=False)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("utf-8")
    # The tensors stay aligned to eight bytes.
    text += b" " * (-len(text) % 8)
    # Beside it and renamed: a full disc leaves the old file.
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(len(text).to_bytes(8, "little") + text + tensors)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def _read(path: Path) -> tuple[dict, bytes]:
    """The header and the tensors' bytes."""
    try:
        file = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    length = int.from_bytes(file[:8], "little")
    problem = UserError(f"{path} is not a Cadenza model file")
    if len(file) < 8 or length > min(_LARGEST_HEADER, len(file) - 8):
        raise problem
    try:
        header = json.loads(file[8 : 8 + length])
        metadata = header[_METADATA]
        is_model = metadata["format"] == FORMAT_NAME
        json.loads(metadata[_CONFIGURATION_KEY])
    except (ValueError, KeyError, TypeError) as error:
        raise problem from error
    if not is_model:
        raise problem
    return header, file[8 + length :]
