"""Held-out recordings that a recurrent network over spectrogram columns goes on with, by PyTorch
from the model file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import soundfile
from tqdm import tqdm

from cadenza_training.errors import UserError
from cadenza_training.evaluation.embedded_sounds import has_embedding
from cadenza_training.evaluation.sound_files import MANIFEST_FILE, SoundFile
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.spectrogram.columns import SpectrogramCodec
from cadenza_training.systems.spectrogram.continuing import continue_recording


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
) -> None:
    """What follows the first `known_seconds` of each file, `seconds` of it, as 16-bit WAV files and
    a manifest.csv."""
    network, configuration = load_network(model)
    if not isinstance(network, Recurrent):
        raise UserError(f"{model} is no recurrent network")
    codec = SpectrogramCodec.from_configuration(configuration["codec"])
    rate = configuration["codec"]["sample_rate"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as manifest:
        writer = csv.writer(manifest)
        writer.writerow(("file", "instrument", "midi_pitch", "answers"))
        for number, file in enumerate(tqdm(files, desc="continuing", unit="file")):
            samples, _ = file.read(rate)
            sound = continue_recording(
                network, codec, samples, round(known_seconds * rate), round(seconds * rate)
            )
            name = f"{number}-{Path(file.name).stem}.wav"
            soundfile.write(folder / name, sound, rate, subtype="PCM_16")
            pitch = "" if file.midi_pitch is None else file.midi_pitch
            writer.writerow((name, file.instrument, pitch, file.name))
