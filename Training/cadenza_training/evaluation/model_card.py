"""The page that goes with a model: what it is, what it was made from, how good it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from cadenza_training.data.prepared_set import SPLITS, AudioEntry, PreparedSet
from cadenza_training.engine import COMPOSER_CODECS
from cadenza_training.errors import UserError
from cadenza_training.evaluation.codec_vocabulary import vocabulary
from cadenza_training.evaluation.loss_curve import LossCurve
from cadenza_training.evaluation.model_metadata import (
    TensorFacts,
    read_configuration,
    read_tensor_facts,
    tensors_checksum,
)
from cadenza_training.evaluation.network_summary import network_summary
from cadenza_training.evaluation.report import Evaluation, markdown_table


@dataclass(frozen=True)
class CardMaterial:
    model: Path
    evaluation: Evaluation | None = None
    prepared: PreparedSet | None = None
    losses: LossCurve | None = None
    # Markdown: how the model was chosen, what was tried, what it cannot do.
    note: str = ""
    # Relative to the card, and what was asked of the sound in it.
    image: str = ""
    image_caption: str = ""


def check_belongs_together(material: CardMaterial) -> None:
    """That the evaluation is of this model, and the set has what its conditions want."""
    evaluation = material.evaluation
    if evaluation is not None:
        evaluated = evaluation.settings.get("model tensors (SHA-256)")
        if evaluated is not None and evaluated != tensors_checksum(material.model):
            raise UserError(
                f"the evaluation is of another model than {material.model}: their tensors differ"
            )
    if material.prepared is None:
        return
    configuration = read_configuration(material.model)
    description = material.prepared.description
    rate = configuration["codec"].get("sample_rate")
    # A decoder of spectrograms may have been trained at a rate of its own.
    is_resampled = configuration["codec"].get("kind") == "spectrogram"
    is_other = rate is not None and description.sample_rate != rate
    if description.kind == "audio" and is_other and not is_resampled:
        raise UserError(
            f"{material.prepared.folder} has {description.sample_rate} Hz and {material.model} "
            f"plays {rate} Hz; expected the set that the model was trained on"
        )
    for condition in configuration.get("conditions", []):
        labels = condition.get("labels")
        if condition["name"] == "instrument" and labels and set(description.labels) - set(labels):
            raise UserError(
                f"{material.prepared.folder} has the instruments {', '.join(description.labels)}, "
                f"and {material.model} knows {', '.join(labels)}; expected the model's own set"
            )


def training_values(
    material: CardMaterial, recipe: str | None, steps: int | None
) -> dict[str, str | int | float]:
    """What is known of the model's training, under the keys that FORMAT.md allows."""
    values: dict[str, str | int | float] = {}
    if material.prepared is not None and material.prepared.description.data:
        values["data"] = material.prepared.description.data
    if recipe is not None:
        values["recipe"] = recipe
    if steps is None and material.losses is not None:
        steps = material.losses.steps
    if steps is not None:
        values["steps"] = steps
    if material.evaluation is not None:
        nats = material.evaluation.value("cross_entropy")
        is_held_out = material.evaluation.settings.get("reference split") != "train"
        if nats is not None and material.evaluation.kind == "audio" and is_held_out:
            values["validation_nats"] = round(nats, 4)
        score = material.evaluation.table("score")
        if score is not None and is_held_out and score.rows[0][0] == "this model":
            # Of a composer, nats a step.
            values["validation_nats"] = round(float(score.rows[0][-1]), 4)
    return values


