"""Writes the page that goes with a model: what it is, what it was made from, how good it is.

    python -m cadenza_training.model_card --recipe recipes/notes-wavenet.json \\
        --model notes-wavenet.safetensors --likelihood runs/notes/likelihood.json \\
        --pitch runs/notes/pitch.json --picture notes-wavenet.png --output notes-wavenet.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cadenza_training.dataset import Recipe
from cadenza_training.model_file import read_model


def card(
    recipe: Recipe,
    model: Path,
    likelihood: dict,
    pitch: dict,
    picture: str | None,
    notes: list[str],
) -> str:
    tensors, configuration = read_model(model)
    network = configuration["network"]
    sampling = configuration["sampling"]
    parameters = sum(tensor.numel() for tensor in tensors.values())
    defaults = {}
    for condition in configuration["conditions"]:
        default = condition.get("default", 0)
        labels = condition.get("labels")
        defaults[condition["name"]] = labels[default] if labels else default
    setting = ", ".join(f"{name} {value}" for name, value in defaults.items())
    lines = [
        f"# {recipe.name}",
        "",
        f"{recipe.description}. {recipe.sample_rate} Hz, {recipe.levels} mu-law levels.",
        "",
        f"    cadenza generate {model.name} --seconds 2 --set instrument={recipe.labels[-1]} "
        f"--set pitch={recipe.instruments[-1].maximum_pitch} -o note.wav",
        "",
        f"Left alone it plays {setting}, at temperature {sampling['temperature']}. "
        "A note starts at the stream's start: reset the stream to strike the next one.",
        "",
        "| condition `instrument` | condition `pitch` | recordings |",
        "|---|---|---|",
    ]
    for instrument in recipe.instruments:
        pitches = f"MIDI {instrument.minimum_pitch} … {instrument.maximum_pitch}"
        lines.append(f"| `{instrument.label}` | {pitches} | {instrument.attribution} |")
    dilations = network["dilations"]
    lines += [
        "",
        "Outside these ranges, do not rely on the pitch.",
        "",
        "## The network",
        "",
        f"A WaveNet (van den Oord et al. 2016) of {parameters:,} parameters, stored as F16: "
        f"{len(dilations)} layers with dilations {dilations[0]} … {max(dilations)}, "
        f"{network['residual_channels']} residual, {network['gate_channels']} gate, "
        f"{network['skip_channels']} skip and {network['head_channels']} head channels, "
        "an embedding for each code, instrument and pitch.",
        "",
        "## Training",
        "",
        f"- recipe: `{configuration['training']['recipe']}`, by `Training/`",
        f"- {likelihood['step']:,} steps, {likelihood['training_samples_seen']:,} samples "
        f"of {likelihood['training_recordings']} recordings, each also transposed by a few "
        f"semitones: {likelihood['training_notes_with_transpositions']} notes",
        f"- held out: {likelihood['validation_notes']} whole recordings, "
        f"{likelihood['validation_samples']:,} samples",
        *(f"- {note}" for note in notes),
        "",
        "## How good it is",
        "",
        "Negative log-likelihood of the held-out recordings, scored whole from their first sample:",
        "",
        "| predictor | nats per sample |",
        "|---|---|",
        f"| uniform | {likelihood['uniform_nats']:.3f} |",
        f"| order-1 Markov table, 256 by 256 | {likelihood['markov_nats']:.3f} |",
        f"| **this model** | **{likelihood['wavenet_nats']['all']:.3f}** |",
        "",
        f"Pitch of {pitch['all']['notes']} generated notes of {pitch['seconds']} s, spread evenly "
        "over each instrument's range, by librosa's pYIN: right when the median of the voiced "
        "frames lies within 50 cents of the asked pitch. "
        f"(`evaluate_pitch`, {pitch['source']}, temperature {sampling['temperature']})",
        "",
        "| instrument | within 50 cents | median error, cents | held-out nats per sample |",
        "|---|---|---|---|",
    ]
    for label in (*recipe.labels, "all"):
        share = pitch["all"] if label == "all" else pitch["instruments"][label]
        nats = likelihood["wavenet_nats"].get(label)
        lines.append(
            f"| {label} | {share['within_50_cents']} of {share['notes']} "
            f"({100 * share['share']:.1f} %) | {share['median_absolute_cents']} "
            f"| {'' if nats is None else f'{nats:.3f}'} |"
        )
    if picture is not None:
        lines += ["", f"![Spectrograms of generated notes, named instrument-pitch]({picture})"]
    lines += [
        "",
        "## Licence",
        "",
        f"{recipe.license}, as its recordings are. Nobody's performance is reproduced on purpose; "
        "the attributions above are owed to courtesy, not to a licence.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--likelihood", type=Path, required=True, help="JSON of baselines")
    parser.add_argument("--pitch", type=Path, required=True, help="JSON of evaluate_pitch")
    parser.add_argument("--picture", help="relative to the card")
    parser.add_argument("--note", action="append", default=[], help="a line about the training")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    likelihood = json.loads(arguments.likelihood.read_text(encoding="utf-8"))
    pitch = json.loads(arguments.pitch.read_text(encoding="utf-8"))
    recipe = Recipe.load(arguments.recipe)
    text = card(recipe, arguments.model, likelihood, pitch, arguments.picture, arguments.note)
    arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
