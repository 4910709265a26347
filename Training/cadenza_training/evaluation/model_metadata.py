"""The configuration in a model file, read and written again without a touch on the tensors.

The layout of the file: Sources/Cadenza/Model/FORMAT.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cadenza_training.model_file import CONFIGURATION_KEY, METADATA, read_parts, write_parts


@dataclass(frozen=True)
class TensorFacts:
    dtype: str
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


def read_configuration(path: Path) -> dict:
    return json.loads(read_parts(path)[0][METADATA][CONFIGURATION_KEY])


def is_decoder(configuration: Mapping) -> bool:
    """Whether it plays clips of a latent."""
    return configuration["network"].get("kind") == "decoder"


def read_tensor_facts(path: Path) -> dict[str, TensorFacts]:
    return {
        name: TensorFacts(entry["dtype"], tuple(entry["shape"]))
        for name, entry in read_parts(path)[0].items()
        if name != METADATA
    }


def tensors_checksum(path: Path) -> str:
    """SHA-256 of the tensors' bytes: the same for a model whose notes were rewritten."""
    return hashlib.sha256(read_parts(path)[1]).hexdigest()


def update_training(path: Path, values: Mapping[str, str | int | float]) -> None:
    """Sets keys of the configuration's `training`; the others stay. The file is replaced whole."""
    header, tensors = read_parts(path)
    configuration = json.loads(header[METADATA][CONFIGURATION_KEY])
    configuration["training"] = {**configuration.get("training", {}), **values}
    header[METADATA][CONFIGURATION_KEY] = json.dumps(configuration, ensure_ascii=False)
    write_parts(path, header, tensors)