def card(material: CardMaterial) -> str:
    configuration = read_configuration(material.model)
    tensors = read_tensor_facts(material.model)
    sections = [
        _introduction(material, configuration),
        vocabulary(configuration["codec"]),
        _conditions(material, configuration),
        _network(configuration, tensors),
        _data(material, configuration),
        _training(material, configuration),
        _quality(material),
        _licence(material, configuration),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _introduction(material: CardMaterial, configuration: dict) -> str:
    codec = configuration["codec"]
    sound = f"{codec['sample_rate']:,} Hz" if "sample_rate" in codec else ""
    if codec.get("kind") == "mu_law":
        sound += f", {codec['levels']} mu-law levels"
    description = configuration.get("description") or "A generative model of music"
    lines = [f"# {configuration.get('name') or material.model.stem}", ""]
    lines += [f"{description.rstrip('.')}." + (f" {sound}." if sound else ""), ""]
    is_composer = codec.get("kind") in COMPOSER_CODECS
    verb, file = ("compose", "piece.mid") if is_composer else ("generate", "sound.wav")
    words = [f"cadenza {verb} {material.model.name} --seconds {60 if is_composer else 2}"]
    settings = [
        f"--set {condition['name']}={_default(condition)}"
        for condition in configuration.get("conditions", [])
        if condition["kind"] == "class" and "follows" not in condition
    ]
    lines.append("    " + " ".join([*words, *settings, f"-o {file}"]))
    sampling = configuration.get("sampling", {})
    drawn = [f"temperature {sampling.get('temperature', 1.0):g}"]
    drawn += [f"top-k {sampling['top_k']}"] if sampling.get("top_k") else []
    drawn += [f"top-p {sampling['top_p']:g}"] if sampling.get("top_p", 1.0) < 1.0 else []
    lines += [
        "",
        f"Left alone it plays {'what is set above, ' if settings else ''}at {', '.join(drawn)}.",
    ]
    if material.image:
        lines += ["", f"![{material.image_caption}]({material.image})", "", material.image_caption]
    return "\n".join(lines)


def _default(condition: dict) -> str:
    default = condition.get("default", 0)
    labels = condition.get("labels")
    return str(labels[default] if labels else default)


def _conditions(material: CardMaterial, configuration: dict) -> str:
    conditions = configuration.get("conditions", [])
    if not conditions:
        return "It takes no conditions."
    rows = []
    for condition in conditions:
        size = condition.get("size") or len(condition.get("labels", ()))
        values = (
            ", ".join(f"`{label}`" for label in condition["labels"])
            if condition.get("labels")
            else f"0 … {size - 1}"
            if condition["kind"] == "class"
            else f"{size} numbers"
        )
        lasts = condition.get("frames_per_value")
        when = "until the next" if lasts is None else f"{lasts:,} samples each"
        if "follows" in condition:
            when = "a step: the codec sets it, to the step's number in turn"
        rows.append((f"`{condition['name']}`", condition["kind"], values, when))
    text = "## Conditions\n\n" + markdown_table(("condition", "kind", "values", "last"), rows)
    instruments = () if material.prepared is None else material.prepared.description.instruments
    if instruments:
        text += "\n\n" + markdown_table(
            ("instrument", "trained pitches", "recordings"),
            [
                (
                    f"`{instrument.label}`",
                    f"MIDI {instrument.minimum_pitch} … {instrument.maximum_pitch}",
                    instrument.attribution or "not said",
                )
                for instrument in instruments
            ],
        )
        text += "\n\nOutside these ranges, do not rely on the pitch."
    return text


def _network(configuration: dict, tensors: dict[str, TensorFacts]) -> str:
    parameters = sum(facts.parameters for facts in tensors.values())
    types = " and ".join(sorted({facts.dtype for facts in tensors.values()}))
    return (
        f"## The network\n\nA {network_summary(configuration['network'])}. "
        f"{parameters:,} parameters in {len(tensors)} tensors, stored as {types}."
    )


def _data(material: CardMaterial, configuration: dict) -> str:
    training = configuration.get("training", {})
    prepared = material.prepared
    data = training.get("data") or ("" if prepared is None else prepared.description.data)
    lines = ["## The data", "", data or "Not said."]
    if prepared is None:
        return "\n".join(lines)
    is_audio = prepared.description.kind == "audio"
    rows = []
    for split in SPLITS:
        entries = prepared.split(split)
        if not entries:
            continue
        seconds = sum(entry.seconds for entry in entries)
        material_count = (
            round(seconds * prepared.description.sample_rate)
            if is_audio
            else sum(entry.notes for entry in entries)
        )
        rows.append((split, len(entries), float(round(seconds, 1)), material_count))
    columns = ("split", "recordings", "seconds", "samples")
    lines += [
        "",
        markdown_table(columns if is_audio else ("split", "pieces", "seconds", "notes"), rows),
    ]
    widest = max((i.maximum_transposition for i in prepared.description.instruments), default=0)
    if widest > 0:
        lines += [
            "",
            "In training, recordings are also transposed, by at most "
            + ", ".join(
                f"{instrument.maximum_transposition} ({instrument.label})"
                for instrument in prepared.description.instruments
            )
            + " semitones either way.",
        ]
    licences: dict[str, int] = {}
    for entry in prepared.entries:
        licences[entry.licence or "not said"] = licences.get(entry.licence or "not said", 0) + 1
    unit = "recordings" if is_audio and isinstance(prepared.entries[0], AudioEntry) else "pieces"
    lines += ["", f"Licences of the {unit}:", ""]
    lines += [f"- {name}: {count}" for name, count in sorted(licences.items())]
    return "\n".join(lines)


def _training(material: CardMaterial, configuration: dict) -> str:
    training = configuration.get("training", {})
    lines = ["## Training", ""]
    if training.get("recipe"):
        lines.append(f"- recipe: `{training['recipe']}`")
    if training.get("steps"):
        lines.append(f"- {training['steps']:,} steps")
    losses = material.losses
    if losses is not None:
        if "samples" in losses.last:
            lines.append(f"- {int(losses.last['samples']):,} samples seen")
        for name, (places, values) in losses.curves.items():
            best = min(range(len(values)), key=values.__getitem__)
            lines.append(
                f"- {name.replace('_', ' ')}: {values[-1]:.4g} at the end, {values[best]:.4g} at "
                f"its least, {losses.axis} {places[best]:,.0f}"
            )
    if len(lines) == 2:
        lines.append("Not said.")
    if material.note:
        lines += ["", "### How it was chosen", "", material.note.strip()]
    return "\n".join(lines)


def _quality(material: CardMaterial) -> str:
    evaluation = material.evaluation
    if evaluation is None:
        return "## How good it is\n\nNot evaluated."
    lines = ["## How good it is", ""]
    lines += [
        f"- {name}: {value}"
        for name, value in evaluation.settings.items()
        if not name.startswith("model")
    ]
    likelihood = evaluation.table("likelihood")
    if likelihood is not None:
        nats = dict((row[0], row[2]) for row in likelihood.rows)
        model, baselines = nats.pop("this model", None), nats
        lines += ["", f"### {likelihood.title}", "", likelihood.markdown()]
        gains = [
            f"{bits - model:.3f} bits a sample under {name}"
            for name, bits in baselines.items()
            if isinstance(bits, float) and isinstance(model, float) and math.isfinite(bits)
        ]
        lines += ["", f"The model is {', '.join(gains)}."] if gains else []
    lines += ["", "### Against the reference", "", evaluation.metrics_markdown()]
    for table in evaluation.tables:
        if table.key != "likelihood":
            lines += ["", f"### {table.title}", "", table.markdown()]
    lines += [part for sentence in evaluation.sentences for part in ("", sentence)]
    lines += ["", "Every metric is defined in `Training/EVALUATION.md`."]
    return "\n".join(lines)


def _licence(material: CardMaterial, configuration: dict) -> str:
    text = "## Licence\n\n" + (configuration.get("license") or "Not said") + "."
    if material.prepared is not None and material.prepared.description.license:
        text += f" The data: {material.prepared.description.license}."
    return text
