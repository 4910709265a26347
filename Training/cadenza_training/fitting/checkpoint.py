"""Checkpoints: written whole or not at all, read without executing anything."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import torch

from cadenza_training.errors import UserError


def save(path: Path, contents: dict[str, object]) -> None:
    """Replaces `path` in one step: an interrupted write, or a full disc, leaves the former."""
    buffer = io.BytesIO()
    torch.save(contents, buffer)
    partial = path.with_suffix(path.suffix + ".part")
    try:
        with partial.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        kept = "the former one is intact" if path.exists() else "there is none before it"
        raise UserError(
            f"{path}: the checkpoint of {buffer.getbuffer().nbytes:,} bytes could not be written "
            f"({error.strerror}); {kept}. Make room and run the same command again"
        ) from error


def load(path: Path) -> dict:
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is not a checkpoint of cadenza-train: {reason}") from error
    if not isinstance(contents, dict) or "system" not in contents:
        raise UserError(f"{path} is not a checkpoint of cadenza-train: it names no system")
    return contents
