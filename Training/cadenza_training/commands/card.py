"""Writes the page that goes with a model, and what it says of the training into the model file.

  cadenza-train card notes.safetensors --set SET --evaluation evaluation/evaluation.json \\
      --losses run/loss.csv --note chosen.md --output notes.md

The picture beside the page shows a sound that the engine generates now, or a composer's piece as a
piano roll, with the seed and the conditions given, and the losses. The model file keeps its tensors
to the byte; the keys `data`, `recipe`, `steps` and `validation_nats` of its `training` are set
where they are known (--keep-model leaves the file alone).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cadenza_training.errors import UserError

SUMMARY = "write a model's card, and what it says into the model file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="model file (.safetensors)")
    parser.add_argument("--output", type=Path, required=True, help="the page, Markdown")
    parser.add_argument("--evaluation", type=Path, help="evaluation.json of `evaluate`")
    parser.add_argument(
        "--set", dest="prepared", type=Path, help="the prepared set that it was trained on"
    )
    parser.add_argument("--losses", type=Path, help="loss.csv of the training run")
    parser.add_argument("--recipe", help="what to name as the recipe")
    parser.add_argument("--steps", type=int, help="left out: the last of --losses")
    parser.add_argument(
        "--note", type=Path, help="Markdown on how the model was chosen and what was tried"
    )
    parser.add_argument("--image", type=Path, help="left out: beside the page, PNG")
    parser.add_argument("--seconds", type=float, help="of the sound (2) or piece (16) drawn")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (1)")
    parser.add_argument("--temperature", type=float, help="left out: the model's own")
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of what is drawn: a label or a number; may be repeated",
    )
    parser.add_argument(
        "--player",
        choices=("engine", "pytorch"),
        default="engine",
        help="what plays a decoder of notes for the picture: the engine, or PyTorch",
    )
    parser.add_argument("--keep-model", action="store_true", help="do not rewrite the model file")


def run(arguments: argparse.Namespace) -> None:
    from cadenza_training.data.prepared_set import PreparedSet
    from cadenza_training.evaluation import model_card
    from cadenza_training.evaluation.asked_conditions import setting_of
    from cadenza_training.evaluation.loss_curve import LossCurve
    from cadenza_training.evaluation.model_metadata import update_training
    from cadenza_training.evaluation.model_picture import draw_picture
    from cadenza_training.evaluation.report import Evaluation

    image = arguments.image or arguments.output.with_suffix(".png")
    losses = None if arguments.losses is None else LossCurve.read(arguments.losses)
    material = model_card.CardMaterial(
        model=arguments.model,
        evaluation=None if arguments.evaluation is None else Evaluation.read(arguments.evaluation),
        prepared=None if arguments.prepared is None else PreparedSet.read(arguments.prepared),
        losses=losses,
        note=_text_of(arguments.note),
        image=Path(os.path.relpath(image, arguments.output.parent)).as_posix(),
        image_caption="",
    )
    model_card.check_belongs_together(material)
    material = draw_picture(
        material,
        image,
        seconds=arguments.seconds,
        seed=arguments.seed,
        temperature=arguments.temperature,
        settings=[setting_of(text) for text in arguments.condition],
        player=arguments.player,
    )
    if not arguments.keep_model:
        values = model_card.training_values(material, arguments.recipe, arguments.steps)
        if values:
            update_training(arguments.model, values)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(model_card.card(material), encoding="utf-8")
    print(f"{arguments.output} and {image} are written")


def _text_of(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
