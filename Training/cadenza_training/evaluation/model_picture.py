"""The picture of a model's card: one sound that the engine generates, and the losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.evaluation.model_card import CardMaterial
from cadenza_training.evaluation.plots import draw_model


def draw_picture(
    material: CardMaterial,
    image: Path,
    *,
    seconds: float,
    seed: int,
    temperature: float | None,
    settings: Sequence[tuple[str, str | float]],
) -> CardMaterial:
    """Draws, and says in the caption what can be seen."""
    with Engine().load(material.model) as model:
        frames = round(seconds * model.sample_rate)
        if frames < 1:
            raise UserError(f"{seconds} seconds are less than one sample")
        with model.stream(seed=seed, temperature=temperature) as stream:
            for name, value in settings:
                stream.set_condition(name, value)
            sound = stream.generate(frames)
            used_temperature = stream.parameter("temperature")
        rate = model.sample_rate
    losses = material.losses
    draw_model(
        sound,
        rate,
        {} if losses is None else losses.curves,
        "" if losses is None else losses.axis,
        image,
    )
    asked = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings
    ]
    caption = (
        "Waveform and spectrogram of a generated sound: "
        + ", ".join([*(asked or ["the model's own conditions"]), f"seed {seed}"])
        + f", temperature {used_temperature:g}"
        + ("" if losses is None else "; the losses of its training")
    )
    return replace(material, image_caption=caption)
