"""Tiny synthetic recordings, made new for every run of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

# Before any module draws a picture, or counts the machine's cores.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from cadenza_training.data.prepared_set import (
    AudioEntry,
    Instrument,
    PreparedSet,
    SetDescription,
)

torch.set_num_threads(1)

SAMPLE_RATE = 4000


def tone(pitch: int, seconds: float, seed: int = 0, overtone: float = 0.3) -> np.ndarray:
    """A decaying tone of a MIDI pitch with one overtone and a little noise."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    sound = np.sin(2 * np.pi * frequency * time)
    sound += overtone * np.sin(4 * np.pi * frequency * time)
    sound += 0.002 * np.random.default_rng(seed).normal(size=len(time))
    return 0.5 * sound * np.exp(-3.0 * time)


@pytest.fixture
def note_set(tmp_path: Path) -> PreparedSet:
    """Two instruments of five notes each, one of them to validate on."""
    return make_note_set(tmp_path / "notes")


def make_note_set(folder: Path) -> PreparedSet:
    entries = []
    for label, overtone in (("flute", 0.1), ("reed", 0.8)):
        for position, pitch in enumerate((48, 50, 52, 54, 55)):
            split = "validation" if position == 2 else "train"
            file = f"{split}/{label}-{pitch}.flac"
            (folder / split).mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / file, tone(pitch, 0.4, pitch, overtone), SAMPLE_RATE)
            entries.append(AudioEntry(file, split, label, pitch, None, 0.4, file, "CC0-1.0"))
    prepared = PreparedSet(
        folder,
        SetDescription(
            kind="audio",
            name="tones",
            license="CC0-1.0",
            data="made by the tests",
            sample_rate=SAMPLE_RATE,
            instruments=(Instrument("flute", 47, 56, 1), Instrument("reed", 47, 56, 1)),
        ),
        tuple(entries),
    )
    prepared.write()
    return prepared


@pytest.fixture
def run_command() -> Callable[..., subprocess.CompletedProcess]:
    """Runs `cadenza-train` as a user would, in a process of its own."""

    def run(*words: object, **options: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "cadenza_training.cli", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return run
