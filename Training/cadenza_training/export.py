"""A run's weights as one model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from cadenza_training.errors import UserError
from cadenza_training.fitting import checkpoint
from cadenza_training.fitting.options import RunPaths
from cadenza_training.model_file import write_model
from cadenza_training.networks.conditions import read_condition
from cadenza_training.networks.network import Network
from cadenza_training.networks.registry import make_network

STORAGE_TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def load_run(run: Path, weights: str = "last") -> tuple[Network, dict]:
    """The network of a run with its averaged weights, `last` or `best`, and the checkpoint."""
    paths = RunPaths(run)
    contents = checkpoint.load(paths.best if weights == "best" else paths.checkpoint)
    model = contents["model"]
    conditions = [read_condition(entry) for entry in model["conditions"]]
    network = make_network(model["network"], conditions, model.get("encoder"))
    network.load_state_dict(contents["averaged"])
    return network.eval(), contents


def export(
    run: Path,
    output: Path,
    *,
    weights: str = "last",
    storage: str = "f16",
    sampling: Mapping[str, float] | None = None,
    defaults: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    validation_nats: float | None = None,
) -> None:
    """Writes `output`.

    `sampling` and `defaults` take the place of the configuration's; `texts` are `name`,
    `description`, `license` and `data`.
    """
    network, contents = load_run(run, weights)
    configuration = contents["history"][-1]["configuration"]
    texts = texts or {}
    model = contents["model"]
    conditions = [dict(entry) for entry in model["conditions"]]
    for name, value in (defaults or {}).items():
        _set_default(conditions, name, value)
    training: dict[str, object] = {
        "data": texts.get("data", ""),
        "recipe": configuration["name"],
        "steps": contents["step"],
    }
    nats = validation_nats if validation_nats is not None else contents.get("validation_nats")
    if validation_nats is None and contents.get("loss_unit", "nats") != "nats":
        nats = None
    if nats is not None:
        training["validation_nats"] = nats
    tensors = {
        name: tensor.to(STORAGE_TYPES[storage]) for name, tensor in network.tensors().items()
    }
    overflowing = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if overflowing:
        raise UserError(f"{overflowing[0]} holds values that {storage} cannot: export as f32")
    write_model(
        output,
        tensors,
        {
            "name": texts.get("name") or configuration["name"],
            "description": texts.get("description") or configuration["description"],
            "license": texts.get("license", ""),
            **{**model, "conditions": conditions},
            "sampling": {**configuration["sampling"], **(sampling or {})},
            "training": training,
        },
    )


def _set_default(conditions: list[dict], name: str, value: str) -> None:
    entry = next((entry for entry in conditions if entry["name"] == name), None)
    if entry is None:
        known = ", ".join(entry["name"] for entry in conditions) or "none"
        raise UserError(f'there is no condition "{name}"; there are: {known}')
    labels = entry.get("labels", [])
    if value in labels:
        entry["default"] = labels.index(value)
    elif value.isdecimal() and int(value) < entry["size"]:
        entry["default"] = int(value)
    else:
        raise UserError(
            f'condition {name}: "{value}" is neither a label nor a class below {entry["size"]}'
        )
