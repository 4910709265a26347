"""What models make of held-out recordings: a recurrent network over spectrogram columns goes on
with them, a decoder with an encoder rebuilds them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.evaluation.asked_conditions import settings_for
from cadenza_training.evaluation.decoder_player import DecoderPlayer
from cadenza_training.evaluation.embedded_sounds import has_embedding
from cadenza_training.evaluation.model_metadata import read_configuration
from cadenza_training.evaluation.sound_files import MANIFEST_FILE, SoundFile
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.spectrogram.columns import SpectrogramCodec
from cadenza_training.systems.spectrogram.continuing import continue_recording

# From a recording, the samples of it that are known, and those that are wanted: what follows.
GoOn = Callable[[NDArray[np.floating], int, int], NDArray[np.float32]]


def answers_recordings(configuration: dict) -> bool:
    """Whether a model is evaluated by what it makes of recordings: it goes on with them, or plays
    them again from an embedding."""
    if configuration["codec"].get("kind") == "spectrogram":
        return configuration["network"]["kind"] == "recurrent"
    return has_embedding(configuration)


def continue_folder(
    model: Path,
    files: Sequence[SoundFile],
    folder: Path,
    *,
    known_seconds: float,
    seconds: float,
    player: str,
) -> None:
    """What follows the first `known_seconds` of each file, `seconds` of it, as 16-bit WAV files and
    a manifest.csv; by the engine, or where `player` is "pytorch", by PyTorch."""
    rate = read_configuration(model)["codec"]["sample_rate"]
    frames, known_frames = round(seconds * rate), round(known_seconds * rate)
    go_on = _in_pytorch(model) if player == "pytorch" else _in_engine(model)

    def followed(file: SoundFile) -> NDArray[np.float32]:
        return go_on(file.read(rate)[0], known_frames, frames)

    _write(((file, followed(file)) for file in files), folder, rate, len(files))


def rebuild_folder(model: Path, files: Sequence[SoundFile], folder: Path) -> None:
    """What a decoder with an encoder makes of each file, by PyTorch."""
    player = DecoderPlayer(model)

    def rebuilt(file: SoundFile) -> NDArray[np.float32]:
        samples, _ = file.read(player.sample_rate)
        return player.reconstruct(samples, settings_for(file, player.conditions, model))

    _write(((file, rebuilt(file)) for file in files), folder, player.sample_rate, len(files))


def _write(
    sounds: Iterable[tuple[SoundFile, NDArray[np.float32]]], folder: Path, rate: int, count: int
) -> None:
    """16-bit WAV files and a manifest.csv that says what each answers."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as manifest:
        writer = csv.writer(manifest)
        writer.writerow(("file", "instrument", "midi_pitch", "answers"))
        for number, (file, sound) in enumerate(tqdm(sounds, total=count, unit="file")):
            name = f"{number}-{Path(file.name).stem}.wav"
            soundfile.write(folder / name, sound, rate, subtype="PCM_16")
            pitch = "" if file.midi_pitch is None else file.midi_pitch
            writer.writerow((name, file.instrument, pitch, file.name))


def _in_pytorch(model: Path) -> GoOn:
    network, configuration = load_network(model)
    if not isinstance(network, Recurrent):
        raise UserError(f"{model} is no recurrent network")
    codec = SpectrogramCodec.from_configuration(configuration["codec"])

    def go_on(samples: NDArray[np.floating], known: int, frames: int) -> NDArray[np.float32]:
        return continue_recording(network, codec, samples, known, frames)

    return go_on


def _in_engine(model_path: Path) -> GoOn:
    def go_on(samples: NDArray[np.floating], known: int, frames: int) -> NDArray[np.float32]:
        with Engine().load(model_path) as model, model.stream() as stream:
            stream.prime(samples[:known].astype(np.float32))
            return stream.generate(frames)

    return go_on
