"""Held-out notes through a WaveNet autoencoder: each is encoded and played again, and scored with
its own embedding, with one that says nothing of it, and under other models.

Likelihoods are PyTorch's, from the model file.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.evaluation.likelihood import markov_nats, markov_table, uniform_nats
from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.model_metadata import read_configuration
from cadenza_training.evaluation.reconstruction import distance_from_mean, mean_spectrograms
from cadenza_training.evaluation.report import Cell, Table
from cadenza_training.evaluation.sound_files import MANIFEST_FILE, SoundFile, spread
from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.latent_audio.spectral_loss import FRAME_SIZES, spectral_distance
from cadenza_training.systems.wavenet_autoencoder.playing import encode, play
from cadenza_training.systems.wavenet_autoencoder.wavenet_autoencoder import recording_nats

# Of the training set, for the mean embedding and the mean spectrogram.
MOST_TRAINING = 60


def has_embedding(configuration: dict) -> bool:
    return any(
        entry["kind"] == "latent" and entry.get("frames_per_value")
        for entry in configuration.get("conditions", [])
    )


def play_again(
    model: Path,
    files: Sequence[SoundFile],
    folder: Path,
    *,
    times: int,
    seconds: float,
    temperature: float | None,
    seed: int,
    player: str,
) -> None:
    """Each recording so many times, as 16-bit WAV files and a manifest.csv; by the engine, or where
    `player` is "pytorch", by PyTorch."""
    rate = read_configuration(model)["codec"]["sample_rate"]
    frames = round(seconds * rate)
    asked = [(file, take) for file in files for take in range(times)]
    play_all = _play_in_pytorch if player == "pytorch" else _play_in_engine
    sounds = play_all(model, [file for file, _ in asked], rate, frames, temperature, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as manifest:
        writer = csv.writer(manifest)
        writer.writerow(("file", "instrument", "midi_pitch", "answers"))
        for (file, take), sound in zip(asked, sounds, strict=True):
            name = f"{Path(file.name).stem}-{take}.wav"
            soundfile.write(folder / name, sound, rate, subtype="PCM_16")
            pitch = "" if file.midi_pitch is None else file.midi_pitch
            writer.writerow((name, file.instrument, pitch, file.name))


def _play_in_pytorch(
    model: Path,
    files: Sequence[SoundFile],
    rate: int,
    frames: int,
    temperature: float | None,
    seed: int,
) -> list[NDArray[np.float32]]:
    network, configuration = _load(model)
    if temperature is None:
        temperature = configuration.get("sampling", {}).get("temperature", 1.0)
    embeddings = [encode(network, _samples(file, rate)[:frames]) for file in files]
    pitches = [60 if file.midi_pitch is None else file.midi_pitch for file in files]
    levels = configuration["codec"]["levels"]
    return list(
        play(network, levels, embeddings, pitches, frames, temperature=temperature, seed=seed)
    )


def _play_in_engine(
    model_path: Path,
    files: Sequence[SoundFile],
    rate: int,
    frames: int,
    temperature: float | None,
    seed: int,
) -> list[NDArray[np.float32]]:
    sounds = []
    with Engine().load(model_path) as model:
        asks_for_pitch = any(condition.name == "pitch" for condition in model.conditions)
        for number, file in enumerate(tqdm(files, desc="playing again", unit="sound")):
            with model.stream(seed=seed + number, temperature=temperature) as stream:
                stream.encode(_samples(file, rate)[:frames])
                if asks_for_pitch and file.midi_pitch is not None:
                    stream.set_condition("pitch", file.midi_pitch)
                sounds.append(stream.generate(frames))
    return sounds


def likelihood_table(
    model: Path,
    files: Sequence[SoundFile],
    training: Sequence[SoundFile],
    beside: Sequence[tuple[str, float]],
) -> Table:
    """`beside`: the name of another model, and its nats a sample of the same recordings."""
    network, configuration = _load(model)
    rate, levels = configuration["codec"]["sample_rate"], configuration["codec"]["levels"]
    chosen = spread(training, MOST_TRAINING)
    heard = [_samples(file, rate) for file in chosen]
    if not heard:
        raise UserError("no training set was named: the mean embedding is that of one")
    mean = torch.cat([encode(network, samples) for samples in heard]).mean(dim=0)
    markov = markov_table(heard, levels)
    sums = np.zeros(3)
    count = 0
    for file in tqdm(files, desc="scoring", unit="file"):
        samples = _samples(file, rate)
        rows = encode(network, samples)
        pitch = 60 if file.midi_pitch is None else file.midi_pitch
        for place, told in enumerate((rows, mean.expand_as(rows))):
            sums[place] += recording_nats(network, levels, samples, told[:, None], pitch)
        sums[2] += markov_nats(markov, samples)
        count += len(samples)
    rows: list[tuple[Cell, ...]] = [
        ("this model", count, sums[0] / count),
        ("this model, told the training set's mean embedding", count, sums[1] / count),
        *((name, count, nats) for name, nats in beside),
        ("Markov, order 1", count, sums[2] / count),
        ("uniform", count, uniform_nats(levels)),
    ]
    return Table(
        "score",
        "Likelihood of held-out notes, by PyTorch",
        ("model", "samples", "nats a sample"),
        tuple(rows),
    )


def distance_table(
    references: Sequence[SoundFile],
    generated: Sequence[SoundFile],
    training: Sequence[SoundFile],
    seconds: float,
    sample_rate: int,
) -> Table:
    """How far what answers a recording is from it, beside the mean spectrogram of the training
    set's recordings of its instrument (DDSP's distance, as in `reconstruction`)."""
    # The longest frame must fit; what is shorter is filled up with silence.
    frames = max(round(seconds * sample_rate), max(FRAME_SIZES))
    originals = {file.name: file for file in references}
    found: dict[str, list[tuple[float, float]]] = {}
    means: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    for file in generated:
        if file.answers not in originals:
            continue
        original = originals[file.answers]
        if original.instrument not in means:
            same = [other for other in training if other.instrument == original.instrument]
            means[original.instrument] = mean_spectrograms(
                [_clip(other, sample_rate, frames) for other in spread(same, MOST_TRAINING)]
            )
        real = torch.from_numpy(_clip(original, sample_rate, frames))[None]
        ours = torch.from_numpy(_clip(file, sample_rate, frames))[None]
        pair = (
            float(spectral_distance(ours, real)),
            distance_from_mean(real, means[original.instrument]),
        )
        found.setdefault(original.instrument, []).append(pair)
    if not found:
        raise NotDefinedError("no generated file answers a recording")
    rows: list[tuple[Cell, ...]] = [
        (label or "not known", len(pairs), *(float(x) for x in np.mean(pairs, axis=0)))
        for label, pairs in sorted(found.items())
    ]
    everything = [pair for pairs in found.values() for pair in pairs]
    rows.append(("all", len(everything), *(float(x) for x in np.mean(everything, axis=0))))
    return Table(
        "reconstruction",
        "Spectral distance of held-out notes that were encoded and played again",
        ("instrument", "notes", "played again", "mean spectrogram of the training set"),
        tuple(rows),
    )


def _load(model: Path) -> tuple[Autoencoder, dict]:
    network, configuration = load_network(model)
    if not isinstance(network, Autoencoder) or not has_embedding(configuration):
        raise UserError(f"{model} is no WaveNet autoencoder")
    return network, configuration


def _samples(file: SoundFile, rate: int) -> NDArray[np.float32]:
    return file.read(rate)[0].astype(np.float32)


def _clip(file: SoundFile, rate: int, frames: int) -> NDArray[np.float32]:
    kept = _samples(file, rate)[:frames]
    return np.pad(kept, (0, frames - len(kept)))
