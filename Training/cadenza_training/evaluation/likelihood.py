"""Negative log-likelihood of held-out sound: what the engine's model gives it, and baselines."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training import mu_law
from cadenza_training.engine import Engine, Model
from cadenza_training.errors import UserError
from cadenza_training.evaluation.asked_conditions import Settings, settings_for
from cadenza_training.evaluation.sound_files import SoundFile

# Added to every pair's count of the Markov table.
MARKOV_PSEUDOCOUNT = 0.01
_BLOCK_FRAMES = 4096


@dataclass
class Likelihood:
    """A sum over samples, whole and for each instrument."""

    nats: float = 0.0
    samples: int = 0
    instruments: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, nats: float, samples: int, instrument: str) -> None:
        self.nats += nats
        self.samples += samples
        before = self.instruments.get(instrument, (0.0, 0))
        self.instruments[instrument] = (before[0] + nats, before[1] + samples)

    @property
    def nats_per_sample(self) -> float:
        return self.nats / self.samples

    @property
    def bits_per_sample(self) -> float:
        return self.nats_per_sample / math.log(2.0)


def score(model_path: Path, files: Sequence[SoundFile], command: str | None = None) -> Likelihood:
    """Every file whole, from silence, under the conditions that its manifest gives."""
    with Engine().load(model_path) as model:
        if model.information.vocabulary_size == 0:
            raise UserError(f"{model_path} predicts values, not probabilities: it has no score")
        score_one = _score_in_process if command is None else partial(_score_by_command, command)
        total = Likelihood()
        for file in tqdm(files, desc="scoring", unit="file"):
            settings = settings_for(file, model.conditions, model_path)
            nats, samples = score_one(model, file, settings)
            total.add(nats, samples, file.instrument)
    return total


def _score_in_process(model: Model, file: SoundFile, settings: Settings) -> tuple[float, int]:
    sound, rate = file.read()
    if rate != model.sample_rate:
        raise UserError(
            f"{file.path} has {rate} Hz, and {model.path} plays {model.sample_rate} Hz; expected "
            "the model's rate: prepare the set with it"
        )
    nats = 0.0
    with model.stream() as stream:
        for name, value in settings:
            stream.set_condition(name, value)
        for start in range(0, len(sound), _BLOCK_FRAMES):
            nats += stream.score(sound[start : start + _BLOCK_FRAMES])
    return nats, len(sound)


def _score_by_command(
    command: str, model: Model, file: SoundFile, settings: Settings
) -> tuple[float, int]:
    """The same by `cadenza score`."""
    words = [command, "score", str(model.path), str(file.path), "--json", "--quiet"]
    for name, value in settings:
        words += ["--set", f"{name}={value}"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(f"{command} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        sentence = done.stderr.strip() or f"it ended with status {done.returncode}"
        raise UserError(f"{command} score {file.path}: {sentence}")
    everything = json.loads(done.stdout)["all"]
    return float(everything["nats"]), int(everything["samples"])


def uniform_nats(levels: int) -> float:
    """A sample, when every level is as likely."""
    return math.log(levels)


def markov_table(sounds: Iterable[NDArray[np.floating]], levels: int) -> NDArray[np.float64]:
    """ln P(next code | code), [levels, levels], from counts with the pseudocount added.

    Every sound begins after the code of silence, as a stream does.
    """
    counts = np.full((levels, levels), MARKOV_PSEUDOCOUNT)
    for sound in sounds:
        inputs, codes = _inputs_and_codes(sound, levels)
        pairs = np.bincount(inputs * levels + codes, minlength=levels * levels)
        counts += pairs.reshape(levels, levels)
    return np.log(counts / counts.sum(axis=1, keepdims=True))


def markov_nats(table: NDArray[np.float64], sound: NDArray[np.floating]) -> float:
    """Of the whole sound."""
    inputs, codes = _inputs_and_codes(sound, len(table))
    return -float(table[inputs, codes].sum())


def _inputs_and_codes(
    sound: NDArray[np.floating], levels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    codes = mu_law.encode(sound, levels)
    return np.concatenate([[mu_law.silence_code(levels)], codes[:-1]]), codes
