"""Negative log-likelihood, in nats per sample, of held-out notes: baselines and trained model.

    python -m cadenza_training.baselines --recipe recipes/notes-wavenet.json --data notes16k \\
        --checkpoint runs/notes/checkpoint.pt

Every held-out recording is scored whole, from its first sample, exactly as a stream hears it.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from cadenza_training import checkpoint, mu_law
from cadenza_training.dataset import Note, Recipe, load_notes
from cadenza_training.wavenet import WaveNet


def inputs_of(codes: NDArray[np.integer], levels: int) -> NDArray[np.int64]:
    """The codes one step late, with the silence code before the first."""
    return np.concatenate([[mu_law.silence_code(levels)], codes[:-1]]).astype(np.int64)


def markov_table(notes: list[Note], levels: int, smoothing: float) -> NDArray[np.float64]:
    """Log-probabilities [levels, levels] of the next code given the last one."""
    counts = np.full((levels, levels), smoothing)
    for note in notes:
        pairs = inputs_of(note.codes, levels) * levels + note.codes
        counts += np.bincount(pairs, minlength=levels * levels).reshape(levels, levels)
    return np.log(counts / counts.sum(axis=1, keepdims=True))


def markov_nats(table: NDArray[np.float64], notes: list[Note]) -> float:
    levels = table.shape[0]
    total = sum(-float(table[inputs_of(note.codes, levels), note.codes].sum()) for note in notes)
    return total / sum(len(note.codes) for note in notes)


@torch.inference_mode()
def wavenet_nats(network: WaveNet, notes: list[Note]) -> dict[str, float]:
    """Nats per sample over all notes (`all`) and for each instrument's notes."""
    levels = network.configuration.levels
    labels = network.configuration.conditions[0].labels or ()
    totals: dict[str, list[float]] = {"all": [0.0, 0.0]}
    for note in notes:
        inputs = torch.from_numpy(inputs_of(note.codes, levels))[:, None]
        conditions = (torch.tensor([note.instrument]), torch.tensor([note.pitch]))
        logits = network(inputs, conditions).squeeze(1)
        targets = torch.from_numpy(note.codes.astype(np.int64))
        nats = float(functional.cross_entropy(logits, targets, reduction="sum"))
        for key in ("all", labels[note.instrument]):
            total = totals.setdefault(key, [0.0, 0.0])
            total[0] += nats
            total[1] += len(note.codes)
    return {key: nats / samples for key, (nats, samples) in totals.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, help="score this network too")
    parser.add_argument("--smoothing", type=float, default=0.01, help="added to every count")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe.load(arguments.recipe)
    notes = load_notes(arguments.data, recipe)
    table = markov_table(notes.training, recipe.levels, arguments.smoothing)
    results: dict[str, object] = {
        "validation_notes": len(notes.validation),
        "validation_samples": sum(len(note.codes) for note in notes.validation),
        "training_notes_with_transpositions": len(notes.training),
        "training_recordings": len({note.file for note in notes.training}),
        "uniform_nats": math.log(recipe.levels),
        "markov_nats": markov_nats(table, notes.validation),
    }
    if arguments.checkpoint is not None:
        network, saved = checkpoint.load_averaged_wavenet(arguments.checkpoint)
        results["step"] = saved["step"]
        results["training_samples_seen"] = saved["samples"]
        results["wavenet_nats"] = wavenet_nats(network, notes.validation)
    print(json.dumps(results, indent=2))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
