"""Fine-tuning: starting from an exported model, with layers that stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch

from cadenza_training.errors import UserError
from cadenza_training.model_file import read_model
from cadenza_training.networks.network import Network


@torch.no_grad()
def start_from(network: Network, path: Path) -> None:
    """Takes every weight of the model at `path` that the network has.

    A condition with labels finds its rows by label: what the model does not know starts from the
    mean of what it knows. Everything else must have the model's shape.
    """
    tensors, configuration = read_model(path)
    theirs = {entry["name"]: entry for entry in configuration.get("conditions", [])}
    ours = {condition.name for condition in network.conditions}
    if set(theirs) != ours:
        raise UserError(
            f"{path} has the conditions {sorted(theirs) or 'none'}, "
            f"this run {sorted(ours) or 'none'}: fine-tuning keeps a model's conditions"
        )
    for condition in network.conditions:
        labels = theirs[condition.name].get("labels")
        name = f"conditions.{condition.name}.embedding.weight"
        if condition.labels is None or labels is None or name not in tensors:
            continue
        table = tensors[name].float()
        rows = [
            table[labels.index(label)] if label in labels else table.mean(dim=0)
            for label in condition.labels
        ]
        tensors[name] = torch.stack(rows)
    try:
        network.load_tensors(tensors)
    except UserError as error:
        raise UserError(f"{path} cannot be fine-tuned with this configuration: {error}") from error


def freeze(network: Network, patterns: Sequence[str]) -> list[str]:
    """Keeps the tensors whose names in the model file match a pattern (`layers.[0-4].*`)."""
    names = network.tensor_names()
    parameters = dict(network.named_parameters())
    frozen: list[str] = []
    for pattern in patterns:
        matching = [name for name in names if fnmatchcase(name, pattern)]
        if not matching:
            raise UserError(
                f'--freeze "{pattern}" matches no tensor; there are {", ".join(list(names)[:6])} …'
            )
        frozen += matching
    for name in frozen:
        parameters[names[name]].requires_grad_(False)
    return sorted(set(frozen))
