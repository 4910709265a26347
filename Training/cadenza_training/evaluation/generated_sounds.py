"""Lets a model play the sounds that are to be evaluated, through the engine."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.data.prepared_set import MANIFEST_FILE, Instrument, SetDescription
from cadenza_training.engine import Condition, Engine, Model
from cadenza_training.errors import UserError
from cadenza_training.evaluation.asked_conditions import Settings, settings_for
from cadenza_training.evaluation.decoder_player import DecoderPlayer
from cadenza_training.evaluation.sound_files import SoundFile

# What plays: the engine, or, decoders of notes, PyTorch.
PLAYERS = ("engine", "pytorch")
_COLUMNS = ("file", "instrument", "midi_pitch", "velocity", "seed", "answers")


@dataclass(frozen=True)
class Request:
    """One sound to generate."""

    seed: int
    instrument: str = ""
    midi_pitch: int | None = None
    velocity: int | None = None
    # The name of the recording whose conditions these are.
    answers: str = ""

    @property
    def file_name(self) -> str:
        parts = (self.instrument or "sound", self.midi_pitch, f"seed{self.seed}")
        return "-".join(str(part) for part in parts if part is not None) + ".wav"


class EnginePlayer:
    """A model in the engine, a stream for each sound."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.conditions = model.conditions
        self.sample_rate = model.sample_rate

    def generate(
        self, seed: int, settings: Settings, frames: int, temperature: float | None = None
    ) -> NDArray[np.float32]:
        with self.model.stream(seed=seed, temperature=temperature) as stream:
            for condition, value in settings:
                stream.set_condition(condition, value)
            return stream.generate(frames)


@contextmanager
def open_player(model_path: Path, name: str) -> Iterator[EnginePlayer | DecoderPlayer]:
    if name == "pytorch":
        yield DecoderPlayer(model_path)
        return
    with Engine().load(model_path) as model:
        yield EnginePlayer(model)


def requests_over_ranges(
    instruments: Sequence[Instrument], notes_per_instrument: int, seed: int
) -> list[Request]:
    """For each instrument, pitches at even distances over its range; seeds count up from `seed`,
    from the first pitch of each instrument again."""
    requests = []
    for instrument in instruments:
        pitches = np.linspace(
            instrument.minimum_pitch, instrument.maximum_pitch, notes_per_instrument
        )
        for number, pitch in enumerate(np.floor(pitches + 0.5).astype(int)):
            requests.append(Request(seed + number, instrument.label, int(pitch)))
    return requests


def requests_like(files: Sequence[SoundFile], times: int, seed: int) -> list[Request]:
    """The conditions of each file, each so many times with seeds that count up from `seed`."""
    return [
        Request(seed + number, file.instrument, file.midi_pitch, file.velocity, file.name)
        for file in files
        for number in range(times)
    ]


def requests_of_seeds(count: int, seed: int) -> list[Request]:
    """Of a model that is asked for nothing."""
    return [Request(seed + number) for number in range(count)]


def requests_for_model(
    model_path: Path,
    conditions: Sequence[Condition],
    description: SetDescription | None,
    notes: int,
    seed: int,
    only: Sequence[str] = (),
) -> list[Request]:
    """Over the ranges of the set's instruments, `only` some of them or all that the model knows, as
    far as it can be asked for their pitches."""
    by_name = {condition.name: condition for condition in conditions}
    if not only and not {"instrument", "pitch"} & set(by_name):
        return requests_of_seeds(notes, seed)
    if description is None or not description.instruments:
        raise UserError(
            f"{model_path} wants to be asked for instrument or pitch, and nothing says their "
            "ranges; expected a prepared set with instruments as REFERENCE or --training, or "
            "--ask reference"
        )
    instruments = [i for i in description.instruments if not only or i.label in only]
    if "instrument" in by_name:
        instruments = [i for i in instruments if i.label in by_name["instrument"].labels]
    if "pitch" in by_name and by_name["pitch"].labels:
        known = [int(label) for label in by_name["pitch"].labels if label.isdecimal()]
        instruments = [
            replace(
                i,
                minimum_pitch=max(i.minimum_pitch, min(known)),
                maximum_pitch=min(i.maximum_pitch, max(known)),
            )
            for i in instruments
            if i.minimum_pitch <= max(known) and i.maximum_pitch >= min(known)
        ]
    if not instruments:
        raise UserError(f"{model_path} knows none of the instruments that it is to be asked for")
    requests = requests_over_ranges(instruments, notes, seed)
    if "pitch" not in by_name:
        requests = [replace(request, midi_pitch=None) for request in requests]
    return requests


def generate_folder(
    model_path: Path,
    player: EnginePlayer | DecoderPlayer,
    requests: Sequence[Request],
    folder: Path,
    *,
    seconds: float,
    temperature: float | None,
) -> None:
    """16-bit WAV files and a manifest.csv that says what was asked of each."""
    rows = []
    taken: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    frames = round(seconds * player.sample_rate)
    if frames < 1:
        raise UserError(f"{seconds} seconds are less than one sample")
    for request in tqdm(requests, desc="generating", unit="sound"):
        name = request.file_name
        if name in taken:
            # Two recordings of one pitch ask for the same; each gets a file of its own.
            name = f"{Path(name).stem}-{len(taken)}.wav"
        taken.add(name)
        asked = SoundFile(
            folder / name, name, request.instrument, request.midi_pitch, request.velocity
        )
        settings = settings_for(asked, player.conditions, model_path)
        sound = player.generate(request.seed, settings, frames, temperature)
        soundfile.write(folder / name, sound, player.sample_rate, subtype="PCM_16")
        rows.append(
            {
                "file": name,
                "instrument": request.instrument,
                "midi_pitch": "" if request.midi_pitch is None else request.midi_pitch,
                "velocity": "" if request.velocity is None else request.velocity,
                "seed": request.seed,
                "answers": request.answers,
            }
        )
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
