"""Measures how often generated notes have the pitch that was asked for.

    python -m cadenza_training.evaluate_pitch --recipe recipes/notes-wavenet.json \\
        --command cadenza --model notes-wavenet.safetensors --json pitch.json

Notes spread evenly over each instrument's trained range are generated and tracked with
librosa's pYIN (Mauch and Dixon 2014), which is not told what was asked. A note counts as right
when the median of its voiced frames lies within 50 cents of the asked pitch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.dataset import Recipe, load_notes

TOLERANCE_CENTS = 50.0
# The tracker's range covers every pitch from MIDI 24 to 96, whatever was asked.
LOWEST_HERTZ = 32.0
HIGHEST_HERTZ = 2100.0
TRACKER_FRAME = 2048


@dataclass(frozen=True)
class Request:
    instrument: str
    pitch: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    instrument: str
    pitch: int
    seed: int
    # Nothing where the tracker hears no pitch at all.
    cents: float | None
    peak: float
    level_decibels: float

    @property
    def is_right(self) -> bool:
        return self.cents is not None and abs(self.cents) <= TOLERANCE_CENTS


def requests_over_range(recipe: Recipe, notes_per_instrument: int, seed: int) -> list[Request]:
    requests = []
    for instrument in recipe.instruments:
        pitches = np.linspace(
            instrument.minimum_pitch, instrument.maximum_pitch, notes_per_instrument
        )
        for number, pitch in enumerate(np.round(pitches).astype(int)):
            requests.append(Request(instrument.label, int(pitch), seed + number))
    return requests


def track(sound: NDArray[np.floating], sample_rate: int, request: Request) -> Outcome:
    peak = float(np.abs(sound).max())
    level = 10.0 * np.log10(float(np.mean(np.square(sound))) + 1e-12)
    frequencies, voiced, _ = librosa.pyin(
        np.asarray(sound, dtype=np.float64),
        fmin=LOWEST_HERTZ,
        fmax=HIGHEST_HERTZ,
        sr=sample_rate,
        frame_length=TRACKER_FRAME,
    )
    heard = frequencies[voiced]
    cents = None
    if len(heard) > 0:
        cents = 100.0 * (float(librosa.hz_to_midi(np.median(heard))) - request.pitch)
    return Outcome(request.instrument, request.pitch, request.seed, cents, peak, level)


def sounds_of_command(
    command: str, model: Path, requests: list[Request], seconds: float, extra: list[str]
) -> list[tuple[NDArray, int]]:
    """One run of `cadenza generate` for each note."""
    sounds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "note.wav"
        for request in tqdm(requests, desc="generating"):
            subprocess.run(
                [
                    command,
                    "generate",
                    str(model),
                    *("--seconds", str(seconds)),
                    *("--seed", str(request.seed)),
                    *("--set", f"pitch={request.pitch}"),
                    *("--set", f"instrument={request.instrument}"),
                    *extra,
                    *("-o", str(path)),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            sounds.append(soundfile.read(path, dtype="float64"))
    return sounds


def sounds_of_checkpoint(
    path: Path,
    requests: list[Request],
    seconds: float,
    temperature: float,
    sample_rate: int,
) -> list[tuple[NDArray, int]]:
    """All notes in one batch, by the PyTorch sampler."""
    import torch

    from cadenza_training import checkpoint
    from cadenza_training.generate import generate

    torch.set_num_threads(1)
    network, _ = checkpoint.load_averaged_wavenet(path)
    labels = network.configuration.conditions[0].labels or ()
    instruments = torch.tensor([labels.index(request.instrument) for request in requests])
    pitches = torch.tensor([request.pitch for request in requests])
    sounds = generate(
        network,
        (instruments, pitches),
        int(seconds * sample_rate),
        temperature=temperature,
        seed=requests[0].seed,
    )
    return [(sound, sample_rate) for sound in sounds]


def sounds_of_recordings(
    data: Path, recipe: Recipe, seconds: float
) -> tuple[list[Request], list[tuple[NDArray, int]]]:
    """The held-out recordings themselves: what the tracker says of perfect notes."""
    from cadenza_training import mu_law

    notes = load_notes(data, recipe, transpose=False).validation
    frames = int(seconds * recipe.sample_rate)
    requests = [Request(recipe.labels[note.instrument], note.pitch, 0) for note in notes]
    sounds = [
        (mu_law.decode(note.codes[:frames], recipe.levels), recipe.sample_rate) for note in notes
    ]
    return requests, sounds


def summarise(outcomes: list[Outcome]) -> dict[str, object]:
    def share(chosen: list[Outcome]) -> dict[str, object]:
        errors = [abs(outcome.cents) for outcome in chosen if outcome.cents is not None]
        return {
            "notes": len(chosen),
            "within_50_cents": sum(outcome.is_right for outcome in chosen),
            "share": round(sum(outcome.is_right for outcome in chosen) / len(chosen), 4),
            "median_absolute_cents": round(float(np.median(errors)), 1) if errors else None,
        }

    instruments = sorted({outcome.instrument for outcome in outcomes})
    return {
        "all": share(outcomes),
        "instruments": {
            name: share([outcome for outcome in outcomes if outcome.instrument == name])
            for name in instruments
        },
        "notes": [asdict(outcome) for outcome in outcomes],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="model file, played by --command")
    source.add_argument("--pytorch", type=Path, help="checkpoint, played by PyTorch")
    source.add_argument("--recordings", type=Path, help="data folder: its held-out notes")
    parser.add_argument("--command", default="cadenza", help="the cadenza command")
    parser.add_argument("--notes-per-instrument", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, help="the model's default when left out")
    parser.add_argument("--json", type=Path, help="write the outcome of every note here")
    parser.add_argument("--save-sounds", type=Path, help="folder for the notes as WAV files")
    arguments = parser.parse_args()

    recipe = Recipe.load(arguments.recipe)
    requests = requests_over_range(recipe, arguments.notes_per_instrument, arguments.seed)
    if arguments.recordings is not None:
        requests, sounds = sounds_of_recordings(arguments.recordings, recipe, arguments.seconds)
    elif arguments.pytorch is not None:
        temperature = 1.0 if arguments.temperature is None else arguments.temperature
        sounds = sounds_of_checkpoint(
            arguments.pytorch, requests, arguments.seconds, temperature, recipe.sample_rate
        )
    else:
        extra = []
        if arguments.temperature is not None:
            extra = ["--temperature", str(arguments.temperature)]
        sounds = sounds_of_command(
            arguments.command, arguments.model, requests, arguments.seconds, extra
        )
    outcomes = [
        track(sound, rate, request)
        for request, (sound, rate) in tqdm(
            list(zip(requests, sounds, strict=True)), desc="tracking"
        )
    ]
    if arguments.save_sounds is not None:
        arguments.save_sounds.mkdir(parents=True, exist_ok=True)
        for request, (sound, rate) in zip(requests, sounds, strict=True):
            name = f"{request.instrument}-{request.pitch}-{request.seed}.wav"
            soundfile.write(arguments.save_sounds / name, sound, rate)
    summary = {
        "source": "the cadenza command" if arguments.model is not None else "PyTorch",
        "seconds": arguments.seconds,
        **summarise(outcomes),
    }
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    for outcome in outcomes:
        if not outcome.is_right:
            heard = "no pitch" if outcome.cents is None else f"{outcome.cents:+.0f} cents"
            print(f"  {outcome.instrument} {outcome.pitch}: {heard}")
    for name, values in {**summary["instruments"], "all": summary["all"]}.items():
        print(
            f"{name:20} {values['within_50_cents']:3} of {values['notes']:3} within 50 cents "
            f"({100 * values['share']:.1f} %), median error {values['median_absolute_cents']} cents"
        )


if __name__ == "__main__":
    main()
