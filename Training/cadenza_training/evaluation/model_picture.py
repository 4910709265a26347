"""The picture of a model's card: one sound or piece that the engine generates, and the losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cadenza_training.engine import Engine, Model
from cadenza_training.errors import UserError
from cadenza_training.evaluation.decoder_player import DecoderPlayer
from cadenza_training.evaluation.generated_pieces import compose_piece
from cadenza_training.evaluation.model_card import CardMaterial
from cadenza_training.evaluation.plots import draw_composer, draw_model

# Of what is drawn, where nothing else is asked.
SOUND_SECONDS = 2.0
PIECE_SECONDS = 16.0


def draw_picture(
    material: CardMaterial,
    image: Path,
    *,
    seconds: float | None,
    seed: int,
    temperature: float | None,
    settings: Sequence[tuple[str, str | float]],
    player: str = "engine",
) -> CardMaterial:
    """Draws, and says in the caption what can be seen. `player` is one of `PLAYERS`."""
    if player == "pytorch":
        return _draw_decoded(
            material, image, seconds=seconds, seed=seed, temperature=temperature, settings=settings
        )
    with Engine().load(material.model) as model:
        if model.information.is_composer:
            return _draw_piece(
                model,
                material,
                image,
                seconds=seconds or PIECE_SECONDS,
                seed=seed,
                temperature=temperature,
                settings=settings,
            )
        seconds = seconds or SOUND_SECONDS
        frames = round(seconds * model.sample_rate)
        if frames < 1:
            raise UserError(f"{seconds} seconds are less than one sample")
        with model.stream(seed=seed, temperature=temperature) as stream:
            for name, value in settings:
                stream.set_condition(name, value)
            sound = stream.generate(frames)
            used_temperature = stream.parameter("temperature")
        rate = model.sample_rate
    return _drawn_sound(sound, rate, material, image, settings, seed, used_temperature)


def _draw_decoded(
    material: CardMaterial,
    image: Path,
    *,
    seconds: float | None,
    seed: int,
    temperature: float | None,
    settings: Sequence[tuple[str, str | float]],
) -> CardMaterial:
    player = DecoderPlayer(material.model)
    frames = round((seconds or SOUND_SECONDS) * player.sample_rate)
    asked = tuple(
        (name, value if isinstance(value, str) else f"{value:g}") for name, value in settings
    )
    sound = player.generate(seed, asked, frames, temperature)
    used = player.temperature if temperature is None else temperature
    return _drawn_sound(sound, player.sample_rate, material, image, settings, seed, used)


def _drawn_sound(
    sound: NDArray[np.floating],
    rate: int,
    material: CardMaterial,
    image: Path,
    settings: Sequence[tuple[str, str | float]],
    seed: int,
    temperature: float,
) -> CardMaterial:
    losses = material.losses
    draw_model(
        sound,
        rate,
        {} if losses is None else losses.curves,
        "" if losses is None else losses.axis,
        image,
    )
    caption = _caption(
        "Waveform and spectrogram of a generated sound", material, settings, seed, temperature
    )
    return replace(material, image_caption=caption)


def _draw_piece(
    model: Model,
    material: CardMaterial,
    image: Path,
    *,
    seconds: float,
    seed: int,
    temperature: float | None,
    settings: Sequence[tuple[str, str | float]],
) -> CardMaterial:
    piece = compose_piece(
        model, seed=seed, seconds=seconds, temperature=temperature, settings=settings
    )
    if not piece.notes:
        raise UserError(f"{material.model} composed no note in {seconds:g} s with seed {seed}")
    losses = material.losses
    draw_composer(
        np.array(
            [
                (note.onset_beats, note.duration_beats, note.pitch, note.voice)
                for note in piece.notes
            ]
        ),
        {} if losses is None else losses.curves,
        "" if losses is None else losses.axis,
        image,
    )
    used = model.information.temperature if temperature is None else temperature
    caption = _caption("Piano roll of a generated piece", material, settings, seed, used)
    return replace(material, image_caption=caption)


def _caption(
    what: str,
    material: CardMaterial,
    settings: Sequence[tuple[str, str | float]],
    seed: int,
    temperature: float,
) -> str:
    asked = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings
    ]
    return (
        f"{what}: "
        + ", ".join([*(asked or ["the model's own conditions"]), f"seed {seed}"])
        + f", temperature {temperature:g}"
        + ("" if material.losses is None else "; the losses of its training")
    )
