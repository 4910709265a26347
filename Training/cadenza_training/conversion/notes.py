"""Free metadata of a model file: what FORMAT.md leaves to notes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cadenza_training.model_file import with_sorted_header


def with_notes(file: bytes, notes: Mapping[str, str]) -> bytes:
    """The same model file with more keys beside those that begin with `cadenza.`"""
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    header["__metadata__"] |= notes
    text = json.dumps(header).encode("utf-8")
    return with_sorted_header(len(text).to_bytes(8, "little") + text + file[8 + length :])
